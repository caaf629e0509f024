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
import { bytesTag, fixed64Tag, Labels, METRIC_NAME, ProtoReader, varintTag } from '#core'
import type { Metadata, MetricType } from '#storage'

export type WriteSeries = { readonly labels: Labels; readonly timestamps: Float64Array; readonly values: Float64Array }
export type WriteRequest = {
  readonly series: readonly WriteSeries[]
  readonly metadata: readonly (Metadata & { readonly family: string })[]
  /** Series with labels that are none. */
  readonly invalidSeries: number
  /** Native histograms, which are not kept yet. */
  readonly histograms: number
}

/** Throws `ASSAY_PROTO` when the bytes are no such message. */
export function decodeWriteRequest(bytes: Buffer): WriteRequest {
  const reader = new ProtoReader(bytes)
  const series: WriteSeries[] = []
  const metadata: (Metadata & { family: string })[] = []
  let invalidSeries = 0
  let histograms = 0
  while (!reader.done) {
    const tag = reader.varint()
    if (tag === bytesTag(1)) {
      const end = reader.block()
      const one = readSeries(reader, end)
      histograms += one.histograms
      if (one.labels === undefined) invalidSeries++
      else series.push({ labels: one.labels, timestamps: one.timestamps, values: one.values })
    } else if (tag === bytesTag(3)) metadata.push(readMetadata(reader, reader.block()))
    else reader.skip(tag)
  }
  return { series, metadata, invalidSeries, histograms }
}

function readSeries(reader: ProtoReader, end: number) {
  const flat: string[] = []
  let timestamps = new Float64Array(4)
  let values = new Float64Array(4)
  let count = 0
  let histograms = 0
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === bytesTag(1)) readLabel(reader, reader.block(), flat)
    else if (tag === bytesTag(2)) {
      if (count === values.length) {
        timestamps = doubled(timestamps)
        values = doubled(values)
      }
      const stop = reader.block()
      while (reader.at < stop) {
        const field = reader.varint()
        if (field === fixed64Tag(1)) reader.doubleInto(values, count)
        else if (field === varintTag(2)) timestamps[count] = reader.varint()
        else reader.skip(field)
      }
      reader.expect(stop)
      count++
    } else {
      if (tag === bytesTag(4)) histograms++
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

function readLabel(reader: ProtoReader, end: number, flat: string[]): void {
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

function readMetadata(reader: ProtoReader, end: number): Metadata & { family: string } {
  let type: MetricType = 'unknown'
  let family = ''
  let help = ''
  let unit = ''
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === varintTag(1)) type = TYPES[reader.varint()] ?? 'unknown'
    else if (tag === bytesTag(2)) family = reader.text()
    else if (tag === bytesTag(4)) help = reader.text()
    else if (tag === bytesTag(5)) unit = reader.text()
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
