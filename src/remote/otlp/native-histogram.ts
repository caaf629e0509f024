/**
 * Points of histograms as native histograms.
 *
 * - An exponential bucket i of OpenTelemetry lies above base^i, ours below: indices go up by one. Scales above 8 are
 *   brought to 8.
 * - Where no zero threshold is given, 1e-128 is taken, as by Prometheus.
 * - Explicit buckets become custom ones; the one behind the last bound is there anyway.
 * - Empty buckets are listed only in gaps of at most two, as client libraries do it.
 *
 * Source: prometheus: storage/remote/otlptranslator/prometheusremotewrite/histograms.go; OpenTelemetry: metrics data model.
 * Unlike there, neighbours that are merged after an empty bucket keep their place.
 */
import {
  type Buckets,
  CUSTOM_SCHEMA,
  coarserBuckets,
  histogramFault,
  MAX_SCHEMA,
  MIN_SCHEMA,
  type NativeHistogram,
  NO_BOUNDS,
  NO_BUCKETS,
} from '#core'
import type { ExponentialBuckets, ExponentialPoint, HistogramPoint } from './data.ts'

const DEFAULT_ZERO_THRESHOLD = 1e-128

/** Gaps up to here are filled with empty buckets. */
const SMALL_GAP = 2

/** Indices are 32 bits; one is lost to the step between the two numberings. */
const MAX_INDEX = 2 ** 31 - 2

/** The histogram, or a sentence that says why there is none. */
export function nativeOf(point: ExponentialPoint, isDelta: boolean): NativeHistogram | string {
  const { scale, positive, negative } = point
  if (!Number.isInteger(scale) || scale < MIN_SCHEMA)
    return `cannot convert exponential to native histogram: scale must be >= ${MIN_SCHEMA}, was ${scale}`
  if (!fitsIndices(positive) || !fitsIndices(negative)) return 'its buckets lie further out than 32 bits'
  // More halvings than indices have bits change nothing any more.
  const shift = Math.min(Math.max(scale - MAX_SCHEMA, 0), 40)
  return checked({
    schema: Math.min(scale, MAX_SCHEMA),
    zeroThreshold: point.zeroThreshold === 0 ? DEFAULT_ZERO_THRESHOLD : point.zeroThreshold,
    zeroCount: point.zeroCount,
    count: point.count,
    sum: point.sum ?? 0,
    positive: listed(coarserBuckets(dense(positive.counts, positive.offset + 1), shift)),
    negative: listed(coarserBuckets(dense(negative.counts, negative.offset + 1), shift)),
    customBounds: NO_BOUNDS,
    resetHint: isDelta ? 'gauge' : 'unknown',
    isInteger: point.count <= Number.MAX_SAFE_INTEGER,
  })
}

/** As `nativeOf`, with custom buckets. */
export function customOf({ count, sum, bounds, counts }: HistogramPoint, isDelta: boolean): NativeHistogram | string {
  const first = counts.findIndex((one) => one !== 0)
  // Without buckets all is in the one that ends at +Inf.
  const all = counts.length === 0 && bounds.length === 0 && count > 0 ? Float64Array.of(count) : counts
  const from = counts.length === 0 ? 0 : first === -1 ? all.length : first
  return checked({
    schema: CUSTOM_SCHEMA,
    zeroThreshold: 0,
    zeroCount: 0,
    count,
    sum: sum ?? 0,
    positive: listed(dense(all.subarray(from), from)),
    negative: NO_BUCKETS,
    customBounds: bounds,
    resetHint: isDelta ? 'gauge' : 'unknown',
    isInteger: count <= Number.MAX_SAFE_INTEGER,
  })
}

/** Why the buckets of a point do not fit each other, or `undefined`. */
export function boundsFault({ bounds, counts }: HistogramPoint): string | undefined {
  for (let i = 0; i < bounds.length; i++) {
    if (Number.isNaN(bounds[i]!)) return 'one of its bounds is NaN'
    if (i > 0 && !(bounds[i]! > bounds[i - 1]!)) return `its bound ${bounds[i]} does not come after ${bounds[i - 1]}`
  }
  if (counts.length === 0 && bounds.length === 0) return undefined
  return counts.length === bounds.length + 1
    ? undefined
    : `it has ${counts.length} buckets for ${bounds.length} bounds; there must be one more`
}

function checked(histogram: NativeHistogram): NativeHistogram | string {
  return histogramFault(histogram) ?? histogram
}

function fitsIndices({ offset, counts }: ExponentialBuckets): boolean {
  return Number.isInteger(offset) && offset >= -MAX_INDEX && offset + counts.length <= MAX_INDEX
}

function dense(counts: Float64Array, first: number): Buckets {
  if (counts.length === 0) return NO_BUCKETS
  return { indices: Int32Array.from(counts, (_, i) => first + i), counts }
}

/** Without empty buckets, but in small gaps and at the end. */
function listed({ indices, counts }: Buckets): Buckets {
  if (indices.length === 0) return NO_BUCKETS
  const kept: number[] = []
  let next = 0
  for (let i = 0; i < indices.length; i++) {
    if (counts[i] === 0 && i < indices.length - 1) continue
    if (i - next <= SMALL_GAP) for (let k = next; k < i; k++) kept.push(k)
    kept.push(i)
    next = i + 1
  }
  return {
    indices: Int32Array.from(kept, (i) => indices[i]!),
    counts: Float64Array.from(kept, (i) => counts[i]!),
  }
}
