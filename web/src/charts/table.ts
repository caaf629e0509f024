/**
 * The chart as a table: the same numbers for a screen reader, a keyboard, or a copy into a sheet.
 * Long ranges are thinned to at most `maxRows` instants, always with the newest; nothing is averaged.
 */
import type { Frame } from './frame.ts'

export type TableRow = { readonly at: number; readonly values: readonly (number | null)[] }

/** Newest first. `at` in Unix seconds. */
export function tableRows(frame: Frame, maxRows: number): readonly TableRow[] {
  const stride = Math.max(1, Math.ceil(frame.times.length / Math.max(1, maxRows)))
  const rows: TableRow[] = []
  for (let i = frame.times.length - 1; i >= 0; i -= stride) {
    rows.push({ at: frame.times[i]!, values: frame.lines.map((line) => line.values[i] ?? null) })
  }
  return rows
}

/** One sentence for who cannot see the chart: its lines, their last values, and whether data is missing. */
export function describe(frame: Frame, format: (value: number) => string): string {
  if (frame.lines.length === 0) return 'No data in this range.'
  const lines = frame.lines.slice(0, 6).map((line) => {
    const known = line.values.filter((value): value is number => value !== null)
    if (known.length === 0) return `${line.name}: no data`
    return `${line.name}: last ${format(known[known.length - 1]!)}, from ${format(Math.min(...known))} to ${format(Math.max(...known))}`
  })
  const missing = frame.times.filter((_, i) => frame.lines.every((line) => line.values[i] === null)).length
  const share = frame.times.length === 0 ? 0 : Math.round((missing / frame.times.length) * 100)
  return `${lines.join('; ')}.${share > 0 ? ` No data for ${share} % of the range.` : ''}`
}
