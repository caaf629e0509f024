/**
 * `x smoothed`, an instant vector between its samples: the value at each step lies on the line between the samples around it.
 *
 * - The last sample is carried on, nothing comes before the first; both ways the lookback is the limit.
 * - Two histograms are those of a counter unless both are gauges.
 * - Floats and histograms within that reach of a step do not go together: a warning, and no value.
 */
import { CUSTOM_SCHEMA, type NativeHistogram } from '#core'
import type { VectorSelector } from '../ast.ts'
import { anchor } from './anchor.ts'
import { mixedBuckets, mixedTypes } from './annotations.ts'
import { blank, type Column, FLOAT, type Frame, isBlank, type OpenColumn, putHistogram, timeAt } from './column.ts'
import type { Context } from './context.ts'
import { offsetMs } from './duration.ts'
import { interpolateHistograms } from './histogram-rate.ts'
import type { RangeSeries } from './range-series.ts'
import { selectRange } from './select.ts'

export async function selectSmoothed(
  selector: VectorSelector,
  frame: Frame,
  context: Context,
): Promise<readonly Column[]> {
  const offset = offsetMs(selector.offset, context)
  const columns: Column[] = []
  for (const series of await selectRange({ selector }, context)) {
    context.charge(frame.count, selector.span)
    const column = blank(series.labels, false, frame.count)
    smooth(column, series, frame, { selector, context, offset })
    if (!isBlank(column)) columns.push(column)
    if (context.spend(series.count + frame.count)) await context.breathe()
  }
  return columns
}

type Smoothing = { readonly selector: VectorSelector; readonly context: Context; readonly offset: number }

function smooth(column: OpenColumn, series: RangeSeries, frame: Frame, how: Smoothing): void {
  const { selector, context, offset } = how
  const floats = new Reach(series.timestamps, series.count, context.lookbackMs)
  const { histograms } = series
  const others =
    histograms === undefined ? undefined : new Reach(histograms.timestamps, histograms.count, context.lookbackMs)
  for (let step = 0; step < frame.count; step++) {
    const time = anchor(selector, timeAt(frame, step), context.bounds) - offset
    floats.move(time)
    if (others === undefined) smoothFloat(column, step, series, floats)
    else {
      others.move(time)
      if (others.isEmpty) smoothFloat(column, step, series, floats)
      else if (!floats.isEmpty) context.annotations.warn(selector.span, mixedTypes(series.labels.name))
      else if (others.at >= 0) {
        const between = smoothHistogram(histograms!.values, others, series, how)
        if (between !== undefined) putHistogram(column, step, between)
      }
    }
  }
}

function smoothFloat({ values: out, kinds }: Column, step: number, { values }: RangeSeries, reach: Reach): void {
  const { at } = reach
  if (at < 0) return
  out[step] = reach.isBetween ? values[at]! + (values[at + 1]! - values[at]!) * reach.share : values[at]!
  kinds[step] = FLOAT
}

function smoothHistogram(
  values: readonly NativeHistogram[],
  reach: Reach,
  { labels }: RangeSeries,
  { selector, context }: Smoothing,
): NativeHistogram | undefined {
  const before = values[reach.at]!
  if (reach.isHit) return before
  // Carried on, a histogram says nothing of resets: that was said of it and the sample before it.
  if (!reach.isBetween) return { ...before, resetHint: 'unknown' }
  const after = values[reach.at + 1]!
  if ((before.schema === CUSTOM_SCHEMA) !== (after.schema === CUSTOM_SCHEMA)) {
    context.annotations.warn(selector.span, mixedBuckets(labels.name))
    return undefined
  }
  const isCounter = before.resetHint !== 'gauge' || after.resetHint !== 'gauge'
  return interpolateHistograms(before, after, reach.share, {
    isCounter,
    notes: { annotations: context.annotations, span: selector.span, name: labels.name },
  })
}

/** The samples within the lookback on both sides of a moment that only moves forward. */
class Reach {
  readonly #timestamps: Float64Array
  readonly #count: number
  readonly #lookbackMs: number
  #newest = -1
  #time = 0
  /** The sample at or before the moment, -1 when there is none within reach. */
  at = -1

  constructor(timestamps: Float64Array, count: number, lookbackMs: number) {
    this.#timestamps = timestamps
    this.#count = count
    this.#lookbackMs = lookbackMs
  }

  move(time: number): void {
    this.#time = time
    while (this.#newest + 1 < this.#count && this.#timestamps[this.#newest + 1]! <= time) this.#newest++
    this.at = this.#newest >= 0 && this.#timestamps[this.#newest]! > time - this.#lookbackMs ? this.#newest : -1
  }

  get isEmpty(): boolean {
    return this.at < 0 && !this.#nextIsNear
  }

  /** Whether there is a sample at the very moment. */
  get isHit(): boolean {
    return this.at >= 0 && this.#timestamps[this.at] === this.#time
  }

  /** Whether the moment lies between two samples, and on neither. */
  get isBetween(): boolean {
    return this.at >= 0 && !this.isHit && this.#nextIsNear
  }

  /** How far from the sample before to the one after, in [0, 1). */
  get share(): number {
    const from = this.#timestamps[this.at]!
    return (this.#time - from) / (this.#timestamps[this.at + 1]! - from)
  }

  get #nextIsNear(): boolean {
    const next = this.#newest + 1
    return next < this.#count && this.#timestamps[next]! <= this.#time + this.#lookbackMs
  }
}
