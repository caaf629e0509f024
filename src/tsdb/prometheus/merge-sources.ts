/**
 * Several sources as one: series in order of labels, each with all its samples of a span, ascending; what a block is written from.
 *
 * - Of equal instants the earlier source's sample stays.
 * - Hints of counter resets are settled anew, sample against sample: Prometheus tells them of whole chunks.
 * - Samples that are known already are left out: a second import adds nothing twice.
 */
import { isStaleAt, type Labels, type NativeHistogram } from '#core'
import { compareLabels } from '#storage'
import { settled } from '../columns/reset-hints.ts'
import type { SeriesColumns } from '../columns/series-columns.ts'
import { type Columns, weave } from '../columns/weave.ts'
import { leaveOut, type Source, type SourceSeries } from './source.ts'

export type Known = (labels: Labels, low: number, high: number) => readonly Columns[]

export function* mergeSources(
  sources: readonly Source[],
  { low, high, known }: { readonly low: number; readonly high: number; readonly known?: Known | undefined },
): Generator<SeriesColumns, void, undefined> {
  const iterators = sources.map((source) => source.series(low, high))
  const next = (i: number): SourceSeries | undefined => {
    const step = iterators[i]!.next()
    return step.done === true ? undefined : step.value
  }
  const heads = iterators.map((_, i) => next(i))
  try {
    for (;;) {
      let least: SourceSeries | undefined
      for (const one of heads) {
        if (one !== undefined && (least === undefined || compareLabels(one.labels, least.labels) < 0)) least = one
      }
      if (least === undefined) return
      const { labels } = least
      const columns: Columns[] = []
      for (const [i, one] of heads.entries()) {
        if (one === undefined || compareLabels(one.labels, labels) !== 0) continue
        columns.push(...one.columns)
        heads[i] = next(i)
      }
      const left = withoutKnown(joined(columns), known?.(labels, low, high) ?? [])
      if (left !== undefined) yield { labels, ...withHints(left) }
    }
  } finally {
    for (const iterator of iterators) iterator.return?.()
  }
}

/** Columns that follow each other are put one behind the other, the others woven. At least one. */
function joined(columns: readonly Columns[]): Columns {
  if (columns.length === 1) return columns[0]!
  const first = (one: Columns) => one.timestamps[0]!
  const last = (one: Columns) => one.timestamps[one.count - 1]!
  const sorted = columns.toSorted((a, b) => first(a) - first(b))
  const groups: Columns[][] = []
  for (const one of sorted) {
    const group = groups.at(-1)
    if (group !== undefined && first(one) <= Math.max(...group.map(last))) group.push(one)
    else groups.push([one])
  }
  // Within a group the earlier source wins, so its order is that of the sources again.
  return chained(
    groups.map((group) =>
      group.toSorted((a, b) => columns.indexOf(a) - columns.indexOf(b)).reduce((all, one) => weave(all, one)),
    ),
  )
}

function chained(parts: readonly Columns[]): Columns {
  if (parts.length === 1) return parts[0]!
  const count = parts.reduce((sum, part) => sum + part.count, 0)
  const timestamps = new Float64Array(count)
  const values = new Float64Array(count)
  const starts = parts.some((part) => part.starts !== undefined) ? new Float64Array(count) : undefined
  const hasHistograms = parts.some((part) => part.histograms !== undefined)
  const histograms = hasHistograms ? new Array<NativeHistogram | undefined>(count).fill(undefined) : undefined
  let at = 0
  for (const part of parts) {
    timestamps.set(part.timestamps.subarray(0, part.count), at)
    values.set(part.values.subarray(0, part.count), at)
    if (part.starts !== undefined) starts?.set(part.starts.subarray(0, part.count), at)
    if (part.histograms !== undefined) for (let i = 0; i < part.count; i++) histograms![at + i] = part.histograms[i]
    at += part.count
  }
  return { timestamps, values, count, starts, histograms }
}

function withoutKnown(columns: Columns, known: readonly Columns[]): Columns | undefined {
  if (known.length === 0) return columns
  const instants = new Set<number>()
  for (const { timestamps, count } of known) for (let i = 0; i < count; i++) instants.add(timestamps[i]!)
  return leaveOut(columns, (at) => instants.has(at))
}

function withHints(columns: Columns): Columns {
  const { histograms, values, count } = columns
  if (histograms === undefined) return columns
  const told: (NativeHistogram | undefined)[] = new Array<NativeHistogram | undefined>(count).fill(undefined)
  let before: NativeHistogram | undefined
  for (let i = 0; i < count; i++) {
    const histogram = histograms[i]
    if (histogram !== undefined) {
      told[i] = settled(before, histogram)
    }
    before = histogram === undefined || isStaleAt(values, i) ? undefined : told[i]
  }
  return { ...columns, histograms: told }
}
