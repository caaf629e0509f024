/**
 * A classic histogram, bucket by bucket, as one native histogram with custom bounds (NHCB).
 *
 * - Buckets may come in any order; of equal bounds the first counts. What does not add up (negative, not cumulative, a count that is
 *   not the last bucket's) gives no histogram at all.
 * - Whole counts make an integer histogram, anything else one of floats.
 *
 * Source of the rules: prometheus: util/convertnhcb/convertnhcb.go.
 */
import {
  CUSTOM_SCHEMA,
  compactBuckets,
  histogramFault,
  MAX_BUCKETS,
  type NativeHistogram,
  NO_BUCKETS,
  type ResetHint,
} from './histogram.ts'

/** Empty buckets that may lie between two that hold something without being left out, in a histogram of whole counts. */
const KEPT_GAP = 2

export class ClassicHistogram {
  readonly #buckets: { readonly bound: number; readonly count: number }[] = []
  #count: number | undefined
  #sum = 0
  #broken = false

  /** `count`: observations up to and with `bound`. */
  bucket(bound: number, count: number): void {
    if (Number.isNaN(bound) || !(count >= 0) || this.#buckets.length === MAX_BUCKETS) this.#broken = true
    else this.#buckets.push({ bound, count })
  }

  count(count: number): void {
    if (!(count >= 0)) this.#broken = true
    this.#count = count
  }

  sum(sum: number): void {
    this.#sum = sum
  }

  /** The histogram, or `undefined` when the parts do not make one. */
  convert(resetHint: ResetHint = 'unknown'): NativeHistogram | undefined {
    const ascending = this.#buckets
      .toSorted((a, b) => (a.bound < b.bound ? -1 : a.bound > b.bound ? 1 : 0))
      .filter(({ bound }, i, all) => i === 0 || bound !== all[i - 1]!.bound)
    const bounds = ascending.map(({ bound }) => bound)
    const cumulative = ascending.map(({ count }) => count)
    const count = this.#count ?? cumulative.at(-1)
    if (this.#broken || count === undefined) return undefined
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) {
      bounds.push(Number.POSITIVE_INFINITY)
      cumulative.push(count)
    }
    if (cumulative.at(-1) !== count) return undefined
    const counts = cumulative.map((value, i) => value - (i === 0 ? 0 : cumulative[i - 1]!))
    if (counts.some((value) => value < 0)) return undefined
    const isInteger = cumulative.every(Number.isInteger)
    const histogram: NativeHistogram = {
      schema: CUSTOM_SCHEMA,
      zeroThreshold: 0,
      zeroCount: 0,
      count,
      sum: this.#sum,
      positive: compactBuckets(
        { indices: Int32Array.from(counts.keys()), counts: Float64Array.from(counts) },
        isInteger ? KEPT_GAP : 0,
      ),
      negative: NO_BUCKETS,
      customBounds: Float64Array.from(bounds.slice(0, -1)),
      resetHint,
      isInteger,
    }
    return histogramFault(histogram) === undefined ? histogram : undefined
  }
}
