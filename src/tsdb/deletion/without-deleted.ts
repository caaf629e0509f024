/**
 * Leaves deleted samples out of what a source gives: parts for readers, columns for the writer of a block.
 *
 * A histogram that follows deleted samples knows nothing of the one before it: its hint of a counter reset was settled against one that
 * is no longer there. Where nothing was deleted, nothing is done and nothing is made.
 */
import type { NativeHistogram } from '#core'
import type { ExtraColumns } from '../columns/extra-columns.ts'
import type { Part, PartColumns } from '../columns/part.ts'
import { unsettled } from '../columns/reset-hints.ts'
import type { SeriesColumns } from '../columns/series-columns.ts'
import type { Interval, Tombstones } from './tombstones.ts'

/** Those that have a sample left. */
export function partsWithout(parts: readonly Part[], tombstones: Tombstones): readonly Part[] {
  if (tombstones.isEmpty) return parts
  return parts.flatMap((part) => partWithout(part, tombstones) ?? [])
}

/** `undefined`: no sample is left. */
export function partWithout(part: Part, tombstones: Tombstones): Part | undefined {
  const intervals = tombstones.of(part.labels)
  if (intervals === undefined) return part
  const read = (columns: PartColumns, at: number): number => {
    const end = at + part.read(columns, at)
    return compact(columns, keptRuns(columns.timestamps, { from: at, to: end, intervals }), at, end)
  }
  const scratch = { timestamps: new Float64Array(part.maxCount), values: new Float64Array(part.maxCount) }
  // The deleted may have been the last ones, so the next part's first hint does not hold either.
  return read(scratch, 0) === 0 ? undefined : { labels: part.labels, maxCount: part.maxCount, read, isMixed: true }
}

/** A block's series, those without a sample left out. */
export function* columnsWithout(
  source: Iterator<SeriesColumns, void, undefined>,
  tombstones: Tombstones,
): Generator<SeriesColumns, void, undefined> {
  /** The key of the series whose part was the last one and ended in deleted samples. */
  let cut: string | undefined
  for (let step = source.next(); step.done !== true; step = source.next()) {
    const series = step.value
    const intervals = tombstones.of(series.labels)
    if (intervals === undefined) {
      yield series
      continue
    }
    const { labels, timestamps, values, histograms, starts, count } = series
    const runs = keptRuns(timestamps, { from: 0, to: count, intervals })
    const afterCut = cut === labels.key
    if ((runs.at(-1)?.to ?? -1) !== count) cut = labels.key
    else cut = undefined
    if (runs.length === 0) continue
    const kept = runs.reduce((sum, { from, to }) => sum + to - from, 0)
    const out = {
      timestamps: new Float64Array(kept),
      values: new Float64Array(kept),
      ...(starts === undefined ? {} : { starts: new Float64Array(kept) }),
    }
    const keptHistograms: (NativeHistogram | undefined)[] = []
    let at = 0
    for (const { from, to } of runs) {
      out.timestamps.set(timestamps.subarray(from, to), at)
      out.values.set(values.subarray(from, to), at)
      if (starts !== undefined) out.starts?.set(starts.subarray(from, to), at)
      if (histograms !== undefined) {
        for (let i = from; i < to; i++) keptHistograms.push(histograms[i])
        const first = histograms[from]
        if (first !== undefined && (from > 0 || afterCut)) keptHistograms[at] = unsettled(first)
      }
      at += to - from
    }
    yield { labels, ...out, count: kept, ...(histograms === undefined ? {} : { histograms: keptHistograms }) }
  }
}

type Run = { readonly from: number; readonly to: number }

/** Runs [from, to) of entries that lie in none of the intervals. */
function keptRuns(
  timestamps: Float64Array,
  { from, to, intervals }: { readonly from: number; readonly to: number; readonly intervals: readonly Interval[] },
): readonly Run[] {
  const runs: Run[] = []
  let at = from
  for (const interval of intervals) {
    let end = at
    while (end < to && timestamps[end]! < interval.from) end++
    if (end > at) runs.push({ from: at, to: end })
    at = end
    while (at < to && timestamps[at]! <= interval.to) at++
  }
  if (at < to) runs.push({ from: at, to })
  return runs
}

/** Moves the runs together, to `start`; returns how many entries stay. Bits stay as they are. */
function compact(
  { timestamps, values, extras }: PartColumns,
  runs: readonly Run[],
  start: number,
  end: number,
): number {
  let at = start
  for (const { from, to } of runs) {
    if (from > at) {
      timestamps.copyWithin(at, from, to)
      values.copyWithin(at, from, to)
      extras?.histograms?.copyWithin(at, from, to)
      extras?.starts?.copyWithin(at, from, to)
      extras?.unsettle(at)
    }
    at += to - from
  }
  clear(extras, at, end)
  return at - start
}

function clear(extras: ExtraColumns | undefined, from: number, to: number): void {
  extras?.histograms?.fill(undefined, from, to)
  extras?.starts?.fill(0, from, to)
}
