/** The overview, put together from the plan, what the queries said, the incidents and the targets. Pure. */
import type { UnixMs } from '#core'
import type { Plan, PlanPart } from '#model'
import type { Incident } from '#responder'
import type { RuleGroupStatus } from '#rules'
import type { TargetStatus } from '#scrape'
import type { Loop } from '../types.ts'
import type { OverviewWire, PartPageWire, PartWire, SignalWire } from '../wire.ts'
import { judgePart } from './part-state.ts'
import { instancesExpr, type Readings } from './readings.ts'
import { overallState, tell } from './sentence.ts'
import { incidentSummary, newestFirst, policyWire, rfc3339 } from './to-wire.ts'

export type Facts = {
  readonly plan: Plan
  readonly readings: Readings
  readonly incidents: readonly Incident[]
  readonly targets: readonly TargetStatus[]
  readonly groups: readonly RuleGroupStatus[]
  readonly mode: OverviewWire['mode']
  readonly loop: Pick<Loop, 'approval' | 'verifyUntil'>
  readonly startedAt: UnixMs
  readonly now: UnixMs
}

const DAY_MS = 86_400_000
/** Scrapes a part may take before silence counts as blindness. */
const FIRST_SCRAPES = 3
/** Most incidents on the overview; the incidents page has them all. */
const MOST_INCIDENTS = 50

export function overview(facts: Facts): OverviewWire {
  const { plan, readings, incidents, mode, loop, now } = facts
  const parts = plan.parts.map((part) => partWire(part, facts))
  const value = (expr: string | undefined) => (expr === undefined ? null : (readings.values.get(expr) ?? null))
  return {
    name: plan.name,
    now: rfc3339(now),
    ...tell({ parts, incidents, mode, loop, now }),
    state: overallState(parts, mode),
    mode,
    parts,
    edges: plan.edges.map(({ from, to, channel, rate, errors }) => ({
      from,
      to,
      channel: channel ?? null,
      measured: rate !== undefined,
      rate: value(rate),
      errors: value(errors),
    })),
    callers: plan.callers.map((caller) => ({
      id: caller.id,
      title: caller.title,
      to: caller.to,
      channel: caller.channel ?? null,
      rate: value(caller.rate),
      now: value(caller.now),
      today: value(caller.today),
    })),
    incidents: recent(incidents, now).slice(0, MOST_INCIDENTS).map(incidentSummary),
  }
}

export function partPage(part: PlanPart, facts: Facts): PartPageWire {
  const own = ({ parts }: { readonly parts: readonly string[] }) => parts.includes(part.id)
  return {
    part: partWire(part, facts),
    charts: part.charts,
    incidents: newestFirst(facts.incidents.filter(own)).slice(0, MOST_INCIDENTS).map(incidentSummary),
    policies: facts.plan.policies.filter(own).map((policy) => policyWire(policy, facts.groups, facts.incidents)),
  }
}

export function partWire(part: PlanPart, facts: Facts): PartWire {
  const { plan, readings, groups, startedAt, now } = facts
  const targets = facts.targets.filter(({ target }) => target.labels.get('job') === part.job)
  const verdict = judgePart({
    part,
    targets,
    incidents: facts.incidents.filter(({ state, parts }) => state !== 'resolved' && parts.includes(part.id)),
    policies: plan.policies,
    groups,
    data: dataOf(part, readings),
    lastData: readings.lastUp.get(part.job),
    starting: now - startedAt < FIRST_SCRAPES * plan.scrapeIntervalMs,
  })
  const blind = verdict.state === 'blind'
  return {
    id: part.id,
    title: part.title,
    kind: part.kind,
    state: verdict.state,
    reason: verdict.reason,
    since: verdict.since === undefined ? null : rfc3339(verdict.since),
    instances: blind ? null : instancesOf(part, targets, readings),
    uses: part.uses,
    signals: part.signals.map((signal): SignalWire => {
      const value = readings.values.get(signal.expr)
      return {
        id: signal.id,
        title: signal.title,
        unit: signal.unit,
        form: signal.form,
        // A query looks back five minutes; of what is blind now, those are the last known values, not the current ones.
        value: blind ? null : (value ?? null),
        of: blind || signal.of === undefined ? null : (readings.values.get(signal.of) ?? null),
        limit: signal.limit ?? null,
        expr: signal.expr,
        spark: readings.sparks.get(signal.expr) ?? [],
      }
    }),
    incident: verdict.incident ?? null,
  }
}

function dataOf({ signals }: PlanPart, { values, failed }: Readings): 'some' | 'none' | 'unknown' {
  if (signals.length === 0 || signals.some(({ expr }) => values.has(expr))) return 'some'
  return signals.some(({ expr }) => failed.has(expr)) ? 'unknown' : 'none'
}

/** Of what runs in instances. A database or a bucket is one thing, whatever answers for it. */
function instancesOf({ kind, job }: PlanPart, targets: readonly TargetStatus[], readings: Readings): number | null {
  if (kind === 'api') return readings.values.get(instancesExpr(job)) ?? null
  return kind === 'job' && targets.length > 0 ? targets.filter(({ health }) => health === 'up').length : null
}

/** Open ones first, then those resolved within a day; each newest first. */
function recent(incidents: readonly Incident[], now: UnixMs): readonly Incident[] {
  const sorted = newestFirst(incidents)
  const open = sorted.filter(({ state }) => state !== 'resolved')
  return [...open, ...sorted.filter(({ resolvedAt }) => resolvedAt !== undefined && now - resolvedAt <= DAY_MS)]
}
