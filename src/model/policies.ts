/**
 * Policies as sentences: `when(mes.latency.p95).above('500ms').for('5m').do(ticket(developers))`.
 */
import { AssayError, type DurationText, parseDuration, parseSize } from '#core'
import type { Mode, Unit } from '#responder'
import type { LimitText, Measure } from './measure.ts'
import type { ScalablePart } from './parts.ts'
import type { Receiver, RuntimeRef } from './receivers.ts'

export type Action =
  | { readonly kind: 'ticket'; readonly receiver: Receiver }
  | { readonly kind: 'notify'; readonly receiver: Receiver }
  | {
      readonly kind: 'scaleOut'
      readonly part: ScalablePart
      readonly on: RuntimeRef
      readonly min: number
      readonly max: number
      readonly scaleInAfterMs: number
      readonly scaleInBelow: number
    }
  | { readonly kind: 'restart'; readonly part: ScalablePart; readonly on: RuntimeRef; readonly minHealthy: number }

/** Opens a ticket in assay's tracker and mails it to the receiver; closed by assay, with the proof, when the cause is gone. */
export function ticket(receiver: Receiver): Action {
  return { kind: 'ticket', receiver }
}

/** Tells the receiver, and tells it again when it is over. */
export function notify(receiver: Receiver): Action {
  return { kind: 'notify', receiver }
}

/**
 * Adds one instance at a time between `min` and `max`, and takes them back one by one when the measure would stay below
 * `scaleInBelow` (0.8) of its limit for `scaleInAfter` (5 minutes, as Kubernetes' autoscaler does).
 */
export function scaleOut(
  part: ScalablePart,
  options: {
    readonly on: RuntimeRef
    readonly min: number
    readonly max: number
    readonly scaleInAfter?: DurationText
    readonly scaleInBelow?: number
  },
): Action {
  const { on, min, max, scaleInAfter = '5m', scaleInBelow = 0.8 } = options
  if (!Number.isInteger(min) || !Number.isInteger(max) || min < 1 || max < min) {
    throw new AssayError(
      'ASSAY_MODEL_SCALE',
      `scaleOut: min ${min} and max ${max} must be whole numbers with 1 <= min <= max`,
    )
  }
  return { kind: 'scaleOut', part, on, min, max, scaleInAfterMs: parseDuration(scaleInAfter), scaleInBelow }
}

/** Restarts the instances one after the other, each ready before the next; refused while a part that it uses is down. */
export function restart(
  part: ScalablePart,
  options: { readonly on: RuntimeRef; readonly minHealthy?: number },
): Action {
  return { kind: 'restart', part, on: options.on, minHealthy: options.minHealthy ?? 1 }
}

/** A policy. Each method gives a changed copy. */
export type Policy = {
  readonly measure: Measure
  readonly op: '>' | '<'
  readonly threshold: number
  /** The limit as it was written, for people. */
  readonly limit: string
  readonly forMs: number
  readonly actions: readonly Action[]
  readonly options: PolicyOptions
  /** `observe` records, `suggest` asks, `auto` acts. Absent: the system's mode, or `auto` for people and `suggest` for machines. */
  readonly mode: (mode: Mode) => Policy
  /** No second action on the same target for this long, unless health was verified in between. */
  readonly cooldown: (time: DurationText) => Policy
  /** Healthy for `hold` is recovery; an action that has not helped `within` has failed. */
  readonly verify: (options: { readonly hold: DurationText; readonly within: DurationText }) => Policy
}
export type PolicyOptions = {
  readonly mode?: Mode
  readonly cooldownMs?: number
  readonly holdMs?: number
  readonly timeoutMs?: number
}

export type Sustained = {
  /** What follows, step by step: the next one when the one before has not helped. */
  readonly do: (first: Action, ...next: readonly Action[]) => Policy
}
export type Compared = Sustained & {
  /** How long it must hold before anything follows. */
  readonly for: (time: DurationText) => Sustained
}

/** Begins a policy. The limit's spelling follows the measure: `'500ms'`, `'5%'`, `'100/s'`, `'20 GiB'`, `80`. */
export function when<U extends Unit>(
  measure: Measure<U>,
): { readonly above: (limit: LimitText<U>) => Compared; readonly below: (limit: LimitText<U>) => Compared } {
  const compared = (op: '>' | '<', limit: LimitText<U>): Compared => {
    const threshold = parseLimit(measure.unit, limit)
    const sustained = (forMs: number): Sustained => ({
      do: (...actions) => policy({ measure, op, threshold, limit: String(limit), forMs, actions, options: {} }),
    })
    return { ...sustained(0), for: (time) => sustained(parseDuration(time)) }
  }
  return { above: (limit) => compared('>', limit), below: (limit) => compared('<', limit) }
}

function policy(fields: Omit<Policy, 'mode' | 'cooldown' | 'verify'>): Policy {
  const changed = (options: PolicyOptions) => policy({ ...fields, options: { ...fields.options, ...options } })
  return {
    ...fields,
    mode: (mode) => changed({ mode }),
    cooldown: (time) => changed({ cooldownMs: parseDuration(time) }),
    verify: ({ hold, within }) => changed({ holdMs: parseDuration(hold), timeoutMs: parseDuration(within) }),
  }
}

/** A limit as written, in base units. Throws when a definition that was not type-checked holds something else. */
export function parseLimit(unit: Unit, limit: string | number): number {
  const text = String(limit)
  switch (unit) {
    case 'seconds':
      return parseDuration(text) / 1000
    case 'bytes':
      return parseSize(text)
    case 'ratio':
      return numberBefore(text, '%', '5%') / 100
    case 'per_second':
      return text.endsWith('/m') ? numberBefore(text, '/m', '100/s') / 60 : numberBefore(text, '/s', '100/s')
    case 'count':
      return numberBefore(text, '', '100')
    default:
      return unit satisfies never
  }
}

function numberBefore(text: string, suffix: string, example: string): number {
  const value = text.endsWith(suffix) ? text.slice(0, text.length - suffix.length) : ''
  if (value.trim() === '' || !Number.isFinite(Number(value)))
    throw new AssayError('ASSAY_MODEL_LIMIT', `not a limit: ${JSON.stringify(text)}; write it as ${example}`)
  return Number(value)
}
