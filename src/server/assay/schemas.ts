/**
 * The wire types as schemas: what the OpenAPI document is made of, and what tests hold the answers to.
 *
 * Each is declared to be of its wire type, so a field that is added there and forgotten here does not compile.
 */
import { z } from 'zod'
import { type Chart, PART_KINDS } from '#model'
import { type ActionSpec, type Condition, INCIDENT_STATES, MODES, TIMELINE_KINDS } from '#responder'
import {
  type CallerWire,
  type EdgeWire,
  type ErrorWire,
  type EventWire,
  type IncidentSummaryWire,
  type IncidentWire,
  type ModeWire,
  type OverviewWire,
  PART_STATES,
  type PartPageWire,
  type PartWire,
  type PolicyWire,
  type SignalWire,
  type TicketWire,
} from '../wire.ts'

const instant = z.iso.datetime({ precision: 3 }).describe('RFC 3339, UTC, with milliseconds')
const maybeInstant = instant.nullable()
const number = z.number().nullable().describe('null: there is no data')
const unit = z.enum(['seconds', 'ratio', 'per_second', 'bytes', 'count'])
const partState = z.enum(PART_STATES)
const mode = z.enum([...MODES, 'paused'])
const promql = z.string().describe('PromQL')

const condition: z.ZodType<Condition> = z.strictObject({
  expr: promql,
  measure: promql,
  op: z.enum(['>', '<']),
  threshold: z.number(),
  unit,
  title: z.string(),
})

const action: z.ZodType<ActionSpec> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('ticket'), receiver: z.string() }),
  z.strictObject({ kind: z.literal('notify'), receiver: z.string() }),
  z.strictObject({
    kind: z.literal('scaleOut'),
    part: z.string(),
    workload: z.string(),
    runtime: z.string(),
    min: z.number(),
    max: z.number(),
    scaleInAfterMs: z.number(),
    scaleInBelow: z.number(),
  }),
  z.strictObject({
    kind: z.literal('restart'),
    part: z.string(),
    workload: z.string(),
    runtime: z.string(),
    minHealthy: z.number(),
  }),
])

const signal: z.ZodType<SignalWire> = z.strictObject({
  id: z.string(),
  title: z.string(),
  unit,
  form: z.enum(['number', 'bar']),
  value: number,
  of: number,
  limit: z.number().nullable(),
  expr: promql,
  spark: z.array(z.tuple([z.number(), number])).describe('Pairs of Unix seconds and value; null is a gap'),
})

const part: z.ZodType<PartWire> = z.strictObject({
  id: z.string(),
  title: z.string(),
  kind: z.enum(PART_KINDS),
  state: partState,
  reason: z.string(),
  since: maybeInstant,
  instances: number,
  uses: z.array(z.string()),
  signals: z.array(signal),
  incident: z.string().nullable(),
})

const edge: z.ZodType<EdgeWire> = z.strictObject({
  from: z.string(),
  to: z.string(),
  channel: z.string().nullable(),
  measured: z.boolean(),
  rate: number,
  errors: number,
})

const caller: z.ZodType<CallerWire> = z.strictObject({
  id: z.string(),
  title: z.string(),
  to: z.string(),
  channel: z.string().nullable(),
  rate: number,
  now: number,
  today: number,
})

const summary = {
  id: z.string(),
  policy: z.string(),
  title: z.string(),
  parts: z.array(z.string()),
  state: z.enum(INCIDENT_STATES),
  openedAt: instant,
  resolvedAt: maybeInstant,
}
const incidentSummary: z.ZodType<IncidentSummaryWire> = z.strictObject(summary)

const overview: z.ZodType<OverviewWire> = z.strictObject({
  name: z.string(),
  now: instant,
  sentence: z.string(),
  detail: z.string(),
  state: partState,
  mode,
  parts: z.array(part),
  edges: z.array(edge),
  callers: z.array(caller),
  incidents: z.array(incidentSummary),
})

const incident: z.ZodType<IncidentWire> = z.strictObject({
  ...summary,
  condition: condition.nullable(),
  forMs: z.number(),
  activeAt: instant,
  value: number,
  ticket: z.string().nullable(),
  cause: z.string().nullable(),
  approval: z.strictObject({ action: z.string(), text: z.string(), expiresAt: instant }).nullable(),
  verifyUntil: maybeInstant,
  timeline: z.array(
    z.strictObject({
      at: instant,
      kind: z.enum(TIMELINE_KINDS),
      text: z.string(),
      action: z.string().exactOptional(),
      rails: z.array(z.strictObject({ rail: z.string(), allow: z.boolean(), reason: z.string() })).exactOptional(),
    }),
  ),
})

const ticket: z.ZodType<TicketWire> = z.strictObject({
  id: z.string(),
  title: z.string(),
  state: z.enum(['open', 'closed']),
  incident: z.string(),
  receiver: z.string(),
  openedAt: instant,
  closedAt: maybeInstant,
  comments: z.array(z.strictObject({ at: instant, text: z.string() })),
})

const policy: z.ZodType<PolicyWire> = z.strictObject({
  id: z.string(),
  title: z.string(),
  parts: z.array(z.string()),
  mode: z.enum(MODES),
  condition: condition.nullable(),
  forMs: z.number(),
  steps: z.array(action),
  state: z.enum(['inactive', 'pending', 'firing', 'unknown']),
  incidents: z.number(),
})

const chart: z.ZodType<Chart> = z.strictObject({
  id: z.string(),
  title: z.string(),
  unit,
  expr: promql,
  legend: z.string().exactOptional(),
  limit: z.number().exactOptional(),
})

const partPage: z.ZodType<PartPageWire> = z.strictObject({
  part,
  charts: z.array(chart),
  incidents: z.array(incidentSummary),
  policies: z.array(policy),
})

const event: z.ZodType<EventWire> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('incident'), id: z.string(), state: z.enum(INCIDENT_STATES) }),
  z.strictObject({ kind: z.literal('ticket'), id: z.string() }),
  z.strictObject({ kind: z.literal('overview') }),
  z.strictObject({ kind: z.literal('mode'), mode }),
])

const modeAnswer: z.ZodType<ModeWire> = z.strictObject({ mode })

const error: z.ZodType<ErrorWire> = z.strictObject({
  status: z.literal('error'),
  errorType: z.string(),
  error: z.string().describe('What is wrong and what to do, for people'),
})

/** By the name each has in the OpenAPI document. */
export const SCHEMAS = {
  Action: action,
  Approval: z.strictObject({ action: z.string().min(1).max(500).describe('The id of the action that is approved') }),
  Caller: caller,
  Chart: chart,
  Condition: condition,
  Edge: edge,
  Empty: z.strictObject({}),
  Error: error,
  Event: event,
  Incident: incident,
  IncidentSummary: incidentSummary,
  Incidents: z.strictObject({ incidents: z.array(incident) }),
  Mode: modeAnswer,
  Overview: overview,
  Part: part,
  PartPage: partPage,
  Policies: z.strictObject({ policies: z.array(policy) }),
  Policy: policy,
  Signal: signal,
  Ticket: ticket,
  Tickets: z.strictObject({ tickets: z.array(ticket) }),
  Document: z.looseObject({ openapi: z.string() }),
} as const satisfies Record<string, z.ZodType>
export type SchemaName = keyof typeof SCHEMAS
