/**
 * The same observations in the wider buckets of a lower schema.
 *
 * - A bucket holds its upper bound and not its lower one, so neighbours meet behind a bound: one schema less joins bucket 2k-1 and 2k
 *   into bucket k (1 and 2, not 0 and 1), and no observation moves across a bound.
 * - Whole counts stay whole: nothing is split.
 *
 * Source: prometheus: model/histogram/generic.go (`targetIdx`).
 */
import { type Buckets, CUSTOM_SCHEMA, type NativeHistogram } from './histogram.ts'

/** Where bucket `index` goes, `steps` schemas lower. */
export function coarserIndex(index: number, steps: number): number {
  // Not `>>`, which takes its shift modulo 32: a wire may carry schemas further apart than that.
  return Math.floor((index - 1) / 2 ** steps) + 1
}

/** One side, `steps` schemas lower. The same object when there is nothing to do. */
export function coarserBuckets(buckets: Buckets, steps: number): Buckets {
  const { indices, counts } = buckets
  if (steps === 0 || indices.length === 0) return buckets
  const into = new Int32Array(indices.length)
  const sums = new Float64Array(indices.length)
  let last = -1
  for (let i = 0; i < indices.length; i++) {
    const index = coarserIndex(indices[i]!, steps)
    if (last < 0 || into[last] !== index) into[++last] = index
    sums[last]! += counts[i]!
  }
  return { indices: into.slice(0, last + 1), counts: sums.slice(0, last + 1) }
}

/** Throws `RangeError` for a schema above that of `h` and for custom buckets, which cannot be converted. */
export function reduceResolution(h: NativeHistogram, schema: number): NativeHistogram {
  if (schema === h.schema) return h
  if (h.schema === CUSTOM_SCHEMA || schema === CUSTOM_SCHEMA || schema > h.schema)
    throw new RangeError(`BUG: a histogram of schema ${h.schema} cannot be reduced to ${schema}`)
  const steps = h.schema - schema
  return { ...h, schema, positive: coarserBuckets(h.positive, steps), negative: coarserBuckets(h.negative, steps) }
}
