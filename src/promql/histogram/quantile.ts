/**
 * Quantiles and shares of a native histogram.
 *
 * - Within an exponential bucket observations count as spread evenly over ever finer exponential buckets, within a custom one
 *   and the zero bucket as spread evenly. A zero bucket beside buckets of one sign only reaches from or to zero.
 * - Observations of NaN are counted and lie in no bucket. For a quantile they rank above all others; of no share are they part.
 *   Either is told, since it makes the result something else than what was asked for.
 * - Where the sum is NaN, Prometheus interpolates within the last bucket, whichever the quantile lies in: so do we.
 *
 * Source of the rules: prometheus: promql/quantile.go (`HistogramQuantile`, `HistogramFraction`).
 */
import {
  CUSTOM_SCHEMA,
  type HistogramBucket,
  listedBucketAt,
  listedBuckets,
  listedCount,
  listedCountAt,
  type NativeHistogram,
} from '#core'

/** What observations of NaN did: they are the result, or drew it upwards. */
export type NanEffect = 'result' | 'skew'

/** The q-quantile. NaN without observations or with a NaN for `q`, infinite when `q` is outside [0, 1]. */
export function nativeQuantile(q: number, h: NativeHistogram): { readonly value: number; readonly nan?: NanEffect } {
  if (q < 0) return { value: -Infinity }
  if (q > 1) return { value: Infinity }
  if (h.count === 0 || Number.isNaN(q)) return { value: Number.NaN }
  const custom = h.schema === CUSTOM_SCHEMA
  const mayHaveNan = Number.isNaN(h.sum)
  // The shorter way; NaN, though, ranks last, which only the way up knows.
  const upwards = mayHaveNan || q < 0.5
  const buckets = listedCount(h)
  const place = (i: number): number => (upwards ? i : buckets - 1 - i)
  let rank = (upwards ? q : 1 - q) * h.count
  let inBuckets = 0
  let at = 0
  for (; at < buckets; at++) {
    const count = listedCountAt(h, place(at))
    inBuckets += count
    if (count !== 0 && inBuckets >= rank) break
  }
  let bucket = buckets === 0 ? NOTHING : listedBucketAt(h, place(Math.min(at, buckets - 1)))
  let { lower, upper } = bucket
  if (custom) {
    if (lower === -Infinity) {
      if (upper <= 0) return { value: upper }
      lower = 0
    } else if (upper === Infinity) return { value: lower }
  } else if (lower < 0 && upper > 0) [lower, upper] = zeroEnds(h, lower, upper)
  // Rounding may find more in the buckets than there is.
  let found = Math.min(inBuckets, h.count)
  if (found < rank) return mayHaveNan ? { value: Number.NaN, nan: 'result' } : { value: upper }
  rank = upwards ? rank - (found - bucket.count) : found - rank
  let skewed = false
  if (mayHaveNan && at + 1 < buckets) {
    for (let i = at + 1; i < buckets; i++) found += listedCountAt(h, i)
    bucket = listedBucketAt(h, buckets - 1)
    lower = bucket.lower
    upper = bucket.upper
  }
  if (mayHaveNan) {
    // Nothing is missing in the buckets when the sum is NaN for +Inf and -Inf together.
    skewed = found < h.count
  }
  const value = within(lower, upper, rank / bucket.count, custom || (lower <= 0 && upper >= 0))
  return skewed ? { value, nan: 'skew' } : { value }
}

const NOTHING: HistogramBucket = { lower: 0, upper: 0, lowerInclusive: false, upperInclusive: false, count: 0 }

/** The place at `fraction` of a bucket. */
function within(lower: number, upper: number, fraction: number, linear: boolean): number {
  if (linear) return lower + (upper - lower) * fraction
  const logLower = Math.log2(Math.abs(lower))
  const logUpper = Math.log2(Math.abs(upper))
  return lower > 0
    ? 2 ** (logLower + (logUpper - logLower) * fraction)
    : -(2 ** (logUpper + (logLower - logUpper) * (1 - fraction)))
}

/** A zero bucket beside buckets of one sign only holds observations of that sign. */
function zeroEnds({ negative, positive }: NativeHistogram, lower: number, upper: number): [number, number] {
  if (negative.indices.length === 0 && positive.indices.length > 0) return [0, upper]
  if (positive.indices.length === 0 && negative.indices.length > 0) return [lower, 0]
  return [lower, upper]
}

/** The share of observations between two values. NaN without observations or with a NaN for a bound. `nan`: some were NaN. */
export function nativeFraction(
  lower: number,
  upper: number,
  h: NativeHistogram,
): { readonly value: number; readonly nan: boolean } {
  if (h.count === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return { value: Number.NaN, nan: false }
  if (lower >= upper) return { value: 0, nan: false }
  const ranks = { lower: undefined as number | undefined, upper: undefined as number | undefined }
  let rank = 0
  let inBuckets = 0
  for (const bucket of listedBuckets(h)) {
    inBuckets += bucket.count
    if (ranks.lower !== undefined && ranks.upper !== undefined) continue
    ranks.lower ??= rankIn(bucket, lower, rank, h)
    ranks.upper ??= rankIn(bucket, upper, rank, h)
    rank += bucket.count
  }
  const mayHaveNan = Number.isNaN(h.sum)
  const all = mayHaveNan ? inBuckets : h.count
  const upTo = (found: number | undefined): number => (found === undefined || found > all ? all : found)
  return { value: (upTo(ranks.upper) - upTo(ranks.lower)) / h.count, nan: mayHaveNan && inBuckets < h.count }
}

/** How many observations lie below `value`, when that is at or in this bucket; `rank` lie below the bucket. */
function rankIn(bucket: HistogramBucket, value: number, rank: number, h: NativeHistogram): number | undefined {
  const acrossZero = bucket.lower <= 0 && bucket.upper >= 0
  const [lower, upper] = acrossZero ? zeroEnds(h, bucket.lower, bucket.upper) : [bucket.lower, bucket.upper]
  if (lower >= value) return rank
  if (upper <= value) return undefined
  if (h.schema === CUSTOM_SCHEMA || acrossZero) {
    // An endless bucket has no width to interpolate over: up to +Inf nothing of it counts, from -Inf all of it.
    if (lower === -Infinity) return bucket.count
    return rank + (bucket.count * (value - lower)) / (upper - lower)
  }
  const logLower = Math.log2(Math.abs(lower))
  const logUpper = Math.log2(Math.abs(upper))
  const logValue = Math.log2(Math.abs(value))
  const fraction =
    value > 0 ? (logValue - logLower) / (logUpper - logLower) : 1 - (logValue - logUpper) / (logLower - logUpper)
  return rank + bucket.count * fraction
}
