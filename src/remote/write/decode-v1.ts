/**
 * Remote write 1.0: `prometheus.WriteRequest`, decoded by hand into columns.
 *
 *   WriteRequest   { 1: TimeSeries*, 3: MetricMetadata* }
 *   TimeSeries     { 1: Label*, 2: Sample*, 3: Exemplar*, 4: Histogram* }
 *   Label          { 1: name, 2: value }      Sample { 1: double value, 2: int64 timestamp (ms) }
 *   Exemplar       { 1: Label*, 2: double value, 3: int64 timestamp (ms) }
 *   MetricMetadata { 1: type, 2: family, 4: help, 5: unit }
 *
 * - Every length is checked against what is left; unknown fields are skipped. A message that ends early throws.
 * - A known series with floats alone goes by the fast path, float-walk.ts. What is here is for all others, and tests it.
 *
 * Source: Prometheus remote write specification 1.0; prometheus: prompb/types.proto, prompb/remote.proto.
 */
import { bytesTag, fixed64Tag, type Labels, ProtoReader, readLabel, varintTag } from '#core'
import type { Metadata } from '#storage'
import { Decoded } from './decoded.ts'
import type { FloatColumns } from './float-columns.ts'
import { FloatWalk } from './float-walk.ts'
import type { KnownSeries } from './known-series.ts'
import { metricType } from './metric-type.ts'
import { readHistogramSample } from './read-histogram-sample.ts'
import { labelsOf, seriesLabels } from './series-labels.ts'
import type { HistogramSample, WriteExemplar, WriteRequest, WriteSeries } from './types.ts'
import type { Budget } from './write-limits.ts'

const NONE: readonly never[] = []

/** Each message by itself: what every series is, without the fast path. Throws as `decodeV1` does. */
export function decodeWriteRequest(bytes: Uint8Array): WriteRequest {
  const into = new Decoded()
  decodeV1(bytes, into)
  return into.asRequest()
}

/**
 * Throws `ASSAY_PROTO` when the bytes are no such message, `ASSAY_REMOTE_TOO_LARGE` when they unfold to too much. Series that are `known`
 * become rows of their entries, others are made known.
 */
export function decodeV1(bytes: Uint8Array, into: Decoded, known?: KnownSeries): void {
  const reader = new ProtoReader(bytes)
  const walk = known === undefined ? undefined : new FloatWalk(bytes, known, into)
  const state: State = { reader, into, pairs: 0, isInOrder: true }
  while (!reader.done) {
    if (walk !== undefined) {
      reader.at = walk.run(reader.at, reader.end)
      if (reader.done) return
    }
    const tag = reader.varint()
    if (tag === bytesTag(1)) {
      const one = readSeries(state, reader.block())
      // An entry stands for all labels of a series, not for those in front alone.
      if (one !== undefined) into.addOdd(one, walk !== undefined && state.isInOrder ? walk.keep(state.pairs) : 0)
    } else if (tag === bytesTag(3)) {
      const one = readMetadata(reader, reader.block())
      if (one.family === '') continue
      into.budget.spend('metadata entries')
      into.metadata.push(one)
    } else reader.skip(tag)
  }
}

/** The labels of a known series. */
export function labelsOfKey(key: Uint8Array): Labels {
  const labels = labelsOf(readLabels(new ProtoReader(key), 0, key.length, undefined))
  if (typeof labels === 'string') throw new TypeError(`BUG: a series is known whose labels are none: ${labels}`)
  return labels
}

type State = {
  readonly reader: ProtoReader
  readonly into: Decoded
  /** Of the series read last: how many labels it has in front, and whether those are all. */
  pairs: number
  isInOrder: boolean
}

/** `undefined`: a series that cannot be taken, told in `faults`. */
function readSeries(state: State, end: number): WriteSeries | undefined {
  const { reader, into } = state
  const { columns, faults, budget } = into
  const head = reader.at
  skipLabels(reader, end, budget)
  const headEnd = reader.at
  /** Labels behind the samples: allowed on the wire, and written by nobody. */
  let late: string[] | undefined
  const from = columns.count
  let histograms: HistogramSample[] | undefined
  let exemplars: WriteExemplar[] | undefined
  let faulty: Map<string, number> | undefined
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === bytesTag(1)) {
      budget.labels()
      late ??= []
      readLabel(reader, late)
    } else if (tag === bytesTag(2)) {
      budget.samples()
      readSample(reader, reader.block(), columns)
    } else if (tag === bytesTag(3)) {
      budget.spend('exemplars')
      const exemplar = readExemplar(reader, reader.block(), budget)
      if (exemplar !== undefined) (exemplars ??= []).push(exemplar)
    } else if (tag === bytesTag(4)) {
      const one = readHistogramSample(reader, reader.block(), budget)
      if (typeof one !== 'string') (histograms ??= []).push(one)
      else (faulty ??= new Map()).set(one, (faulty.get(one) ?? 0) + 1)
    } else reader.skip(tag)
  }
  reader.expect(end)
  const flat = readLabels(reader, head, headEnd, late)
  const labels = seriesLabels(flat, budget.limits)
  state.pairs = flat.length / 2
  state.isInOrder = late === undefined
  if ('why' in labels) {
    let count = columns.count - from + (histograms?.length ?? 0)
    for (const more of faulty?.values() ?? []) count += more
    faults.add(labels.why, count, labels.reason)
    columns.count = from
    return undefined
  }
  if (faulty !== undefined)
    for (const [why, count] of faulty) faults.add(`a histogram of ${labels}: ${why}`, count, 'invalid-histogram')
  budget.series()
  return { labels, from, to: columns.count, histograms: histograms ?? NONE, exemplars: exemplars ?? NONE }
}

/** Passes over the labels that a series begins with. */
function skipLabels(reader: ProtoReader, end: number, budget: Budget): void {
  while (reader.at < end) {
    const at = reader.at
    if (reader.varint() !== bytesTag(1)) {
      reader.at = at
      return
    }
    budget.labels()
    reader.at = reader.block()
  }
}

/** The labels of [from, to), which were passed over before and hold nothing else, and `late` ones behind them. */
function readLabels(reader: ProtoReader, from: number, to: number, late: readonly string[] | undefined): string[] {
  const back = reader.at
  const flat: string[] = []
  reader.at = from
  while (reader.at < to) {
    reader.varint()
    readLabel(reader, flat)
  }
  reader.at = back
  if (late !== undefined) flat.push(...late)
  return flat
}

function readSample(reader: ProtoReader, end: number, columns: FloatColumns): void {
  columns.begin()
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === fixed64Tag(1)) columns.readValue(reader)
    else if (tag === varintTag(2)) columns.readTimestamp(reader)
    else reader.skip(tag)
  }
  reader.expect(end)
}

/** `undefined`: labels that are none. Exemplars are a help, not the data: a bad one is passed over, as by Prometheus. */
function readExemplar(reader: ProtoReader, end: number, budget: Budget): WriteExemplar | undefined {
  const flat: string[] = []
  let value = 0
  let at = 0
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === bytesTag(1)) {
      budget.labels()
      readLabel(reader, flat)
    } else if (tag === fixed64Tag(2)) value = reader.double()
    else if (tag === varintTag(3)) at = reader.varint()
    else reader.skip(tag)
  }
  reader.expect(end)
  const labels = labelsOf(flat)
  return typeof labels === 'string' ? undefined : { labels, value, at }
}

function readMetadata(reader: ProtoReader, end: number): Metadata & { family: string } {
  let type = 0
  let family = ''
  let help = ''
  let unit = ''
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === varintTag(1)) type = reader.varint()
    else if (tag === bytesTag(2)) family = reader.text()
    else if (tag === bytesTag(4)) help = reader.text()
    else if (tag === bytesTag(5)) unit = reader.text()
    else reader.skip(tag)
  }
  reader.expect(end)
  return { family, type: metricType(type), help, unit }
}
