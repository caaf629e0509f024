/**
 * What the messages of Prometheus share, be it a scraped page, remote write or remote read: a label and the buckets of a histogram.
 *
 *   Label       { 1: name, 2: value }
 *   BucketSpan  { 1: sint32 offset, 2: uint32 length }
 *
 * Source: prometheus: prompb/types.proto; prometheus/client_model: io/prometheus/client/metrics.proto.
 */
import { type BucketSpan, type Buckets, MAX_BUCKETS, NO_BUCKETS, spansOf, tryBucketsOf } from './histogram.ts'
import { bytesTag, fixed64Tag, type ProtoReader, type ProtoWriter, varintTag } from './proto.ts'

/** Reads the block of one label, its length first, and adds name and value to `flat`. */
export function readLabel(reader: ProtoReader, flat: string[]): void {
  const end = reader.block()
  let name = ''
  let value = ''
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === bytesTag(1)) name = reader.text()
    else if (tag === bytesTag(2)) value = reader.text()
    else reader.skip(tag)
  }
  reader.expect(end)
  flat.push(name, value)
}

/** Names and values, one after the other, each pair as a label in field 1. */
export function writeLabels(writer: ProtoWriter, flat: readonly string[]): void {
  for (let i = 0; i < flat.length; i += 2) {
    writer.blockField(1, () => {
      writer.textField(1, flat[i]!)
      writer.textField(2, flat[i + 1]!)
    })
  }
}

/**
 * One side of a native histogram as it comes in. Its three fields have numbers that follow each other: spans, then the differences
 * from bucket to bucket of an integer histogram, then the counts of a float one. Bounded by `MAX_BUCKETS`.
 */
export class BucketFields {
  readonly #spansTag: number
  readonly #deltas: number
  readonly #counts: number
  readonly #spans: BucketSpan[] = []
  readonly #perDelta: number[] = []
  readonly #perCount: number[] = []

  /** `field`: the number of the field of spans. */
  constructor(field: number) {
    this.#spansTag = bytesTag(field)
    this.#deltas = field + 1
    this.#counts = field + 2
  }

  /** Reads the field that `tag` began. False, with nothing read, when it is none of these. */
  take(reader: ProtoReader, tag: number): boolean {
    if (tag === this.#spansTag) this.#push(reader, this.#spans, readSpan(reader))
    else if (tag === bytesTag(this.#deltas)) {
      const end = reader.block()
      while (reader.at < end) this.#push(reader, this.#perDelta, reader.zigzag())
      reader.expect(end)
    } else if (tag === bytesTag(this.#counts)) {
      const end = reader.block()
      while (reader.at < end) this.#push(reader, this.#perCount, reader.double())
      reader.expect(end)
    }
    // Not packed: nobody writes it, and readers must take it.
    else if (tag === varintTag(this.#deltas)) this.#push(reader, this.#perDelta, reader.zigzag())
    else if (tag === fixed64Tag(this.#counts)) this.#push(reader, this.#perCount, reader.double())
    else return false
    return true
  }

  get hasSpans(): boolean {
    return this.#spans.length > 0
  }

  /** The buckets; `undefined` when spans and counts do not fit together. */
  buckets(isInteger: boolean): Buckets | undefined {
    const given = isInteger ? this.#perDelta : this.#perCount
    if (this.#spans.length + given.length === 0) return NO_BUCKETS
    let count = 0
    return tryBucketsOf(this.#spans, isInteger ? given.map((delta) => (count += delta)) : given)
  }

  #push<T>(reader: ProtoReader, into: T[], value: T): void {
    if (into.length === MAX_BUCKETS) throw reader.broken(`a histogram has more than ${MAX_BUCKETS} buckets`)
    into.push(value)
  }
}

/** The inverse of `BucketFields`: spans as `field`, then differences or counts. Nothing when there are no buckets. */
export function writeBuckets(writer: ProtoWriter, buckets: Buckets, field: number, asInteger: boolean): void {
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
      else writer.double(count)
      last = count
    }
  })
}

function readSpan(reader: ProtoReader): BucketSpan {
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
  return { offset, length }
}
