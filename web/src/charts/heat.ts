/**
 * Time by buckets: the columns of a heatmap for one series. Pure.
 *
 * - A column without a sample is `undefined` and stays empty; it is told apart from a column whose buckets are empty.
 * - Darkness means the count of a bucket, in LEVELS steps whose limits the page can say. The steps follow the square root, so
 *   that one rare slow request is seen beside thousands of usual ones.
 */
import type { Bucket, Distribution } from './distribution.ts'
import { tryDistribution } from './distribution.ts'
import type { Grid, MatrixSeries } from './frame.ts'

export type Heat = {
  /** Unix seconds, even. */
  readonly times: readonly number[]
  readonly columns: readonly (Distribution | undefined)[]
  /** The largest count of a bucket; 0 without any. */
  readonly most: number
}

/** Steps of darkness. */
export const LEVELS = 6

/** The matrix's histograms of one series on the grid of the question. */
export function toHeat(series: MatrixSeries, grid: Grid): Heat {
  const count = Math.max(0, Math.floor((grid.end - grid.start) / grid.step + 1e-9)) + 1
  const columns = new Array<Distribution | undefined>(count).fill(undefined)
  for (const [at, wire] of series.histograms ?? []) {
    const i = Math.round((at - grid.start) / grid.step)
    if (i >= 0 && i < count) columns[i] = tryDistribution(wire)
  }
  let most = 0
  for (const column of columns) for (const { count: size } of column?.buckets ?? []) if (size > most) most = size
  return { times: Array.from({ length: count }, (_, i) => grid.start + i * grid.step), columns, most }
}

/** All buckets of all columns. */
export function* bucketsOf(heat: Heat): Generator<Bucket, void> {
  for (const column of heat.columns) if (column !== undefined) yield* column.buckets
}

/** How dark a bucket is drawn, 1 to LEVELS; 0: nothing in it. */
export function levelOf(count: number, most: number): number {
  if (!(count > 0) || !(most > 0)) return 0
  return Math.min(LEVELS, Math.max(1, Math.ceil(Math.sqrt(count / most) * LEVELS - 1e-9)))
}

/** The largest count of each level, ascending. */
export function levelLimits(most: number): readonly number[] {
  return Array.from({ length: LEVELS }, (_, i) => ((i + 1) / LEVELS) ** 2 * most)
}

/** Stretches of time without a sample, as `[from, to]` in Unix seconds: half a step beyond the first and last empty column. */
export function heatGaps({ times, columns }: Heat): readonly (readonly [number, number])[] {
  const half = times.length > 1 ? (times[1]! - times[0]!) / 2 : 0.5
  const gaps: (readonly [number, number])[] = []
  let open = -1
  for (let i = 0; i <= columns.length; i++) {
    const missing = i < columns.length && columns[i] === undefined
    if (missing && open < 0) open = i
    if (!missing && open >= 0) {
      gaps.push([times[open]! - half, times[i - 1]! + half])
      open = -1
    }
  }
  return gaps
}

/**
 * Whether the counts only ever rise: the mark of a counter that was asked for as it is, whose picture shows all that ever
 * happened instead of what happens. Too few columns say nothing.
 */
export function onlyGrows({ columns }: Heat): boolean {
  const counts = columns.flatMap((column) => (column === undefined ? [] : [column.count]))
  if (counts.length < 8 || !(counts.at(-1)! > counts[0]!)) return false
  return counts.every((count, i) => i === 0 || count >= counts[i - 1]!)
}

/** One sentence for who can't see the heatmap. */
export function describeHeat(heat: Heat, words: (bucket: Bucket) => string): string {
  const present = heat.columns.filter((column) => column !== undefined)
  if (present.length === 0) return 'No data in this range.'
  const totals = new Map<string, { bucket: Bucket; count: number }>()
  for (const bucket of bucketsOf(heat)) {
    const key = `${bucket.lower} ${bucket.upper}`
    const total = totals.get(key)
    if (total === undefined) totals.set(key, { bucket, count: bucket.count })
    else total.count += bucket.count
  }
  const full = [...totals.values()].toSorted((a, b) => b.count - a.count)[0]
  const missing = Math.round((1 - present.length / heat.columns.length) * 100)
  return [
    `A heatmap of ${present.length} instants and ${totals.size} buckets.`,
    ...(full === undefined ? ['No bucket has an observation.'] : [`Most observations lie ${words(full.bucket)}.`]),
    ...(missing > 0 ? [`No data for ${missing} % of the range.`] : []),
  ].join(' ')
}
