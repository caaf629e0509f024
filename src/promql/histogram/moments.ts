/**
 * Mean and variance of a native histogram. The mean is exact; for the variance every observation counts as lying in the middle
 * of its bucket: the arithmetic one of a custom bucket, zero in the zero bucket, the geometric one otherwise.
 *
 * Source: prometheus: promql/functions.go (`histogramVariance`).
 */
import { CUSTOM_SCHEMA, type HistogramBucket, listedBuckets, type NativeHistogram } from '#core'
import { KahanSum } from '../eval/kahan.ts'

/** Sum by count: NaN without observations. */
export function nativeMean({ sum, count }: NativeHistogram): number {
  return sum / count
}

export function nativeStdvar(h: NativeHistogram): number {
  const mean = nativeMean(h)
  const squares = new KahanSum()
  for (const bucket of listedBuckets(h)) {
    if (bucket.count === 0) continue
    const delta = middleOf(bucket, h.schema) - mean
    squares.add(bucket.count * delta * delta)
  }
  return (squares.sum + squares.compensation) / h.count
}

export function nativeStddev(h: NativeHistogram): number {
  return Math.sqrt(nativeStdvar(h))
}

function middleOf({ lower, upper }: HistogramBucket, schema: number): number {
  if (schema === CUSTOM_SCHEMA) return (upper + lower) / 2
  if (lower <= 0 && upper >= 0) return 0
  const middle = Math.sqrt(upper * lower)
  return upper < 0 ? -middle : middle
}
