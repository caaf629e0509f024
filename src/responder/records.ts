/**
 * What the loop keeps, as JSON in `#state`: incidents with their progress, intents, targets, tickets, the switch.
 *
 * - Everything that has to outlive a crash is here; the process holds nothing else that matters.
 * - A record is replaced whole. Instants are Unix milliseconds; absent members are left out.
 */

import { z } from 'zod'
import { AssayError, type UnixMs, unixMs } from '#core'
import type { Json } from '#state'
import type { Condition, Incident, IncidentState, Ticket, TimelineEntry } from './types.ts'
import { TIMELINE_KINDS } from './types.ts'

export const COLLECTIONS = {
  incidents: 'incidents',
  actions: 'actions',
  targets: 'targets',
  tickets: 'tickets',
  loop: 'loop',
} as const

const instant = z.number().transform((value): UnixMs => unixMs(value))

const phaseSchema = z.discriminatedUnion('kind', [
  /** The step is due: it is proposed at the next turn. */
  z.object({ kind: z.literal('due') }),
  /** Rails refused it; proposed again at each turn, at the earliest at `retryAt`. */
  z.object({
    kind: z.literal('refused'),
    rail: z.string(),
    since: instant,
    retryAt: instant.optional(),
    /** A dependency is down: it is the one to be healed, so waiting for it has no end. */
    patient: z.boolean(),
  }),
  /** A person is asked: exactly this, until then. */
  z.object({
    kind: z.literal('asking'),
    action: z.string(),
    text: z.string(),
    from: z.number(),
    to: z.number(),
    expiresAt: instant,
  }),
  /** The intent is written, its outcome is not. */
  z.object({ kind: z.literal('acting'), action: z.string() }),
  z.object({ kind: z.literal('verifying'), action: z.string(), until: instant }),
  /** People have it. */
  z.object({ kind: z.literal('handed-over') }),
  z.object({ kind: z.literal('escalated') }),
  z.object({ kind: z.literal('resolved') }),
])
export type Phase = z.output<typeof phaseSchema>

const conditionSchema = z.object({
  expr: z.string(),
  measure: z.string(),
  op: z.enum(['>', '<']),
  threshold: z.number(),
  unit: z.enum(['seconds', 'ratio', 'per_second', 'bytes', 'count']),
  title: z.string(),
}) satisfies z.ZodType<Condition>

const timelineSchema = z.object({
  at: instant,
  kind: z.enum(TIMELINE_KINDS),
  text: z.string(),
  action: z.string().optional(),
  rails: z.array(z.object({ rail: z.string(), allow: z.boolean(), reason: z.string() })).optional(),
})

/** What scale-out added, until it is taken back. */
const scaledSchema = z.object({
  step: z.number(),
  /** How many ran after the last of our actions. */
  instances: z.number(),
  /** Since when one instance less would do, with data. */
  belowSince: instant.optional(),
  /** The scale-in that is asked for or under way. */
  action: z.string().optional(),
  asking: z.object({ text: z.string(), from: z.number(), to: z.number(), expiresAt: instant }).optional(),
  /** How many went before, so that each has an id of its own. */
  count: z.number(),
})
export type Scaled = z.output<typeof scaledSchema>

const incidentSchema = z.object({
  id: z.string(),
  /** The policy, and the part where a policy watches several: at most one open incident has it. */
  key: z.string(),
  policy: z.string(),
  title: z.string(),
  parts: z.array(z.string()),
  openedAt: instant,
  resolvedAt: instant.optional(),
  condition: conditionSchema.optional(),
  activeAt: instant,
  value: z.number().optional(),
  ticket: z.string().optional(),
  cause: z.string().optional(),
  timeline: z.array(timelineSchema),
  /** 1, and one more each time it came back within the cooldown. */
  episode: z.number(),
  step: z.number(),
  attempt: z.number(),
  phase: phaseSchema,
  /** Since when it is healthy, with data. */
  healthySince: instant.optional(),
  /** The value that was worst in this episode, for the proof. */
  worst: z.number().optional(),
  /** Receivers that were told of this episode: they are told of its end. */
  told: z.array(z.string()),
  /** Messages so far: part of their ids. */
  messages: z.number(),
  /** What was done in this episode, in words. */
  tried: z.array(z.string()),
  scaled: scaledSchema.optional(),
})
export type IncidentRecord = z.output<typeof incidentSchema>

const ticketSchema = z.object({
  id: z.string(),
  title: z.string(),
  state: z.enum(['open', 'closed']),
  incident: z.string(),
  receiver: z.string(),
  openedAt: instant,
  closedAt: instant.optional(),
  comments: z.array(z.object({ at: instant, text: z.string() })),
})
export type TicketRecord = z.output<typeof ticketSchema>

const lastActionSchema = z.object({
  id: z.string(),
  incident: z.string(),
  at: instant,
  /** When health was seen to have held after it. */
  verifiedAt: instant.optional(),
})
const targetSchema = z.object({
  id: z.string(),
  lastAction: lastActionSchema.optional(),
  /** The action under way: nothing else touches this target meanwhile. */
  busy: z.string().optional(),
})
export type TargetRecord = z.output<typeof targetSchema>

const actionSchema = z.object({
  id: z.string(),
  incident: z.string(),
  policy: z.string(),
  kind: z.enum(['scaleOut', 'scaleIn', 'restart']),
  part: z.string(),
  runtime: z.string(),
  workload: z.string(),
  target: z.string(),
  /** Instances before and after. */
  from: z.number(),
  to: z.number(),
  /** The processes before: what tells, after a crash, whether they were replaced. */
  pids: z.array(z.number()),
  at: instant,
  /** What the target's last action was before this one: put back when this one turns out not to have happened. */
  previous: lastActionSchema.optional(),
  /** Absent: not known yet. `lost`: it did not happen. */
  outcome: z.enum(['done', 'failed', 'lost']).optional(),
  endedAt: instant.optional(),
  error: z.string().optional(),
})
export type ActionRecord = z.output<typeof actionSchema>

const loopSchema = z.object({
  paused: z.object({ by: z.string(), at: instant }).optional(),
  /** Instants of the actions of the last hour: the budget. */
  actions: z.array(instant),
  failedInRow: z.number(),
})
export type LoopRecord = z.output<typeof loopSchema>

export const NEW_LOOP: LoopRecord = { actions: [], failedInRow: 0 }

const SCHEMAS = {
  incidents: incidentSchema,
  actions: actionSchema,
  targets: targetSchema,
  tickets: ticketSchema,
  loop: loopSchema,
} as const
export type Collection = keyof typeof SCHEMAS

/** Throws `ASSAY_RESPONDER_STATE` for a record that this version can't read. */
export function decodeRecord<C extends Collection>(
  collection: C,
  id: string,
  value: Json,
): z.output<(typeof SCHEMAS)[C]> {
  const parsed = SCHEMAS[collection].safeParse(value)
  if (!parsed.success) {
    throw new AssayError(
      'ASSAY_RESPONDER_STATE',
      `${collection}/${id} in the state store can't be read: ${parsed.error.issues[0]?.path.join('.')}: ${parsed.error.issues[0]?.message}; restore a backup, or start with an empty data directory`,
    )
  }
  return parsed.data as z.output<(typeof SCHEMAS)[C]>
}

export function stateOf(phase: Phase): IncidentState {
  switch (phase.kind) {
    case 'due':
    case 'refused':
    case 'asking':
    case 'handed-over':
      return 'open'
    case 'acting':
    case 'verifying':
    case 'escalated':
    case 'resolved':
      return phase.kind
    default:
      return phase satisfies never
  }
}

/** The incident as the server and the UI see it. */
export function incidentOf(record: IncidentRecord): Incident {
  return {
    id: record.id,
    policy: record.policy,
    title: record.title,
    parts: record.parts,
    state: stateOf(record.phase),
    openedAt: record.openedAt,
    resolvedAt: record.resolvedAt,
    condition: record.condition,
    activeAt: record.activeAt,
    value: record.value ?? Number.NaN,
    ticket: record.ticket,
    cause: record.cause,
    timeline: record.timeline as readonly TimelineEntry[],
  }
}

export function ticketOf(record: TicketRecord): Ticket {
  return { ...record, closedAt: record.closedAt }
}

/** For `put`: JSON has no `undefined`, and the store drops such members. */
export function encodeRecord(record: IncidentRecord | TicketRecord | TargetRecord | ActionRecord | LoopRecord): Json {
  return record as unknown as Json
}
