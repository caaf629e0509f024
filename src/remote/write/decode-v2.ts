/**
 * Remote write 2.0: `io.prometheus.write.v2.Request`, decoded by hand into columns.
 *
 *   Request    { 4: string* symbols, 5: TimeSeries* }
 *   TimeSeries { 1: uint32* label refs, 2: Sample*, 3: Histogram*, 4: Exemplar*, 5: Metadata, 6: int64 created timestamp (old) }
 *   Sample     { 1: double value, 2: int64 timestamp (ms), 3: int64 start timestamp (ms) }
 *   Exemplar   { 1: uint32* label refs, 2: double value, 3: int64 timestamp (ms) }
 *   Metadata   { 1: type, 3: uint32 help ref, 4: uint32 unit ref }
 *
 * - Two passes: symbols may stand behind what refers to them.
 * - A reference that leads nowhere, labels that are none, floats and histograms in one series: that series is left out and told
 *   as a fault, the others are taken.
 * - Release candidates before 2.0-rc.4 told one created timestamp per series; it stands for each of its samples that has none.
 *
 * Source: Prometheus remote write specification 2.0; prometheus: prompb/io/prometheus/write/v2/types.proto.
 */
import { AssayError, bytesTag, fixed64Tag, ProtoReader, varintTag } from '#core'
import type { Metadata } from '#storage'
import { Budget } from './budget.ts'
import { Faults } from './faults.ts'
import { FloatColumns } from './float-columns.ts'
import { familyOf, metricType } from './metric-type.ts'
import { readHistogramSample } from './read-histogram-sample.ts'
import { labelsOf, seriesLabels } from './series-labels.ts'
import type { HistogramSample, WriteExemplar, WriteRequest, WriteSeries } from './types.ts'

const NONE: readonly never[] = []

export type DecodeOptions = {
  /** Type and unit of the metadata become the labels `__type__` and `__unit__` (feature type-and-unit-labels). */
  readonly typeAndUnitLabels?: boolean
}

/** Throws `ASSAY_PROTO` when the bytes are no such message, `ASSAY_REMOTE_TOO_LARGE` when they unfold to too much. */
export function decodeWriteRequestV2(bytes: Uint8Array, options: DecodeOptions = {}): WriteRequest {
  const budget = new Budget()
  const symbols = readSymbols(bytes, budget)
  const reader = new ProtoReader(bytes)
  const decoder = new SeriesDecoder(reader, symbols, budget, options.typeAndUnitLabels ?? false)
  while (!reader.done) {
    const tag = reader.varint()
    if (tag === bytesTag(5)) decoder.read(reader.block())
    else reader.skip(tag)
  }
  return decoder.request()
}

function readSymbols(bytes: Uint8Array, budget: Budget): readonly string[] {
  const reader = new ProtoReader(bytes)
  const symbols: string[] = []
  while (!reader.done) {
    const tag = reader.varint()
    if (tag === bytesTag(4)) {
      budget.spend('symbols')
      symbols.push(reader.text())
    } else reader.skip(tag)
  }
  if (symbols.length > 0 && symbols[0] !== '')
    throw new AssayError(
      'ASSAY_PROTO',
      `the message makes no sense: its first symbol is ${JSON.stringify(symbols[0]!.slice(0, 50))}, and has to be empty`,
    )
  return symbols
}

class SeriesDecoder {
  readonly #reader: ProtoReader
  readonly #symbols: readonly string[]
  readonly #budget: Budget
  readonly #typeAndUnitLabels: boolean
  readonly #columns = new FloatColumns()
  readonly #faults = new Faults()
  readonly #series: WriteSeries[] = []
  /** By family and the numbers of its metadata: the same few are told with every series. */
  readonly #metadata = new Map<string, Metadata & { readonly family: string }>()
  #withoutMetadata = 0

  constructor(reader: ProtoReader, symbols: readonly string[], budget: Budget, typeAndUnitLabels: boolean) {
    this.#reader = reader
    this.#symbols = symbols
    this.#budget = budget
    this.#typeAndUnitLabels = typeAndUnitLabels
  }

  request(): WriteRequest {
    const { timestamps, values, starts } = this.#columns
    return {
      series: this.#series,
      timestamps,
      values,
      starts,
      metadata: [...this.#metadata.values()],
      faults: this.#faults.list(),
      withoutMetadata: this.#withoutMetadata,
    }
  }

  /** One TimeSeries that ends at `end`. */
  read(end: number): void {
    const reader = this.#reader
    const columns = this.#columns
    const from = columns.count
    const refs: number[] = []
    let histograms: HistogramSample[] | undefined
    let exemplars: WriteExemplar[] | undefined
    let faulty: Map<string, number> | undefined
    let sentHistograms = 0
    let metadata: { type: number; help: number; unit: number } | undefined
    let createdAt = 0
    while (reader.at < end) {
      const tag = reader.varint()
      if (tag === bytesTag(1) || tag === varintTag(1)) readRefs(reader, tag, refs, this.#budget)
      else if (tag === bytesTag(2)) {
        this.#budget.spend('samples')
        readSample(reader, reader.block(), columns)
      } else if (tag === bytesTag(3)) {
        sentHistograms++
        const one = readHistogramSample(reader, reader.block(), this.#budget)
        if (typeof one !== 'string') (histograms ??= []).push(one)
        else (faulty ??= new Map()).set(one, (faulty.get(one) ?? 0) + 1)
      } else if (tag === bytesTag(4)) {
        this.#budget.spend('exemplars')
        const exemplar = this.#readExemplar(reader.block())
        if (exemplar !== undefined) (exemplars ??= []).push(exemplar)
      } else if (tag === bytesTag(5)) metadata = readMetadata(reader, reader.block())
      else if (tag === varintTag(6)) createdAt = reader.varint()
      else reader.skip(tag)
    }
    reader.expect(end)
    const sent = columns.count - from + sentHistograms
    const told = this.#metadataOf(metadata)
    if (told === undefined) this.#withoutMetadata += sent
    const labels = this.#labelsOf(refs, told)
    let why: string | undefined
    if (typeof labels === 'string') why = labels
    else if (columns.count > from && sentHistograms > 0)
      why = `${labels} has both samples and histograms; send each kind as a series of its own`
    if (why !== undefined || typeof labels === 'string') {
      this.#faults.add(why ?? '', sent)
      columns.count = from
      return
    }
    if (faulty !== undefined)
      for (const [what, count] of faulty) this.#faults.add(`a histogram of ${labels}: ${what}`, count)
    if (told !== undefined) this.#keep(labels.name, told)
    if (createdAt !== 0) {
      for (let i = from; i < columns.count; i++)
        if (columns.starts === undefined || columns.starts[i] === 0) columns.setStart(i, createdAt)
      histograms = histograms?.map((one) => (one.startAt === 0 ? { ...one, startAt: createdAt } : one))
    }
    this.#budget.spend('series')
    this.#series.push({ labels, from, to: columns.count, histograms: histograms ?? NONE, exemplars: exemplars ?? NONE })
  }

  #labelsOf(refs: readonly number[], told: Metadata | undefined) {
    const flat = this.#textsOf(refs)
    if (typeof flat === 'string') return flat
    const labels = seriesLabels(flat)
    if (!this.#typeAndUnitLabels || typeof labels === 'string' || told === undefined) return labels
    return labels.withAll({ __type__: told.type === 'unknown' ? '' : told.type, __unit__: told.unit })
  }

  /** The symbols that were referred to, or why they are none. */
  #textsOf(refs: readonly number[]): string[] | string {
    if (refs.length % 2 !== 0) return `an odd number of label references, ${refs.length}; they are pairs`
    const flat = new Array<string>(refs.length)
    for (let i = 0; i < refs.length; i++) {
      const text = this.#symbols[refs[i]!]
      if (text === undefined) return `a reference to symbol ${refs[i]}, of which there are ${this.#symbols.length}`
      flat[i] = text
    }
    return flat
  }

  /** `undefined`: labels that are none. Exemplars are a help, not the data: a bad one is passed over. */
  #readExemplar(end: number): WriteExemplar | undefined {
    const reader = this.#reader
    const refs: number[] = []
    let value = 0
    let at = 0
    while (reader.at < end) {
      const tag = reader.varint()
      if (tag === bytesTag(1) || tag === varintTag(1)) readRefs(reader, tag, refs, this.#budget)
      else if (tag === fixed64Tag(2)) value = reader.double()
      else if (tag === varintTag(3)) at = reader.varint()
      else reader.skip(tag)
    }
    reader.expect(end)
    const flat = this.#textsOf(refs)
    const labels = typeof flat === 'string' ? flat : labelsOf(flat)
    return typeof labels === 'string' ? undefined : { labels, value, at }
  }

  /** `undefined`: nothing is told. */
  #metadataOf(sent: { type: number; help: number; unit: number } | undefined): Metadata | undefined {
    if (sent === undefined) return undefined
    const help = this.#symbols[sent.help] ?? ''
    const unit = this.#symbols[sent.unit] ?? ''
    const type = metricType(sent.type)
    return type === 'unknown' && help === '' && unit === '' ? undefined : { type, help, unit }
  }

  #keep(name: string, told: Metadata): void {
    const family = familyOf(name, told.type)
    if (!this.#metadata.has(family)) this.#budget.spend('metadata entries')
    this.#metadata.set(family, { family, ...told })
  }
}

function readSample(reader: ProtoReader, end: number, columns: FloatColumns): void {
  columns.begin()
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === fixed64Tag(1)) columns.readValue(reader)
    else if (tag === varintTag(2)) columns.readTimestamp(reader)
    else if (tag === varintTag(3)) columns.setStart(columns.count - 1, reader.varint())
    else reader.skip(tag)
  }
  reader.expect(end)
}

/** References, packed into one block or each with a tag of its own: readers must take both. */
function readRefs(reader: ProtoReader, tag: number, into: number[], budget: Budget): void {
  const end = (tag & 7) === 2 ? reader.block() : reader.at + 1
  while (reader.at < end) {
    budget.spend('labels')
    into.push(reader.uvarint())
  }
  if ((tag & 7) === 2) reader.expect(end)
}

function readMetadata(reader: ProtoReader, end: number): { type: number; help: number; unit: number } {
  let type = 0
  let help = 0
  let unit = 0
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === varintTag(1)) type = reader.varint()
    else if (tag === varintTag(3)) help = reader.uvarint()
    else if (tag === varintTag(4)) unit = reader.uvarint()
    else reader.skip(tag)
  }
  reader.expect(end)
  return { type, help, unit }
}
