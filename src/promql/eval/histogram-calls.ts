/**
 * histogram_quantile, histogram_quantiles and histogram_fraction over classic buckets: groups the `_bucket` series of
 * each histogram once, then works step by step.
 */
import { METRIC_NAME, tryParseValue } from '#core'
import type { Call, Expr } from '../ast.ts'
import { decimal } from '../decimal.ts'
import { forMetric } from './annotations.ts'
import { type Bucket, bucketFraction, bucketQuantile, type Repair } from './classic-histogram.ts'
import { blank, type Column, FLOAT, type Frame, isBlank, type Vector } from './column.ts'
import type { Context } from './context.ts'
import { Gather } from './gather.ts'
import { goNumber, quantileWarning } from './quantile.ts'

const LE = 'le'

type Histogram = {
  readonly labels: Column['labels']
  readonly buckets: { readonly bound: number; readonly column: Column }[]
}

function histogramsOf(vector: Vector, arg: Expr, context: Context): readonly Histogram[] {
  const histograms = new Map<string, Histogram>()
  for (const column of vector.columns) {
    const le = column.labels.get(LE)
    const bound = tryParseValue(le)
    if (bound === undefined) {
      context.annotations.warn(
        arg.span,
        `bucket label "le" is missing or has a malformed value of ${JSON.stringify(le)}${forMetric(column.labels.get(METRIC_NAME))}`,
      )
      continue
    }
    const labels = column.labels.without(LE)
    const known = histograms.get(labels.key)
    if (known === undefined) histograms.set(labels.key, { labels, buckets: [{ bound, column }] })
    else known.buckets.push({ bound, column })
  }
  return [...histograms.values()]
}

/** The buckets there are at one step. */
function bucketsAt({ buckets }: Histogram, step: number): Bucket[] {
  const present: Bucket[] = []
  for (const { bound, column } of buckets)
    if (column.kinds[step] === FLOAT) present.push({ bound, count: column.values[step]! })
  return present
}

export function histogramQuantile(call: Call, q: Float64Array, vector: Vector, frame: Frame, context: Context): Vector {
  warnQuantiles(q, call.args[0]!, context)
  const columns: Column[] = []
  for (const histogram of histogramsOf(vector, call.args[1]!, context)) {
    context.charge(frame.count, call.span)
    const out = blank(histogram.labels, true, frame.count)
    fillQuantiles(out, histogram, q, call.args[1]!, context)
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
  const gather = new Gather(frame.count, context, call.span)
  const histograms = histogramsOf(vector, call.args[0]!, context)
  for (const [i, q] of qs.entries()) {
    warnQuantiles(q, call.args[i + 2]!, context)
    for (const histogram of histograms) {
      const labels = histogram.labels.with(label, openMetricsNumber(q[0] ?? Number.NaN))
      const out = blank(labels, true, frame.count)
      fillQuantiles(out, histogram, q, call.args[0]!, context)
      gather.add(out, labels, true)
    }
  }
  return gather.vector
}

export function histogramFraction(
  call: Call,
  [lower, upper]: readonly [Float64Array, Float64Array],
  vector: Vector,
  frame: Frame,
  context: Context,
): Vector {
  const columns: Column[] = []
  for (const histogram of histogramsOf(vector, call.args[2]!, context)) {
    context.charge(frame.count, call.span)
    const out = blank(histogram.labels, true, frame.count)
    for (let step = 0; step < frame.count; step++) {
      const buckets = bucketsAt(histogram, step)
      if (buckets.length === 0) continue
      out.values[step] = bucketFraction(lower[step]!, upper[step]!, buckets)
      out.kinds[step] = FLOAT
    }
    if (!isBlank(out)) columns.push(out)
  }
  return { type: 'vector', columns }
}

function fillQuantiles(out: Column, histogram: Histogram, q: Float64Array, arg: Expr, context: Context): void {
  for (let step = 0; step < out.values.length; step++) {
    const buckets = bucketsAt(histogram, step)
    if (buckets.length === 0) continue
    const { value, repaired } = bucketQuantile(q[step]!, buckets)
    out.values[step] = value
    out.kinds[step] = FLOAT
    if (repaired !== undefined) context.annotations.info(arg.span, monotonicity(repaired, histogram))
  }
}

function monotonicity({ low, high, difference }: Repair, { labels }: Histogram): string {
  return `input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile), from buckets ${goNumber(low)} to ${goNumber(high)}, with a max diff of ${Number(difference.toPrecision(2))}${forMetric(labels.get(METRIC_NAME))}`
}

function warnQuantiles(q: Float64Array, arg: Expr, context: Context): void {
  for (let step = 0; step < q.length; step++) {
    const warning = quantileWarning(q[step]!)
    if (warning !== undefined) context.annotations.warn(arg.span, warning)
  }
}

/** As OpenMetrics writes label values that are numbers: with a point always. */
function openMetricsNumber(value: number): string {
  const text = decimal(value)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}
