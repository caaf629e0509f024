/**
 * The loop's nouns: policies say what follows from a condition, incidents hold what happened.
 *
 *   condition true for its time -> incident -> proposal -> rails -> [approval] -> act
 *     -> verify: the same expression healthy for its hold time -> resolved (ticket closed with the proof)
 *     -> else undo, next step, or escalate with what was tried
 */
import type { Text, UnixMs } from '#core'

/** `observe` records what would have been done, `suggest` asks, `auto` acts within the rails. */
export const MODES = ['observe', 'suggest', 'auto'] as const
export type Mode = (typeof MODES)[number]

export type Unit = 'seconds' | 'ratio' | 'per_second' | 'bytes' | 'count'

/** How instances are counted, added and replaced. */
export type RuntimeSpec =
  | {
      readonly kind: 'pm2'
      readonly name: string
      readonly home?: Text /** argv of the pm2 command */
      readonly command: readonly string[]
    }
  | {
      readonly kind: 'command'
      readonly name: string
      readonly count: readonly string[]
      readonly scale: readonly string[]
      readonly restart: readonly string[]
    }

export type ActionSpec =
  /** A ticket in assay's own tracker, and a mail to the receiver when it is named. Closed by the proof. */
  | { readonly kind: 'ticket'; readonly receiver: string }
  | { readonly kind: 'notify'; readonly receiver: string }
  | {
      readonly kind: 'scaleOut'
      readonly part: string
      /** The name of the process, deployment or unit in its runtime. */
      readonly workload: string
      readonly runtime: string
      readonly min: number
      readonly max: number
      /** One instance less when the measure would stay below `scaleInBelow` of the threshold for this long. */
      readonly scaleInAfterMs: number
      readonly scaleInBelow: number
    }
  | {
      readonly kind: 'restart'
      readonly part: string
      readonly workload: string
      readonly runtime: string /** Instances that must stay healthy meanwhile. */
      readonly minHealthy: number
    }

export type Condition = {
  /** The whole comparison, as the alerting rule has it: `measure > threshold`. */
  readonly expr: string
  /** The left side alone: what the chart shows. */
  readonly measure: string
  readonly op: '>' | '<'
  readonly threshold: number
  readonly unit: Unit
  /** For people: `p95 latency of mes`. */
  readonly title: string
}

export type PolicySpec = {
  /** Also the name of its alerting rule. */
  readonly id: string
  readonly parts: readonly string[]
  /** For people: `mes answers slowly: p95 above 500 ms for 5 min`. */
  readonly title: string
  /** Absent for built-in policies over rules without a single measure (a part is down). */
  readonly condition?: Condition
  readonly forMs: number
  readonly steps: readonly ActionSpec[]
  readonly mode: Mode
  readonly cooldownMs: number
  readonly verify: {
    /** The condition must be healthy, with data, for this long. */
    readonly holdMs: number
    /** An action that has not helped by then has failed: next step, or escalation. */
    readonly timeoutMs: number
  }
}

export const INCIDENT_STATES = ['open', 'acting', 'verifying', 'resolved', 'escalated'] as const
export type IncidentState = (typeof INCIDENT_STATES)[number]

export const TIMELINE_KINDS = [
  'detected',
  'notified',
  'ticketed',
  'proposed',
  'refused',
  'approved',
  'acted',
  'verified',
  'undone',
  'escalated',
  'resolved',
] as const
export type TimelineKind = (typeof TIMELINE_KINDS)[number]

export type TimelineEntry = {
  readonly at: UnixMs
  readonly kind: TimelineKind
  /** A sentence a person would say. */
  readonly text: string
  /** The deterministic id of the action, where there is one. */
  readonly action?: string
  /** Why it was allowed or refused, rail by rail. */
  readonly rails?: readonly { readonly rail: string; readonly allow: boolean; readonly reason: string }[]
}

export type Incident = {
  readonly id: string
  readonly policy: string
  readonly title: string
  readonly parts: readonly string[]
  readonly state: IncidentState
  readonly openedAt: UnixMs
  readonly resolvedAt: UnixMs | undefined
  readonly condition: Condition | undefined
  /** When the condition became true, `openedAt` less its `for`. */
  readonly activeAt: UnixMs
  /** The measured value, newest first known. */
  readonly value: number
  readonly ticket: string | undefined
  /** The incident that explains this one: a dependency that is down. */
  readonly cause: string | undefined
  readonly timeline: readonly TimelineEntry[]
}

export type Ticket = {
  readonly id: string
  readonly title: string
  readonly state: 'open' | 'closed'
  readonly incident: string
  readonly receiver: string
  readonly openedAt: UnixMs
  readonly closedAt: UnixMs | undefined
  readonly comments: readonly { readonly at: UnixMs; readonly text: string }[]
}

/** What a runtime tells of one workload. */
export type WorkloadStatus = {
  readonly desired: number
  readonly instances: readonly {
    readonly id: string
    readonly pid: number | undefined
    readonly ready: boolean
    readonly startedAt: UnixMs | undefined
  }[]
}

/** The seam to what runs the services. Each call may be repeated: setting the same count or finding a restart done is no error. */
export interface Runtime {
  status(workload: string, signal: AbortSignal): Promise<WorkloadStatus>
  scale(workload: string, count: number, signal: AbortSignal): Promise<void>
  /** One instance after the other, each ready before the next. */
  restart(workload: string, signal: AbortSignal): Promise<void>
}

/** A rail may refuse an action; it never performs one. */
export type Verdict = { readonly allow: true; readonly reason: string } | Refusal
export type Refusal = {
  readonly allow: false
  readonly rail: string
  readonly reason: string
  readonly retryAt?: UnixMs
}
