/**
 * What a source of samples (the head, a block) gives for one series: its labels and a way to read its samples of a span.
 */
import type { Labels } from '#core'
import { ExtraColumns } from './extra-columns.ts'
import type { SeriesColumns } from './series-columns.ts'

/** Columns to read into. `extras` left out: histograms and start timestamps are not asked for. */
export type PartColumns = {
  readonly timestamps: Float64Array
  readonly values: Float64Array
  readonly extras?: ExtraColumns
}

export type Part = {
  readonly labels: Labels
  /** No more samples than this will be written by `read`. */
  readonly maxCount: number
  /** Writes the samples of the span at `to`, ascending; returns how many. The columns have room for `maxCount` more. */
  readonly read: (columns: PartColumns, to: number) => number
  /** Late samples were merged in behind which the next part was written: its first histogram's hint does not hold. */
  readonly isMixed?: boolean
  /** Which index has the labels, and under which number: for what is known of a series by number. Left out where labels are all there is. */
  readonly index?: object
  readonly series?: number
}

/** Reads each series as the writer asks for it; the columns are used again. */
export function* columnsOf(parts: readonly Part[]): Generator<SeriesColumns, void, undefined> {
  let columns = { timestamps: new Float64Array(1024), values: new Float64Array(1024) }
  for (const part of parts) {
    if (columns.timestamps.length < part.maxCount) {
      columns = { timestamps: new Float64Array(part.maxCount * 2), values: new Float64Array(part.maxCount * 2) }
    }
    const extras = new ExtraColumns(part.maxCount)
    const count = part.read({ ...columns, extras }, 0)
    yield { labels: part.labels, ...columns, ...extras.take(count), count }
  }
}

/** Keeps of the entries [from, to) those within [low, high], moved to `from`; returns how many. Bits stay as they are. */
export function clip(
  { timestamps, values, extras }: PartColumns,
  { from, to, low, high }: { readonly from: number; readonly to: number; readonly low: number; readonly high: number },
): number {
  let start = from
  let end = to
  while (start < end && timestamps[start]! < low) start++
  while (end > start && timestamps[end - 1]! > high) end--
  if (start > from && end > start) {
    timestamps.copyWithin(from, start, end)
    values.copyWithin(from, start, end)
  }
  extras?.keep({ from, to, start, end })
  return end - start
}
