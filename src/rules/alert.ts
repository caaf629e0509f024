/**
 * The life of one alert: pending, firing, resolved.
 *
 * - Time enters only as `at`; nothing here reads a clock.
 * - An alert fires at the first evaluation at which its condition has held for `forMs` without a gap.
 * - A firing alert whose condition is empty goes on for `keepFiringForMs`, counted from the first empty evaluation.
 * - A resolved alert stays for `RESOLVED_RETENTION_MS`, so that a lost notice can be sent again; true again, it is a
 *   new alert.
 * - An end without data is marked `blind`. It ends the alert as it does in Prometheus, and it is not recovery.
 */
import { type Labels, type UnixMs, unixMs } from '#core'

export const RESOLVED_RETENTION_MS = 15 * 60_000

type Common = {
  /** With `alertname` and the rule's labels: the identity. */
  readonly labels: Labels
  /** The labels of the expression's element, by which its data is found again. */
  readonly element: Labels
  readonly annotations: Readonly<Record<string, string>>
  readonly value: number
  readonly activeAt: UnixMs
}

export type LiveAlert =
  | (Common & { readonly state: 'pending' })
  | (Common & {
      readonly state: 'firing'
      readonly firedAt: UnixMs
      /** The first evaluation of the gap that `keepFiringForMs` bridges. */
      readonly emptySince?: UnixMs
      /** Taken over from before a restart: until then missing data does not end it, as nothing was scraped yet. */
      readonly heldUntil?: UnixMs
    })
  | (Common & {
      readonly state: 'resolved'
      readonly firedAt: UnixMs
      readonly resolvedAt: UnixMs
      readonly blind: boolean
    })

/** What one evaluation says of one alert. */
export type Observation =
  | {
      readonly holds: true
      readonly labels: Labels
      readonly element: Labels
      readonly annotations: Readonly<Record<string, string>>
      readonly value: number
    }
  /** `blind`: the data that the condition reads is gone too. */
  | { readonly holds: false; readonly blind: boolean }

export type Timing = { readonly forMs: number; readonly keepFiringForMs: number }

/** One evaluation of one alert. `undefined`: there is none. */
export function step(
  alert: LiveAlert | undefined,
  seen: Observation,
  at: UnixMs,
  timing: Timing,
): LiveAlert | undefined {
  if (alert === undefined || alert.state === 'resolved') {
    if (seen.holds) return begin(seen, at, timing)
    return alert !== undefined && at - alert.resolvedAt <= RESOLVED_RETENTION_MS ? alert : undefined
  }
  switch (alert.state) {
    case 'pending':
      if (!seen.holds) return undefined
      return ripen({ ...alert, ...refreshed(seen) }, at, timing)
    case 'firing': {
      if (seen.holds) {
        const { labels, activeAt, firedAt } = alert
        return { state: 'firing', labels, activeAt, firedAt, ...refreshed(seen) }
      }
      if (seen.blind && alert.heldUntil !== undefined && at < alert.heldUntil) return alert
      const emptySince = alert.emptySince ?? at
      if (at - emptySince < timing.keepFiringForMs) return { ...alert, emptySince }
      const { labels, element, annotations, value, activeAt, firedAt } = alert
      return {
        state: 'resolved',
        labels,
        element,
        annotations,
        value,
        activeAt,
        firedAt,
        resolvedAt: at,
        blind: seen.blind,
      }
    }
    default:
      return alert satisfies never
  }
}

/** A `for` raised above the age of a firing alert puts it back to pending. `at`: the last evaluation. */
export function withNewFor(alert: LiveAlert, forMs: number, at: UnixMs): LiveAlert {
  if (alert.state !== 'firing' || at - alert.activeAt >= forMs) return alert
  const { labels, element, annotations, value, activeAt } = alert
  return { state: 'pending', labels, element, annotations, value, activeAt }
}

/** The wall clock jumped by `byMs`: the alert keeps its age. */
export function shifted(alert: LiveAlert, byMs: number): LiveAlert {
  const move = (at: UnixMs) => unixMs(at + byMs)
  const activeAt = move(alert.activeAt)
  switch (alert.state) {
    case 'pending':
      return { ...alert, activeAt }
    case 'firing':
      return {
        ...alert,
        activeAt,
        firedAt: move(alert.firedAt),
        ...(alert.emptySince === undefined ? {} : { emptySince: move(alert.emptySince) }),
        ...(alert.heldUntil === undefined ? {} : { heldUntil: move(alert.heldUntil) }),
      }
    case 'resolved':
      return { ...alert, activeAt, firedAt: move(alert.firedAt), resolvedAt: move(alert.resolvedAt) }
    default:
      return alert satisfies never
  }
}

function begin(seen: Observation & { holds: true }, at: UnixMs, timing: Timing): LiveAlert {
  return ripen({ state: 'pending', labels: seen.labels, activeAt: at, ...refreshed(seen) }, at, timing)
}

function ripen(alert: LiveAlert & { state: 'pending' }, at: UnixMs, timing: Timing): LiveAlert {
  return at - alert.activeAt >= timing.forMs ? { ...alert, state: 'firing', firedAt: at } : alert
}

/** What each evaluation brings anew; the identity and the instants stay. */
function refreshed(seen: Observation & { holds: true }) {
  return { element: seen.element, annotations: seen.annotations, value: seen.value }
}
