/**
 * One record of the write-ahead log: everything one commit brought, so that a commit is there whole or not at all.
 *
 * A record has: marker, length, CRC-32 of the payload, payload. The marker lets a reader find the next record behind
 * damaged bytes. In the payload stand the series that this segment has not named yet, then the samples as columns.
 * Histograms and start timestamps follow where a commit has some, and late samples where it has some: each a record of another kind.
 * A series' number is valid within its segment only, so any segment can be read, or deleted, by itself.
 * Drawn in docs/formats/wal.md.
 */
import { crc32 } from 'node:zlib'
import { AssayError, Labels } from '#core'
import { ByteReader, type ByteWriter } from '../codec/bytes.ts'
import { ExtraColumns, type Extras, readExtras, writeExtras } from '../columns/extra-columns.ts'

export const SEGMENT_MAGIC: Buffer = Buffer.from('ASYWAL\x00\x01', 'latin1')
export const RECORD_MARKER: Buffer = Buffer.from([0xa5, 0x5e, 0x9d, 0x01])
export const RECORD_HEADER_BYTES = 12
/** No commit is larger; what claims to be is damage. */
export const MAX_RECORD_BYTES = 512 * 1024 * 1024

const KIND_COMMIT = 1
/** A commit with a section of histograms and start timestamps behind its samples. */
const KIND_COMMIT_WITH_EXTRAS = 2
/** A commit with late samples behind those in order; each of the two says whether it has a section of extras. */
const KIND_COMMIT_WITH_LATE = 3
/** Where the kind stands, from the beginning of a record. */
const KIND_AT = RECORD_HEADER_BYTES

/** Begins a record; `endRecord` fills in its length and checksum. Series and samples are written in between. */
export function beginRecord(out: ByteWriter): void {
  out.bytes(RECORD_MARKER)
  out.u32(0)
  out.u32(0)
  out.u8(KIND_COMMIT)
}

export function endRecord(out: ByteWriter, from: number): void {
  const payload = out.view().subarray(from + RECORD_HEADER_BYTES)
  out.patchU32(from + 4, payload.length)
  out.patchU32(from + 8, crc32(payload))
}

export type NamedSeries = { readonly number: number; readonly labels: Labels }

export function writeNamedSeries(out: ByteWriter, series: readonly NamedSeries[]): void {
  out.varint(series.length)
  for (const { number, labels } of series) {
    out.varint(number)
    out.varint(labels.size)
    for (let i = 0; i < labels.flat.length; i++) out.text(labels.flat[i]!)
  }
}

/** Columns of one commit's samples, of which the first `count` entries count; `numbers` are those of the segment. */
export type LoggedSamples = Extras & {
  readonly numbers: Float64Array
  readonly timestamps: Float64Array
  readonly values: Float64Array
  readonly count: number
}

/** Ends what `beginRecord` began at byte `from`; the record's kind is settled by what the samples have. */
export function writeSamples(out: ByteWriter, from: number, samples: LoggedSamples, late?: LoggedSamples): void {
  if (late === undefined) {
    writeColumns(out, samples)
    if (writeExtrasOf(out, samples)) out.patchU8(from + KIND_AT, KIND_COMMIT_WITH_EXTRAS)
    return
  }
  out.patchU8(from + KIND_AT, KIND_COMMIT_WITH_LATE)
  for (const one of [samples, late]) {
    writeColumns(out, one)
    const flagAt = out.length
    out.u8(0)
    if (writeExtrasOf(out, one)) out.patchU8(flagAt, 1)
  }
}

function writeExtrasOf(out: ByteWriter, samples: LoggedSamples): boolean {
  return (samples.histograms ?? samples.starts) !== undefined && writeExtras(out, samples, 0, samples.count)
}

function writeColumns(out: ByteWriter, samples: LoggedSamples): void {
  const { numbers, timestamps, values, count } = samples
  out.reserve(count * 24 + 16)
  out.varint(count)
  let number = 0
  for (let i = 0; i < count; i++) {
    out.zigzag(numbers[i]! - number)
    number = numbers[i]!
  }
  let at = 0
  for (let i = 0; i < count; i++) {
    out.zigzag(timestamps[i]! - at)
    at = timestamps[i]!
  }
  out.doubles(values, count)
}

/** A series as a segment names it. Its labels are made when they are asked for: a start mostly knows it by its bytes. */
export type LoggedSeries = NamedSeries & {
  /** What the segment says of its labels, in place. Of two series the bytes differ. */
  readonly bytes: Buffer
}

export type LoggedCommit = {
  readonly series: readonly LoggedSeries[]
  readonly samples: LoggedSamples
  /** Samples that came late, their histograms' hints as they came. */
  readonly late?: LoggedSamples
}

/** Columns that commits are read into one after the other: a log of ten million samples made 240 MB of garbage. */
export class CommitRoom {
  numbers: Float64Array = new Float64Array(0)
  timestamps: Float64Array = new Float64Array(0)
  values: Float64Array = new Float64Array(0)

  reserve(count: number): void {
    if (this.numbers.length >= count) return
    this.numbers = new Float64Array(count * 2)
    this.timestamps = new Float64Array(count * 2)
    this.values = new Float64Array(count * 2)
  }
}

/**
 * Reads a payload whose checksum held. Samples in order lie in `room`: what comes back is good until that is used again. Throws `DamagedError` when it makes no sense all the same, and `ASSAY_DATA_NEWER` for a kind
 * that is not known: with a checksum that holds it is no damage, and passing over it would lose what a later version took.
 */
export function readCommit(source: ByteReader, room: CommitRoom = new CommitRoom()): LoggedCommit {
  const kind = source.u8()
  if (kind < KIND_COMMIT || kind > KIND_COMMIT_WITH_LATE) {
    throw new AssayError(
      'ASSAY_DATA_NEWER',
      `the write-ahead log holds a record of kind ${kind}, written by a later assay (this one knows up to ${KIND_COMMIT_WITH_LATE}); start that version`,
    )
  }
  const series = Array.from({ length: source.count(2) }, () => readNamed(source))
  if (kind !== KIND_COMMIT_WITH_LATE) {
    const samples = readColumns(source, room)
    return { series, samples: kind === KIND_COMMIT ? samples : withExtras(source, samples) }
  }
  const group = (into: CommitRoom) => {
    const samples = readColumns(source, into)
    return source.u8() === 0 ? samples : withExtras(source, samples)
  }
  const samples = group(room)
  return { series, samples, late: group(new CommitRoom()) }
}

function readNamed(source: ByteReader): LoggedSeries {
  const number = source.varint()
  const from = source.offset
  for (let left = source.count(2) * 2; left > 0; left--) source.skip(source.varint())
  const bytes = source.since(from)
  return {
    number,
    bytes,
    get labels() {
      const texts = new ByteReader(bytes)
      return Labels.fromSorted(Array.from({ length: texts.varint() * 2 }, () => texts.text()))
    },
  }
}

function readColumns(source: ByteReader, room: CommitRoom): LoggedSamples {
  const count = source.count(10)
  room.reserve(count)
  const { numbers, timestamps, values } = room
  source.differences(numbers, count)
  source.differences(timestamps, count)
  source.doubles(values, count)
  return { numbers, timestamps, values, count }
}

function withExtras(source: ByteReader, samples: LoggedSamples): LoggedSamples {
  const columns = new ExtraColumns(samples.count)
  readExtras(source, { size: samples.count }, { columns, to: 0 })
  return { ...samples, histograms: columns.histograms, starts: columns.starts }
}
