/**
 * What can be measured of a part, as values: `mes.latency.p95`, `crm.errors.ratio`.
 *
 * A measure does not know its part's name (the definition gives it), nor the rate window (the system gives it), so it
 * holds a function from both to PromQL. Every expression yields at most one sample, and none when nothing is known:
 * a quotient by zero is filtered, never a NaN that would pass for a value.
 */
import type { DurationText, SizeText } from '#core'
import type { Unit } from '#responder'
import type { Part } from './parts.ts'

/** What an expression may use. */
export type ExprContext = {
  /** The `job` label of the part's series. */
  readonly job: string
  /** The rate window in PromQL: `1m`. */
  readonly window: string
  /** Jobs of the services that say they use the part; absent: none does. */
  readonly usedBy?: readonly string[]
}

/** How a limit on a measure is written. */
export type LimitText<U extends Unit> = {
  seconds: DurationText
  ratio: `${number}%`
  per_second: `${number}/s` | `${number}/m`
  bytes: SizeText
  count: number
}[U]

export type Measure<U extends Unit = Unit> = {
  readonly unit: U
  /** The part it is of; a function, since a part and its measures are made together. */
  readonly part: () => Part
  /** `latency.p95`: also the id of the signal that shows it. */
  readonly id: string
  /** Two or three words for a chart: `p95 latency`. */
  readonly title: string
  /** What a person says when it is above its limit: `answers slowly`. */
  readonly complaint: string
  readonly expr: (context: ExprContext) => string
}

/** Makes the measures of one part. */
export function measuresOf(part: () => Part) {
  return <U extends Unit>(
    id: string,
    unit: U,
    title: string,
    complaint: string,
    expr: Measure['expr'],
  ): Measure<U> => ({
    id,
    unit,
    title,
    complaint,
    expr,
    part,
  })
}
