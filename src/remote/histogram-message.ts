/**
 * `prometheus.Histogram`, the message of a native histogram in remote write (1.0 and 2.0) and remote read.
 *
 *   Histogram  { 1: count (uint64) | 2: count (double), 3: double sum, 4: sint32 schema, 5: double zero_threshold,
 *                6: zero_count (uint64) | 7: zero_count (double),
 *                8: BucketSpan* negative, 9: sint64* negative_deltas, 10: double* negative_counts,
 *                11: BucketSpan* positive, 12: sint64* positive_deltas, 13: double* positive_counts,
 *                14: reset_hint, 15: int64 timestamp (ms), 16: double* custom_values, 17: int64 start_timestamp (2.0) }
 *   BucketSpan { 1: sint32 offset, 2: uint32 length }
 *
 * - Integer histograms carry differences from bucket to bucket, float ones the counts themselves.
 * - Schemas 9 to 52, which a later sender may use, are brought to 8 as Prometheus does; what has a fault is told, not thrown.
 * - A sum that is the stale marker makes the whole sample one.
 *
 * Source: prometheus: prompb/types.proto and prompb/io/prometheus/write/v2/types.proto.
 */
import {
  BucketFields,
  bytesTag,
  coarserBuckets,
  fixed64Tag,
  histogramFault,
  isStaleAt,
  MAX_BUCKETS,
  MAX_SCHEMA,
  type NativeHistogram,
  NO_BOUNDS,
  type ProtoReader,
  type ProtoWriter,
  RESET_HINTS,
  varintTag,
  writeBuckets,
} from '#core'

/** Highest schema that the format keeps free for later; above it only -53 has a meaning. */
const MAX_RESERVED_SCHEMA = 52

export type HistogramMessage = {
  /** Unix milliseconds. */
  readonly at: number
  /** Unix milliseconds; 0: not known. */
  readonly startAt: number
} & (
  | { readonly kind: 'histogram'; readonly histogram: NativeHistogram }
  | { readonly kind: 'stale' }
  /** Not a histogram that can be taken; `fault` says why. */
  | { readonly kind: 'fault'; readonly fault: string }
)

/** Reads the block that ends at `end`. Throws `ASSAY_PROTO` when the bytes make no sense. */
export function readHistogram(reader: ProtoReader, end: number): HistogramMessage {
  let at = 0
  let startAt = 0
  let isInteger = true
  let count = 0
  let zeroCount = 0
  let schema = 0
  let zeroThreshold = 0
  let hint = 0
  const custom: number[] = []
  // The payload of a NaN survives in a column alone.
  const sum = new Float64Array(1)
  const negativeFields = new BucketFields(8)
  const positiveFields = new BucketFields(11)
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === varintTag(1)) count = reader.uvarint()
    else if (tag === fixed64Tag(2)) {
      count = reader.double()
      isInteger = false
    } else if (tag === fixed64Tag(3)) reader.doubleInto(sum, 0)
    else if (tag === varintTag(4)) schema = reader.zigzag()
    else if (tag === fixed64Tag(5)) zeroThreshold = reader.double()
    else if (tag === varintTag(6)) zeroCount = reader.uvarint()
    else if (tag === fixed64Tag(7)) zeroCount = reader.double()
    else if (tag === varintTag(14)) hint = reader.varint()
    else if (tag === varintTag(15)) at = reader.varint()
    else if (tag === bytesTag(16) || tag === fixed64Tag(16)) readBounds(reader, tag, custom)
    else if (tag === varintTag(17)) startAt = reader.varint()
    else if (!negativeFields.take(reader, tag) && !positiveFields.take(reader, tag)) reader.skip(tag)
  }
  reader.expect(end)
  if (isStaleAt(sum, 0)) return { kind: 'stale', at, startAt }
  const positive = positiveFields.buckets(isInteger)
  const negative = negativeFields.buckets(isInteger)
  if (positive === undefined || negative === undefined)
    return { kind: 'fault', at, startAt, fault: 'its spans and its buckets do not fit together' }
  const shift = schema > MAX_SCHEMA && schema <= MAX_RESERVED_SCHEMA ? schema - MAX_SCHEMA : 0
  const histogram: NativeHistogram = {
    schema: schema - shift,
    zeroThreshold,
    zeroCount,
    count,
    sum: sum[0]!,
    positive: coarserBuckets(positive, shift),
    negative: coarserBuckets(negative, shift),
    customBounds: custom.length === 0 ? NO_BOUNDS : Float64Array.from(custom),
    resetHint: RESET_HINTS[hint] ?? 'unknown',
    // Beyond 2^53 the last digits are gone, and buckets would no longer add up to the very count.
    isInteger: isInteger && count <= Number.MAX_SAFE_INTEGER,
  }
  const fault = histogramFault(histogram)
  return fault === undefined ? { kind: 'histogram', at, startAt, histogram } : { kind: 'fault', at, startAt, fault }
}

/** Writes the fields of one histogram, without tag and length. */
export function writeHistogram(writer: ProtoWriter, histogram: NativeHistogram, at: number, startAt = 0): void {
  const asInteger = histogram.isInteger && histogram.count <= Number.MAX_SAFE_INTEGER
  // What is 0 is left out, as proto3 does; of the two counts one is always there, it says which kind this is.
  if (asInteger) writer.varintField(1, histogram.count)
  else writer.doubleField(2, histogram.count)
  if (!Object.is(histogram.sum, 0)) writer.doubleField(3, histogram.sum)
  if (histogram.schema !== 0) writer.zigzagField(4, histogram.schema)
  if (!Object.is(histogram.zeroThreshold, 0)) writer.doubleField(5, histogram.zeroThreshold)
  if (asInteger) writer.varintField(6, histogram.zeroCount)
  else writer.doubleField(7, histogram.zeroCount)
  writeBuckets(writer, histogram.negative, 8, asInteger)
  writeBuckets(writer, histogram.positive, 11, asInteger)
  const hint = RESET_HINTS.indexOf(histogram.resetHint)
  if (hint !== 0) writer.varintField(14, hint)
  if (at !== 0) writer.varintField(15, at)
  if (histogram.customBounds.length > 0) {
    writer.blockField(16, () => {
      for (const bound of histogram.customBounds) writer.double(bound)
    })
  }
  if (startAt !== 0) writer.varintField(17, startAt)
}

/** Packed or not: readers of proto3 take both. */
function readBounds(reader: ProtoReader, tag: number, into: number[]): void {
  const packed = tag === bytesTag(16)
  const end = packed ? reader.block() : reader.at + 8
  while (reader.at < end) {
    if (into.length === MAX_BUCKETS) throw reader.broken(`a histogram has more than ${MAX_BUCKETS} bounds`)
    into.push(reader.double())
  }
  reader.expect(end)
}
