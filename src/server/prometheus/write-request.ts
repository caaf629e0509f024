/**
 * Remote write 1.0: `prometheus.WriteRequest`, decoded by hand into columns.
 *
 *   WriteRequest   { 1: TimeSeries*, 3: MetricMetadata* }
 *   TimeSeries     { 1: Label*, 2: Sample*, 3: Exemplar*, 4: Histogram* }
 *   Label          { 1: name, 2: value }      Sample { 1: double value, 2: int64 timestamp (ms) }
 *   MetricMetadata { 1: type, 2: family, 4: help, 5: unit }
 *
 * - Values keep their bits, so a stale marker stays one.
 * - Every length is checked against what is left; unknown fields are skipped. A message that ends early throws.
 * - A series whose labels break the rules (no name, or one twice) is counted and left out; the rest is taken.
 *
 * Source: Prometheus remote write specification 1.0; protocol buffers, encoding.
 */
import { isUtf8 } from 'node:buffer'
import { Labels, METRIC_NAME } from '#core'
import type { Metadata, MetricType } from '#storage'
import { ApiError } from '../http/api-error.ts'

export type WriteSeries = { readonly labels: Labels; readonly timestamps: Float64Array; readonly values: Float64Array }
export type WriteRequest = {
  readonly series: readonly WriteSeries[]
  readonly metadata: readonly (Metadata & { readonly family: string })[]
  /** Series with labels that are none. */
  readonly invalidSeries: number
  /** Native histograms, which are not kept yet. */
  readonly histograms: number
}

/** Throws `bad_data` when the bytes are no such message. */
export function decodeWriteRequest(bytes: Buffer): WriteRequest {
  const reader = new Reader(bytes)
  const series: WriteSeries[] = []
  const metadata: (Metadata & { family: string })[] = []
  let invalidSeries = 0
  let histograms = 0
  while (!reader.done()) {
    const tag = reader.varint()
    if (tag === LEN(1)) {
      const end = reader.block()
      const one = readSeries(reader, end)
      histograms += one.histograms
      if (one.labels === undefined) invalidSeries++
      else series.push({ labels: one.labels, timestamps: one.timestamps, values: one.values })
    } else if (tag === LEN(3)) metadata.push(readMetadata(reader, reader.block()))
    else reader.skip(tag)
  }
  return { series, metadata, invalidSeries, histograms }
}

function LEN(field: number): number {
  return (field << 3) | 2
}

function readSeries(reader: Reader, end: number) {
  const flat: string[] = []
  let timestamps = new Float64Array(4)
  let values = new Float64Array(4)
  let count = 0
  let histograms = 0
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === LEN(1)) readLabel(reader, reader.block(), flat)
    else if (tag === LEN(2)) {
      if (count === values.length) {
        timestamps = doubled(timestamps)
        values = doubled(values)
      }
      const stop = reader.block()
      while (reader.at < stop) {
        const field = reader.varint()
        if (field === ((1 << 3) | 1)) reader.double(values, count)
        else if (field === 2 << 3) timestamps[count] = reader.varint()
        else reader.skip(field)
      }
      reader.expect(stop)
      count++
    } else {
      if (tag === LEN(4)) histograms++
      reader.skip(tag)
    }
  }
  reader.expect(end)
  return {
    labels: labelsOf(flat),
    timestamps: timestamps.subarray(0, count),
    values: values.subarray(0, count),
    histograms,
  }
}

function readLabel(reader: Reader, end: number, flat: string[]): void {
  let name = ''
  let value = ''
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === LEN(1)) name = reader.text()
    else if (tag === LEN(2)) value = reader.text()
    else reader.skip(tag)
  }
  reader.expect(end)
  flat.push(name, value)
}

/** `undefined`: not the labels of a series. The fast path is a sender's that sorts, as the specification demands. */
function labelsOf(flat: readonly string[]): Labels | undefined {
  let sorted = true
  for (let i = 0; i < flat.length; i += 2) {
    if (flat[i] === '') return undefined
    // Only names of plain ASCII order by code units as by bytes; `Labels.fromPairs` does the others.
    if (flat[i + 1] === '' || flat[i]! > 'z' || (i > 0 && flat[i]! <= flat[i - 2]!)) sorted = false
  }
  if (!sorted) {
    const names = new Set(flat.filter((_, i) => i % 2 === 0))
    if (names.size * 2 !== flat.length) return undefined
  }
  const labels = sorted
    ? Labels.fromSorted(flat)
    : Labels.fromPairs(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1]!] as const] : [])))
  return labels.has(METRIC_NAME) ? labels : undefined
}

/** Types in the order of the message's enum. */
const TYPES: readonly MetricType[] = [
  'unknown',
  'counter',
  'gauge',
  'histogram',
  'gaugehistogram',
  'summary',
  'info',
  'stateset',
]

function readMetadata(reader: Reader, end: number): Metadata & { family: string } {
  let type: MetricType = 'unknown'
  let family = ''
  let help = ''
  let unit = ''
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === 1 << 3) type = TYPES[reader.varint()] ?? 'unknown'
    else if (tag === LEN(2)) family = reader.text()
    else if (tag === LEN(4)) help = reader.text()
    else if (tag === LEN(5)) unit = reader.text()
    else reader.skip(tag)
  }
  reader.expect(end)
  return { family, type, help, unit }
}

function doubled(column: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(column.length * 2)
  larger.set(column)
  return larger
}

/** A cursor over one message. Numbers beyond 2^53 lose their last digits: no instant and no length is that large. */
class Reader {
  readonly #bytes: Buffer
  at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  done(): boolean {
    return this.at >= this.#bytes.length
  }

  /** A varint as a signed 64-bit number. */
  varint(): number {
    let low = 0
    let shift = 0
    // Four groups of seven bits fit a small integer: tags, lengths and most counts end here.
    for (; shift < 28; shift += 7) {
      const byte = this.#byte()
      low |= (byte & 0x7f) << shift
      if (byte < 0x80) return low
    }
    let high = 0
    for (let i = 0; i < 6; i++) {
      const byte = this.#byte()
      high += (byte & 0x7f) * 2 ** (7 * i)
      if (byte < 0x80) return signed(high, low)
    }
    throw broken('a number has more than ten bytes')
  }

  double(into: Float64Array, index: number): void {
    if (this.at + 8 > this.#bytes.length) throw broken('it ends within a value')
    // Byte by byte into the column: passing it as a number could turn a stale marker into an ordinary NaN.
    const target = new Uint8Array(into.buffer, into.byteOffset + index * 8, 8)
    for (let i = 0; i < 8; i++) target[LITTLE ? i : 7 - i] = this.#bytes[this.at + i]!
    this.at += 8
  }

  /** Reads a length; returns where the block ends. */
  block(): number {
    const length = this.varint()
    const end = this.at + length
    if (length < 0 || end > this.#bytes.length) throw broken(`a length of ${length} goes beyond its end`)
    return end
  }

  text(): string {
    const end = this.block()
    const text = this.#bytes.toString('utf8', this.at, end)
    // What is no UTF-8 decodes to the replacement character; only then the bytes have to be looked at again.
    if (text.includes('\ufffd') && !isUtf8(this.#bytes.subarray(this.at, end))) throw broken('a text is not UTF-8')
    this.at = end
    return text
  }

  skip(tag: number): void {
    switch (tag & 7) {
      case 0:
        this.varint()
        return
      case 1:
        this.at += 8
        break
      case 2:
        this.at = this.block()
        break
      case 5:
        this.at += 4
        break
      default:
        throw broken(`field ${tag >>> 3} is of wire type ${tag & 7}, which there is not`)
    }
    if (this.at > this.#bytes.length) throw broken('it ends within a field')
  }

  /** A block must end where its length said. */
  expect(end: number): void {
    if (this.at !== end) throw broken(`a field goes beyond the end of its block at byte ${end}`)
  }

  #byte(): number {
    if (this.at >= this.#bytes.length) throw broken('it ends within a number')
    return this.#bytes[this.at++]!
  }
}

/** 28 low bits and 36 high bits of a two's complement number. */
function signed(high: number, low: number): number {
  return (high >= 2 ** 35 ? high - 2 ** 36 : high) * 2 ** 28 + low
}

function broken(why: string): ApiError {
  return new ApiError('bad_data', `the body is no prometheus.WriteRequest: ${why}`)
}

const LITTLE = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1
