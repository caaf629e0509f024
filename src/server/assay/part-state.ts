/**
 * The state of one part, and why. Pure: everything known comes in, the instant included.
 *
 * - Blind wins: without data nothing is known, and an incident's own state would pretend otherwise.
 * - What has only just started is waited for, not called blind.
 * - A part is well only when something that was measured says so.
 */
import type { UnixMs } from '#core'
import type { PlanPart } from '#model'
import type { Incident, PolicySpec } from '#responder'
import type { RuleGroupStatus } from '#rules'
import type { TargetStatus } from '#scrape'
import type { PartState } from '../wire.ts'
import { formatQuantity } from './quantity.ts'
import { rulesOf } from './to-wire.ts'

export type PartFacts = {
  readonly part: PlanPart
  /** Those of its job. */
  readonly targets: readonly TargetStatus[]
  /** Those that are not resolved and name the part. */
  readonly incidents: readonly Incident[]
  readonly policies: readonly PolicySpec[]
  readonly groups: readonly RuleGroupStatus[]
  /** Whether any of its signals has a value now; `unknown`: asking failed, which says nothing about the part. */
  readonly data: 'some' | 'none' | 'unknown'
  /** When it last had data, as far as is known. */
  readonly lastData: UnixMs | undefined
  /** Within the first three scrapes after the start. */
  readonly starting: boolean
}

export type PartVerdict = {
  readonly state: PartState
  readonly reason: string
  readonly since: UnixMs | undefined
  readonly incident: string | undefined
}

export const WAITING = 'waiting for the first data'

/** The more severe, the earlier. */
const SEVERITY: readonly PartState[] = ['escalated', 'firing', 'acting', 'verifying']

export function judgePart(facts: PartFacts): PartVerdict {
  const { targets, incidents, starting } = facts
  const worst = worstIncident(incidents)
  const incident = worst?.id
  const blindness = blindReason(facts)
  if (blindness !== undefined) {
    if (starting && targets.every(({ health }) => health !== 'down'))
      return { state: 'pending', reason: WAITING, since: undefined, incident }
    const since = facts.lastData ?? worst?.activeAt
    return { state: 'blind', reason: blindness, since, incident }
  }
  if (worst !== undefined)
    return { state: stateOf(worst), reason: conditionText(worst, facts.part), since: worst.activeAt, incident }
  return pendingPart(facts) ?? { state: 'ok', reason: '', since: undefined, incident: undefined }
}

/** Why nothing is known of it; `undefined` when something is. */
function blindReason({ targets, data }: PartFacts): string | undefined {
  if (targets.length === 0 || targets.some(({ health }) => health === 'up')) {
    if (data === 'some') return undefined
    if (data === 'unknown') return 'it answers, but its numbers could not be queried; the log says why'
    return targets.length === 0
      ? 'nothing of it is scraped, and nothing was written'
      : 'it answers, but without its series'
  }
  const down = targets.find(({ health }) => health === 'down')
  return down === undefined ? 'it has not been asked yet' : down.lastError || 'it does not answer'
}

function pendingPart({ part, policies, groups, targets }: PartFacts): PartVerdict | undefined {
  for (const policy of policies) {
    if (!policy.parts.includes(part.id)) continue
    const alerts = rulesOf(policy.id, groups, part.id).flatMap((rule) => rule.alerts)
    const alert = alerts.find(({ state }) => state === 'pending')
    if (alert === undefined) continue
    // Rules without one measure say in their summary what they have found.
    const summary = policy.condition === undefined ? alert.annotations['summary'] : undefined
    const reason = summary ?? conditionText(policy, part)
    return { state: 'pending', reason, since: alert.activeAt, incident: undefined }
  }
  const down = targets.filter(({ health }) => health === 'down')
  if (down.length === 0) return undefined
  const reason = `${down.length} of ${targets.length} instances can't be reached: ${down[0]?.lastError ?? ''}`
  return { state: 'pending', reason, since: undefined, incident: undefined }
}

/** The incident that says most about a part: by state, the oldest first. */
export function worstIncident(incidents: readonly Incident[]): Incident | undefined {
  return incidents.toSorted(
    (a, b) => SEVERITY.indexOf(stateOf(a)) - SEVERITY.indexOf(stateOf(b)) || a.activeAt - b.activeAt,
  )[0]
}

export function stateOf({ state }: Incident): PartState {
  switch (state) {
    case 'open':
      return 'firing'
    case 'resolved':
      return 'ok'
    default:
      return state
  }
}

/** `p95 latency above 500 ms`; what has no condition says its title. */
function conditionText(
  { condition, title }: Pick<Incident, 'condition' | 'title'> | PolicySpec,
  part: PlanPart,
): string {
  if (condition === undefined) return title
  const measure = condition.title.replace(
    new RegExp(` of (?:${RegExp.escape(part.title)}|${RegExp.escape(part.id)})$`),
    '',
  )
  return `${measure} ${condition.op === '>' ? 'above' : 'below'} ${formatQuantity(condition.threshold, condition.unit)}`
}
