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
  unformatLabels,
  ZERO_THRESHOLD,
} from '../store/index.ts'
import { BytesOut } from './bytes-out.ts'
import { type FamilyPage, groupFamilies } from './family-page.ts'

const TRIES = 3
const TYPES = { counter: 0, gauge: 1, summary: 2, histogram: 4 } as const
/** Field number << 3 | wire type: 0 varint, 1 eight bytes, 2 length-delimited. */
const FAMILY = { name: 0x0a, help: 0x12, type: 0x18, metric: 0x22 } as const
const METRIC = { label: 0x0a, gauge: 0x12, counter: 0x1a, summary: 0x22, histogram: 0x3a } as const
/** Of a counter; its value is the first field of it, as of a gauge. */
const COUNTER_EXEMPLAR = 0x12
const LABEL = { name: 0x0a, value: 0x12 } as const
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

export class ProtoPage {
  readonly #reader: StoreReader
  readonly #extra: Uint8Array

  /** `extra` is added to each series' labels, as on a text page: `worker="1"`. */
  constructor(reader: StoreReader, extra = '') {
    this.#reader = reader
    const out = new ProtoOut()
    writeLabels(out, extra)
    this.#extra = out.bytes.slice(0, out.at)
  }

  /** `isFresh` as of a text page. */
  render(isFresh = true): FamilyPage[] {
    const reader = this.#reader
    for (let tries = 1; ; tries++) {
      reader.read()
      const pages = reader.families.flatMap((view) => {
        if (!isFresh && view.needsLoop) return []
        const body = this.#family(view, isFresh)
        const { name, kind, help } = view.record
        return body.length === 0 ? [] : [{ name, kind, help, body }]
      })
      if (reader.isCurrent() || tries === TRIES) return pages
    }
  }

  #family(view: FamilyView, isFresh: boolean): Uint8Array {
    const out = new ProtoOut()
    const { record } = view
    const { doubles, words } = this.#reader
    for (let i = 0; i < view.count; i++) {
      const place = view.series[i * SERIES.size]!
      if (isAbsent(words, place)) continue
      const labels = this.#reader.labels(view, i)
      out.message(FAMILY.metric, () => {
        writeLabels(out, labels)
        out.copyRun(this.#extra, 0, this.#extra.length)
        if (record.kind === 'histogram') out.message(METRIC.histogram, () => this.#histogram(out, view, place))
        else if (record.kind === 'summary') out.message(METRIC.summary, () => this.#summary(out, view, place, isFresh))
        else
          out.message(record.kind === 'counter' ? METRIC.counter : METRIC.gauge, () => {
            out.double(VALUE, doubles[place]!)
            const exemplar = record.hasExemplars ? readExemplar(this.#reader, view, place, 0) : undefined
            if (exemplar !== undefined) out.message(COUNTER_EXEMPLAR, () => writeExemplar(out, exemplar))
          })
      })
    }
    return out.bytes.slice(0, out.at)
  }

  /** Quantiles only when they are of this moment, and known. */
  #summary(out: ProtoOut, { scale }: FamilyView, place: number, isFresh: boolean): void {
    const { doubles, words } = this.#reader
    out.varint(SUMMARY_MESSAGE.count, doubles[place + SUMMARY.count]!)
    out.double(SUMMARY_MESSAGE.sum, doubles[place + SUMMARY.sum]!)
    for (let i = 0; i < scale.bounds.length && isFresh; i++) {
      const at = place + SUMMARY.quantiles + i
      if (isAbsent(words, at)) continue
      out.message(SUMMARY_MESSAGE.quantile, () => {
        out.double(QUANTILE.share, scale.bounds[i]!)
        out.double(QUANTILE.value, doubles[at]!)
      })
    }
  }

  #histogram(out: ProtoOut, view: FamilyView, place: number): void {
    const { scale, record } = view
    const { doubles, words } = this.#reader
    const wide = words[place * 2 + 2]! - 1
    const native = record.isNative ? readNative(words, place * 2 + 3 + scale.nativeOffset) : undefined
    let count = 0
    for (let i = 0; i <= scale.bounds.length; i++)
      count += words[place * 2 + 3 + i]! + (wide < 0 ? 0 : doubles[wide + i]!)
    // Of a native histogram the count is that of its own buckets: the last observation may be in one of the two alone.
    out.varint(HISTOGRAM.count, native === undefined ? count : countOf(native))
    out.double(HISTOGRAM.sum, doubles[place]!)
    const exemplarOf = (bucket: number): Exemplar | undefined => readExemplar(this.#reader, view, place, bucket)
    let below = 0
    for (let i = 0; i <= scale.bounds.length; i++) {
      below += words[place * 2 + 3 + i]! + (wide < 0 ? 0 : doubles[wide + i]!)
      const exemplar = exemplarOf(i)
      // The bucket of all is implied, unless it has something to tell.
      if (i === scale.bounds.length && exemplar === undefined) break
      out.message(HISTOGRAM.bucket, () => {
        out.varint(BUCKET.count, i < scale.bounds.length || native === undefined ? below : countOf(native))
        out.double(BUCKET.bound, scale.bounds[i] ?? Number.POSITIVE_INFINITY)
        if (exemplar !== undefined) out.message(BUCKET.exemplar, () => writeExemplar(out, exemplar))
      })
    }
    if (native === undefined) return
    writeNative(out, native)
    for (let i = 0; i <= scale.bounds.length; i++) {
      const exemplar = exemplarOf(i)
      if (exemplar !== undefined) out.message(EXEMPLARS, () => writeExemplar(out, exemplar))
    }
  }
}

/** Joins pages family by family. */
export function joinProto(pages: readonly (readonly FamilyPage[])[]): Uint8Array {
  const out = new ProtoOut()
  for (const { first, bodies } of groupFamilies(pages)) {
    out.delimited(() => {
      out.string(FAMILY.name, first.name)
      out.string(FAMILY.help, first.help)
      out.varint(FAMILY.type, TYPES[first.kind])
      for (const body of bodies) out.copyRun(body, 0, body.length)
    })
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
  const spans: { offset: number; length: number }[] = []
  const deltas: number[] = []
  let next = 0
  let before = 0
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] === 0) continue
    const span = spans.at(-1)
    if (span === undefined || i - next > MAX_GAP) {
      spans.push({ offset: span === undefined ? base + i : i - next, length: 0 })
      next = i
    }
    for (; next <= i; next++) {
      const count = counts[next]!
      deltas.push(count - before)
      before = count
      spans.at(-1)!.length++
    }
  }
  // Without a span nobody could tell an empty native histogram from none at all: Prometheus writes one of length 0 too.
  if (spans.length === 0) spans.push({ offset: 0, length: 0 })
  for (const { offset, length } of spans) {
    out.message(HISTOGRAM.positiveSpan, () => {
      out.varint(SPAN.offset, zigzag(offset))
      out.varint(SPAN.length, length)
    })
  }
  if (deltas.length > 0) {
    out.message(HISTOGRAM.positiveDelta, () => {
      for (const delta of deltas) out.bare(zigzag(delta))
    })
  }
}

function writeExemplar(out: ProtoOut, { value, at, labels }: Exemplar): void {
  writeLabels(out, labels, EXEMPLAR.label)
  out.double(EXEMPLAR.value, value)
  out.message(EXEMPLAR.timestamp, () => {
    const seconds = Math.floor(at)
    out.varint(TIMESTAMP.seconds, seconds)
    out.varint(TIMESTAMP.nanos, Math.round((at - seconds) * 1e3) * 1e6)
  })
}

function writeLabels(out: ProtoOut, labels: string, tag: number = METRIC.label): void {
  for (const [name, value] of unformatLabels(labels)) {
    out.message(tag, () => {
      out.string(LABEL.name, name)
      out.string(LABEL.value, value)
    })
  }
}

/** Small signed numbers as small unsigned ones. Exact up to 2^52. */
function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1
}

const DOUBLE = new DataView(new ArrayBuffer(8))

class ProtoOut extends BytesOut {
  bare(given: number): void {
    this.reserve(10)
    let value = given
    while (value >= 128) {
      this.bytes[this.at++] = (value % 128) | 128
      value = Math.floor(value / 128)
    }
    this.bytes[this.at++] = value
  }

  varint(tag: number, value: number): void {
    this.bare(tag)
    this.bare(value)
  }

  double(tag: number, value: number): void {
    this.bare(tag)
    this.reserve(8)
    DOUBLE.setFloat64(0, value, true)
    for (let i = 0; i < 8; i++) this.bytes[this.at++] = DOUBLE.getUint8(i)
  }

  string(tag: number, text: string): void {
    this.message(tag, () => this.text(text))
  }

  message(tag: number, write: () => void): void {
    this.bare(tag)
    this.delimited(write)
  }

  /** Length first: what is written takes one byte for it, and is moved when it needs more. */
  delimited(write: () => void): void {
    this.reserve(1)
    const from = ++this.at
    write()
    const length = this.at - from
    let more = 0
    for (let rest = length; rest >= 128; rest = Math.floor(rest / 128)) more++
    if (more > 0) {
      this.reserve(more)
      this.bytes.copyWithin(from + more, from, this.at)
    }
    this.at = from - 1
    this.bare(length)
    this.at = from + more + length
  }
}
