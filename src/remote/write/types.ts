/**
 * What a remote write request holds, whichever version it came in.
 *
 * - Floats stand in columns of the whole request, and a series names its run of them: one series costs no array of its own.
 * - Values keep their bits, so a stale marker stays one.
 * - What breaks a rule of its own (labels that are none, a bucket that is negative) is left out and told as a `Fault`; the rest
 *   of the request is taken.
 */
import type { Labels, NativeHistogram } from '#core'
import type { Metadata } from '#storage'

/** A native histogram with its instants, Unix milliseconds; `startAt` 0: not known. `undefined`: a stale marker. */
export type HistogramSample = {
  readonly at: number
  readonly startAt: number
  readonly histogram: NativeHistogram | undefined
}

/** A sample of a sample: usually the trace behind one observation. `at` in Unix milliseconds. */
export type WriteExemplar = { readonly labels: Labels; readonly value: number; readonly at: number }

export type WriteSeries = {
  readonly labels: Labels
  /** Its floats: [from, to) of the request's columns. */
  readonly from: number
  readonly to: number
  readonly histograms: readonly HistogramSample[]
  readonly exemplars: readonly WriteExemplar[]
}

/** Why samples are left out by the decoder, as a label of a metric. */
export const FAULT_REASONS = [
  'invalid-labels',
  'invalid-histogram',
  'floats-and-histograms',
  'label-limit',
  'label-name-length-limit',
  'label-value-length-limit',
] as const
export type FaultReason = (typeof FAULT_REASONS)[number]

export type WriteFault = {
  /** Samples and histograms that are left out for it. */
  readonly count: number
  readonly why: string
}

export type WriteRequest = {
  readonly series: readonly WriteSeries[]
  /** Unix milliseconds. */
  readonly timestamps: Float64Array
  readonly values: Float64Array
  /** Unix milliseconds, 0 where not known; absent when none is known. */
  readonly starts: Float64Array | undefined
  readonly metadata: readonly (Metadata & { readonly family: string })[]
  readonly faults: readonly WriteFault[]
  /** Samples and histograms of series that came without type, help and unit. Counted in 2.0 alone. */
  readonly withoutMetadata: number
}
