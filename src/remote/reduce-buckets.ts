/**
 * Buckets of a finer exponential schema brought to a coarser one: 2^shift neighbours become one.
 *
 * A bucket ends at its bound and does not hold its lower one, so neighbours meet after the bound: bucket 1 and 2 go
 * together, not 0 and 1.
 *
 * Source: prometheus: model/histogram/generic.go (`targetIdx`).
 */
import type { Buckets } from '#core'

/** `shift`: by how many schemas coarser, 0 or more. */
export function reducedBuckets(buckets: Buckets, shift: number): Buckets {
  if (shift === 0 || buckets.indices.length === 0) return buckets
  const width = 2 ** shift
  const indices: number[] = []
  const counts: number[] = []
  for (const [i, index] of buckets.indices.entries()) {
    // Not `>>`, which takes the shift modulo 32.
    const target = Math.floor((index - 1) / width) + 1
    if (indices.at(-1) === target) counts[counts.length - 1]! += buckets.counts[i]!
    else {
      indices.push(target)
      counts.push(buckets.counts[i]!)
    }
  }
  return { indices: Int32Array.from(indices), counts: Float64Array.from(counts) }
}
