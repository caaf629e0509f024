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
 * - A known series with floats alone goes by the fast path, float-walk-v2.ts. What is here is for all others, and tests it.
 * - A reference that leads nowhere, labels that are none, floats and histograms in one series: that series is left out and told
 *   as a fault, the others are taken.
 * - Release candidates before 2.0-rc.4 told one created timestamp per series; it stands for each of its samples that has none.
 *
 * Source: Prometheus remote write specification 2.0; prometheus: prompb/io/prometheus/write/v2/types.proto.
 */
import { bytesTag, fixed64Tag, ProtoReader, varintTag } from '#core'
import type { Metadata } from '#storage'
import { Decoded } from './decoded.ts'
import type { FloatColumns } from './float-columns.ts'
import { FloatWalkV2 } from './float-walk-v2.ts'
import type { KnownSeries } from './known-series.ts'
import { readHistogramSample } from './read-histogram-sample.ts'
import { labelsOf, seriesLabels } from './series-labels.ts'
import { Symbols } from './symbols.ts'
import { readMetadata, type SentMetadata, ToldMetadata } from './told-metadata.ts'
import type { FaultReason, HistogramSample, WriteExemplar, WriteRequest } from './types.ts'
import type { Budget, WriteLimits } from './write-limits.ts'

const NONE: readonly never[] = []

export type DecodeOptions = {
  /** Type and unit of the metadata become the labels `__type__` and `__unit__` (feature type-and-unit-labels). */
  readonly typeAndUnitLabels?: boolean
  /** Series that are known become rows of their entries, others are made known. */
  readonly known?: KnownSeries
}

/** Each message by itself: what every series is, without the fast path. Throws as `decodeV2` does. */
export function decodeWriteRequestV2(
  bytes: Uint8Array,
  options: Pick<DecodeOptions, 'typeAndUnitLabels'> = {},
): WriteRequest {
  const into = new Decoded()
  decodeV2(bytes, into, options)
  return into.asRequest()
}

/** Throws `ASSAY_PROTO` when the bytes are no such message, `ASSAY_REMOTE_TOO_LARGE` when they unfold to too much. */
export function decodeV2(bytes: Uint8Array, into: Decoded, { typeAndUnitLabels = false, known }: DecodeOptions): void {
  const symbols = new Symbols(bytes, into.budget)
  const told = new ToldMetadata(symbols, into)
  const reader = new ProtoReader(bytes)
  const decoder = new SeriesDecoder({ reader, symbols, into, told, typeAndUnitLabels })
  // With the feature, the labels are more than the references say.
  const walk =
    known === undefined || typeAndUnitLabels ? undefined : new FloatWalkV2({ bytes, symbols, known, into, told })
  while (!reader.done) {
    const tag = reader.varint()
    if (tag === bytesTag(5)) {
      const end = reader.block()
      if (walk?.take(reader.at, end)) reader.at = end
      else decoder.read(end, walk)
    } else reader.skip(tag)
  }
}

type DecoderDeps = {
  readonly reader: ProtoReader
  readonly symbols: Symbols
  readonly into: Decoded
  readonly told: ToldMetadata
  readonly typeAndUnitLabels: boolean
}

class SeriesDecoder {
  readonly #reader: ProtoReader
  readonly #symbols: Symbols
  readonly #into: Decoded
  readonly #told: ToldMetadata
  readonly #typeAndUnitLabels: boolean

  constructor({ reader, symbols, into, told, typeAndUnitLabels }: DecoderDeps) {
    this.#reader = reader
    this.#symbols = symbols
    this.#into = into
    this.#told = told
    this.#typeAndUnitLabels = typeAndUnitLabels
  }

  /** One TimeSeries that ends at `end`. `walk`: makes it known. */
  read(end: number, walk: FloatWalkV2 | undefined): void {
    const reader = this.#reader
    const { columns, faults, budget } = this.#into
    const from = columns.count
    const refs: number[] = []
    let histograms: HistogramSample[] | undefined
    let exemplars: WriteExemplar[] | undefined
    let faulty: Map<string, number> | undefined
    let sentHistograms = 0
    let sentMetadata: SentMetadata | undefined
    let createdAt = 0
    while (reader.at < end) {
      const tag = reader.varint()
      if (tag === bytesTag(1) || tag === varintTag(1)) readRefs(reader, tag, refs, budget)
      else if (tag === bytesTag(2)) {
        budget.samples()
        readSample(reader, reader.block(), columns)
      } else if (tag === bytesTag(3)) {
        sentHistograms++
        const one = readHistogramSample(reader, reader.block(), budget)
        if (typeof one !== 'string') (histograms ??= []).push(one)
        else (faulty ??= new Map()).set(one, (faulty.get(one) ?? 0) + 1)
      } else if (tag === bytesTag(4)) {
        budget.spend('exemplars')
        const exemplar = this.#readExemplar(reader.block())
        if (exemplar !== undefined) (exemplars ??= []).push(exemplar)
      } else if (tag === bytesTag(5)) sentMetadata = readMetadata(reader, reader.block())
      else if (tag === varintTag(6)) createdAt = reader.varint()
      else reader.skip(tag)
    }
    reader.expect(end)
    const sent = columns.count - from + sentHistograms
    const told = this.#told.read(sentMetadata)
    if (told === undefined) this.#into.withoutMetadata += sent
    const refuse = (reason: FaultReason, why: string) => {
      faults.add(why, sent, reason)
      columns.count = from
    }
    const labels = this.#labelsOf(refs, told, budget.limits)
    if ('why' in labels) {
      refuse(labels.reason, labels.why)
      return
    }
    if (columns.count > from && sentHistograms > 0) {
      refuse(
        'floats-and-histograms',
        `${labels} has both samples and histograms; send each kind as a series of its own`,
      )
      return
    }
    if (faulty !== undefined)
      for (const [what, count] of faulty) faults.add(`a histogram of ${labels}: ${what}`, count, 'invalid-histogram')
    if (told !== undefined) this.#told.keep(labels.name, told)
    if (createdAt !== 0) {
      for (let i = from; i < columns.count; i++)
        if (columns.starts === undefined || columns.starts[i] === 0) columns.setStart(i, createdAt)
      histograms = histograms?.map((one) => (one.startAt === 0 ? { ...one, startAt: createdAt } : one))
    }
    budget.series()
    const series = { labels, from, to: columns.count, histograms: histograms ?? NONE, exemplars: exemplars ?? NONE }
    this.#into.addOdd(series, walk?.keep(refs) ?? 0)
  }

  #labelsOf(refs: readonly number[], told: Metadata | undefined, limits: WriteLimits) {
    const flat = this.#textsOf(refs)
    if (typeof flat === 'string') return { reason: 'invalid-labels', why: flat } as const
    const labels = seriesLabels(flat, limits)
    if (!this.#typeAndUnitLabels || 'why' in labels || told === undefined) return labels
    return labels.withAll({ __type__: told.type === 'unknown' ? '' : told.type, __unit__: told.unit })
  }

  /** The symbols that were referred to, or why they are none. */
  #textsOf(refs: readonly number[]): string[] | string {
    if (refs.length % 2 !== 0) return `an odd number of label references, ${refs.length}; they are pairs`
    const flat = new Array<string>(refs.length)
    for (let i = 0; i < refs.length; i++) {
      const text = this.#symbols.textOf(refs[i]!)
      if (text === undefined) return `a reference to symbol ${refs[i]}, of which there are ${this.#symbols.count}`
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
      if (tag === bytesTag(1) || tag === varintTag(1)) readRefs(reader, tag, refs, this.#into.budget)
      else if (tag === fixed64Tag(2)) value = reader.double()
      else if (tag === varintTag(3)) at = reader.varint()
      else reader.skip(tag)
    }
    reader.expect(end)
    const flat = this.#textsOf(refs)
    const labels = typeof flat === 'string' ? flat : labelsOf(flat)
    return typeof labels === 'string' ? undefined : { labels, value, at }
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
    budget.labels()
    into.push(reader.uvarint())
  }
  if ((tag & 7) === 2) reader.expect(end)
}
