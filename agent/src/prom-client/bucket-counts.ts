/** What a histogram holds, from the numbers it lies in (layout: store/slot.ts). */
import type { Scale } from '../store/index.ts'

export type BucketCounts = {
  readonly sum: number
  /** By bucket, not cumulated; the last one is above all bounds. */
  readonly counts: readonly number[]
}

export function bucketsAt(at: number, scale: Scale, doubles: Float64Array, words: Uint32Array): BucketCounts {
  const first = at * 2 + 3
  const wide = words[first - 1]! - 1
  const counts = Array.from(
    { length: scale.bounds.length + 1 },
    (_, i) => words[first + i]! + (wide >= 0 ? doubles[wide + i]! : 0),
  )
  return { sum: doubles[at]!, counts }
}
