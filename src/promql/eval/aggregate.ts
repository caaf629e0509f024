/**
 * Aggregations that make one sample of a group: sum, avg, count, min, max, group, stddev, stdvar, quantile, count_values.
 *
 * - Grouping is resolved once per label set. Each group is folded column by column, so that the inner loop runs over
 *   the steps of one array; the order of samples within a step is the order of the input, as in Prometheus.
 * - sum and avg take floats or histograms, but not both at one step; count and group take both; the others pass over
 *   histograms, and an info says so.
 */
import { type Aggregate, unwrap } from '../ast.ts'
import { decimal } from '../decimal.ts'
import { formatHistogram } from '../histogram/index.ts'
import { quote } from '../strings.ts'
import { foldHistograms } from './aggregate-histograms.ts'
import { ignoredInAggregation } from './annotations.ts'
import { larger, smaller } from './arithmetic.ts'
import { ABSENT, blank, type Column, FLOAT, type Frame, HISTOGRAM, type OpenColumn, type Vector } from './column.ts'
import type { Context } from './context.ts'
import { Gather } from './gather.ts'
import { type Group, groupBy, groupByNames, groupLabels } from './grouping.ts'
import { compensate, KahanMean } from './kahan.ts'
import { quantile, quantileWarning } from './quantile.ts'

export function groupsOf(node: Aggregate, vector: Vector): readonly Group[] {
  return node.without
    ? groupBy(vector.columns, (labels) => groupLabels(labels, true, node.grouping))
    : groupByNames(vector.columns, node.grouping)
}

/** One column a group. */
export async function aggregate(node: Aggregate, vector: Vector, frame: Frame, context: Context): Promise<Vector> {
  const columns: Column[] = []
  for (const { labels, members } of groupsOf(node, vector)) {
    const inputs = members.map((i) => vector.columns[i]!)
    context.charge(frame.count, node.span)
    const out = blank(
      labels,
      inputs.some(({ dropName }) => dropName),
      frame.count,
    )
    FOLDS[node.op]?.(inputs, out)
    if (inputs.some(({ histograms }) => histograms !== undefined)) {
      if (node.op === 'sum' || node.op === 'avg') foldHistograms(node, inputs, out, context)
      else if (node.op !== 'count' && node.op !== 'group') noteIgnored(node, inputs, context)
    }
    columns.push(out)
    if (context.spend(inputs.length * frame.count)) await context.breathe()
  }
  return { type: 'vector', columns }
}

/** An aggregation of floats alone says that it passed over histograms. */
export function noteIgnored(node: Aggregate, inputs: readonly Column[], context: Context): void {
  if (!inputs.some(({ kinds }) => kinds.includes(HISTOGRAM))) return
  // Prometheus places it at the aggregation when it picks samples, else at what is aggregated.
  const span = node.op === 'topk' || node.op === 'bottomk' ? node.span : unwrap(node.expr).span
  context.annotations.info(span, ignoredInAggregation(node.op))
}

type Fold = (inputs: readonly Column[], out: OpenColumn) => void

const FOLDS: Readonly<Partial<Record<Aggregate['op'], Fold>>> = {
  sum: foldSum,
  avg: foldAvg,
  count(inputs, out) {
    each(inputs, out, (step) => out.values[step]! + 1)
  },
  group(inputs, out) {
    each(inputs, out, () => 1)
  },
  min(inputs, out) {
    foldExtreme(inputs, out, (value, best) => value < best)
  },
  max(inputs, out) {
    foldExtreme(inputs, out, (value, best) => value > best)
  },
  stddev(inputs, out) {
    foldVariance(inputs, out)
    for (let step = 0; step < out.values.length; step++) out.values[step] = Math.sqrt(out.values[step]!)
  },
  stdvar: foldVariance,
}

/** Of samples of either kind. */
function each(inputs: readonly Column[], out: Column, next: (step: number) => number): void {
  for (const { kinds } of inputs) {
    for (let step = 0; step < kinds.length; step++) {
      if (kinds[step] === ABSENT) continue
      out.values[step] = next(step)
      out.kinds[step] = FLOAT
    }
  }
}

/** Kahan summation in columns: the sums in `out`, the compensations beside them. */
function foldSum(inputs: readonly Column[], out: Column): void {
  const sums = out.values
  const compensations = new Float64Array(sums.length)
  for (const { values, kinds } of inputs) {
    for (let step = 0; step < kinds.length; step++) {
      if (kinds[step] !== FLOAT) continue
      const sum = sums[step]!
      const next = sum + values[step]!
      compensations[step] = compensate(values[step]!, sum, next, compensations[step]!)
      sums[step] = next
      out.kinds[step] = FLOAT
    }
  }
  for (let step = 0; step < sums.length; step++) if (Number.isFinite(sums[step]!)) sums[step]! += compensations[step]!
}

function foldAvg(inputs: readonly Column[], out: Column): void {
  for (let step = 0; step < out.values.length; step++) {
    let mean: KahanMean | undefined
    for (const { values, kinds } of inputs) {
      if (kinds[step] !== FLOAT) continue
      mean ??= new KahanMean()
      mean.add(values[step]!)
    }
    if (mean === undefined) continue
    out.values[step] = mean.mean
    out.kinds[step] = FLOAT
  }
}

function foldExtreme(inputs: readonly Column[], out: Column, better: (value: number, best: number) => boolean): void {
  for (const { values, kinds } of inputs) {
    for (let step = 0; step < kinds.length; step++) {
      if (kinds[step] !== FLOAT) continue
      const value = values[step]!
      const best = out.values[step]!
      // NaN stays only where nothing else comes.
      if (out.kinds[step] === ABSENT || better(value, best) || Number.isNaN(best)) out.values[step] = value
      out.kinds[step] = FLOAT
    }
  }
}

/** Population variance by Welford's method, one step at a time over columns of means and counts. */
function foldVariance(inputs: readonly Column[], out: Column): void {
  const means = new Float64Array(out.values.length)
  const counts = new Float64Array(out.values.length)
  for (const { values, kinds } of inputs) {
    for (let step = 0; step < kinds.length; step++) {
      if (kinds[step] !== FLOAT) continue
      const value = values[step]!
      counts[step]! += 1
      // An infinite value has no distance to anything: the variance is NaN, even of this one alone.
      const before = value - means[step]!
      means[step]! += before / counts[step]!
      out.values[step]! += before * (value - means[step]!)
      out.kinds[step] = FLOAT
    }
  }
  for (let step = 0; step < counts.length; step++) {
    if (counts[step]! > 0) out.values[step]! /= counts[step]!
  }
}

export async function aggregateQuantile(
  node: Aggregate,
  q: Float64Array,
  vector: Vector,
  frame: Frame,
  context: Context,
): Promise<Vector> {
  for (const bad of outside(q, 0, 1)) context.annotations.warn(unwrap(node.param!).span, quantileWarning(bad)!)
  const columns: Column[] = []
  for (const { labels, members } of groupsOf(node, vector)) {
    const inputs = members.map((i) => vector.columns[i]!)
    context.charge(frame.count, node.span)
    const dropName = inputs.some((input) => input.dropName)
    const out = blank(labels, dropName, frame.count)
    const buffer = new Float64Array(inputs.length)
    for (let step = 0; step < frame.count; step++) {
      let count = 0
      for (const { values, kinds } of inputs) if (kinds[step] === FLOAT) buffer[count++] = values[step]!
      if (count === 0) continue
      out.values[step] = quantile(q[step]!, buffer.subarray(0, count))
      out.kinds[step] = FLOAT
      if (context.spend(count)) await context.breathe()
    }
    noteIgnored(node, inputs, context)
    columns.push(out)
  }
  return { type: 'vector', columns }
}

/**
 * What of a parameter's values has to be said: that one is NaN, and the one furthest above `high` and below `low`. Beside a NaN
 * only an infinite one is seen to be outside, as Go takes the larger and the smaller of two.
 */
export function outside(values: Float64Array, low: number, high: number): readonly number[] {
  let least = Number.MAX_VALUE
  let most = -Number.MAX_VALUE
  let nan = false
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    nan ||= Number.isNaN(value)
    least = smaller(least, value)
    most = larger(most, value)
  }
  return [...(nan ? [Number.NaN] : []), ...(most > high ? [most] : []), ...(least < low ? [least] : [])]
}

/** How many samples have each value, the value as a label; a histogram's is its text. A name that is grouped by stays, as in Prometheus. */
export async function countValues(
  node: Aggregate,
  label: string,
  vector: Vector,
  frame: Frame,
  context: Context,
): Promise<Vector> {
  if (label === '' || !label.isWellFormed())
    throw context.fail(node.param!.span, `invalid label name ${quote(label)}; write a name such as "version"`)
  const gather = new Gather(frame.count, context, node.span)
  // Values repeat from step to step: the labels of each are made once a series.
  const byValue = new Map<number, OpenColumn>()
  for (const { labels, values, kinds, histograms } of vector.columns) {
    // The label is set before grouping takes labels away.
    const group = groupLabels(labels, node.without, node.grouping)
    const stays = !node.without || groupLabels(labels.with(label, 'x'), true, node.grouping).has(label)
    const labelled = (value: string) => gather.column(stays ? group.with(label, value) : group, false)
    byValue.clear()
    for (let step = 0; step < frame.count; step++) {
      if (kinds[step] === ABSENT) continue
      let out: OpenColumn | undefined
      if (kinds[step] === HISTOGRAM) out = labelled(formatHistogram(histograms![step]!))
      else {
        const value = values[step]!
        // A map takes -0 for 0, which have labels of their own.
        const isPlain = !Object.is(value, -0)
        out = isPlain ? byValue.get(value) : undefined
        out ??= labelled(decimal(value))
        if (isPlain) byValue.set(value, out)
      }
      out.values[step]! += 1
      out.kinds[step] = FLOAT
    }
    if (context.spend(frame.count)) await context.breathe()
  }
  return gather.vector
}
