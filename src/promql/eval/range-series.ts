/**
 * What windows are cut from: the samples of one series, floats and histograms apart.
 *
 * - Stale markers are taken out. Both runs ascend in time; together they are the series.
 * - A series of floats alone, which is nearly every one, is passed on as the store gave it.
 */
import { isStaleAt, type Labels, type NativeHistogram } from '#core'
import type { Samples } from '#storage'
import { type Column, FLOAT, type Frame, HISTOGRAM, timeAt, weightOf } from './column.ts'
import { heard } from './reset-hints.ts'

export type HistogramRun = {
  readonly timestamps: Float64Array
  readonly values: readonly NativeHistogram[]
  readonly count: number
  /** `weights[i]`: what the histograms before `i` weigh together in the sample budget. One entry more than histograms. */
  readonly weights: Float64Array
  readonly starts?: Float64Array
}

export type RangeSeries = {
  readonly labels: Labels
  readonly dropName: boolean
  readonly timestamps: Float64Array
  readonly values: Float64Array
  readonly count: number
  /** When each float's counter began, 0 where it is not known. Absent when nothing is known or nobody may ask. */
  readonly starts?: Float64Array
  readonly histograms?: HistogramRun
}

export type Reading = {
  /** Start timestamps are kept. */
  readonly usesStarts: boolean
  /** Neighbouring histograms are compared (`heard`). */
  readonly compares: boolean
}

/** The series of what the store gave; `undefined` when nothing of it lives. */
export function rangeSeries(labels: Labels, data: Samples, { usesStarts, compares }: Reading): RangeSeries | undefined {
  const starts = usesStarts ? data.starts : undefined
  if (data.histograms !== undefined) return split(labels, data, starts, compares)
  const { timestamps, values, count } = withoutStale(data)
  if (count === 0) return undefined
  const kept = starts === undefined || count === data.count ? starts : liveStarts(data, starts, count)
  return { labels, dropName: false, timestamps, values, count, ...(kept === undefined ? {} : { starts: kept }) }
}

/** How much of the sample budget a series takes. */
export function weightOfSeries({ count, histograms }: RangeSeries): number {
  return count + (histograms === undefined ? 0 : histograms.weights[histograms.count]!)
}

/**
 * Columns of a subquery as series. What a histogram says of resets is forgotten: a subquery may skip the sample that it was said
 * of, or show it twice.
 *
 * Floats without a gap, which is nearly all of them, are passed on as they are, and share their instants: with two arrays of its own for
 * each of 400 series of 139 steps a subquery took 24.3 ms, so 23.1 (`bench/queries.ts`).
 */
export function asSeries(columns: readonly Column[], frame: Frame): readonly RangeSeries[] {
  const instants = new Float64Array(frame.count)
  for (let i = 0; i < instants.length; i++) instants[i] = timeAt(frame, i)
  let known: Column['kinds'] | undefined
  let run: FloatRun = { first: 0, count: 0, hasGaps: false }
  return columns.map(({ labels, dropName, values, kinds, histograms }) => {
    if (kinds !== known) {
      known = kinds
      run = floatRun(kinds)
    }
    const series = { labels, dropName, ...floatsOf(values, kinds, instants, run), count: run.count }
    if (histograms === undefined) return series
    const times: number[] = []
    const found: NativeHistogram[] = []
    for (let i = 0; i < frame.count; i++) {
      if (kinds[i] !== HISTOGRAM) continue
      times.push(timeAt(frame, i))
      found.push(withoutHint(histograms[i]!))
    }
    return { ...series, histograms: histogramRun(Float64Array.from(times), found) }
  })
}

/** Where the first float of a column is, and how many there are. */
type FloatRun = { readonly first: number; readonly count: number; readonly hasGaps: boolean }

function floatRun(kinds: Column['kinds']): FloatRun {
  let count = 0
  let first = 0
  let last = -1
  for (let i = 0; i < kinds.length; i++) {
    if (kinds[i] !== FLOAT) continue
    if (count++ === 0) first = i
    last = i
  }
  return { first, count, hasGaps: count > 0 && last - first + 1 !== count }
}

function floatsOf(
  values: Float64Array,
  kinds: Column['kinds'],
  instants: Float64Array,
  { first, count, hasGaps }: FloatRun,
): Pick<RangeSeries, 'timestamps' | 'values'> {
  if (count === kinds.length) return { timestamps: instants, values }
  // A part would keep the whole: of a long subquery little is kept when little is there.
  if (!hasGaps && count * 2 > kinds.length)
    return { timestamps: instants.subarray(first, first + count), values: values.subarray(first, first + count) }
  const timestamps = new Float64Array(count)
  const kept = new Float64Array(count)
  let at = 0
  for (let i = first; at < count; i++) {
    if (kinds[i] !== FLOAT) continue
    timestamps[at] = instants[i]!
    kept[at++] = values[i]!
  }
  return { timestamps, values: kept }
}

/** One series of its parts, which follow each other in time. The first says whether the name will be dropped. */
export function concatSeries(parts: readonly RangeSeries[]): RangeSeries {
  const [first] = parts
  if (first === undefined) throw new TypeError('BUG: a series of no parts')
  if (parts.length === 1) return first
  const runs = parts.flatMap(({ histograms }) => (histograms === undefined ? [] : [histograms]))
  const { labels, dropName } = first
  const count = parts.reduce((sum, part) => sum + part.count, 0)
  const series = {
    labels,
    dropName,
    timestamps: joined(parts.map(({ timestamps }) => timestamps)),
    values: joined(parts.map(({ values }) => values)),
    count,
  }
  if (runs.length === 0) return series
  const times = joined(runs.map(({ timestamps }) => timestamps))
  const values = runs.flatMap((one) => one.values)
  return { ...series, histograms: histogramRun(times, values) }
}

function joined(arrays: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(arrays.reduce((sum, one) => sum + one.length, 0))
  let at = 0
  for (const one of arrays) {
    all.set(one, at)
    at += one.length
  }
  return all
}

function withoutHint(histogram: NativeHistogram): NativeHistogram {
  const { resetHint } = histogram
  return resetHint === 'none' || resetHint === 'reset' ? { ...histogram, resetHint: 'unknown' } : histogram
}

function histogramRun(
  timestamps: Float64Array,
  values: readonly NativeHistogram[],
  starts?: Float64Array,
): HistogramRun {
  const weights = new Float64Array(values.length + 1)
  for (let i = 0; i < values.length; i++) weights[i + 1] = weights[i]! + weightOf(values[i]!)
  return { timestamps, values, count: values.length, weights, ...(starts === undefined ? {} : { starts }) }
}

function split(
  labels: Labels,
  data: Samples,
  starts: Float64Array | undefined,
  compares: boolean,
): RangeSeries | undefined {
  const timestamps = new Float64Array(data.count)
  const values = new Float64Array(data.count)
  const floatStarts = new Float64Array(data.count)
  const times: number[] = []
  const found: NativeHistogram[] = []
  const foundStarts: number[] = []
  let count = 0
  for (let i = 0; i < data.count; i++) {
    const histogram = data.histograms?.[i]
    if (histogram !== undefined) {
      times.push(data.timestamps[i]!)
      found.push(heard(histogram, compares ? data.histograms?.[i - 1] : undefined))
      foundStarts.push(starts?.[i] ?? 0)
    } else if (!isStaleAt(data.values, i)) {
      timestamps[count] = data.timestamps[i]!
      floatStarts[count] = starts?.[i] ?? 0
      values[count++] = data.values[i]!
    }
  }
  if (count + found.length === 0) return undefined
  const known = starts === undefined ? undefined : Float64Array.from(foundStarts)
  return {
    labels,
    dropName: false,
    timestamps,
    values,
    count,
    ...(starts === undefined ? {} : { starts: floatStarts }),
    ...(found.length === 0 ? {} : { histograms: histogramRun(Float64Array.from(times), found, known) }),
  }
}

/** The common case has no marker and is passed on as it is. */
function withoutStale(data: Samples): Samples {
  let first = 0
  while (first < data.count && !isStaleAt(data.values, first)) first++
  if (first === data.count) return data
  const timestamps = data.timestamps.slice(0, data.count)
  const values = data.values.slice(0, data.count)
  let count = first
  for (let i = first; i < data.count; i++) {
    if (isStaleAt(data.values, i)) continue
    timestamps[count] = data.timestamps[i]!
    values[count++] = data.values[i]!
  }
  return { timestamps, values, count }
}

function liveStarts(data: Samples, starts: Float64Array, count: number): Float64Array {
  const kept = new Float64Array(count)
  let at = 0
  for (let i = 0; i < data.count; i++) if (!isStaleAt(data.values, i)) kept[at++] = starts[i]!
  return kept
}
