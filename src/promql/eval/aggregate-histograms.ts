/**
 * sum and avg of native histograms, beside the floats of the same group.
 *
 * - At a step with both kinds there is no result, and a warning says so; the same where exponential and custom buckets meet.
 *
 * Source: prometheus: promql/engine.go (`aggregation`).
 */
import { type Aggregate, unwrap } from '../ast.ts'
import { compactHistogram, HistogramMean, HistogramSum } from '../histogram/index.ts'
import { boundsReconciled, MIXED_TYPES_IN_AGGREGATION, mixedBuckets, resetCollision } from './annotations.ts'
import { ABSENT, type Column, FLOAT, HISTOGRAM, type OpenColumn, putHistogram } from './column.ts'
import type { Context } from './context.ts'

/** `out` holds the result of the floats already; steps with histograms are put right. */
export function foldHistograms(node: Aggregate, inputs: readonly Column[], out: OpenColumn, context: Context): void {
  const { annotations } = context
  const { span } = unwrap(node.expr)
  for (let step = 0; step < out.kinds.length; step++) {
    if (!inputs.some(({ kinds }) => kinds[step] === HISTOGRAM)) continue
    out.kinds[step] = ABSENT
    const into = node.op === 'sum' ? new HistogramSum() : new HistogramMean()
    // A float in front of all histograms has them not even added; one behind the first that does not fit is not looked at.
    const first = inputs.find(({ kinds }) => kinds[step] !== ABSENT)!
    const misfit = first.kinds[step] === HISTOGRAM ? addAll(into, inputs, step) : undefined
    if (into.caveats.boundsReconciled) annotations.info(span, boundsReconciled('aggregation'))
    if (misfit !== undefined) annotations.warn(span, mixedBuckets(misfit.labels.name))
    const looked = misfit === undefined ? inputs : inputs.slice(0, inputs.indexOf(misfit))
    const isMixed = looked.some(({ kinds }) => kinds[step] === FLOAT)
    if (isMixed) annotations.warn(span, MIXED_TYPES_IN_AGGREGATION)
    if (isMixed || misfit !== undefined) continue
    if (into.caveats.resetCollision) annotations.warn(span, resetCollision('aggregation'))
    const { histogram } = into
    if (histogram !== undefined) putHistogram(out, step, compactHistogram(histogram))
  }
}

/** The column that did not fit to those before it. */
function addAll(into: HistogramSum | HistogramMean, inputs: readonly Column[], step: number): Column | undefined {
  for (const column of inputs)
    if (column.kinds[step] === HISTOGRAM && into.add(column.histograms![step]!) === undefined) return column
  return undefined
}
