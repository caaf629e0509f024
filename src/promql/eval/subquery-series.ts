/**
 * The series that windows of a subquery are cut from.
 *
 * - A long subquery is evaluated in parts, and of each part only the samples that are there are kept: a year in steps of seconds
 *   over an hour of data takes the memory of that hour, as in Prometheus, which counts samples and not steps.
 * - Steps do not depend on each other, so that parts make no difference; every part reads the selectors' series again, which
 *   bounds their number.
 */
import type { Subquery } from '../ast.ts'
import type { Frame, Value } from './column.ts'
import { timeAt } from './column.ts'
import type { Context } from './context.ts'
import { asSeries, concatSeries, type RangeSeries, weightOfSeries } from './range-series.ts'

/** The subquery, and which step of whoever asks is the first to see an instant (`Reads.addInside`). */
type Asker = { readonly node: Subquery; readonly stepOf: (time: number) => number }

/** Steps that are always evaluated at once. */
const AT_ONCE = 65_536
const MAX_PARTS = 16

export async function subquerySeries(
  frame: Frame,
  { node, stepOf }: Asker,
  context: Context,
  evaluate: (frame: Frame) => Promise<Value>,
): Promise<readonly RangeSeries[]> {
  const size = Math.max(AT_ONCE, Math.ceil(frame.count / MAX_PARTS))
  if (frame.count <= size) return seriesOf(frame, stepOf, context, evaluate)
  const held = context.held
  let kept = 0
  const parts = new Map<string, RangeSeries[]>()
  for (let from = 0; from < frame.count; from += size) {
    const start = timeAt(frame, from)
    const left = frame.count - from
    const part = left > size ? { start, stepMs: frame.stepMs, count: size } : { ...frame, start, count: left }
    const found = await seriesOf(part, stepOf, context, evaluate)
    if (context.spend(part.count * (found.length + 1))) await context.breathe()
    context.held = held + kept
    for (const series of found) {
      const weight = weightOfSeries(series)
      if (weight === 0) continue
      context.charge(weight, node.span)
      kept += weight
      const known = parts.get(series.labels.key)
      if (known === undefined) parts.set(series.labels.key, [series])
      else known.push(series)
    }
  }
  return [...parts.values()].map(concatSeries)
}

async function seriesOf(
  frame: Frame,
  stepOf: (time: number) => number,
  context: Context,
  evaluate: (frame: Frame) => Promise<Value>,
): Promise<readonly RangeSeries[]> {
  if (frame.count === 0) return []
  const [value, reads] = await context.reading(frame.count, () => evaluate(frame))
  context.reads.addInside(reads, frame, stepOf)
  return value.type === 'vector' ? asSeries(value.columns, frame) : []
}
