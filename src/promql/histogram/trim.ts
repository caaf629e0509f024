/**
 * The operators `</` and `>/`: a native histogram without the observations above or below a value.
 *
 * - A bucket that the value lies in is split: linearly when it is a custom one or the zero bucket, exponentially otherwise.
 *   Of a bucket without end nobody knows where its observations lie; it goes as a whole, unless a custom one may count as
 *   beginning at zero.
 * - When anything went, count and sum are estimated anew from what stays, each bucket by its middle, and empty buckets go.
 *   When nothing went the histogram is the same.
 *
 * Source of the rules: prometheus: model/histogram/float_histogram.go (`TrimBuckets`).
 */
import {
  type Buckets,
  CUSTOM_SCHEMA,
  type HistogramBucket,
  type NativeHistogram,
  negativeBucket,
  positiveBucket,
  zeroBucket,
} from '#core'
import { compactHistogram } from './arithmetic.ts'

/** What is kept: the observations below a value, or those above it. */
type Kept = 'below' | 'above'
type Part = { readonly count: number; readonly middle: number }

/** Only the observations below `bound`. */
export function trimUpper(h: NativeHistogram, bound: number): NativeHistogram {
  return trim(h, bound, 'below')
}

/** Only the observations above `bound`. */
export function trimLower(h: NativeHistogram, bound: number): NativeHistogram {
  return trim(h, bound, 'above')
}

function trim(h: NativeHistogram, bound: number, kept: Kept): NativeHistogram {
  const linear = h.schema === CUSTOM_SCHEMA
  const sign = { positive: false, negative: false }
  let count = 0
  let sum = 0
  let trimmed = false
  const side = (of: 'positive' | 'negative'): Buckets => {
    const { indices, counts } = h[of]
    const left = Float64Array.from(counts)
    for (let i = 0; i < left.length; i++) {
      if (left[i] === 0) continue
      sign[of] = true
      const bucket = of === 'positive' ? positiveBucket(h, i) : negativeBucket(h, i)
      const part = partOf(bucket, bound, kept, of === 'positive', linear)
      if (part.count !== left[i]) trimmed = true
      left[i] = part.count
      count += part.count
      if (part.count !== 0 || part.middle !== 0) sum += part.middle * part.count
    }
    return { indices, counts: left }
  }
  const positive = side('positive')
  const negative = side('negative')
  let { zeroCount } = h
  if (zeroCount > 0) {
    const part = zeroPart(zeroBucket(h), bound, kept, sign)
    if (part.count !== zeroCount) trimmed = true
    zeroCount = part.count
    sum += part.middle * part.count
    count += part.count
  }
  if (!trimmed) return h
  return compactHistogram({ ...h, positive, negative, zeroCount, count, sum, isInteger: false })
}

/** What stays of a bucket. */
function partOf(bucket: HistogramBucket, bound: number, kept: Kept, positive: boolean, linear: boolean): Part {
  const { lower, upper, count } = bucket
  if (kept === 'below' ? upper <= bound : lower >= bound)
    return { count, middle: middleOf(lower, upper, positive, linear) }
  if (!(kept === 'below' ? lower < bound : upper > bound)) return { count: 0, middle: 0 }
  if (lower === -Infinity || upper === Infinity) return endlessPart(bucket, bound, kept)
  const below = countBelow(bucket, bound, positive, linear)
  return kept === 'below'
    ? { count: below, middle: middleOf(lower, bound, positive, linear) }
    : { count: count - below, middle: middleOf(bound, upper, positive, linear) }
}

function endlessPart({ lower, upper, count }: HistogramBucket, bound: number, kept: Kept): Part {
  const finite = (value: number): number => (Number.isFinite(value) ? value : 0)
  if (lower === -Infinity) {
    const bounded = upper !== Infinity
    if (kept === 'below') {
      if (bound >= upper) return { count, middle: 0 }
      if (bound > 0 && upper > 0 && bounded) return { count: (count * bound) / upper, middle: bound / 2 }
      if (upper <= 0) return { count, middle: bound }
      return { count: 0, middle: finite(upper) }
    }
    if (bound <= lower) return { count, middle: 0 }
    if (bound >= 0 && upper > bound && bounded)
      return { count: count * (1 - bound / upper), middle: (bound + upper) / 2 }
    return { count: 0, middle: finite(upper) }
  }
  // Up to +Inf: some of it may lie above any bound; and above any bound in it, all that is kept may as well lie.
  if (kept === 'below') return { count: 0, middle: finite(lower) }
  return bound >= lower ? { count, middle: bound } : { count: 0, middle: finite(lower) }
}

function countBelow(
  { lower, upper, count }: HistogramBucket,
  bound: number,
  positive: boolean,
  linear: boolean,
): number {
  if (bound <= lower) return 0
  if (bound >= upper) return count
  if (linear) return count * ((bound - lower) / (upper - lower))
  const logLower = Math.log2(Math.abs(lower))
  const logUpper = Math.log2(Math.abs(upper))
  const logBound = Math.log2(Math.abs(bound))
  const fraction = positive
    ? (logBound - logLower) / (logUpper - logLower)
    : 1 - (logBound - logUpper) / (logLower - logUpper)
  return count * fraction
}

function zeroPart(
  { lower: from, upper: to, count }: HistogramBucket,
  bound: number,
  kept: Kept,
  has: { readonly positive: boolean; readonly negative: boolean },
): Part {
  const upper = has.negative && !has.positive ? 0 : to
  const lower = has.positive && !has.negative ? 0 : from
  if (kept === 'below') {
    if (bound <= lower) return { count: 0, middle: 0 }
    if (bound >= upper) return { count, middle: (lower + upper) / 2 }
    return { count: count * ((bound - lower) / (upper - lower)), middle: (lower + bound) / 2 }
  }
  if (bound <= lower) return { count, middle: (lower + upper) / 2 }
  if (bound >= upper) return { count: 0, middle: 0 }
  return { count: count * ((upper - bound) / (upper - lower)), middle: (bound + upper) / 2 }
}

/** What an observation between two values counts as. */
function middleOf(lower: number, upper: number, positive: boolean, linear: boolean): number {
  if (!Number.isFinite(lower)) {
    if (!Number.isFinite(upper)) return 0
    return upper > 0 ? upper / 2 : upper
  }
  if (!Number.isFinite(upper)) return lower
  if (linear) return (lower + upper) / 2
  const middle = Math.sqrt(Math.abs(lower * upper))
  return positive ? middle : -middle
}
