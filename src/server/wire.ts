/**
 * assay's own API, `/api/assay/v1/*`: what travels. The UI takes its types from here and nothing else of the server.
 *
 * - Instants are RFC 3339 in UTC with milliseconds; durations are milliseconds; `null` is absence.
 * - Missing data is `null`, never zero and never the last known value.
 */

import type { Chart, PartKind } from '#model'
import type { ActionSpec, Condition, IncidentState, Mode, TimelineKind, Unit } from '#responder'

/** `blind`: there is no data, so nothing is known; never to be shown as health. */
export const PART_STATES = ['ok', 'pending', 'firing', 'acting', 'verifying', 'escalated', 'blind', 'paused'] as const
export type PartState = (typeof PART_STATES)[number]

export type SignalWire = {
  readonly id: string
  readonly title: string
  readonly unit: Unit
  readonly form: 'number' | 'bar'
  readonly value: number | null
  readonly of: number | null
  readonly limit: number | null
  /** PromQL behind the number: the door to its chart. */
  readonly expr: string
  /** The last sixty steps and now, as pairs of Unix seconds and value; gaps are `null`. Half an hour at the usual pace. */
  readonly spark: readonly (readonly [number, number | null])[]
}

export type PartWire = {
  readonly id: string
  readonly title: string
  readonly kind: PartKind
  readonly state: PartState
  /** Why it is in this state, in a few words: `password refused`, `p95 above 500 ms`; '' when ok. */
  readonly reason: string
  readonly since: string | null
  readonly instances: number | null
  readonly uses: readonly string[]
  readonly signals: readonly SignalWire[]
  readonly incident: string | null
}

export type EdgeWire = {
  readonly from: string
  readonly to: string
  readonly channel: string | null
  /** False: the two are tied, and how much flows between them is not measured; then a missing rate is no missing data. */
  readonly measured: boolean
  readonly rate: number | null
  readonly errors: number | null
}

export type CallerWire = {
  readonly id: string
  readonly title: string
  readonly to: string
  readonly channel: string | null
  readonly rate: number | null
  readonly now: number | null
  readonly today: number | null
}

export type OverviewWire = {
  readonly name: string
  readonly now: string
  /** What a person would say first: `All is well.`, `mes answers slowly.` */
  readonly sentence: string
  /** The second line: since when, what was done, what to do. */
  readonly detail: string
  readonly state: PartState
  readonly mode: Mode | 'paused'
  readonly parts: readonly PartWire[]
  readonly edges: readonly EdgeWire[]
  readonly callers: readonly CallerWire[]
  /** Open ones first, then those of the last 24 hours. */
  readonly incidents: readonly IncidentSummaryWire[]
}

export type IncidentSummaryWire = {
  readonly id: string
  readonly policy: string
  readonly title: string
  readonly parts: readonly string[]
  readonly state: IncidentState
  readonly openedAt: string
  readonly resolvedAt: string | null
}

export type TimelineWire = {
  readonly at: string
  readonly kind: TimelineKind
  readonly text: string
  readonly action?: string
  readonly rails?: readonly { readonly rail: string; readonly allow: boolean; readonly reason: string }[]
}

export type IncidentWire = IncidentSummaryWire & {
  readonly condition: Condition | null
  readonly forMs: number
  readonly activeAt: string
  readonly value: number | null
  readonly ticket: string | null
  readonly cause: string | null
  /** Set while a person is asked: what would be done, exactly, and until when the question stands. */
  readonly approval: { readonly action: string; readonly text: string; readonly expiresAt: string } | null
  readonly verifyUntil: string | null
  readonly timeline: readonly TimelineWire[]
}

export type TicketWire = {
  readonly id: string
  readonly title: string
  readonly state: 'open' | 'closed'
  readonly incident: string
  readonly receiver: string
  readonly openedAt: string
  readonly closedAt: string | null
  readonly comments: readonly { readonly at: string; readonly text: string }[]
}

export type PolicyWire = {
  readonly id: string
  readonly title: string
  readonly parts: readonly string[]
  readonly mode: Mode
  readonly condition: Condition | null
  readonly forMs: number
  readonly steps: readonly ActionSpec[]
  readonly state: 'inactive' | 'pending' | 'firing' | 'unknown'
  readonly incidents: number
}

/** A part's page: the part as on the overview, and its charts. */
export type PartPageWire = {
  readonly part: PartWire
  readonly charts: readonly Chart[]
  readonly incidents: readonly IncidentSummaryWire[]
  readonly policies: readonly PolicyWire[]
}

/** Server-sent events on `/api/assay/v1/events`: `event:` is the kind, `data:` is this as JSON. */
export type EventWire =
  | { readonly kind: 'incident'; readonly id: string; readonly state: IncidentState }
  | { readonly kind: 'ticket'; readonly id: string }
  | { readonly kind: 'overview' }
  | { readonly kind: 'mode'; readonly mode: Mode | 'paused' }

/** What pausing and resuming answer. */
export type ModeWire = { readonly mode: Mode | 'paused' }

/** Every refusal, on every path: the status code says what kind, `error` says what to do. */
export type ErrorWire = { readonly status: 'error'; readonly errorType: string; readonly error: string }
