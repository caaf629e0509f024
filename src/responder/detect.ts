/**
 * From an alert to an incident, and through the steps that people take over: tickets and messages.
 *
 * - At most one open incident has a key; an alert that returns within the cooldown opens the same one again.
 * - Each return doubles the calm that counts as recovery, up to the cooldown: what flaps stays one incident.
 * - A dependency that is down is named as the cause.
 */
import { type UnixMs, unixMs } from '#core'
import { type Draft, idOf, noted } from './draft.ts'
import { formatMeasure, formatSpan } from './format.ts'
import type { IncidentRecord, Scaled } from './records.ts'
import type { PolicySpec } from './types.ts'
import { complaint, headline, message, receiversOf, sentence, stepText } from './words.ts'

/** A firing alert of a policy. */
export type FiringAlert = {
  readonly policy: string
  /** For policies that watch several parts by one rule each. */
  readonly part: string | undefined
  readonly value: number
  readonly activeAt: UnixMs
  /** What its rule says. */
  readonly summary: string
  /** Why the part can't be asked; '' when it can. */
  readonly reason: string
}

/** The return after which the loop goes on silently. */
const LAST_TOLD_EPISODE = 2
export const PART_DOWN = 'partDown'

export function keyOf(policy: PolicySpec | undefined, alert: Pick<FiringAlert, 'policy' | 'part'>): string {
  return policy?.condition !== undefined || alert.part === undefined ? alert.policy : `${alert.policy}/${alert.part}`
}

/** Opens, re-opens or goes on with the incident of an alert. */
export function detect(draft: Draft, alert: FiringAlert): void {
  const { at } = draft
  const policy = draft.policy(alert.policy)
  const key = keyOf(policy, alert)
  const known = [...draft.world.incidents.values()].filter((record) => record.key === key)
  if (known.some(({ phase }) => phase.kind !== 'resolved')) return
  const last = known.toSorted((a, b) => (b.resolvedAt ?? 0) - (a.resolvedAt ?? 0))[0]
  if (last?.resolvedAt !== undefined && at - last.resolvedAt < (policy?.cooldownMs ?? 0)) {
    reopen(draft, last, alert)
    return
  }
  const parts = alert.part !== undefined && policy?.condition === undefined ? [alert.part] : (policy?.parts ?? [])
  const title = policy?.condition !== undefined ? policy.title : titled(alert)
  const record: IncidentRecord = {
    id: `${alert.policy}-${idOf(key, at).slice(0, 8)}`,
    key,
    policy: alert.policy,
    title,
    parts: [...parts],
    openedAt: at,
    activeAt: alert.activeAt,
    ...(policy?.condition === undefined ? {} : { condition: policy.condition }),
    ...(Number.isFinite(alert.value) ? { value: alert.value, worst: alert.value } : {}),
    timeline: [],
    episode: 1,
    step: 0,
    attempt: 1,
    phase: { kind: 'due' },
    told: [],
    messages: 0,
    tried: [],
    ...takenOver(draft, known),
  }
  const detected = noted(record, { at, kind: 'detected', text: detectedText(record, at) })
  draft.audit({
    kind: 'detected',
    incident: record.id,
    policy: record.policy,
    parts,
    value: record.value,
    activeAt: record.activeAt,
  })
  takeStep(draft, withCause(draft, detected))
}

function reopen(draft: Draft, last: IncidentRecord, alert: FiringAlert): void {
  const { at } = draft
  const calmMs = at - (last.resolvedAt ?? at)
  const { resolvedAt: _, healthySince: __, ...rest } = last
  const record: IncidentRecord = {
    ...rest,
    episode: last.episode + 1,
    step: 0,
    attempt: 1,
    phase: { kind: 'due' },
    told: [],
    tried: [],
    ...(Number.isFinite(alert.value) ? { value: alert.value, worst: alert.value } : {}),
  }
  draft.audit({
    kind: 'detected',
    incident: record.id,
    policy: record.policy,
    episode: record.episode,
    value: record.value,
  })
  const text = sentence(`It is back after ${formatSpan(calmMs)}: ${headline(record)}`)
  takeStep(draft, withCause(draft, noted(record, { at, kind: 'detected', text })))
}

/** What an older incident of the same key scaled out and has not taken back yet is followed by the new one. */
function takenOver(draft: Draft, known: readonly IncidentRecord[]): { readonly scaled?: Scaled } {
  const owner = known.find(({ scaled }) => scaled !== undefined)
  if (owner?.scaled === undefined) return {}
  const { scaled, ...rest } = owner
  draft.putIncident(rest)
  return { scaled }
}

/** Goes through the steps from the one that is due; stops at the first that acts, or at the end. */
export function takeStep(draft: Draft, given: IncidentRecord): void {
  const { at, config } = draft
  const policy = draft.policy(given.policy)
  const steps = policy?.steps ?? []
  let record = given
  for (; record.step < steps.length; record = { ...record, step: record.step + 1, attempt: 1 }) {
    const step = steps[record.step]!
    if (step.kind !== 'ticket' && step.kind !== 'notify') {
      draft.putIncident({ ...record, phase: { kind: 'due' } })
      return
    }
    if (policy?.mode === 'observe') {
      record = noted(record, { at, kind: 'proposed', text: `Would ${stepText(step)}; the mode is observe.` })
      continue
    }
    if (step.kind === 'ticket') record = ticketed(draft, record, step.receiver)
    if (step.receiver === '' || record.told.includes(step.receiver) || record.episode > LAST_TOLD_EPISODE) continue
    record = told(
      draft,
      record,
      step.kind === 'ticket' ? 'ticket' : record.episode === 1 ? 'opened' : 'again',
      step.receiver,
      followText(record, policy),
    )
  }
  if (record.tried.length > 0) {
    escalate(draft, record, record.tried.at(-1) ?? '')
    return
  }
  draft.putIncident({ ...record, phase: { kind: 'handed-over' } })
  draft.audit({ kind: 'handed-over', incident: record.id })
  void config
}

/** People have to take over: all that was tried is said, to those whom the policy names or to the fallback. */
export function escalate(draft: Draft, given: IncidentRecord, reason: string): void {
  const { at, config } = draft
  const tried = given.tried.length === 0 ? '' : ` Tried: ${given.tried.join('; ')}.`
  let record: IncidentRecord = {
    ...noted(given, { at, kind: 'escalated', text: `${sentence(`Needs a person: ${reason}`)}${tried}` }),
    phase: { kind: 'escalated' },
  }
  draft.audit({ kind: 'escalated', incident: record.id, reason, tried: record.tried })
  for (const receiver of receiversOf(draft.policy(record.policy), config.fallbackReceiver)) {
    record = told(
      draft,
      record,
      'escalated',
      receiver,
      'assay does nothing more here by itself. It keeps watching and says when the condition is healthy again',
    )
  }
  draft.putIncident(record)
}

/** Sends one message and notes it. */
export function told(
  draft: Draft,
  record: IncidentRecord,
  kind: Parameters<typeof message>[1],
  receiver: string,
  next: string,
): IncidentRecord {
  const { at, config } = draft
  draft.send(message(record, kind, receiver, at, config, next))
  draft.audit({ kind: 'notified', incident: record.id, receiver, message: kind })
  const verb = kind === 'resolved' ? 'told that it is over' : kind === 'asked' ? 'asked' : 'told'
  return {
    ...noted(record, { at, kind: 'notified', text: `${receiver} is ${verb}.` }),
    told: record.told.includes(receiver) ? record.told : [...record.told, receiver],
    messages: record.messages + 1,
  }
}

/** With the incident that explains this one, when there is one. */
export function withCause(draft: Draft, record: IncidentRecord): IncidentRecord {
  if (record.policy === PART_DOWN) return record
  const used = dependenciesOf(draft, record.parts)
  const cause = [...draft.world.incidents.values()].find(
    (other) =>
      other.policy === PART_DOWN && other.phase.kind !== 'resolved' && other.parts.some((part) => used.has(part)),
  )
  if (cause === undefined || record.cause === cause.id) return record
  const text = sentence(`Its cause: ${cause.title}`)
  return { ...noted(record, { at: draft.at, kind: 'detected', text }), cause: cause.id }
}

/** The parts themselves and all that they use, directly or not. */
export function dependenciesOf(draft: Pick<Draft, 'config'>, parts: readonly string[]): ReadonlySet<string> {
  const seen = new Set(parts)
  for (const part of seen)
    for (const used of draft.config.parts.find(({ id }) => id === part)?.uses ?? []) seen.add(used)
  return seen
}

function ticketed(draft: Draft, record: IncidentRecord, receiver: string): IncidentRecord {
  const { at } = draft
  const id = record.ticket ?? `T-${idOf(record.id).slice(0, 6)}`
  const old = draft.ticket(id)
  const comments = old?.comments ?? []
  const text = sentence(record.timeline.at(-1)?.text ?? headline(record))
  const { closedAt: _, ...open } = old ?? { id, title: record.title, incident: record.id, receiver, openedAt: at }
  draft.putTicket({ ...open, state: 'open', comments: [...comments, { at, text }].slice(-100) })
  draft.audit({ kind: 'ticketed', incident: record.id, ticket: id })
  const verb = old === undefined ? 'is opened' : 'is opened again'
  return {
    ...noted(record, {
      at,
      kind: 'ticketed',
      text: `Ticket ${id} ${verb}${receiver === '' ? '' : ` for ${receiver}`}.`,
    }),
    ticket: id,
  }
}

function titled({ summary, part, policy, reason }: FiringAlert): string {
  const what = summary !== '' ? summary : `${part ?? policy} needs attention`
  return reason === '' || what.includes(reason) ? what : `${what}: ${reason}`
}

function detectedText(record: IncidentRecord, at: UnixMs): string {
  const { condition } = record
  if (condition === undefined) return sentence(`${record.title}, since ${formatSpan(at - record.activeAt)}`)
  return sentence(
    `${complaint(condition)} for ${formatSpan(at - record.activeAt)}: ${formatMeasure(record.value, condition.unit)}`,
  )
}

/** What a message says comes next. */
function followText(record: IncidentRecord, policy: PolicySpec | undefined): string {
  const next = (policy?.steps ?? [])
    .slice(record.step + 1)
    .find(({ kind }) => kind === 'scaleOut' || kind === 'restart')
  const silent =
    record.episode < LAST_TOLD_EPISODE
      ? ''
      : ' It comes and goes: further returns stay on the incident and send nothing until it has been calm for longer'
  if (next !== undefined)
    return `Next, assay will ${policy?.mode === 'suggest' ? 'ask to ' : ''}${stepText(next)} and see whether that helps.${silent}`
  return `assay keeps watching: you are told when it has been healthy for ${formatSpan(requiredHoldMs(record, policy))}.${silent}`
}

/** How long it must be healthy to be over. */
export function requiredHoldMs(record: IncidentRecord, policy: PolicySpec | undefined): number {
  const holdMs = policy?.verify.holdMs ?? 0
  return unixMs(Math.max(holdMs, Math.min(holdMs * 2 ** (record.episode - 1), policy?.cooldownMs ?? holdMs)))
}
