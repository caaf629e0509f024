/**
 * Following an open incident: is it healthy, with data, for long enough? Did what was done help in time?
 *
 * - Only measured health ends an incident. Missing data starts the calm anew.
 * - What has not helped by its deadline counts as tried: the next attempt, the next step, or a person.
 */
import { unixMs } from '#core'
import { escalate, requiredHoldMs, takeStep, told, withCause } from './detect.ts'
import { type Draft, MAX_KEPT, noted } from './draft.ts'
import { formatMeasure, formatSpan } from './format.ts'
import type { IncidentRecord } from './records.ts'
import type { PolicySpec } from './types.ts'
import { measured, sentence } from './words.ts'

export type Observed = {
  readonly incident: string
  /** `blind`: no data, which is neither. */
  readonly health: 'good' | 'bad' | 'blind'
  /** The worst element's; absent without data or without a measure. */
  readonly value?: number | undefined
}

export function follow(draft: Draft, { incident, health, value }: Observed): void {
  const before = draft.incident(incident)
  if (before === undefined || before.phase.kind === 'resolved') return
  const { at } = draft
  const policy = draft.policy(before.policy)
  const { healthySince: since, ...rest } = before
  let record: IncidentRecord = {
    ...withCause(draft, rest),
    ...(value === undefined ? {} : { value, worst: worse(before, value) }),
  }
  if (health === 'good') {
    const healthySince = since === undefined || since > at ? at : since
    record = { ...record, healthySince }
    if (record.phase.kind !== 'acting' && at - healthySince >= requiredHoldMs(record, policy)) {
      resolve(draft, record)
      return
    }
  }
  record = overdue(draft, record, policy, health) ?? record
  if (draft.incident(incident) === before && changed(before, record)) draft.putIncident(record)
}

/** Handles deadlines. `undefined`: the incident went on and is written already. */
function overdue(
  draft: Draft,
  record: IncidentRecord,
  policy: PolicySpec | undefined,
  health: Observed['health'],
): IncidentRecord | undefined {
  const { at } = draft
  const { phase } = record
  if (health === 'good') return record
  switch (phase.kind) {
    case 'verifying':
      if (at < phase.until) return record
      if (health === 'blind') {
        escalate(draft, record, 'there is no data to see whether it helped')
        return undefined
      }
      failed(draft, record, policy)
      return undefined
    case 'refused':
      if (phase.patient || at - phase.since < (policy?.verify.timeoutMs ?? 0)) return record
      escalate(draft, record, record.timeline.findLast(({ kind }) => kind === 'refused')?.text ?? phase.rail)
      return undefined
    case 'asking':
      if (at < phase.expiresAt) return record
      escalate(draft, record, `nobody approved in time to ${phase.text}`)
      return undefined
    default:
      return record
  }
}

/** What was done did not help in its time. */
function failed(draft: Draft, record: IncidentRecord, policy: PolicySpec | undefined): void {
  const waitedMs = policy?.verify.timeoutMs ?? 0
  const state = record.condition === undefined ? 'it goes on' : `still ${measured(record)}`
  const tried = [
    ...record.tried.slice(0, -1),
    `${record.tried.at(-1) ?? 'acted'}: ${state} after ${formatSpan(waitedMs)}`,
  ]
  const step = policy?.steps[record.step]
  draft.audit({
    kind: 'not-verified',
    incident: record.id,
    step: record.step,
    attempt: record.attempt,
    value: record.value,
  })
  const next: IncidentRecord =
    step?.kind === 'scaleOut'
      ? { ...record, tried, attempt: record.attempt + 1 }
      : { ...record, tried, attempt: 1, step: record.step + 1 }
  takeStep(draft, next)
}

function resolve(draft: Draft, given: IncidentRecord): void {
  const { at } = draft
  const healthySince = given.healthySince ?? at
  const proof = proofOf(given, at - healthySince)
  const acted = given.tried.length > 0
  let record = noted(given, { at, kind: 'verified', text: proof })
  const ending = acted ? 'after what was done' : 'without an action of assay'
  record = {
    ...noted(record, {
      at,
      kind: 'resolved',
      text: sentence(`Resolved ${ending}, ${formatSpan(healthySince - record.activeAt)} after it began`),
    }),
    phase: { kind: 'resolved' },
    resolvedAt: at,
  }
  draft.audit({
    kind: 'resolved',
    incident: record.id,
    healthySince,
    value: record.value,
    worst: record.worst,
    tried: record.tried,
  })
  if (record.ticket !== undefined) record = closeTicket(draft, record, proof)
  for (const receiver of record.told) {
    record = told(
      draft,
      record,
      'resolved',
      receiver,
      `${proof}${acted ? ` Done: ${record.tried.join('; ')}.` : ''} Nothing is left to do`,
    )
  }
  for (const target of draft.world.targets.values()) {
    const { lastAction } = target
    if (lastAction?.incident !== record.id || lastAction.verifiedAt !== undefined) continue
    draft.putTarget({ ...target, lastAction: { ...lastAction, verifiedAt: at } })
  }
  draft.putIncident(record)
  prune(draft)
}

function closeTicket(draft: Draft, record: IncidentRecord, proof: string): IncidentRecord {
  const { at } = draft
  const ticket = draft.ticket(record.ticket ?? '')
  if (ticket === undefined) return record
  const lines = [
    proof,
    record.condition === undefined || record.worst === undefined
      ? ''
      : `Before: ${measured(record, record.worst)} at its worst. After: ${measured(record)}. Limit: ${formatMeasure(record.condition.threshold, record.condition.unit)}.`,
    `Since: ${new Date(record.activeAt).toISOString()}. Over: ${new Date(record.healthySince ?? at).toISOString()}.`,
    record.tried.length === 0 ? 'assay did nothing to it.' : sentence(`Done: ${record.tried.join('; ')}`),
  ]
  const comment = { at, text: lines.filter((line) => line !== '').join('\n') }
  draft.putTicket({ ...ticket, state: 'closed', closedAt: at, comments: [...ticket.comments, comment].slice(-100) })
  draft.audit({ kind: 'ticket-closed', incident: record.id, ticket: ticket.id })
  return noted(record, { at, kind: 'ticketed', text: `Ticket ${ticket.id} is closed with the proof.` })
}

/** Measured, and for how long. */
function proofOf(record: IncidentRecord, calmMs: number): string {
  const { condition } = record
  if (condition === undefined) return sentence(`Healthy for ${formatSpan(calmMs)}, with data`)
  const side = condition.op === '>' ? 'not above' : 'not below'
  return sentence(
    `${condition.title} is ${measured(record)}, ${side} ${formatMeasure(condition.threshold, condition.unit)} for ${formatSpan(calmMs)}`,
  )
}

/** The oldest of what has ended goes; the audit keeps it. */
function prune(draft: Draft): void {
  const { incidents, tickets, actions } = draft.world
  const ended = [...incidents.values()].filter(({ phase, scaled }) => phase.kind === 'resolved' && scaled === undefined)
  const oldest = ended.toSorted((a, b) => (a.resolvedAt ?? 0) - (b.resolvedAt ?? 0))
  for (const { id } of oldest.slice(0, Math.max(0, ended.length - MAX_KEPT))) draft.drop('incidents', id)
  const closed = [...tickets.values()].filter(({ state }) => state === 'closed')
  for (const { id } of closed.slice(0, Math.max(0, closed.length - MAX_KEPT))) draft.drop('tickets', id)
  const past = [...actions.values()].filter(({ outcome }) => outcome !== undefined)
  for (const { id } of past.slice(0, Math.max(0, past.length - MAX_KEPT))) draft.drop('actions', id)
}

function worse(record: IncidentRecord, value: number): number {
  const { worst, condition } = record
  if (worst === undefined || condition === undefined) return value
  return condition.op === '>' ? Math.max(worst, value) : Math.min(worst, value)
}

/** Only what is worth a write: a value that moves alone is written once it is worse than ever. */
function changed(before: IncidentRecord, after: IncidentRecord): boolean {
  return (
    before.phase !== after.phase ||
    before.healthySince !== after.healthySince ||
    before.cause !== after.cause ||
    before.worst !== after.worst
  )
}

/** Deadlines and starts of calm move along when the wall clock jumps, so that all take the time they should. */
export function moveClock(draft: Draft, byMs: number): void {
  const move = (at: number) => unixMs(at + byMs)
  for (const record of draft.world.incidents.values()) {
    if (record.phase.kind === 'resolved' && record.scaled === undefined) continue
    const { phase, healthySince, scaled } = record
    const moved =
      phase.kind === 'verifying'
        ? { ...phase, until: move(phase.until) }
        : phase.kind === 'asking'
          ? { ...phase, expiresAt: move(phase.expiresAt) }
          : phase.kind === 'refused'
            ? {
                ...phase,
                since: move(phase.since),
                ...(phase.retryAt === undefined ? {} : { retryAt: move(phase.retryAt) }),
              }
            : phase
    draft.putIncident({
      ...record,
      phase: moved,
      ...(healthySince === undefined ? {} : { healthySince: move(healthySince) }),
      ...(scaled?.belowSince === undefined ? {} : { scaled: { ...scaled, belowSince: move(scaled.belowSince) } }),
    })
  }
  for (const target of draft.world.targets.values()) {
    const { lastAction } = target
    if (lastAction !== undefined) draft.putTarget({ ...target, lastAction: { ...lastAction, at: move(lastAction.at) } })
  }
  const { loop } = draft.world
  draft.putLoop({ ...loop, actions: loop.actions.map(move) })
  draft.audit({ kind: 'clock-jumped', byMs })
}
