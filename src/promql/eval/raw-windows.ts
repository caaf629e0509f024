/**
 * A range vector asked for as it is: the samples themselves, at one moment.
 *
 * - `anchored` and `smoothed` put a sample at both ends of the window: the one in force there, or one in between.
 */
import type { MatrixSeries } from '#core'
import type { MatrixSelector, Subquery } from '../ast.ts'
import { type Column, type Frame, withoutSchema } from './column.ts'
import type { Context } from './context.ts'
import { evaluate } from './evaluate.ts'
import { dropNames } from './gather.ts'
import { rangeInput, windowEnd } from './range-call.ts'
import type { RangeSeries } from './range-series.ts'

type Ends = { readonly startMs: number; readonly endMs: number }

export async function rawWindows(
  node: MatrixSelector | Subquery,
  frame: Frame,
  context: Context,
): Promise<readonly MatrixSeries[]> {
  const input = await rangeInput(node, frame, context, async (inner) => {
    const value = await evaluate((node as Subquery).expr, inner, context)
    if (value.type !== 'vector') return value
    // What names the inside takes away are gone in the answer, and two that become one series are merged there.
    const columns: readonly Column[] = dropNames(value.columns, inner.count, context, node.span)
    return { type: 'vector', columns }
  })
  const endMs = windowEnd(input, frame.start, context)
  const startMs = endMs - input.range
  const extension = node.kind === 'matrix-selector' ? node.selector.extension : undefined
  const result: MatrixSeries[] = []
  for (const series of input.series) {
    if (extension !== undefined && series.histograms !== undefined && hasHistogram(series, { startMs, endMs }, context))
      throw context.fail(
        node.span,
        `${extension} modifier is not supported with histograms; leave it out, or write rate(...) around the range`,
      )
    const labels = series.dropName ? withoutSchema(series.labels) : series.labels
    const found =
      extension === undefined
        ? within(series, startMs, endMs)
        : extended(series, { startMs, endMs }, context, extension === 'smoothed')
    if (found === undefined) continue
    const size = found.timestamps.length + (found.weight ?? 0)
    context.reads.handedOut[0]! += size
    if (node.kind === 'subquery') context.reads.spared[0]! += size
    const { timestamps, values, histograms } = found
    result.push({ labels, timestamps, values, ...(histograms === undefined ? {} : { histograms }) })
  }
  return result
}

type Found = Omit<MatrixSeries, 'labels'> & { readonly weight?: number }

function within(series: RangeSeries, startMs: number, endMs: number): Found | undefined {
  const [from, to] = span(series.timestamps, series.count, startMs, endMs)
  const floats = { timestamps: series.timestamps.slice(from, to), values: series.values.slice(from, to) }
  const { histograms } = series
  if (histograms !== undefined) {
    const [first, last] = span(histograms.timestamps, histograms.count, startMs, endMs)
    if (first < last) {
      const { timestamps, values, weights } = histograms
      return {
        ...floats,
        histograms: { timestamps: timestamps.slice(first, last), values: values.slice(first, last) },
        weight: weights[last]! - weights[first]!,
      }
    }
  }
  return from === to ? undefined : floats
}

/** The samples in (startMs, endMs]. */
function span(timestamps: Float64Array, count: number, startMs: number, endMs: number): readonly [number, number] {
  let from = 0
  while (from < count && timestamps[from]! <= startMs) from++
  let to = from
  while (to < count && timestamps[to]! <= endMs) to++
  return [from, to]
}

function hasHistogram({ histograms }: RangeSeries, { startMs, endMs }: Ends, { lookbackMs }: Context): boolean {
  if (histograms === undefined) return false
  const [from, to] = span(histograms.timestamps, histograms.count, startMs - lookbackMs, endMs)
  return from < to
}

function extended(
  series: RangeSeries,
  { startMs, endMs }: Ends,
  { lookbackMs }: Context,
  smoothed: boolean,
): Found | undefined {
  const { timestamps, values, count } = series
  const [from, to] = span(timestamps, count, startMs - lookbackMs, smoothed ? endMs + lookbackMs : endMs)
  if (from === to) return undefined
  let first = from
  while (first + 1 < to - 1 && timestamps[first + 1]! <= startMs) first++
  let last = to - 1
  if (smoothed) {
    let at = from
    while (at < last && timestamps[at]! < endMs) at++
    last = at
  }
  if (timestamps[last]! <= startMs) return undefined
  const between = (i: number, time: number) =>
    values[i]! + ((values[i + 1]! - values[i]!) * (time - timestamps[i]!)) / (timestamps[i + 1]! - timestamps[i]!)
  const left = smoothed && timestamps[first]! < startMs ? between(first, startMs) : values[first]!
  const right =
    smoothed && last > 0 && timestamps[last]! > endMs && last > from ? between(last - 1, endMs) : values[last]!
  const inner = {
    from: timestamps[first]! <= startMs ? first + 1 : first,
    to: timestamps[last]! >= endMs ? last : last + 1,
  }
  const size = Math.max(0, inner.to - inner.from)
  const times = new Float64Array(size + 2)
  const found = new Float64Array(size + 2)
  times[0] = startMs
  found[0] = left
  times.set(timestamps.subarray(inner.from, inner.from + size), 1)
  found.set(values.subarray(inner.from, inner.from + size), 1)
  times[size + 1] = endMs
  found[size + 1] = right
  return { timestamps: times, values: found }
}
