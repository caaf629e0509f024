/**
 * The seam between what knows metrics and what uses them: PromQL in, vectors and matrices out.
 *
 * Everything above the engine (rules, insight, responder, server, UI) asks through a `QueryFn`, so that it runs
 * unchanged on the embedded engine and on any Prometheus-compatible one.
 */
import type { UnixMs } from './brand.ts'
import type { NativeHistogram } from './histogram.ts'
import { Labels } from './labels.ts'

/** Who asks, for the log of queries; no answer depends on it. */
export type QueryOrigin = {
  readonly httpRequest?: { readonly clientIP: string; readonly method: string; readonly path: string }
  readonly ruleGroup?: { readonly file: string; readonly name: string }
  /** Spent waiting for a turn before the engine was asked. */
  readonly queuedMs?: number
}

/** Where one question departs from the engine's own settings. */
export type Asked = {
  /** How far back an instant selector looks; 0 or absent: as the engine is set. */
  readonly lookbackMs?: number
  /** Samples are to be counted for each step too, where the engine can. */
  readonly perStepStats?: boolean
  readonly origin?: QueryOrigin
}
export type Instant = Asked & { readonly at: UnixMs }
/** Inclusive at both ends; `stepMs` > 0. */
export type Range = Asked & { readonly start: UnixMs; readonly end: UnixMs; readonly stepMs: number }

/** With `histogram` the sample is that native histogram, and `value` is NaN. */
export type VectorSample = {
  readonly labels: Labels
  readonly at: UnixMs
  readonly value: number
  readonly histogram?: NativeHistogram
}

/** Columns of equal length, ascending in time. Missing steps are absent, never NaN. Floats and histograms stand apart. */
export type MatrixSeries = {
  readonly labels: Labels
  readonly timestamps: Float64Array
  readonly values: Float64Array
  readonly histograms?: { readonly timestamps: Float64Array; readonly values: readonly NativeHistogram[] }
}

/** How much was looked at, as Prometheus counts it: a histogram is as many samples as it takes room of 16 bytes. */
export type QueryStats = {
  /** Samples that selectors handed out, those of a window again at every step. */
  readonly total: number
  /** Read from the store, those of windows that overlap once; what a subquery reads counts, what is cut from it does not. */
  readonly read?: number
  /** Most samples held at one time. */
  readonly peak: number
  /** `total` by step, instants in Unix milliseconds: only where it was asked for and the engine may. */
  readonly perStep?: readonly (readonly [at: number, count: number])[]
  /** `read` by step, as `perStep`: each sample at the first step that sees it. */
  readonly readPerStep?: readonly (readonly [at: number, count: number])[]
}

export type QueryAnswer = (
  | { readonly kind: 'vector'; readonly samples: readonly VectorSample[] }
  | { readonly kind: 'matrix'; readonly series: readonly MatrixSeries[] }
  | { readonly kind: 'scalar'; readonly at: UnixMs; readonly value: number }
  | { readonly kind: 'string'; readonly at: UnixMs; readonly value: string }
) & {
  /** Caveats beside the result: what may be wrong with the data or the question. */
  readonly warnings: readonly string[]
  readonly infos: readonly string[]
  /** Absent where whoever answered does not count. */
  readonly stats?: QueryStats
}

/**
 * One question. A `Range` always yields a matrix. Rejects with an `AssayError` (`ASSAY_PROMQL_*`) that names the place in
 * the expression, or with the signal's reason when aborted.
 */
export type QueryFn = (promql: string, when: Instant | Range, signal?: AbortSignal) => Promise<QueryAnswer>

/** The vector of an answer; a scalar counts as one sample without labels, so that `1 < bool 2` works as a condition. */
export function vectorOf(answer: QueryAnswer): readonly VectorSample[] {
  switch (answer.kind) {
    case 'vector':
      return answer.samples
    case 'scalar':
      return [{ labels: Labels.empty, at: answer.at, value: answer.value }]
    default:
      throw new TypeError(`BUG: a vector was expected, the answer is a ${answer.kind}`)
  }
}
