/**
 * rate, increase, delta and their kin.
 *
 * - Extrapolation is Prometheus': up to the window's ends when the first and last sample are near them (1.1 average
 *   gaps), else by half a gap, and never to before the instant where a counter would have been zero.
 */
import { type RangeFunction, resetFrom, type Window } from './window.ts'

export const rate: RangeFunction = (window, out, step) => extrapolated(window, out, step, true, true)
export const increase: RangeFunction = (window, out, step) => extrapolated(window, out, step, true, false)
export const delta: RangeFunction = (window, out, step) => extrapolated(window, out, step, false, false)

function extrapolated(window: Window, out: Float64Array, step: number, isCounter: boolean, isRate: boolean): boolean {
  const { timestamps, values, from, to, startMs, endMs } = window
  const gaps = to - from - 1
  if (gaps < 1) return false
  const first = values[from]!
  const firstMs = timestamps[from]!
  const lastMs = timestamps[to - 1]!
  let result = values[to - 1]! - first
  if (isCounter) {
    for (let i = resetFrom(window, from + 1); i < to; i = resetFrom(window, i + 1)) result += values[i - 1]!
  }
  let toStart = (firstMs - startMs) / 1000
  let toEnd = (endMs - lastMs) / 1000
  const sampled = (lastMs - firstMs) / 1000
  const gap = sampled / gaps
  const threshold = gap * 1.1
  if (toStart >= threshold) toStart = gap / 2
  if (isCounter) {
    let toZero = toStart
    if (result > 0 && first >= 0) toZero = sampled * (first / result)
    if (toZero < toStart) toStart = toZero
  }
  if (toEnd >= threshold) toEnd = gap / 2
  let factor = (sampled + toStart + toEnd) / sampled
  if (isRate) factor /= (endMs - startMs) / 1000
  out[step] = result * factor
  return true
}

export const irate: RangeFunction = ({ timestamps, values, from, to }, out, step) => {
  if (to - from < 2) return false
  const last = values[to - 1]!
  const before = values[to - 2]!
  const seconds = (timestamps[to - 1]! - timestamps[to - 2]!) / 1000
  if (seconds === 0) return false
  // After a reset the counter grew from zero to what it is.
  out[step] = (last < before ? last : last - before) / seconds
  return true
}

export const idelta: RangeFunction = ({ values, from, to }, out, step) => {
  if (to - from < 2) return false
  out[step] = values[to - 1]! - values[to - 2]!
  return true
}

export const resets: RangeFunction = (window, out, step) => {
  let count = 0
  for (let i = resetFrom(window, window.from + 1); i < window.to; i = resetFrom(window, i + 1)) count++
  out[step] = count
  return true
}

export const changes: RangeFunction = ({ values, from, to }, out, step) => {
  let count = 0
  for (let i = from + 1; i < to; i++) {
    const now = values[i]!
    const before = values[i - 1]!
    if (now !== before && !(Number.isNaN(now) && Number.isNaN(before))) count++
  }
  out[step] = count
  return true
}
