/** What a histogram holds, from the numbers it lies in (layout: store/slot.ts). */
import type { Scale, Slot } from '../store/index.ts'

export type BucketCounts = {
  readonly sum: number
  /** By bucket, not cumulated; the last one is above all bounds. */
  readonly counts: readonly number[]
}

export function readBuckets({ values, at, words, scale, growth }: Slot): BucketCounts {
  return bucketsAt(at, scale, values, words, growth?.numbers.doubles ?? values)
}

/** `wides` are the numbers that wide counts lie in: all of them, where `doubles` may be the view that a slot was made with. */
export function bucketsAt(
  at: number,
  scale: Scale,
  doubles: Float64Array,
  words: Uint32Array,
  wides: Float64Array,
): BucketCounts {
  const first = at * 2 + 3
  const wide = words[first - 1]! - 1
  const counts = Array.from(
    { length: scale.bounds.length + 1 },
    (_, i) => words[first + i]! + (wide >= 0 ? wides[wide + i]! : 0),
  )
  return { sum: doubles[at]!, counts }
}
