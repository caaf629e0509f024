/**
 * The messages of remote read, as structures and as bytes.
 *
 *   ReadRequest         { 1: Query*, 2: ResponseType* }
 *   Query               { 1: int64 start, 2: int64 end (ms, inclusive), 3: LabelMatcher*, 4: ReadHints }
 *   LabelMatcher        { 1: type, 2: name, 3: value }
 *   ReadHints           { 1: step, 2: func, 3: start, 4: end, 5: grouping*, 6: by, 7: range }
 *   ReadResponse        { 1: QueryResult* }          QueryResult   { 1: TimeSeries* }
 *   TimeSeries          { 1: Label*, 2: Sample*, 4: Histogram* }
 *   ChunkedReadResponse { 1: ChunkedSeries*, 2: int64 query_index }
 *   ChunkedSeries       { 1: Label*, 2: Chunk* }     Chunk { 1: min (ms), 2: max (ms), 3: encoding, 4: bytes }
 *
 * - Values keep their bits, so a stale marker stays one.
 * - Floats and histograms of a series travel in two lists; a reader merges them by time.
 *
 * Source: prometheus: prompb/remote.proto and prompb/types.proto.
 */
import {
  bytesTag,
  fixed64Tag,
  isStaleAt,
  Labels,
  MATCH_OPS,
  type MatchOp,
  ProtoReader,
  ProtoWriter,
  readLabel,
  varintTag,
  writeLabels,
  writeStale,
} from '#core'
import type { Samples } from '#storage'
import { type HistogramMessage, readHistogram, writeHistogram } from '../histogram-message.ts'
import { CHUNK_ENCODINGS, type Chunk } from './chunks.ts'

/** How an answer may look, numbered in this order. */
export const RESPONSE_TYPES = ['samples', 'streamedXorChunks'] as const
export type ResponseType = (typeof RESPONSE_TYPES)[number]

export type MatcherMessage = { readonly name: string; readonly op: MatchOp; readonly value: string }

/** What the asker will do with the samples; an answer may ignore it. Milliseconds. */
export type ReadHints = {
  readonly stepMs: number
  readonly func: string
  readonly start: number
  readonly end: number
  readonly grouping: readonly string[]
  readonly by: boolean
  readonly rangeMs: number
}

/** Instants in Unix milliseconds, both inclusive. */
export type ReadQuery = {
  readonly start: number
  readonly end: number
  readonly matchers: readonly MatcherMessage[]
  readonly hints?: ReadHints
}

export type ReadRequest = {
  readonly queries: readonly ReadQuery[]
  /** In the order of preference; `undefined`: a type that is not known here. Empty: samples. */
  readonly accepted: readonly (ResponseType | undefined)[]
}

export type ReadSeries = {
  readonly labels: Labels
  readonly timestamps: Float64Array
  readonly values: Float64Array
  readonly histograms: readonly HistogramMessage[]
}

export type ChunkedSeries = { readonly labels: Labels; readonly chunks: readonly Chunk[] }
export type ChunkedFrame = { readonly queryIndex: number; readonly series: readonly ChunkedSeries[] }

/** Most queries in one request, and matchers in one query. */
const MAX_QUERIES = 1000
const MAX_MATCHERS = 1000

/** Throws `ASSAY_PROTO` when the bytes are no such message. */
export function decodeReadRequest(bytes: Uint8Array): ReadRequest {
  const reader = new ProtoReader(bytes)
  const queries: ReadQuery[] = []
  const accepted: (ResponseType | undefined)[] = []
  while (!reader.done) {
    const tag = reader.varint()
    if (tag === bytesTag(1)) {
      if (queries.length === MAX_QUERIES) throw reader.broken(`it asks more than ${MAX_QUERIES} queries`)
      queries.push(readQuery(reader, reader.block()))
    } else if (tag === varintTag(2)) accepted.push(RESPONSE_TYPES[reader.varint()])
    else if (tag === bytesTag(2)) {
      const end = reader.block()
      while (reader.at < end) accepted.push(RESPONSE_TYPES[reader.varint()])
      reader.expect(end)
    } else reader.skip(tag)
  }
  return { queries, accepted }
}

export function encodeReadRequest({ queries, accepted }: ReadRequest): Buffer {
  const writer = new ProtoWriter()
  for (const query of queries) {
    writer.blockField(1, () => {
      writer.varintField(1, query.start)
      writer.varintField(2, query.end)
      for (const { op, name, value } of query.matchers) {
        writer.blockField(3, () => {
          writer.varintField(1, MATCH_OPS.indexOf(op))
          writer.textField(2, name)
          writer.textField(3, value)
        })
      }
      if (query.hints !== undefined) writer.blockField(4, () => writeHints(writer, query.hints!))
    })
  }
  if (accepted.length > 0) {
    writer.blockField(2, () => {
      for (const type of accepted)
        writer.varint(type === undefined ? RESPONSE_TYPES.length : RESPONSE_TYPES.indexOf(type))
    })
  }
  return writer.take()
}

function readQuery(reader: ProtoReader, end: number): ReadQuery {
  let start = 0
  let stop = 0
  let hints: ReadHints | undefined
  const matchers: MatcherMessage[] = []
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === varintTag(1)) start = reader.varint()
    else if (tag === varintTag(2)) stop = reader.varint()
    else if (tag === bytesTag(3)) {
      if (matchers.length === MAX_MATCHERS) throw reader.broken(`a query has more than ${MAX_MATCHERS} matchers`)
      matchers.push(readMatcher(reader, reader.block()))
    } else if (tag === bytesTag(4)) hints = readHints(reader, reader.block())
    else reader.skip(tag)
  }
  reader.expect(end)
  return { start, end: stop, matchers, ...(hints === undefined ? {} : { hints }) }
}

function readMatcher(reader: ProtoReader, end: number): MatcherMessage {
  let op: MatchOp | undefined = '='
  let name = ''
  let value = ''
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === varintTag(1)) op = MATCH_OPS[reader.varint()]
    else if (tag === bytesTag(2)) name = reader.text()
    else if (tag === bytesTag(3)) value = reader.text()
    else reader.skip(tag)
  }
  reader.expect(end)
  if (op === undefined) throw reader.broken(`the matcher of ${JSON.stringify(name)} has a type that there is not`)
  return { op, name, value }
}

function readHints(reader: ProtoReader, end: number): ReadHints {
  const hints = { stepMs: 0, func: '', start: 0, end: 0, by: false, rangeMs: 0 }
  const grouping: string[] = []
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === varintTag(1)) hints.stepMs = reader.varint()
    else if (tag === bytesTag(2)) hints.func = reader.text()
    else if (tag === varintTag(3)) hints.start = reader.varint()
    else if (tag === varintTag(4)) hints.end = reader.varint()
    else if (tag === bytesTag(5)) {
      if (grouping.length === MAX_MATCHERS) throw reader.broken(`a query groups by more than ${MAX_MATCHERS} labels`)
      grouping.push(reader.text())
    } else if (tag === varintTag(6)) hints.by = reader.varint() !== 0
    else if (tag === varintTag(7)) hints.rangeMs = reader.varint()
    else reader.skip(tag)
  }
  reader.expect(end)
  return { ...hints, grouping }
}

function writeHints(writer: ProtoWriter, hints: ReadHints): void {
  writer.varintField(1, hints.stepMs)
  writer.textField(2, hints.func)
  writer.varintField(3, hints.start)
  writer.varintField(4, hints.end)
  for (const label of hints.grouping) writer.textField(5, label)
  writer.varintField(6, hints.by ? 1 : 0)
  writer.varintField(7, hints.rangeMs)
}

/** One series as field `field` of the message that is being written. */
export function writeSeries(writer: ProtoWriter, field: number, labels: Labels, samples: Samples): void {
  const { timestamps, values, count, histograms } = samples
  writer.blockField(field, () => {
    writeLabels(writer, labels.flat)
    for (let i = 0; i < count; i++) {
      if (histograms?.[i] !== undefined) continue
      writer.blockField(2, () => {
        writer.doubleOf(1, values, i)
        writer.varintField(2, timestamps[i]!)
      })
    }
    for (let i = 0; i < count; i++) {
      const histogram = histograms?.[i]
      if (histogram !== undefined) writer.blockField(4, () => writeHistogram(writer, histogram, timestamps[i]!))
    }
  })
}

/** The results of a `ReadResponse`, in the order of the queries. Throws `ASSAY_PROTO`. */
export function decodeReadResponse(bytes: Uint8Array): readonly (readonly ReadSeries[])[] {
  const reader = new ProtoReader(bytes)
  const results: ReadSeries[][] = []
  while (!reader.done) {
    const tag = reader.varint()
    if (tag !== bytesTag(1)) {
      reader.skip(tag)
      continue
    }
    const end = reader.block()
    const result: ReadSeries[] = []
    while (reader.at < end) {
      const inner = reader.varint()
      if (inner === bytesTag(1)) result.push(readSeries(reader, reader.block()))
      else reader.skip(inner)
    }
    reader.expect(end)
    results.push(result)
  }
  return results
}

function readSeries(reader: ProtoReader, end: number): ReadSeries {
  const flat: string[] = []
  const timestamps: number[] = []
  const stale: number[] = []
  const values: number[] = []
  const histograms: HistogramMessage[] = []
  const value = new Float64Array(1)
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === bytesTag(1)) readLabel(reader, flat)
    else if (tag === bytesTag(2)) {
      const stop = reader.block()
      let at = 0
      value[0] = 0
      while (reader.at < stop) {
        const field = reader.varint()
        if (field === fixed64Tag(1)) reader.doubleInto(value, 0)
        else if (field === varintTag(2)) at = reader.varint()
        else reader.skip(field)
      }
      reader.expect(stop)
      if (isStaleAt(value, 0)) stale.push(values.length)
      timestamps.push(at)
      values.push(value[0]!)
    } else if (tag === bytesTag(4)) histograms.push(readHistogram(reader, reader.block()))
    else reader.skip(tag)
  }
  reader.expect(end)
  const column = Float64Array.from(values)
  for (const place of stale) writeStale(column, place)
  return { labels: Labels.fromFlat(flat), timestamps: Float64Array.from(timestamps), values: column, histograms }
}

export function encodeChunkedFrame({ queryIndex, series }: ChunkedFrame): Buffer {
  const writer = new ProtoWriter()
  for (const { labels, chunks } of series) {
    writer.blockField(1, () => {
      writeLabels(writer, labels.flat)
      for (const { minTime, maxTime, encoding, data } of chunks) {
        writer.blockField(2, () => {
          writer.varintField(1, minTime)
          writer.varintField(2, maxTime)
          writer.varintField(3, CHUNK_ENCODINGS.indexOf(encoding))
          writer.blobField(4, data)
        })
      }
    })
  }
  if (queryIndex !== 0) writer.varintField(2, queryIndex)
  return writer.take()
}

/** Throws `ASSAY_PROTO`. The data of chunks are views of `bytes`. */
export function decodeChunkedFrame(bytes: Uint8Array): ChunkedFrame {
  const reader = new ProtoReader(bytes)
  const series: ChunkedSeries[] = []
  let queryIndex = 0
  while (!reader.done) {
    const tag = reader.varint()
    if (tag === bytesTag(1)) {
      const end = reader.block()
      const flat: string[] = []
      const chunks: Chunk[] = []
      while (reader.at < end) {
        const inner = reader.varint()
        if (inner === bytesTag(1)) readLabel(reader, flat)
        else if (inner === bytesTag(2)) chunks.push(readChunk(reader, reader.block()))
        else reader.skip(inner)
      }
      reader.expect(end)
      series.push({ labels: Labels.fromFlat(flat), chunks })
    } else if (tag === varintTag(2)) queryIndex = reader.varint()
    else reader.skip(tag)
  }
  return { queryIndex, series }
}

function readChunk(reader: ProtoReader, end: number): Chunk {
  let minTime = 0
  let maxTime = 0
  let encoding = 0
  let data: Uint8Array = new Uint8Array(0)
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === varintTag(1)) minTime = reader.varint()
    else if (tag === varintTag(2)) maxTime = reader.varint()
    else if (tag === varintTag(3)) encoding = reader.varint()
    else if (tag === bytesTag(4)) data = reader.blob()
    else reader.skip(tag)
  }
  reader.expect(end)
  return { minTime, maxTime, encoding: CHUNK_ENCODINGS[encoding] ?? 'unknown', data }
}
