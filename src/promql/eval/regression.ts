/**
 * deriv, predict_linear, double_exponential_smoothing.
 */
import { compensate } from './kahan.ts'
import type { RangeFunction, Window } from './window.ts'

export const deriv: RangeFunction = (window, out, step) => {
  if (window.to - window.from < 2) return false
  out[step] = leastSquares(window, window.timestamps[window.from]!).slope
  return true
}

export const predictLinear: RangeFunction = (window, out, step) => {
  if (window.to - window.from < 2) return false
  const { slope, intercept } = leastSquares(window, window.atMs)
  out[step] = slope * window.args[0]! + intercept
  return true
}

/** Line through the samples: slope per second, and its value at `originMs`. */
function leastSquares(
  { timestamps, values, from, to }: Window,
  originMs: number,
): { readonly slope: number; readonly intercept: number } {
  // `KahanSum`, written out: four objects and eight calls for each sample took longer than reading it.
  let [x, y, xy, x2] = [0, 0, 0, 0]
  let [cx, cy, cxy, cx2] = [0, 0, 0, 0]
  const first = values[from]!
  let constant = true
  for (let i = from; i < to; i++) {
    const value = values[i]!
    if (value !== first) constant = false
    const seconds = (timestamps[i]! - originMs) / 1000
    const nextX = x + seconds
    cx = compensate(seconds, x, nextX, cx)
    x = nextX
    const nextY = y + value
    cy = compensate(value, y, nextY, cy)
    y = nextY
    const product = seconds * value
    const nextXY = xy + product
    cxy = compensate(product, xy, nextXY, cxy)
    xy = nextXY
    const square = seconds * seconds
    const nextX2 = x2 + square
    cx2 = compensate(square, x2, nextX2, cx2)
    x2 = nextX2
  }
  x += cx
  y += cy
  xy += cxy
  x2 += cx2
  // A flat line is exact; the division below would make it 0 only nearly.
  if (constant && Number.isFinite(first)) return { slope: 0, intercept: first }
  if (constant) return { slope: Number.NaN, intercept: Number.NaN }
  const n = to - from
  const slope = (xy - (x * y) / n) / (x2 - (x * x) / n)
  return { slope, intercept: y / n - (slope * x) / n }
}

/** Holt's linear method: args are the smoothing factor and the trend factor, checked by the caller. */
export const doubleExponentialSmoothing: RangeFunction = ({ values, from, to, args }, out, step) => {
  if (to - from < 2) return false
  const smoothing = args[0]!
  const trendFactor = args[1]!
  let before = 0
  let level = values[from]!
  let trend = values[from + 1]! - level
  for (let i = from + 1; i < to; i++) {
    if (i > from + 1) trend = trendFactor * (level - before) + (1 - trendFactor) * trend
    const next = smoothing * values[i]! + (1 - smoothing) * (level + trend)
    before = level
    level = next
  }
  out[step] = level
  return true
}
