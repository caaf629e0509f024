/**
 * What a source of samples (the head, a block) gives for one series: its labels and a way to read its samples of a span.
 */
import type { Labels } from '#core'
import type { ExtraColumns } from './extra-columns.ts'

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
