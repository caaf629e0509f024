/**
 * Axes: a y range that keeps zero and the threshold in sight, round ticks in the unit's own steps, times that fit.
 *
 * - Amounts start at zero, so that a small wiggle never looks like a cliff; only what lives far from zero (a database's
 *   size) may leave it, and then the axis says so by its first tick.
 * - Bytes step in powers of two, times in minutes and hours.
 */
import type { Unit } from '../api/wire.ts'
import { type Scale, scaleOf } from '../format/value.ts'

/** Below this share of its size, a band of values is drawn from near its own minimum instead of from zero. */
const NARROW = 0.15

/** From and to of the y axis. `extent` is of the data; `limit` a threshold that must be seen. */
export function yRange(
  extent: readonly [number, number] | undefined,
  limit: number | undefined,
  unit: Unit,
): readonly [number, number] {
  const values = [...(extent ?? []), ...(limit === undefined ? [] : [limit])]
  if (values.length === 0) return [0, 1]
  const min = Math.min(...values)
  const max = Math.max(...values)
  // Below a byte there is no size to be near to, and a hundredth of it may be nothing.
  const narrow = unit === 'bytes' && min >= 1 && (max - min) / max < NARROW
  if (narrow) {
    const pad = Math.max(max - min, max * 0.01)
    return [Math.max(0, min - pad), max + pad]
  }
  const low = min < 0 ? min * 1.1 : 0
  const high = max > 0 ? max * 1.12 : 0
  return high > low ? [low, high] : [low, low + smallest(unit)]
}

/** Round ticks inside the range, about one per `spacePx` pixels. In base units, in increasing order. */
export function yTicks(min: number, max: number, heightPx: number, unit: Unit): readonly number[] {
  const scale = axisScale(min, max, unit)
  const want = Math.max(2, Math.floor(heightPx / 38))
  const raw = ((max - min) * scale.factor) / want
  const step = unit === 'bytes' ? 2 ** Math.ceil(Math.log2(raw)) : roundStep(raw)
  const base = step / scale.factor
  if (!(base > 0) || !Number.isFinite(base)) return [min]
  const ticks: number[] = []
  for (let i = Math.ceil(min / base - 1e-9) + 0; i * base <= max + base * 1e-9 && ticks.length < 50; i++)
    ticks.push(i * base)
  return ticks
}

/** The one scale that all of the axis is written in. Latency stays in milliseconds up to 5 s, as limits are spoken. */
export function axisScale(min: number, max: number, unit: Unit): Scale {
  const size = Math.max(Math.abs(min), Math.abs(max))
  return scaleOf(unit, unit === 'seconds' && size >= 1 && size < 5 ? 0.999 : size)
}

/** 1, 2, 2.5, 5 times a power of ten, not below `raw`. */
function roundStep(raw: number): number {
  const power = 10 ** Math.floor(Math.log10(raw))
  const share = raw / power
  const base = share <= 1 ? 1 : share <= 2 ? 2 : share <= 2.5 ? 2.5 : share <= 5 ? 5 : 10
  return base * power
}

/** What an axis without any height shows: one unit that a reader can imagine. */
function smallest(unit: Unit): number {
  return { seconds: 0.1, ratio: 0.01, per_second: 1, bytes: 1024, count: 1 }[unit]
}

const TIME_STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
] as const

/** Times at round minutes or hours of the reader's zone, in Unix seconds. `offsetMinutes` is the zone's, east positive. */
export function xTicks(start: number, end: number, widthPx: number, offsetMinutes: number): readonly number[] {
  const want = Math.max(2, Math.floor(widthPx / 78))
  const step =
    TIME_STEPS.find((candidate) => (end - start) / candidate <= want) ??
    Math.ceil((end - start) / want / 86_400) * 86_400
  const shift = offsetMinutes * 60
  const ticks: number[] = []
  for (let at = Math.ceil((start + shift) / step) * step - shift; at <= end && ticks.length < 50; at += step)
    ticks.push(at)
  return ticks
}
