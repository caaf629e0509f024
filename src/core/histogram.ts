/**
 * A native histogram: one sample that holds a whole distribution. What all rooms pass to each other; how it is calculated with
 * stands in `#promql`, how it is kept in `#tsdb`.
 *
 * - Counts are numbers, as PromQL sees them. `isInteger` keeps what a writer said, so that it can be written out again;
 *   integers beyond 2^53 lose their last digits.
 * - Buckets are listed by index, ascending, absolute (not as differences). An index that is listed with a count of 0 differs
 *   from one that is not listed only where two histograms are compared for equality, as in Prometheus.
 * - Immutable: whoever changes counts makes a new one. Arrays may be shared.
 *
 * Source: Prometheus' native histogram specification (prometheus.io/docs/specs/native_histograms).
 */

/** With this schema the bounds of the buckets stand in `customBounds`. */
export const CUSTOM_SCHEMA = -53
/** Exponential schemas that are calculated with: bucket bounds grow by 2^(2^-schema). */
export const MIN_SCHEMA = -4
export const MAX_SCHEMA = 8

/**
 * What is known of a counter's reset between the sample before and this one. `gauge`: not a counter at all.
 * Prometheus' wire numbers them 0 to 3 in this order.
 */
export const RESET_HINTS = ['unknown', 'reset', 'none', 'gauge'] as const
export type ResetHint = (typeof RESET_HINTS)[number]

/** Buckets of one side. `indices` ascends; `counts[i]` observations lie in bucket `indices[i]`. */
export type Buckets = { readonly indices: Int32Array; readonly counts: Float64Array }

export type NativeHistogram = {
  /** `MIN_SCHEMA` to `MAX_SCHEMA`, or `CUSTOM_SCHEMA`. */
  readonly schema: number
  /** Observations in [-zeroThreshold, zeroThreshold] count as zero. 0 under `CUSTOM_SCHEMA`. */
  readonly zeroThreshold: number
  readonly zeroCount: number
  readonly count: number
  readonly sum: number
  readonly positive: Buckets
  /** Of absolute values. Empty under `CUSTOM_SCHEMA`. */
  readonly negative: Buckets
  /** Upper bounds, inclusive, ascending; the bucket behind the last one ends at +Inf. Empty unless `CUSTOM_SCHEMA`. */
  readonly customBounds: Float64Array
  readonly resetHint: ResetHint
  readonly isInteger: boolean
}

export const NO_BUCKETS: Buckets = { indices: new Int32Array(0), counts: new Float64Array(0) }
export const NO_BOUNDS: Float64Array = new Float64Array(0)

/** A histogram of the same layout that has seen nothing yet: what a counter was when it began. */
export function emptyLike(h: NativeHistogram): NativeHistogram {
  const resetHint = h.resetHint === 'gauge' ? 'gauge' : 'unknown'
  return { ...h, count: 0, sum: 0, zeroCount: 0, positive: NO_BUCKETS, negative: NO_BUCKETS, resetHint }
}

/** A run of `length` buckets, `offset` after the end of the run before (the first: its index). As on the wire. */
export type BucketSpan = { readonly offset: number; readonly length: number }

/** Most buckets of one side that are taken from outside. */
export const MAX_BUCKETS = 100_000

/**
 * Buckets from runs and absolute counts. `undefined` when they do not fit together: lengths that differ, a negative gap, an index
 * out of range, more than `MAX_BUCKETS`.
 */
export function tryBucketsOf(spans: readonly BucketSpan[], counts: ArrayLike<number>): Buckets | undefined {
  if (counts.length > MAX_BUCKETS) return undefined
  const indices = new Int32Array(counts.length)
  let next = 0
  let at = 0
  for (const [i, { offset, length }] of spans.entries()) {
    if ((i > 0 && offset < 0) || length < 0 || at + length > counts.length) return undefined
    next += offset
    if (Math.abs(next) + length > 2 ** 31 - 1) return undefined
    for (let k = 0; k < length; k++) indices[at++] = next++
  }
  return at === counts.length ? { indices, counts: Float64Array.from(counts) } : undefined
}

/** The runs of `indices`, as the wire writes them. */
export function spansOf({ indices }: Buckets): readonly BucketSpan[] {
  const spans: { offset: number; length: number }[] = []
  let next = 0
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i]!
    const last = spans.at(-1)
    if (last !== undefined && index === next) last.length++
    else spans.push({ offset: index - next, length: 1 })
    next = index + 1
  }
  return spans
}

/** The buckets without empty ones, but for gaps of at most `keptGap` between two that hold something. */
export function compactBuckets({ indices, counts }: Buckets, keptGap = 0): Buckets {
  if (counts.every((count) => count !== 0) && keptGap === 0) return { indices, counts }
  const keptIndices: number[] = []
  const keptCounts: number[] = []
  for (let i = 0; i < indices.length; i++) {
    if (counts[i] === 0) continue
    const last = keptIndices.at(-1)
    if (last !== undefined && indices[i]! - last - 1 <= keptGap)
      for (let between = last + 1; between < indices[i]!; between++) {
        keptIndices.push(between)
        keptCounts.push(0)
      }
    keptIndices.push(indices[i]!)
    keptCounts.push(counts[i]!)
  }
  return { indices: Int32Array.from(keptIndices), counts: Float64Array.from(keptCounts) }
}

/** True when two histograms hold the same buckets with the same counts, bit by bit of sum aside from NaN payloads. Hints do not count. */
export function sameHistogram(a: NativeHistogram, b: NativeHistogram): boolean {
  return (
    a.schema === b.schema &&
    Object.is(a.zeroThreshold, b.zeroThreshold) &&
    Object.is(a.zeroCount, b.zeroCount) &&
    Object.is(a.count, b.count) &&
    Object.is(a.sum, b.sum) &&
    sameNumbers(a.customBounds, b.customBounds) &&
    sameBuckets(a.positive, b.positive) &&
    sameBuckets(a.negative, b.negative)
  )
}

function sameBuckets(a: Buckets, b: Buckets): boolean {
  return sameNumbers(a.indices, b.indices) && sameNumbers(a.counts, b.counts)
}

function sameNumbers(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false
  return true
}

/**
 * Why a histogram that came from outside cannot be taken, or `undefined` when it can. The rules are those of Prometheus'
 * `Histogram.Validate`: no negative counts, buckets that add up to the count, custom bounds that ascend.
 */
export function histogramFault(h: NativeHistogram): string | undefined {
  const { schema, positive, negative, customBounds } = h
  if (schema === CUSTOM_SCHEMA) {
    const fault = customFault(h)
    if (fault !== undefined) return fault
  } else if (!Number.isInteger(schema) || schema < MIN_SCHEMA || schema > MAX_SCHEMA)
    return `schema ${schema} is none: ${MIN_SCHEMA} to ${MAX_SCHEMA}, or ${CUSTOM_SCHEMA} for custom buckets`
  else if (customBounds.length > 0) return 'custom bounds belong to schema -53 alone'
  if (!(h.zeroThreshold >= 0)) return `the zero threshold ${h.zeroThreshold} is negative or no number`
  if (h.zeroCount < 0) return `the zero bucket has a negative count, ${h.zeroCount}`
  if (h.count < 0) return `the count is negative, ${h.count}`
  let inBuckets = h.zeroCount
  for (const { indices, counts } of [positive, negative]) {
    for (let i = 0; i < counts.length; i++) {
      if (counts[i]! < 0) return `bucket ${indices[i]} has a negative count, ${counts[i]}`
      inBuckets += counts[i]!
    }
  }
  // Observations of NaN are counted and lie in no bucket, and make the sum NaN.
  if (h.isInteger && Number.isNaN(h.sum) ? inBuckets > h.count : h.isInteger && inBuckets !== h.count)
    return `${inBuckets} observations in buckets, ${h.count} in the count`
  return undefined
}

function customFault({
  positive,
  negative,
  customBounds,
  zeroCount,
  zeroThreshold,
}: NativeHistogram): string | undefined {
  if (zeroCount !== 0 || zeroThreshold !== 0) return 'custom buckets have no zero bucket'
  if (negative.indices.length > 0) return 'custom buckets have no negative ones'
  for (let i = 0; i < customBounds.length; i++) {
    const bound = customBounds[i]!
    if (Number.isNaN(bound)) return 'a custom bound is NaN'
    if (i > 0 && !(bound > customBounds[i - 1]!))
      return `custom bound ${bound} does not come after ${customBounds[i - 1]}`
  }
  if (customBounds.at(-1) === Infinity) return 'the last custom bound is +Inf, which is always there and not listed'
  const { indices } = positive
  if (indices.length > 0 && (indices[0]! < 0 || indices.at(-1)! > customBounds.length))
    return `bucket ${indices.at(-1)} has no bound among ${customBounds.length}`
  return undefined
}
