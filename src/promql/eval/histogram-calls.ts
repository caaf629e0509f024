/**
 * The functions of histograms, over classic buckets and native ones: groups what belongs to one histogram once, then works
 * step by step.
 *
 * - Where a step has classic buckets and a native histogram of the same labels, nobody knows which is meant: it gets a warning
 *   and no result.
 * - Samples that are no histogram are passed over; of classic buckets those without a readable `le`, with a warning.
 *
 * Source: prometheus: promql/functions.go (`funcHistogramQuantile` and its neighbours), promql/engine.go (`resetHistograms`).
 */
import { type Labels, type NativeHistogram, tryParseValue } from '#core'
import { type Call, type Expr, unwrap } from '../ast.ts'
import { goFloat } from '../go-float.ts'
import { nativeFraction, nativeMean, nativeQuantile, nativeStddev, nativeStdvar } from '../histogram/index.ts'
import { quote } from '../strings.ts'
import { forMetric } from './annotations.ts'
import { type Bucket, bucketFraction, bucketQuantile, type Repair, sortedQuantile } from './classic-histogram.ts'
import {
  blank,
  type Column,
  FLOAT,
  type Frame,
  HISTOGRAM,
  histogramAt,
  isBlank,
  timeAt,
  type Vector,
} from './column.ts'
import type { Context } from './context.ts'
import { Gather } from './gather.ts'
import { quantileWarning } from './quantile.ts'

const LE = 'le'

/** What one histogram is made of: buckets, native samples, or both at different steps. */
type Histogram = {
  readonly labels: Labels
  readonly buckets: { readonly bound: number; readonly column: Column }[]
  native: Column | undefined
  /** Room for what stands at one step, where buckets are alone and sorted; `undefined` otherwise. */
  room: { readonly bounds: Float64Array; readonly counts: Float64Array } | undefined
}

/** What stands at one step. */
type Sample =
  | { readonly kind: 'classic'; readonly buckets: readonly Bucket[] }
  | { readonly kind: 'native'; readonly histogram: NativeHistogram }

/** A call at work: the histograms of its vector, and what every result needs. */
class Histograms {
  readonly all: readonly Histogram[]
  readonly #arg: Expr
  readonly #frame: Frame
  readonly #context: Context

  constructor(vector: Vector, arg: Expr, frame: Frame, context: Context) {
    // Parentheses are no part of the place that is told.
    this.#arg = unwrap(arg)
    this.#frame = frame
    this.#context = context
    const found = new Map<string, Histogram>()
    const at = (labels: Labels): Histogram => {
      const known = found.get(labels.key)
      if (known !== undefined) return known
      const made = { labels, buckets: [], native: undefined, room: undefined }
      found.set(labels.key, made)
      return made
    }
    for (const column of vector.columns) {
      if (column.kinds.includes(HISTOGRAM)) at(column.labels).native = column
      if (!column.kinds.includes(FLOAT)) continue
      const bound = this.#boundOf(column.labels)
      if (bound !== undefined) at(column.labels.without(LE)).buckets.push({ bound, column })
    }
    this.all = [...found.values()]
    for (const histogram of this.all) {
      const { buckets, native } = histogram
      if (native !== undefined || buckets.some(({ bound }) => Number.isNaN(bound))) continue
      // Once for all steps. Those of one bound stay in their order, in which they are added up.
      buckets.sort((a, b) => (a.bound < b.bound ? -1 : a.bound > b.bound ? 1 : 0))
      histogram.room = { bounds: new Float64Array(buckets.length), counts: new Float64Array(buckets.length) }
    }
  }

  /** The quantile at a step; `undefined`: there is nothing, or both kinds. */
  quantileAt(q: number, histogram: Histogram, step: number): number | undefined {
    const { buckets, room, labels } = histogram
    if (room === undefined) {
      const sample = this.sampleAt(histogram, step)
      return sample && this.quantile(q, sample, histogram, step)
    }
    const { bounds, counts } = room
    let size = 0
    for (let i = 0; i < buckets.length; i++) {
      const { bound, column } = buckets[i]!
      if (column.kinds[step] !== FLOAT) continue
      bounds[size] = bound
      counts[size++] = column.values[step]!
    }
    if (size === 0) return undefined
    const { value, repaired } = sortedQuantile(q, bounds, counts, size)
    if (repaired !== undefined) this.#repaired(repaired, this.#nameOf(labels), step)
    return value
  }

  /** `undefined`: nothing, or both kinds. */
  sampleAt({ labels, buckets, native }: Histogram, step: number): Sample | undefined {
    const present: Bucket[] = []
    for (const { bound, column } of buckets)
      if (column.kinds[step] === FLOAT) present.push({ bound, count: column.values[step]! })
    const histogram = native === undefined ? undefined : histogramAt(native, step)
    if (present.length === 0) return histogram && { kind: 'native', histogram }
    if (histogram === undefined) return { kind: 'classic', buckets: present }
    this.#context.annotations.warn(
      this.#arg.span,
      `vector contains a mix of classic and native histograms${forMetric(this.#nameOf(labels))}`,
    )
    return undefined
  }

  /** The quantile of a sample, and what has to be said of it. */
  quantile(q: number, sample: Sample, { labels }: Histogram, step: number): number {
    const name = this.#nameOf(labels)
    const { annotations } = this.#context
    if (sample.kind === 'native') {
      const { value, nan } = nativeQuantile(q, sample.histogram)
      if (nan !== undefined) {
        const effect = nan === 'result' ? 'result is NaN' : 'result is skewed higher'
        annotations.info(
          this.#arg.span,
          `input to histogram_quantile has NaN observations, ${effect}${forMetric(name)}`,
        )
      }
      return value
    }
    const { value, repaired } = bucketQuantile(q, sample.buckets)
    if (repaired !== undefined) this.#repaired(repaired, name, step)
    return value
  }

  fraction(lower: number, upper: number, sample: Sample, { labels }: Histogram): number {
    if (sample.kind === 'classic') return bucketFraction(lower, upper, sample.buckets)
    const { value, nan } = nativeFraction(lower, upper, sample.histogram)
    if (nan)
      this.#context.annotations.info(
        this.#arg.span,
        `input to histogram_fraction has NaN observations, which are excluded from all fractions${forMetric(this.#nameOf(labels))}`,
      )
    return value
  }

  #repaired({ low, high, difference }: Repair, name: string, step: number): void {
    this.#context.annotations.infoOfRepair(
      this.#arg.span,
      `input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)${forMetric(name)}`,
      { atMs: timeAt(this.#frame, step), low, high, difference },
    )
  }

  #boundOf(labels: Labels): number | undefined {
    const le = labels.get(LE)
    const bound = tryParseBound(le)
    if (bound === undefined)
      this.#context.annotations.warn(
        this.#arg.span,
        `bucket label "le" is missing or has a malformed value of ${quote(le)}${forMetric(this.#nameOf(labels))}`,
      )
    return bound
  }

  /** Without delayed name removal the name is gone before it could be told. */
  #nameOf(labels: Labels): string {
    return this.#context.delaysNames ? labels.name : ''
  }
}

export function histogramQuantile(call: Call, q: Float64Array, vector: Vector, frame: Frame, context: Context): Vector {
  warnQuantiles(q, call.args[0]!, context)
  const histograms = new Histograms(vector, call.args[1]!, frame, context)
  return perHistogram(call, histograms, frame, context, (histogram, step) =>
    histograms.quantileAt(q[step]!, histogram, step),
  )
}

export function histogramFraction(
  call: Call,
  [lower, upper]: readonly [Float64Array, Float64Array],
  vector: Vector,
  frame: Frame,
  context: Context,
): Vector {
  const histograms = new Histograms(vector, call.args[2]!, frame, context)
  return perHistogram(call, histograms, frame, context, (histogram, step) => {
    const sample = histograms.sampleAt(histogram, step)
    return sample && histograms.fraction(lower[step]!, upper[step]!, sample, histogram)
  })
}

function perHistogram(
  call: Call,
  histograms: Histograms,
  frame: Frame,
  context: Context,
  of: (histogram: Histogram, step: number) => number | undefined,
): Vector {
  const columns: Column[] = []
  for (const histogram of histograms.all) {
    context.charge(frame.count, call.span)
    const out = blank(histogram.labels, true, frame.count)
    for (let step = 0; step < frame.count; step++) {
      const value = of(histogram, step)
      if (value === undefined) continue
      out.values[step] = value
      out.kinds[step] = FLOAT
    }
    if (!isBlank(out)) columns.push(out)
  }
  return { type: 'vector', columns }
}

export function histogramQuantiles(
  call: Call,
  label: string,
  qs: readonly Float64Array[],
  vector: Vector,
  frame: Frame,
  context: Context,
): Vector {
  for (const [i, q] of qs.entries()) warnQuantiles(q, call.args[i + 2]!, context)
  const histograms = new Histograms(vector, call.args[0]!, frame, context)
  const gather = new Gather(frame.count, context, call.span)
  for (const histogram of histograms.all) {
    // A quantile may differ from step to step, and with it the label.
    const labelled = new Map<number, Labels>()
    for (let step = 0; step < frame.count; step++) {
      const sample = histograms.sampleAt(histogram, step)
      if (sample === undefined) continue
      for (const q of qs) {
        const at = q[step]!
        const labels = labelled.get(at) ?? histogram.labels.with(label, openMetricsNumber(at))
        labelled.set(at, labels)
        gather.put(gather.column(labels, true), step, histograms.quantile(at, sample, histogram, step))
      }
    }
  }
  return gather.vector
}

/** The functions that make a number of a native histogram. */
export const HISTOGRAM_VALUES: ReadonlyMap<string, (h: NativeHistogram) => number> = new Map([
  ['histogram_avg', nativeMean],
  ['histogram_count', ({ count }: NativeHistogram) => count],
  ['histogram_stddev', nativeStddev],
  ['histogram_stdvar', nativeStdvar],
  ['histogram_sum', ({ sum }: NativeHistogram) => sum],
])

/** Applies `of` to every native histogram, and leaves floats out; the name will be dropped. */
export function mapHistograms(vector: Vector, of: (h: NativeHistogram) => number): Vector {
  const columns: Column[] = []
  for (const column of vector.columns) {
    if (!column.kinds.includes(HISTOGRAM)) continue
    const out = blank(column.labels, true, column.values.length)
    for (let step = 0; step < out.values.length; step++) {
      const histogram = histogramAt(column, step)
      if (histogram === undefined) continue
      out.values[step] = of(histogram)
      out.kinds[step] = FLOAT
    }
    columns.push(out)
  }
  return { type: 'vector', columns }
}

function warnQuantiles(q: Float64Array, arg: Expr, context: Context): void {
  for (let step = 0; step < q.length; step++) {
    const warning = quantileWarning(q[step]!)
    if (warning !== undefined) context.annotations.warn(unwrap(arg).span, warning)
  }
}

/** As Go reads a float: hexadecimal only with an exponent, which is nobody's `le`, and nothing beyond the largest double. */
function tryParseBound(le: string): number | undefined {
  const bound = /^[+-]?0x/i.test(le) ? undefined : tryParseValue(le)
  return Number.isFinite(bound ?? Number.NaN) || !/\d/.test(le) ? bound : undefined
}

/** As OpenMetrics writes label values that are numbers: with a point or an exponent always, and no sign at zero. */
function openMetricsNumber(value: number): string {
  const text = goFloat(value === 0 ? 0 : value)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}
