/**
 * Quantiles of plain values, interpolated between neighbours, NaN counting as the smallest.
 */
import { goFloat } from '../go-float.ts'

/** The q-quantile of `values`, which is sorted in place. NaN when it is empty or q is NaN, infinite when q is outside [0, 1]. */
export function quantile(q: number, values: Float64Array): number {
  if (!(q >= 0 && q <= 1) || values.length === 0) return interpolate(q, values.length, () => Number.NaN)
  sortNanFirst(values)
  return quantileOfSorted(q, values, values.length)
}

/** As `quantile`, of the first `count` >= 1 of `values`, which are in order, NaN in front; q within [0, 1]. */
export function quantileOfSorted(q: number, values: Float64Array, count: number): number {
  // As `interpolate` does it, without a call for each window.
  const rank = q * (count - 1)
  const lower = Math.max(0, Math.floor(rank))
  const upper = Math.min(count - 1, lower + 1)
  const weight = rank - Math.floor(rank)
  return values[lower]! * (1 - weight) + values[upper]! * weight
}

/** The q-quantile of `count` values, of which `at` gives the one with so many before it. */
export function interpolate(q: number, count: number, at: (rank: number) => number): number {
  if (count === 0 || Number.isNaN(q)) return Number.NaN
  if (q < 0) return -Infinity
  if (q > 1) return Infinity
  const rank = q * (count - 1)
  const lower = Math.max(0, Math.floor(rank))
  const upper = Math.min(count - 1, lower + 1)
  const weight = rank - Math.floor(rank)
  return at(lower) * (1 - weight) + at(upper) * weight
}

/** Typed arrays sort NaN to the end; Prometheus has it in front. */
function sortNanFirst(values: Float64Array): void {
  values.sort()
  let nans = 0
  while (nans < values.length && Number.isNaN(values[values.length - 1 - nans]!)) nans++
  if (nans === 0) return
  values.copyWithin(nans, 0, values.length - nans)
  values.fill(Number.NaN, 0, nans)
}

/** Prometheus' words for a quantile outside [0, 1], or nothing. */
export function quantileWarning(q: number): string | undefined {
  if (q >= 0 && q <= 1) return undefined
  return `quantile value should be between 0 and 1, got ${goFloat(q)}`
}

export { goFloat as goNumber }
