/**
 * What a range function sees at one step. One object is reused for all steps of all series.
 */
import type { NativeHistogram } from '#core'
import type { Notes } from './annotations.ts'
import type { HistogramRun } from './range-series.ts'
import { startsAnew } from './start-timestamps.ts'

export type Window = {
  timestamps: Float64Array
  values: Float64Array
  /** The floats of the window: [from, to). Never empty for a `RangeFunction`. */
  from: number
  to: number
  /** When each float's counter began; absent where nobody may ask. */
  starts: Float64Array | undefined
  /** The histograms of the series, of which [histogramsFrom, histogramsTo) lie in the window. */
  histograms: HistogramRun | undefined
  histogramsFrom: number
  histogramsTo: number
  /** The window is (startMs, endMs]. */
  startMs: number
  endMs: number
  /** The step itself, which an offset or `@` may have moved away from the window. */
  atMs: number
  /** Scalar arguments at this step, in their order. */
  readonly args: Float64Array
  /** See `nextResets`; absent where nothing has prepared it, and then functions look for themselves. */
  nextReset: Int32Array | undefined
  /** For what is to be said of the series. */
  notes: Notes
}

/** Writes the result to `out[step]`; false when there is none. */
export type RangeFunction = (window: Window, out: Float64Array, step: number) => boolean

/** What a function makes of a window with histograms in it, and maybe floats. */
export type MixedFunction = (window: Window & { histograms: HistogramRun }) => number | NativeHistogram | undefined

/**
 * For each index the next one at which the value is lower than the one before it (`count` when there is none): with it
 * a window costs its resets, not its samples. Where a start timestamp says so there is one too. One entry more than samples.
 */
export function nextResets(
  values: Float64Array,
  count: number,
  timestamps?: Float64Array,
  starts?: Float64Array,
): Int32Array {
  const next = new Int32Array(count + 1)
  next[count] = count
  if (timestamps === undefined || starts === undefined)
    for (let i = count - 1; i > 0; i--) next[i] = values[i]! < values[i - 1]! ? i : next[i + 1]!
  else
    for (let i = count - 1; i > 0; i--)
      next[i] = values[i]! < values[i - 1]! || startsAnew(starts, timestamps, i) ? i : next[i + 1]!
  next[0] = next[Math.min(1, count)]!
  return next
}

/** Like `nextResets(values, count)[from]` bounded by `to`, by looking: the slow twin. */
export function findReset(values: Float64Array, from: number, to: number): number {
  let at = from
  while (at < to && !(values[at]! < values[at - 1]!)) at++
  return at
}

/** The next reset at or behind `from` in a window. */
export function resetFrom({ values, to, nextReset }: Window, from: number): number {
  return nextReset === undefined ? findReset(values, from, to) : nextReset[from]!
}
