/**
 * Alerts as they were before a restart, read back from the series that evaluation wrote.
 *
 * - Firing stays firing, whatever its `for`: a restart is no reason to tell everybody again.
 * - Pending resumes when its `for` is at least the grace period; the outage does not count towards it, and at least
 *   the grace period passes before it fires. This is Prometheus' rule; a shorter `for` starts anew.
 * - What was last written longer ago than the tolerance, or ended by a stale marker, starts anew.
 */
import { type Labels, type Matcher, matcher, type UnixMs, unixMs } from '#core'
import type { LatestFn } from '#storage'
import type { LiveAlert } from './alert.ts'
import type { AlertingRule } from './types.ts'

export const ALERTS = 'ALERTS'
export const ALERTS_FOR_STATE = 'ALERTS_FOR_STATE'

export type RestoreOptions = {
  /** How old the last sample may be. */
  readonly toleranceMs: number
  readonly graceMs: number
}

export type Restored = {
  readonly alerts: readonly LiveAlert[]
  /** Series that have not ended: whoever does not write them on has to end them. */
  readonly series: readonly Labels[]
}

/** Labels of a rule that are the same for each of its alerts. */
export function fixedLabels(rule: AlertingRule): readonly (readonly [string, string])[] {
  return [
    ...Object.entries(rule.labels).filter(([name, value]) => name !== 'alertname' && !value.includes('{{')),
    ['alertname', rule.alert] as const,
  ]
}

/** Rejects as `latest` does: then nothing is known of before. */
export async function restoreAlerts(
  latest: LatestFn,
  rule: AlertingRule,
  at: UnixMs,
  options: RestoreOptions & { readonly signal?: AbortSignal | undefined },
): Promise<Restored> {
  const span = { start: unixMs(at - options.toleranceMs), end: at }
  const ofRule: readonly Matcher[] = fixedLabels(rule).map(([name, value]) => matcher(name, '=', value))
  const named = (name: string) => latest([[matcher('__name__', '=', name), ...ofRule]], span, options.signal)
  const since = await named(ALERTS_FOR_STATE)
  const states = await named(ALERTS)
  const firing = new Map(
    states
      .filter(({ labels }) => labels.get('alertstate') === 'firing')
      .map((last) => [last.labels.without('__name__', 'alertstate').key, last.at]),
  )
  const alerts = since.flatMap((last): readonly LiveAlert[] => {
    const labels = last.labels.without('__name__')
    const activeAt = unixMs(last.value * 1000)
    const element = labels.without('alertname', ...Object.keys(rule.labels))
    const common = { labels, element, annotations: {}, value: Number.NaN }
    const remainingMs = rule.forMs - (last.at - activeAt)
    if (remainingMs <= 0 && firing.has(labels.key)) {
      const firedAt = unixMs(activeAt + rule.forMs)
      return [{ ...common, state: 'firing', activeAt, firedAt, heldUntil: unixMs(at + options.graceMs) }]
    }
    if (rule.forMs < options.graceMs || rule.forMs === 0) return []
    if (remainingMs <= 0) return [{ ...common, state: 'pending', activeAt }]
    const resumedAt = remainingMs < options.graceMs ? at + options.graceMs - rule.forMs : activeAt + (at - last.at)
    return [{ ...common, state: 'pending', activeAt: unixMs(resumedAt) }]
  })
  return { alerts, series: [...since, ...states].map(({ labels }) => labels) }
}
