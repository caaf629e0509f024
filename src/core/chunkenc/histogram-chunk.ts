/**
 * A chunk of native histograms, encodings `histogram` (2, integer counts) and `floathistogram` (3) of Prometheus.
 *
 *   uint16 BE count | flags | zero threshold | schema | spans of both sides | custom bounds | samples
 *   integer sample: t, count, zero count: differences of differences; sum: xor; buckets: differences of differences
 *   float sample:   t: difference of differences; count, zero count, sum, buckets: xor
 *
 * - One chunk has one layout: schema, zero threshold, bounds, and which buckets there are. `sameLayout` says whether a histogram
 *   may go into the chunk of another.
 * - The flags tell what is known of the first histogram; of those after it that no counter was reset, unless all are gauges.
 *
 * Source: prometheus: tsdb/docs/format/chunks.md, tsdb/chunkenc/histogram.go, float_histogram.go and histogram_meta.go.
 */
import {
  type BucketSpan,
  type Buckets,
  CUSTOM_SCHEMA,
  MAX_BUCKETS,
  type NativeHistogram,
  NO_BOUNDS,
  NO_BUCKETS,
  type ResetHint,
  spansOf,
  tryBucketsOf,
} from '../histogram.ts'
import { isStaleAt } from '../stale.ts'
import { BitReader, BitWriter } from './bit-stream.ts'
import { XorValue } from './xor-value.ts'

const FLAGS: Readonly<Record<ResetHint, number>> = { unknown: 0, none: 0b01, reset: 0b10, gauge: 0b11 }

/** The largest custom bound that is written in thousandths. */
const MAX_THOUSANDTHS = 33_554_430

/** Integers up to here have exact differences of differences. */
const MAX_EXACT_COUNT = 2 ** 51

export type HistogramColumn = { readonly timestamps: Float64Array; readonly histograms: readonly NativeHistogram[] }

/** Integer chunks hold those with integer counts, unless these are too large to calculate with. */
export function isIntegerChunk({ isInteger, count, zeroCount }: NativeHistogram): boolean {
  return isInteger && count <= MAX_EXACT_COUNT && zeroCount <= MAX_EXACT_COUNT
}

/** Whether `next` fits the chunk that `before` lies in. */
export function sameLayout(before: NativeHistogram, next: NativeHistogram): boolean {
  return (
    before.schema === next.schema &&
    Object.is(before.zeroThreshold, next.zeroThreshold) &&
    isIntegerChunk(before) === isIntegerChunk(next) &&
    sameNumbers(before.positive.indices, next.positive.indices) &&
    sameNumbers(before.negative.indices, next.negative.indices) &&
    sameNumbers(before.customBounds, next.customBounds)
  )
}

/** All of `histograms`, which have one layout; at least one, at most 65,535. Integer or float is what the first one is. */
export function encodeHistogramChunk({ timestamps, histograms }: HistogramColumn): Buffer {
  const first = histograms[0]!
  const writer = new BitWriter(256)
  writer.bits(histograms.length, 16)
  writer.bits(FLAGS[first.resetHint] << 6, 8)
  writeZeroThreshold(writer, first.zeroThreshold)
  writer.varbitInt(first.schema)
  for (const side of [first.positive, first.negative]) writeSpans(writer, spansOf(side))
  if (first.schema === CUSTOM_SCHEMA) {
    writer.varbitUint(first.customBounds.length)
    for (const bound of first.customBounds) writeBound(writer, bound)
  }
  const samples = isIntegerChunk(first) ? new IntegerSamples(first) : new FloatSamples(first)
  const instants = new Dods(1)
  for (const [i, histogram] of histograms.entries()) {
    writer.varbitInt(instants.next(0, timestamps[i]!, i))
    samples.write(writer, histogram, i)
  }
  return writer.take()
}

/**
 * A stale marker has no buckets, and only further ones may follow it: `histograms` ends before the first, and the instants behind its
 * end are those of markers. Throws `ASSAY_PROTO` where the bits make no sense. The counts are not checked to add up: see
 * `histogramFault`.
 */
export function decodeHistogramChunk(bytes: Uint8Array, isInteger: boolean): HistogramColumn {
  const reader = new BitReader(bytes, 0)
  const count = reader.bits(16)
  const flags = reader.bits(8) >>> 6
  const zeroThreshold = readZeroThreshold(reader)
  const schema = reader.varbitInt()
  const positive = readLayout(reader)
  const negative = readLayout(reader)
  const customBounds = schema === CUSTOM_SCHEMA ? readBounds(reader) : NO_BOUNDS
  const layout = { schema, zeroThreshold, positive, negative, customBounds, isInteger }
  // Four bits are the least that a sample takes, and one a bucket; a marker has none of these.
  if (count * 4 + positive.indices.length + negative.indices.length > bytes.length * 8)
    throw reader.broken(`it says it has ${count} histograms`)
  const timestamps = new Float64Array(count)
  const histograms: NativeHistogram[] = []
  const samples = isInteger ? new IntegerSamples(layout) : new FloatSamples(layout)
  const instants = new Dods(1)
  for (let i = 0; i < count; i++) {
    timestamps[i] = instants.undo(0, reader.varbitInt(), i)
    const counts = samples.read(reader, i)
    if (counts !== undefined && histograms.length === i)
      histograms.push({ ...layout, ...counts, resetHint: hintOf(flags, i) })
  }
  return { timestamps, histograms }
}

function hintOf(flags: number, place: number): ResetHint {
  if (flags === FLAGS.gauge) return 'gauge'
  if (place > 0) return 'none'
  // That no counter was reset before is not believed of the first one: the chunk before may be gone.
  return flags === FLAGS.reset ? 'reset' : 'unknown'
}

type Layout = Pick<NativeHistogram, 'positive' | 'negative'>
type Counts = Pick<NativeHistogram, 'count' | 'zeroCount' | 'sum' | 'positive' | 'negative'>

/** Whole numbers as they lie in a chunk: the first itself, the second as difference, then differences of differences. */
class Dods {
  readonly #last: Float64Array
  readonly #delta: Float64Array

  constructor(columns: number) {
    this.#last = new Float64Array(columns)
    this.#delta = new Float64Array(columns)
  }

  next(column: number, value: number, place: number): number {
    const delta = value - this.#last[column]!
    const written = place < 2 ? delta : delta - this.#delta[column]!
    this.#last[column] = value
    this.#delta[column] = delta
    return written
  }

  undo(column: number, written: number, place: number): number {
    const delta = place < 2 ? written : written + this.#delta[column]!
    this.#delta[column] = delta
    return (this.#last[column]! += delta)
  }
}

/** Columns: count, zero count, then each bucket as its difference to the one before it on its side. */
class IntegerSamples {
  readonly #layout: Layout
  readonly #numbers: Dods
  readonly #sum = new XorValue()
  readonly #scratch = new Float64Array(1)

  constructor(layout: Layout) {
    this.#layout = layout
    this.#numbers = new Dods(2 + layout.positive.indices.length + layout.negative.indices.length)
  }

  write(writer: BitWriter, histogram: NativeHistogram, place: number): void {
    const numbers = this.#numbers
    const count = numbers.next(0, histogram.count, place)
    const zeroCount = numbers.next(1, histogram.zeroCount, place)
    // The first two counts are without sign, and so have a wider reach in as many bits.
    if (place === 0) {
      writer.varbitUint(count)
      writer.varbitUint(zeroCount)
    } else {
      writer.varbitInt(count)
      writer.varbitInt(zeroCount)
    }
    this.#scratch[0] = histogram.sum
    if (place === 0) this.#sum.writeFirst(writer, this.#scratch, 0)
    else this.#sum.write(writer, this.#scratch, 0)
    let column = 2
    for (const { counts } of [histogram.positive, histogram.negative]) {
      for (let i = 0; i < counts.length; i++)
        writer.varbitInt(numbers.next(column++, counts[i]! - (i === 0 ? 0 : counts[i - 1]!), place))
    }
  }

  /** `undefined`: a stale marker. */
  read(reader: BitReader, place: number): Counts | undefined {
    const numbers = this.#numbers
    const number = () => (place === 0 ? reader.varbitUint() : reader.varbitInt())
    const count = numbers.undo(0, number(), place)
    const zeroCount = numbers.undo(1, number(), place)
    if (place === 0) this.#sum.readFirst(reader, this.#scratch, 0)
    else this.#sum.read(reader, this.#scratch, 0)
    if (isStaleAt(this.#scratch, 0)) return undefined
    let column = 2
    const side = ({ indices }: Buckets): Buckets => {
      const counts = new Float64Array(indices.length)
      let last = 0
      for (let i = 0; i < counts.length; i++) {
        last += numbers.undo(column++, reader.varbitInt(), place)
        counts[i] = last
      }
      return { indices, counts }
    }
    const positive = side(this.#layout.positive)
    return { count, zeroCount, sum: this.#scratch[0]!, positive, negative: side(this.#layout.negative) }
  }
}

const SUM = 2

/** Columns: count, zero count, sum, then each bucket. */
class FloatSamples {
  readonly #layout: Layout
  readonly #values: readonly XorValue[]
  readonly #scratch: Float64Array

  constructor(layout: Layout) {
    this.#layout = layout
    const columns = 3 + layout.positive.indices.length + layout.negative.indices.length
    this.#values = Array.from({ length: columns }, () => new XorValue())
    this.#scratch = new Float64Array(columns)
  }

  write(writer: BitWriter, histogram: NativeHistogram, place: number): void {
    const scratch = this.#scratch
    scratch[0] = histogram.count
    scratch[1] = histogram.zeroCount
    scratch[2] = histogram.sum
    scratch.set(histogram.positive.counts, 3)
    scratch.set(histogram.negative.counts, 3 + histogram.positive.counts.length)
    for (const [column, value] of this.#values.entries()) {
      if (place === 0) value.writeFirst(writer, scratch, column)
      else value.write(writer, scratch, column)
    }
  }

  /** `undefined`: a stale marker. */
  read(reader: BitReader, place: number): Counts | undefined {
    const scratch = this.#scratch
    for (const [column, value] of this.#values.entries()) {
      if (place === 0) value.readFirst(reader, scratch, column)
      else value.read(reader, scratch, column)
      if (column === SUM && isStaleAt(scratch, SUM)) return undefined
    }
    const { positive, negative } = this.#layout
    const split = 3 + positive.indices.length
    return {
      count: scratch[0]!,
      zeroCount: scratch[1]!,
      sum: scratch[2]!,
      positive: { indices: positive.indices, counts: scratch.slice(3, split) },
      negative: { indices: negative.indices, counts: scratch.slice(split) },
    }
  }
}

/** One byte for 0 and for the powers of two from 2^-243 to 2^10; otherwise 255 and the double. */
function writeZeroThreshold(writer: BitWriter, threshold: number): void {
  const exponent = Math.round(Math.log2(threshold))
  if (Object.is(threshold, 0)) writer.bits(0, 8)
  else if (exponent >= -243 && exponent <= 10 && 2 ** exponent === threshold) writer.bits(exponent + 244, 8)
  else {
    writer.bits(0xff, 8)
    new XorValue().writeFirst(writer, Float64Array.of(threshold), 0)
  }
}

function readZeroThreshold(reader: BitReader): number {
  const byte = reader.bits(8)
  if (byte === 0) return 0
  return byte === 0xff ? readDouble(reader) : 2 ** (byte - 244)
}

function writeSpans(writer: BitWriter, spans: readonly BucketSpan[]): void {
  writer.varbitUint(spans.length)
  for (const { offset, length } of spans) {
    writer.varbitUint(length)
    writer.varbitInt(offset)
  }
}

/** Buckets without counts: which there are. */
function readLayout(reader: BitReader): Buckets {
  const count = reader.varbitUint()
  if (count === 0) return NO_BUCKETS
  const spans: BucketSpan[] = []
  let buckets = 0
  for (let i = 0; i < count; i++) {
    const length = reader.varbitUint()
    spans.push({ length, offset: reader.varbitInt() })
    buckets += length
    if (buckets > MAX_BUCKETS || spans.length > MAX_BUCKETS)
      throw reader.broken(`it has more than ${MAX_BUCKETS} buckets`)
  }
  const layout = tryBucketsOf(spans, new Float64Array(buckets))
  if (layout === undefined) throw reader.broken('its spans do not follow each other')
  return layout
}

/** A multiple of a thousandth up to 33,554.43 as varbit of thousandths + 1; otherwise a zero bit and the double. */
function writeBound(writer: BitWriter, bound: number): void {
  // Plus 0: thousandths know no -0, which so keeps its sign in the long form.
  const thousandths = Math.round(bound * 1000) + 0
  const isShort = bound * 1000 >= 0 && bound * 1000 <= MAX_THOUSANDTHS && Object.is(thousandths / 1000, bound)
  if (isShort) writer.varbitUint(thousandths + 1)
  else {
    writer.bits(0, 1)
    new XorValue().writeFirst(writer, Float64Array.of(bound), 0)
  }
}

function readBounds(reader: BitReader): Float64Array {
  const count = reader.varbitUint()
  if (count > MAX_BUCKETS) throw reader.broken(`it has more than ${MAX_BUCKETS} bounds`)
  const bounds: number[] = []
  for (let i = 0; i < count; i++) {
    const short = reader.varbitUint()
    bounds.push(short === 0 ? readDouble(reader) : (short - 1) / 1000)
  }
  return Float64Array.from(bounds)
}

function readDouble(reader: BitReader): number {
  const column = new Float64Array(1)
  new XorValue().readFirst(reader, column, 0)
  return column[0]!
}

function sameNumbers(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false
  return true
}
