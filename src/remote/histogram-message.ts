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
  type BucketSpan,
  type Buckets,
  bytesTag,
  fixed64Tag,
  histogramFault,
  isStaleAt,
  MAX_BUCKETS,
  MAX_SCHEMA,
  type NativeHistogram,
  NO_BOUNDS,
  NO_BUCKETS,
  type ProtoReader,
  type ProtoWriter,
  RESET_HINTS,
  spansOf,
  tryBucketsOf,
  varintTag,
} from '#core'
import { reducedBuckets } from './reduce-buckets.ts'

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
  const sides = { negative: emptySide(), positive: emptySide() }
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
    else if (tag === bytesTag(8)) readSpan(reader, sides.negative.spans)
    else if (tag === bytesTag(9) || tag === varintTag(9)) readDeltas(reader, tag, sides.negative.deltas)
    else if (tag === bytesTag(10) || tag === fixed64Tag(10)) readDoubles(reader, tag, sides.negative.counts)
    else if (tag === bytesTag(11)) readSpan(reader, sides.positive.spans)
    else if (tag === bytesTag(12) || tag === varintTag(12)) readDeltas(reader, tag, sides.positive.deltas)
    else if (tag === bytesTag(13) || tag === fixed64Tag(13)) readDoubles(reader, tag, sides.positive.counts)
    else if (tag === varintTag(14)) hint = reader.varint()
    else if (tag === varintTag(15)) at = reader.varint()
    else if (tag === bytesTag(16) || tag === fixed64Tag(16)) readDoubles(reader, tag, custom)
    else if (tag === varintTag(17)) startAt = reader.varint()
    else reader.skip(tag)
  }
  reader.expect(end)
  if (isStaleAt(sum, 0)) return { kind: 'stale', at, startAt }
  const positive = bucketsOf(sides.positive, isInteger)
  const negative = bucketsOf(sides.negative, isInteger)
  if (positive === undefined || negative === undefined)
    return { kind: 'fault', at, startAt, fault: 'its spans and its buckets do not fit together' }
  const shift = schema > MAX_SCHEMA && schema <= MAX_RESERVED_SCHEMA ? schema - MAX_SCHEMA : 0
  const histogram: NativeHistogram = {
    schema: schema - shift,
    zeroThreshold,
    zeroCount,
    count,
    sum: sum[0]!,
    positive: reducedBuckets(positive, shift),
    negative: reducedBuckets(negative, shift),
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
  writeSide(writer, histogram.negative, 8, asInteger)
  writeSide(writer, histogram.positive, 11, asInteger)
  const hint = RESET_HINTS.indexOf(histogram.resetHint)
  if (hint !== 0) writer.varintField(14, hint)
  if (at !== 0) writer.varintField(15, at)
  if (histogram.customBounds.length > 0) {
    writer.blockField(16, () => {
      for (const bound of histogram.customBounds) writer.raw(doubleBytes(bound))
    })
  }
  if (startAt !== 0) writer.varintField(17, startAt)
}

type Side = { readonly spans: BucketSpan[]; readonly deltas: number[]; readonly counts: number[] }

function emptySide(): Side {
  return { spans: [], deltas: [], counts: [] }
}

function readSpan(reader: ProtoReader, into: BucketSpan[]): void {
  const end = reader.block()
  let offset = 0
  let length = 0
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === varintTag(1)) offset = reader.zigzag()
    else if (tag === varintTag(2)) length = reader.uvarint()
    else reader.skip(tag)
  }
  reader.expect(end)
  push(reader, into, { offset, length })
}

/** Packed or not: readers of proto3 take both. */
function readDeltas(reader: ProtoReader, tag: number, into: number[]): void {
  const end = (tag & 7) === 2 ? reader.block() : reader.at + 1
  while (reader.at < end) push(reader, into, reader.zigzag())
}

function readDoubles(reader: ProtoReader, tag: number, into: number[]): void {
  const end = (tag & 7) === 2 ? reader.block() : reader.at + 1
  while (reader.at < end) push(reader, into, reader.double())
}

function push<T>(reader: ProtoReader, into: T[], value: T): void {
  if (into.length === MAX_BUCKETS) throw reader.broken(`a histogram has more than ${MAX_BUCKETS} buckets`)
  into.push(value)
}

function bucketsOf({ spans, deltas, counts }: Side, isInteger: boolean): Buckets | undefined {
  if (!isInteger) return spans.length + counts.length === 0 ? NO_BUCKETS : tryBucketsOf(spans, counts)
  let last = 0
  return spans.length + deltas.length === 0
    ? NO_BUCKETS
    : tryBucketsOf(
        spans,
        deltas.map((delta) => (last += delta)),
      )
}

function writeSide(writer: ProtoWriter, buckets: Buckets, field: number, asInteger: boolean): void {
  for (const { offset, length } of spansOf(buckets)) {
    writer.blockField(field, () => {
      writer.zigzagField(1, offset)
      writer.varintField(2, length)
    })
  }
  if (buckets.counts.length === 0) return
  writer.blockField(asInteger ? field + 1 : field + 2, () => {
    let last = 0
    for (const count of buckets.counts) {
      if (asInteger) writer.zigzag(count - last)
      else writer.raw(doubleBytes(count))
      last = count
    }
  })
}

const scratch = Buffer.alloc(8)

function doubleBytes(value: number): Uint8Array {
  scratch.writeDoubleLE(value)
  return scratch
}
