/**
 * A store as protobuf: length-delimited `io.prometheus.client.MetricFamily` messages, the only format that carries native histograms
 * (Prometheus' metrics.proto; https://github.com/prometheus/client_model).
 *
 * - A histogram has its classic buckets, and where the family keeps one its native histogram beside them; Prometheus takes what it is
 *   configured for. Counts of a native histogram add up: it is refused otherwise, so its count is the sum of what was read.
 * - A family's body is its `metric` fields as they stand in the message: bodies of several workers are joined by putting one behind
 *   the other.
 */
import {
  type Exemplar,
  type FamilyView,
  isAbsent,
  type Native,
  readExemplar,
  readNative,
  SERIES,
  type StoreReader,
  SUMMARY,
  ZERO_THRESHOLD,
} from '../store/index.ts'
import { type FamilyPage, groupFamilies } from './family-page.ts'
import type { NumberStyle } from './kept-lines.ts'
import { type FamilyWords, KeptPage, type SeriesFormat } from './kept-page.ts'
import { ProtoOut } from './proto-out.ts'

const TYPES = { counter: 0, gauge: 1, summary: 2, histogram: 4 } as const
/** Field number << 3 | wire type: 0 varint, 1 eight bytes, 2 length-delimited. */
const FAMILY = { name: 0x0a, help: 0x12, type: 0x18, metric: 0x22 } as const
const METRIC = { label: 0x0a, gauge: 0x12, counter: 0x1a, summary: 0x22, histogram: 0x3a } as const
/** Of a counter; its value is the first field of it, as of a gauge. */
const COUNTER_EXEMPLAR = 0x12
const VALUE = 0x09
const HISTOGRAM = {
  count: 0x08,
  sum: 0x11,
  bucket: 0x1a,
  schema: 0x28,
  zeroThreshold: 0x31,
  zeroCount: 0x38,
  positiveSpan: 0x62,
  positiveDelta: 0x6a,
} as const
const SUMMARY_MESSAGE = { count: 0x08, sum: 0x11, quantile: 0x1a } as const
const QUANTILE = { share: 0x09, value: 0x11 } as const
/** Of field number 16: a tag of two bytes. */
const EXEMPLARS = 16 * 8 + 2
const EXEMPLAR = { label: 0x0a, value: 0x11, timestamp: 0x1a } as const
const TIMESTAMP = { seconds: 0x08, nanos: 0x10 } as const
const BUCKET = { count: 0x08, bound: 0x11, exemplar: 0x1a } as const
const SPAN = { offset: 0x08, length: 0x10 } as const
/** So many empty buckets between two spans are written as empty buckets: a span costs about as much. */
const MAX_GAP = 2

/** A sample's number is eight bytes, at its end. */
const AS_DOUBLE: NumberStyle<ProtoOut> = {
  // A gauge without a value is not a number either.
  areAsLong: (one, other) => !(Number.isNaN(one) || Number.isNaN(other)),
  writeAt: (out, end, value) => out.doubleBefore(end, value),
  rewrite(out, { count, series, ends, now, before }, from) {
    for (let i = from; i < count; i++) {
      const place = series[i * SERIES.size]!
      const value = now[place]!
      const was = before[place]!
      if (value === was && (value !== 0 || Object.is(value, was))) continue
      if (Number.isNaN(value) || Number.isNaN(was)) return i
      out.doubleBefore(ends[i]!, value)
      before[place] = value
    }
    return count
  },
}
const NOTHING = new Uint8Array(0)

export class ProtoPage {
  readonly #page: KeptPage<ProtoOut, FamilyWords>

  /** `extra` is added to each series' labels, as on a text page: `worker="1"`. */
  constructor(reader: StoreReader, extra = '') {
    this.#page = new KeptPage(reader, new ProtoSeries(reader, extra))
  }

  /** `isFresh` as of a text page. */
  render(isFresh = true): readonly FamilyPage[] {
    return this.#page.render(isFresh).families.map(({ name, kind, help, body }) => ({ name, kind, help, body }))
  }
}

class ProtoSeries implements SeriesFormat<ProtoOut, FamilyWords> {
  readonly numbers = AS_DOUBLE
  readonly #reader: StoreReader
  readonly #extra: Uint8Array
  #journal: Uint8Array = NOTHING

  constructor(reader: StoreReader, extra: string) {
    this.#reader = reader
    const out = new ProtoOut()
    writeLabels(out, extra)
    this.#extra = out.bytes.slice(0, out.at)
  }

  wordsOf({ record: { name, kind, hasExemplars } }: FamilyView): FamilyWords {
    return { name, head: NOTHING, endsWithNumber: kind === 'gauge' || (kind === 'counter' && !hasExemplars) }
  }

  makeOut(capacity: number): ProtoOut {
    return new ProtoOut(capacity)
  }

  roughBytes({ record, series, count }: FamilyView): number {
    let labels = 0
    for (let i = 0; i < count; i++) labels += series[i * SERIES.size + SERIES.labelsLength]! + 16
    return labels + count * (this.#extra.length + 16 + record.bounds.length * 16 + (record.isNative ? 64 : 0))
  }

  write(out: ProtoOut, view: FamilyView, _words: FamilyWords, index: number, isFresh: boolean): void {
    const reader = this.#reader
    const { record } = view
    const place = view.series[index * SERIES.size]!
    if (isAbsent(reader.words, place)) return
    const metric = out.open(FAMILY.metric)
    this.#labels(out, view, index)
    out.copyRun(this.#extra, 0, this.#extra.length)
    if (record.kind === 'histogram') this.#histogram(out, view, place)
    else if (record.kind === 'summary') this.#summary(out, view, place, isFresh)
    else {
      const value = out.open(record.kind === 'counter' ? METRIC.counter : METRIC.gauge)
      out.double(VALUE, reader.doubles[place]!)
      if (record.hasExemplars) writeExemplar(out, COUNTER_EXEMPLAR, readExemplar(reader, view, place, 0))
      out.close(value)
    }
    out.close(metric)
  }

  #labels(out: ProtoOut, { series }: FamilyView, index: number): void {
    const { journal } = this.#reader
    if (this.#journal.buffer !== journal.buffer || this.#journal.length !== journal.byteLength)
      this.#journal = new Uint8Array(journal.buffer, 0, journal.byteLength)
    const at = index * SERIES.size
    const from = series[at + SERIES.labelsAt]!
    out.labels(METRIC.label, this.#journal, from, from + series[at + SERIES.labelsLength]!)
  }

  /** Quantiles only when they are of this moment, and known. */
  #summary(out: ProtoOut, { scale }: FamilyView, place: number, isFresh: boolean): void {
    const { doubles, words } = this.#reader
    const summary = out.open(METRIC.summary)
    out.varint(SUMMARY_MESSAGE.count, doubles[place + SUMMARY.count]!)
    out.double(SUMMARY_MESSAGE.sum, doubles[place + SUMMARY.sum]!)
    for (let i = 0; i < scale.bounds.length && isFresh; i++) {
      const at = place + SUMMARY.quantiles + i
      if (isAbsent(words, at)) continue
      const quantile = out.open(SUMMARY_MESSAGE.quantile)
      out.double(QUANTILE.share, scale.bounds[i]!)
      out.double(QUANTILE.value, doubles[at]!)
      out.close(quantile)
    }
    out.close(summary)
  }

  #histogram(out: ProtoOut, view: FamilyView, place: number): void {
    const { scale, record } = view
    const { doubles, words } = this.#reader
    const wide = words[place * 2 + 2]! - 1
    const native = record.isNative ? readNative(words, place * 2 + 3 + scale.nativeOffset) : undefined
    const hasExemplars = record.isNative || record.hasExemplars
    let count = 0
    for (let i = 0; i <= scale.bounds.length; i++)
      count += words[place * 2 + 3 + i]! + (wide < 0 ? 0 : doubles[wide + i]!)
    // Of a native histogram the count is that of its own buckets: the last observation may be in one of the two alone.
    if (native !== undefined) count = countOf(native)
    const histogram = out.open(METRIC.histogram)
    out.varint(HISTOGRAM.count, count)
    out.double(HISTOGRAM.sum, doubles[place]!)
    let below = 0
    for (let i = 0; i <= scale.bounds.length; i++) {
      below += words[place * 2 + 3 + i]! + (wide < 0 ? 0 : doubles[wide + i]!)
      const exemplar = hasExemplars ? readExemplar(this.#reader, view, place, i) : undefined
      const isLast = i === scale.bounds.length
      // The bucket of all is implied, unless it has something to tell.
      if (isLast && exemplar === undefined) break
      const bucket = out.open(HISTOGRAM.bucket)
      out.varint(BUCKET.count, isLast ? count : below)
      out.double(BUCKET.bound, scale.bounds[i] ?? Number.POSITIVE_INFINITY)
      writeExemplar(out, BUCKET.exemplar, exemplar)
      out.close(bucket)
    }
    if (native !== undefined) {
      writeNative(out, native)
      for (let i = 0; i <= scale.bounds.length; i++)
        writeExemplar(out, EXEMPLARS, readExemplar(this.#reader, view, place, i))
    }
    out.close(histogram)
  }
}

/** Joins pages family by family. */
export function joinProto(pages: readonly (readonly FamilyPage[])[]): Uint8Array {
  const families = [...groupFamilies(pages)]
  let size = 0
  for (const { first, bodies } of families) {
    size += (first.name.length + first.help.length) * 3 + 64
    for (const body of bodies) size += body.length
  }
  const out = new ProtoOut(size)
  for (const { first, bodies } of families) {
    const family = out.begin()
    out.string(FAMILY.name, first.name)
    out.string(FAMILY.help, first.help)
    out.varint(FAMILY.type, TYPES[first.kind])
    for (const body of bodies) out.copyRun(body, 0, body.length)
    out.close(family)
  }
  return out.bytes.subarray(0, out.at)
}

function countOf({ zeros, counts }: Native): number {
  let count = zeros
  for (let i = 0; i < counts.length; i++) count += counts[i]!
  return count
}

/** Spans of buckets that are not empty, and each count as the difference to the one before. */
function writeNative(out: ProtoOut, { schema, zeros, base, counts }: Native): void {
  out.varint(HISTOGRAM.schema, zigzag(schema))
  out.double(HISTOGRAM.zeroThreshold, ZERO_THRESHOLD)
  out.varint(HISTOGRAM.zeroCount, zeros)
  let [first, next] = [-1, 0]
  let end = 0
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] === 0) continue
    if (first < 0 || i - next > MAX_GAP) {
      if (first >= 0) writeSpan(out, end === 0 ? base + first : first - end, next - first)
      if (first >= 0) end = next
      first = i
    }
    next = i + 1
  }
  // Without a span nobody could tell an empty native histogram from none at all: Prometheus writes one of length 0 too.
  if (first < 0) {
    writeSpan(out, 0, 0)
    return
  }
  writeSpan(out, end === 0 ? base + first : first - end, next - first)
  const deltas = out.open(HISTOGRAM.positiveDelta)
  let before = 0
  for (let i = 0, at = -1; i < counts.length; i++) {
    if (counts[i] === 0) continue
    if (at < 0 || i - at > MAX_GAP) at = i
    for (; at <= i; at++) {
      out.bare(zigzag(counts[at]! - before))
      before = counts[at]!
    }
  }
  out.close(deltas)
}

/** `offset`: from the span before, of the first one the index of its first bucket. */
function writeSpan(out: ProtoOut, offset: number, length: number): void {
  const span = out.open(HISTOGRAM.positiveSpan)
  out.varint(SPAN.offset, zigzag(offset))
  out.varint(SPAN.length, length)
  out.close(span)
}

function writeExemplar(out: ProtoOut, tag: number, exemplar: Exemplar | undefined): void {
  if (exemplar === undefined) return
  const { value, at, labels } = exemplar
  const message = out.open(tag)
  writeLabels(out, labels, EXEMPLAR.label)
  out.double(EXEMPLAR.value, value)
  const timestamp = out.open(EXEMPLAR.timestamp)
  const seconds = Math.floor(at)
  out.varint(TIMESTAMP.seconds, seconds)
  out.varint(TIMESTAMP.nanos, Math.round((at - seconds) * 1e3) * 1e6)
  out.close(timestamp)
  out.close(message)
}

function writeLabels(out: ProtoOut, labels: string, tag: number = METRIC.label): void {
  const bytes = Buffer.from(labels)
  out.labels(tag, bytes, 0, bytes.length)
}

/** Small signed numbers as small unsigned ones. Exact up to 2^52. */
function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1
}
