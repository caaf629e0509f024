/** The loop's nouns as they travel: instants as RFC 3339, absence as `null`. Pure. */
import type { Plan } from '#model'
import type { Incident, PolicySpec, Ticket } from '#responder'
import type { AlertState, RuleGroupStatus, RuleStatus } from '#rules'
import type { Loop } from '../types.ts'
import type { IncidentSummaryWire, IncidentWire, PolicyWire, TicketWire } from '../wire.ts'

export function rfc3339(at: number): string {
  return new Date(at).toISOString()
}

function orNull(at: number | undefined): string | null {
  return at === undefined ? null : rfc3339(at)
}

export function incidentSummary(incident: Incident): IncidentSummaryWire {
  const { id, policy, title, parts, state, openedAt, resolvedAt } = incident
  return { id, policy, title, parts, state, openedAt: rfc3339(openedAt), resolvedAt: orNull(resolvedAt) }
}

export function incidentWire(
  incident: Incident,
  plan: Plan,
  loop: Pick<Loop, 'approval' | 'verifyUntil'>,
): IncidentWire {
  const approval = loop.approval(incident.id)
  return {
    ...incidentSummary(incident),
    condition: incident.condition ?? null,
    forMs: plan.policies.find(({ id }) => id === incident.policy)?.forMs ?? incident.openedAt - incident.activeAt,
    activeAt: rfc3339(incident.activeAt),
    value: Number.isFinite(incident.value) ? incident.value : null,
    ticket: incident.ticket ?? null,
    cause: incident.cause ?? null,
    approval:
      approval === undefined
        ? null
        : { action: approval.action, text: approval.text, expiresAt: rfc3339(approval.expiresAt) },
    verifyUntil: orNull(loop.verifyUntil(incident.id)),
    timeline: incident.timeline.map(({ at, ...entry }) => ({ at: rfc3339(at), ...entry })),
  }
}

export function ticketWire(ticket: Ticket): TicketWire {
  const { openedAt, closedAt, comments, ...rest } = ticket
  return {
    ...rest,
    openedAt: rfc3339(openedAt),
    closedAt: orNull(closedAt),
    comments: comments.map(({ at, text }) => ({ at: rfc3339(at), text })),
  }
}

export function policyWire(
  policy: PolicySpec,
  groups: readonly RuleGroupStatus[],
  incidents: readonly Incident[],
): PolicyWire {
  const { id, title, parts, mode, condition, forMs, steps } = policy
  return {
    id,
    title,
    parts,
    mode,
    condition: condition ?? null,
    forMs,
    steps,
    state: policyState(rulesOf(id, groups)),
    incidents: incidents.filter((one) => one.policy === id).length,
  }
}

/** A rule that could not be evaluated says nothing: `unknown`, never `inactive`. */
function policyState(rules: readonly RuleStatus[]): PolicyWire['state'] {
  const has = (wanted: AlertState) => rules.some(({ alerts }) => alerts.some(({ state }) => state === wanted))
  if (has('firing')) return 'firing'
  if (rules.length === 0 || rules.some(({ health }) => health !== 'ok')) return 'unknown'
  return has('pending') ? 'pending' : 'inactive'
}

/**
 * The alerting rules of a policy carry its id as their name. What is watched without being asked has one rule for each
 * part, told apart by the label `part`: with `part` given, those of the others are left out.
 */
export function rulesOf(policy: string, groups: readonly RuleGroupStatus[], part?: string): readonly RuleStatus[] {
  return groups.flatMap(({ group, rules }) =>
    rules.filter((_, i) => {
      const rule = group.rules[i]
      if (rule?.kind !== 'alert' || rule.alert !== policy) return false
      return part === undefined || (rule.labels['part'] ?? part) === part
    }),
  )
}

/** Newest first; equal instants by id, so that the order never flickers. */
export function newestFirst<T extends { readonly openedAt: number; readonly id: string }>(
  list: readonly T[],
): readonly T[] {
  return list.toSorted((a, b) => b.openedAt - a.openedAt || (a.id < b.id ? 1 : -1))
}
