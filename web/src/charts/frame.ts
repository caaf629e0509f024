/**
 * A range query's answer as columns on one even grid of instants: what every chart, spark and table is drawn from.
 *
 * - Missing is `null`, at every instant of the range that has no sample. Nothing is ever carried over or interpolated.
 * - NaN is missing too: a quantile of no requests is nothing to draw. Infinity is kept out of the line for the same reason.
 * - At most MAX_LINES lines; `dropped` says how many more there were, so that the page can tell.
 * - A series of nothing but histograms is no line (`heat.ts` draws it).
 */
import type { HistogramWire } from './distribution.ts'

/**
 * Prometheus' matrix as it travels: values are `[unix seconds, text]`. A series has floats, native histograms, or both one
 * after the other; what it has none of is absent.
 */
export type MatrixSeries = {
  readonly metric: Readonly<Record<string, string>>
  readonly values?: readonly (readonly [at: number, value: string])[]
  readonly histograms?: readonly (readonly [at: number, histogram: HistogramWire])[]
}

export type Line = { readonly name: string; readonly values: readonly (number | null)[] }

/** Columns: `times` in Unix seconds, strictly increasing; each line as long as `times`. */
export type Frame = { readonly times: readonly number[]; readonly lines: readonly Line[]; readonly dropped: number }

/** The grid of a range query. Unix seconds, both ends included; `step` in seconds, above zero. */
export type Grid = { readonly start: number; readonly end: number; readonly step: number }

/** More lines than this on one chart tell nothing and cost much. */
export const MAX_LINES = 24

export const EMPTY_FRAME: Frame = { times: [], lines: [], dropped: 0 }

/** Puts each series onto the grid. Samples off the grid by less than half a step count for the nearest instant. */
export function toFrame(
  matrix: readonly MatrixSeries[],
  grid: Grid,
  nameOf: (labels: MatrixSeries['metric']) => string,
): Frame {
  const count = Math.max(0, Math.floor((grid.end - grid.start) / grid.step + 1e-9)) + 1
  const times = Array.from({ length: count }, (_, i) => grid.start + i * grid.step)
  const floats = matrix.filter(({ values, histograms }) => values !== undefined || histograms === undefined)
  const lines = floats.slice(0, MAX_LINES).map(({ metric, values = [] }) => {
    const column: (number | null)[] = new Array<number | null>(count).fill(null)
    for (const [at, text] of values) {
      const i = Math.round((at - grid.start) / grid.step)
      const value = Number(text)
      if (i >= 0 && i < count && Number.isFinite(value)) column[i] = value
    }
    return { name: nameOf(metric), values: column }
  })
  return {
    times,
    lines: lines.toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true })),
    dropped: Math.max(0, floats.length - MAX_LINES),
  }
}

/**
 * Spans of the grid where no line has data, as `[from, to]` in Unix seconds: the neighbours that have data, or the ends.
 * A chart without any line has one gap: all of it.
 */
export function gapsOf(frame: Frame): readonly (readonly [from: number, to: number])[] {
  const { times, lines } = frame
  const gaps: (readonly [number, number])[] = []
  let open = -1
  for (let i = 0; i <= times.length; i++) {
    const missing = i < times.length && lines.every((line) => line.values[i] === null)
    if (missing && open < 0) open = i
    if (!missing && open >= 0) {
      gaps.push([times[Math.max(0, open - 1)]!, times[Math.min(times.length - 1, i)]!])
      open = -1
    }
  }
  return gaps
}

/** The last known value of a line and when it was, or `undefined`. It is history: a page must say so when it is old. */
export function lastOf(frame: Frame, line: Line): { readonly at: number; readonly value: number } | undefined {
  for (let i = line.values.length - 1; i >= 0; i--) {
    const value = line.values[i]
    if (value !== null && value !== undefined) return { at: frame.times[i]!, value }
  }
  return undefined
}

/** Smallest and largest value of all lines, or `undefined` where there is none. */
export function extentOf(frame: Frame): readonly [min: number, max: number] | undefined {
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (const line of frame.lines) {
    for (const value of line.values) {
      if (value === null) continue
      if (value < min) min = value
      if (value > max) max = value
    }
  }
  return min <= max ? [min, max] : undefined
}
