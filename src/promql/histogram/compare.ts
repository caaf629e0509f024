/**
 * Two native histograms beside each other: whether they are equal, and whether a counter began anew between them.
 *
 * Source of the rules: prometheus: model/histogram/float_histogram.go (`Equals`, `DetectReset`).
 */
import { type Buckets, CUSTOM_SCHEMA, type NativeHistogram, sameHistogram } from '#core'
import { widerZero } from './accumulator.ts'
import { beyondZero, coarserSide } from './buckets.ts'
import { fellWithinShared, sameBounds } from './custom-bounds.ts'

/** As `==` compares them: schema, bounds, and every number; a bucket listed empty differs from one not listed. Hints do not count. */
export function equalHistograms(a: NativeHistogram, b: NativeHistogram): boolean {
  return sameHistogram(a, b)
}

/**
 * True when the counter behind `next` began anew since `before`. What the hint of `next` says is believed; else a count that
 * fell, a finer resolution, a narrower zero bucket or a change to or from custom bounds tells it.
 */
export function isReset(before: NativeHistogram, next: NativeHistogram): boolean {
  if (next.resetHint === 'reset') return true
  if (next.resetHint === 'none') return false
  if (next.count < before.count) return true
  const custom = next.schema === CUSTOM_SCHEMA
  if (custom !== (before.schema === CUSTOM_SCHEMA)) return true
  if (custom)
    return sameBounds(before.customBounds, next.customBounds)
      ? fell(before.positive, next.positive)
      : fellWithinShared(before, next)
  if (next.schema > before.schema || next.zeroThreshold < before.zeroThreshold) return true
  const zero = widerZero(before, next.zeroThreshold)
  // A populated bucket lies across the new end of the zero bucket: that cannot come from counting on.
  if (zero.zeroThreshold !== next.zeroThreshold || next.zeroCount < zero.zeroCount) return true
  const steps = before.schema - next.schema
  const side = (of: Buckets, coarser: number): Buckets =>
    beyondZero(coarserSide(of, coarser), next.schema, next.zeroThreshold)
  return (
    fell(side(before.positive, steps), side(next.positive, 0)) ||
    fell(side(before.negative, steps), side(next.negative, 0))
  )
}

/** True when a bucket holds less than before, or one that held something is gone. */
function fell(before: Buckets, next: Buckets): boolean {
  let j = 0
  for (let i = 0; i < before.indices.length; i++) {
    while (j < next.indices.length && next.indices[j]! < before.indices[i]!) j++
    if (next.indices[j] === before.indices[i]) {
      if (next.counts[j]! < before.counts[i]!) return true
    } else if (before.counts[i] !== 0) return true
  }
  return false
}
