/**
 * Custom buckets whose bounds differ: both histograms are brought to the bounds they share.
 *
 * - A bucket goes where its upper bound lies; without a shared bound above it, behind the last one.
 */
import type { Buckets } from '#core'
import { type Side, SideBuilder } from './buckets.ts'

export function sameBounds(a: Float64Array, b: Float64Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** The bounds that both have, ascending. */
export function sharedBounds(a: Float64Array, b: Float64Array): Float64Array {
  const shared: number[] = []
  let j = 0
  for (let i = 0; i < a.length; i++) {
    while (j < b.length && b[j]! < a[i]!) j++
    if (j < b.length && b[j] === a[i]) shared.push(a[i]!)
  }
  return Float64Array.from(shared)
}

/** The buckets of `bounds` as buckets of `shared`, a part of them. */
export function toShared(side: Side, bounds: Float64Array, shared: Float64Array): Side {
  const merged = new SideBuilder(side.indices.length, side.lost !== undefined)
  let target = 0
  for (let i = 0; i < side.indices.length; i++) {
    const index = side.indices[i]!
    if (index >= bounds.length) target = shared.length
    else while (target < shared.length && shared[target]! < bounds[index]!) target++
    merged.push(target, side.counts[i]!, side.lost?.[i])
  }
  return merged.side
}

/** True when a bucket of shared bounds holds less than before. */
export function fellWithinShared(
  before: { readonly positive: Buckets; readonly customBounds: Float64Array },
  next: { readonly positive: Buckets; readonly customBounds: Float64Array },
): boolean {
  const shared = sharedBounds(before.customBounds, next.customBounds)
  const was = toShared(before.positive, before.customBounds, shared)
  const is = toShared(next.positive, next.customBounds, shared)
  let j = 0
  for (let i = 0; i < was.indices.length; i++) {
    while (j < is.indices.length && is.indices[j]! < was.indices[i]!) j++
    const count = is.indices[j] === was.indices[i] ? is.counts[j]! : 0
    if (count < was.counts[i]!) return true
  }
  return false
}
