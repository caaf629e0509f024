/**
 * Classic histograms: cumulative buckets with an upper bound each, the last one +Inf.
 *
 * - Counts are made monotonic first: differences below 1e-12 of the counts are rounding and repaired silently,
 *   larger ones are repaired too, but said.
 * - Within a bucket observations count as evenly spread; the first bucket starts at 0 when its bound is positive.
 */
export type Bucket = { readonly bound: number; count: number }

export type BucketQuantile = {
  readonly value: number
  /** Set when counts fell by more than rounding: between which bounds, and by how much at most. */
  readonly repaired?: Repair
}
export type Repair = { readonly low: number; readonly high: number; readonly difference: number }

const TOLERANCE = 1e-12
const MIN_NORMAL = 2 ** -1022

/** The q-quantile. `buckets` may be in any order and are left alone. */
export function bucketQuantile(q: number, buckets: readonly Bucket[]): BucketQuantile {
  if (buckets.length === 0 || Number.isNaN(q)) return { value: Number.NaN }
  if (q < 0) return { value: -Infinity }
  if (q > 1) return { value: Infinity }
  const sorted = cumulative(buckets)
  if (sorted === undefined) return { value: Number.NaN }
  const repaired = repair(sorted)
  const result = (value: number): BucketQuantile => (repaired === undefined ? { value } : { value, repaired })
  const last = sorted.length - 1
  if (sorted.length < 2 || sorted[last]!.count === 0) return result(Number.NaN)
  let rank = q * sorted[last]!.count
  let at = 0
  while (at < last && !(sorted[at]!.count >= rank)) at++
  if (at === last) return result(sorted[last - 1]!.bound)
  const { bound, count } = sorted[at]!
  if (at === 0 && bound <= 0) return result(bound)
  const below = at === 0 ? { bound: 0, count: 0 } : sorted[at - 1]!
  rank -= below.count
  return result(below.bound + (bound - below.bound) * (rank / (count - below.count)))
}

/**
 * As `bucketQuantile`, of buckets that are sorted by bound already, none of them NaN: the first `size` entries of both columns, which are
 * written to. Four times as fast, as nothing is made.
 */
export function sortedQuantile(q: number, bounds: Float64Array, counts: Float64Array, size: number): BucketQuantile {
  if (size === 0 || Number.isNaN(q)) return { value: Number.NaN }
  if (q < 0) return { value: -Infinity }
  if (q > 1) return { value: Infinity }
  let last = 0
  for (let i = 1; i < size; i++) {
    if (bounds[i] === bounds[last]) counts[last]! += counts[i]!
    else {
      last++
      bounds[last] = bounds[i]!
      counts[last] = counts[i]!
    }
  }
  if (bounds[last] !== Infinity) return { value: Number.NaN }
  let repaired: Repair | undefined
  for (let i = 1, previous = counts[0]!; i <= last; i++) {
    const count = counts[i]!
    if (count === previous) continue
    if (almostEqual(previous, count)) counts[i] = previous
    else if (count < previous) {
      const difference = Math.max(previous - count, repaired?.difference ?? 0)
      repaired = { low: repaired?.low ?? bounds[i]!, high: bounds[i]!, difference }
      counts[i] = previous
    } else previous = count
  }
  const value = last === 0 || counts[last] === 0 ? Number.NaN : valueOfRank(q * counts[last]!, bounds, counts, last)
  return repaired === undefined ? { value } : { value, repaired }
}

function valueOfRank(rank: number, bounds: Float64Array, counts: Float64Array, last: number): number {
  let at = 0
  while (at < last && !(counts[at]! >= rank)) at++
  if (at === last) return bounds[last - 1]!
  const bound = bounds[at]!
  if (at === 0 && bound <= 0) return bound
  const belowBound = at === 0 ? 0 : bounds[at - 1]!
  const belowCount = at === 0 ? 0 : counts[at - 1]!
  return belowBound + (bound - belowBound) * ((rank - belowCount) / (counts[at]! - belowCount))
}

/** The share of observations in [lower, upper]. Counts are taken as they are, monotonic or not. */
export function bucketFraction(lower: number, upper: number, buckets: readonly Bucket[]): number {
  const sorted = cumulative(buckets)
  if (sorted === undefined) return Number.NaN
  const total = sorted.at(-1)!.count
  if (total === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return Number.NaN
  if (lower >= upper) return 0
  return (rankOf(upper, sorted, total) - rankOf(lower, sorted, total)) / total
}

/** How many observations lie below `value`, interpolated where the bucket's ends are finite. */
function rankOf(value: number, buckets: readonly Bucket[], total: number): number {
  // Buckets that begin with a positive bound have no negative observations.
  let start = buckets[0]!.bound <= 0 ? -Infinity : 0
  let below = 0
  for (const { bound, count } of buckets) {
    if (start >= value) return atMost(below, total)
    if (bound > value) {
      // There is nothing to interpolate over in an endless bucket: up to +Inf nothing of it counts, from -Inf all of it.
      const inside = start === -Infinity ? count : below + ((count - below) * (value - start)) / (bound - start)
      return atMost(inside, total)
    }
    start = bound
    below = count
  }
  return total
}

function atMost(rank: number, total: number): number {
  return rank > total ? total : rank
}

/** By bound, equal bounds added up; nothing when the +Inf bucket is missing. */
function cumulative(buckets: readonly Bucket[]): Bucket[] | undefined {
  const sorted: Bucket[] = []
  for (const bucket of [...buckets].sort((a, b) => a.bound - b.bound)) {
    const last = sorted.at(-1)
    if (last !== undefined && last.bound === bucket.bound) last.count += bucket.count
    else sorted.push({ ...bucket })
  }
  return sorted.at(-1)?.bound === Infinity ? sorted : undefined
}

function repair(buckets: Bucket[]): Repair | undefined {
  let previous = buckets[0]!.count
  let repaired: Repair | undefined
  for (const bucket of buckets.slice(1)) {
    const { bound, count } = bucket
    if (count === previous) continue
    if (almostEqual(previous, count)) bucket.count = previous
    else if (count < previous) {
      const difference = previous - count
      repaired = {
        low: repaired?.low ?? bound,
        high: bound,
        difference: Math.max(difference, repaired?.difference ?? 0),
      }
      bucket.count = previous
    } else previous = count
  }
  return repaired
}

function almostEqual(a: number, b: number): boolean {
  const sum = Math.abs(a) + Math.abs(b)
  const difference = Math.abs(a - b)
  if (a === 0 || b === 0 || sum < MIN_NORMAL) return difference < TOLERANCE * MIN_NORMAL
  return difference / Math.min(sum, Number.MAX_VALUE) < TOLERANCE
}
