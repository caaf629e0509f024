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
 *
 * Source: Prometheus remote write specification 1.0; prometheus: prompb/types.proto, prompb/remote.proto.
 */
import { bytesTag, fixed64Tag, ProtoReader, readLabel, varintTag } from '#core'
import type { Metadata } from '#storage'
import { Budget } from './budget.ts'
import { Faults } from './faults.ts'
import { FloatColumns } from './float-columns.ts'
import type { LabelsCache } from './labels-cache.ts'
import { metricType } from './metric-type.ts'
import { readHistogramSample } from './read-histogram-sample.ts'
import { labelsOf, seriesLabels } from './series-labels.ts'
import type { HistogramSample, WriteExemplar, WriteRequest, WriteSeries } from './types.ts'

const NONE: readonly never[] = []

/**
 * Throws `ASSAY_PROTO` when the bytes are no such message, `ASSAY_REMOTE_TOO_LARGE` when they unfold to too much. A `cache` that lives
 * from request to request spares making the texts of series that come again.
 */
export function decodeWriteRequest(bytes: Uint8Array, cache?: LabelsCache): WriteRequest {
  const reader = new ProtoReader(bytes)
  const state: State = { reader, columns: new FloatColumns(), faults: new Faults(), budget: new Budget(), cache }
  const series: WriteSeries[] = []
  const metadata: (Metadata & { family: string })[] = []
  while (!reader.done) {
    const tag = reader.varint()
    if (tag === bytesTag(1)) {
      const one = readSeries(state, reader.block())
      if (one !== undefined) series.push(one)
    } else if (tag === bytesTag(3)) {
      const one = readMetadata(reader, reader.block())
      if (one.family === '') continue
      state.budget.spend('metadata entries')
      metadata.push(one)
    } else reader.skip(tag)
  }
  const { timestamps, values, starts } = state.columns
  return { series, timestamps, values, starts, metadata, faults: state.faults.list(), withoutMetadata: 0 }
}

type State = {
  readonly reader: ProtoReader
  readonly columns: FloatColumns
  readonly faults: Faults
  readonly budget: Budget
  readonly cache: LabelsCache | undefined
}

/** `undefined`: a series that cannot be taken, told in `faults`. */
function readSeries({ reader, columns, faults, budget, cache }: State, end: number): WriteSeries | undefined {
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
      budget.spend('labels')
      late ??= []
      readLabel(reader, late)
    } else if (tag === bytesTag(2)) {
      budget.spend('samples')
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
  const make = () => seriesLabels(readLabels(reader, head, headEnd, late))
  const labels = cache === undefined || late !== undefined ? make() : cache.get(reader.bytes, head, headEnd, make)
  if (typeof labels === 'string') {
    faults.add(labels, columns.count - from + (histograms?.length ?? 0) + (faulty?.size ?? 0))
    columns.count = from
    return undefined
  }
  if (faulty !== undefined) for (const [why, count] of faulty) faults.add(`a histogram of ${labels}: ${why}`, count)
  budget.spend('series')
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
    budget.spend('labels')
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
      budget.spend('labels')
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
