/**
 * The bytes of a spool: what waits for one receiver, as columns. Drawn in docs/formats/spool.md.
 *
 * - A record is what one commit brought: there whole or not at all, with a checksum, behind a marker by which a reader finds it
 *   again behind damaged bytes.
 * - Columns are copied as they lie in memory: a value keeps its bits, and a sample costs no call of its own. a sample
 *   takes 12 to 16 bytes and 0.2 microseconds of CPU, the system call included (`bench/remote-send.ts`).
 * - Series are numbered within a segment and named there once, so that each segment can be read, or deleted, by itself.
 */
import { crc32 } from 'node:zlib'
import { AssayError, type NativeHistogram, ProtoReader, ProtoWriter } from '#core'
import { readHistogram, writeHistogram } from '../../histogram-message.ts'

export const SEGMENT_MAGIC: Buffer = Buffer.from('ASYSPL\x00\x01', 'latin1')
export const SEGMENT_HEADER_BYTES = 40
export const RECORD_MARKER: Buffer = Buffer.from([0xa5, 0x5e, 0x5b, 0x01])
export const RECORD_HEADER_BYTES = 12
/** No commit is larger; what claims to be is damage. */
export const MAX_RECORD_BYTES = 512 * 1024 * 1024

const MOST_KEPT_BYTES = 4 * 1024 * 1024

const KIND_SAMPLES = 1
const PREFIX_BYTES = 24
const SAME_INSTANT = 0
const INSTANTS_I32 = 1
const INSTANTS_F64 = 2
const WITH_STARTS = 4
const WITH_HISTOGRAMS = 8

/** How much came before, since the spool was made: floats and native histograms. */
export type Count = { readonly samples: number; readonly histograms: number }

/** `createdAt`: Unix milliseconds. */
export type SegmentHeader = { readonly createdAt: number; readonly before: Count }

export function encodeSegmentHeader({ createdAt, before }: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES)
  SEGMENT_MAGIC.copy(bytes)
  bytes.writeDoubleLE(createdAt, 8)
  bytes.writeDoubleLE(before.samples, 16)
  bytes.writeDoubleLE(before.histograms, 24)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 32)), 32)
  return bytes
}

/** `undefined` when it is none, or damaged. Throws `ASSAY_DATA_NEWER` for one of a later format. */
export function decodeSegmentHeader(bytes: Buffer): SegmentHeader | undefined {
  if (bytes.length < SEGMENT_HEADER_BYTES || crc32(bytes.subarray(0, 32)) !== bytes.readUInt32LE(32)) return undefined
  if (bytes.compare(SEGMENT_MAGIC, 0, 6, 0, 6) !== 0) return undefined
  const format = bytes.readUInt16BE(6)
  if (format !== 1) {
    throw new AssayError(
      'ASSAY_DATA_NEWER',
      `the spool of remote write has format ${format}, written by a later assay (this one knows 1); start that version`,
    )
  }
  return {
    createdAt: bytes.readDoubleLE(8),
    before: { samples: bytes.readDoubleLE(16), histograms: bytes.readDoubleLE(24) },
  }
}

/** Only the first `count` entries of each column count. `flat`: the labels of a series named here first, by its number. */
export type RecordSamples = {
  readonly count: number
  readonly numbers: Uint32Array
  readonly timestamps: Float64Array
  readonly values: Float64Array
  /** Absent: none is known. */
  readonly starts: Float64Array | undefined
  /** At the sample's place; absent: there is none. */
  readonly histograms: readonly (NativeHistogram | undefined)[] | undefined
  readonly named: readonly { readonly number: number; readonly flat: readonly string[] }[]
}

/** A whole record. The result is a view of `into`, or of a larger buffer: valid until the next call with the same. */
export class RecordEncoder {
  #bytes: Buffer = Buffer.allocUnsafe(64 * 1024)

  encode(given: RecordSamples): Buffer {
    const { count, numbers, timestamps, values, starts, named } = given
    const names = named.map(({ number, flat }) => ({ number, text: Buffer.from(JSON.stringify(flat)) }))
    const histograms = histogramsOf(given)
    const instants = instantsForm(timestamps, count)
    const nameBytes = names.reduce((sum, { text }) => sum + 8 + text.length, 0)
    const histogramBytes = histograms.reduce((sum, { message }) => sum + 8 + message.length, 4)
    const instantBytes = instants === SAME_INSTANT ? 0 : instants === INSTANTS_I32 ? 4 : 8
    const most =
      PREFIX_BYTES + nameBytes + histogramBytes + count * (12 + instantBytes + (starts === undefined ? 0 : 8))
    const bytes = this.#room(RECORD_HEADER_BYTES + most)
    let at = RECORD_HEADER_BYTES
    bytes[at] = KIND_SAMPLES
    bytes[at + 1] =
      instants | (starts === undefined ? 0 : WITH_STARTS) | (histograms.length === 0 ? 0 : WITH_HISTOGRAMS)
    bytes.writeUInt16LE(0, at + 2)
    bytes.writeUInt32LE(names.length, at + 4)
    bytes.writeUInt32LE(count, at + 8)
    bytes.writeUInt32LE(0, at + 12)
    bytes.writeDoubleLE(count === 0 ? 0 : timestamps[0]!, at + 16)
    at += PREFIX_BYTES
    for (const { number, text } of names) {
      bytes.writeUInt32LE(number, at)
      bytes.writeUInt32LE(text.length, at + 4)
      text.copy(bytes, at + 8)
      at += 8 + text.length
    }
    at = put(bytes, at, numbers, count)
    if (instants === INSTANTS_I32)
      at = put(
        bytes,
        at,
        Int32Array.from({ length: count }, (_, i) => timestamps[i]! - timestamps[0]!),
        count,
      )
    if (instants === INSTANTS_F64) at = put(bytes, at, timestamps, count)
    at = put(bytes, at, values, count)
    if (starts !== undefined) at = put(bytes, at, starts, count)
    if (histograms.length > 0) {
      bytes.writeUInt32LE(histograms.length, at)
      at += 4
      for (const { index, message } of histograms) {
        bytes.writeUInt32LE(index, at)
        bytes.writeUInt32LE(message.length, at + 4)
        message.copy(bytes, at + 8)
        at += 8 + message.length
      }
    }
    RECORD_MARKER.copy(bytes)
    bytes.writeUInt32LE(at - RECORD_HEADER_BYTES, 4)
    bytes.writeUInt32LE(crc32(bytes.subarray(RECORD_HEADER_BYTES, at)), 8)
    return bytes.subarray(0, at)
  }

  #room(size: number): Buffer {
    // A request of millions of samples is rare, and its room is not kept.
    if (this.#bytes.length > MOST_KEPT_BYTES && size <= MOST_KEPT_BYTES) this.#bytes = Buffer.allocUnsafe(size)
    if (size > this.#bytes.length) this.#bytes = Buffer.allocUnsafe(Math.max(size, this.#bytes.length * 2))
    return this.#bytes
  }
}

function histogramsOf({
  count,
  histograms,
}: RecordSamples): readonly { readonly index: number; readonly message: Buffer }[] {
  if (histograms === undefined) return []
  const found: { index: number; message: Buffer }[] = []
  for (let index = 0; index < count; index++) {
    const histogram = histograms[index]
    if (histogram === undefined) continue
    const writer = new ProtoWriter(256)
    writeHistogram(writer, histogram, 0)
    found.push({ index, message: writer.take() })
  }
  return found
}

function instantsForm(timestamps: Float64Array, count: number): number {
  const first = timestamps[0]!
  let form = SAME_INSTANT
  for (let i = 1; i < count; i++) {
    const ahead = timestamps[i]! - first
    if (ahead === 0) continue
    if (ahead !== (ahead | 0)) return INSTANTS_F64
    form = INSTANTS_I32
  }
  return form
}

function put(bytes: Buffer, at: number, column: Uint32Array | Int32Array | Float64Array, count: number): number {
  const size = count * column.BYTES_PER_ELEMENT
  bytes.set(new Uint8Array(column.buffer, column.byteOffset, size), at)
  return at + size
}

/** Reads a payload whose checksum held; `undefined` when it makes no sense all the same. Throws `ASSAY_DATA_NEWER`. */
export function decodeRecord(payload: Buffer): RecordSamples | undefined {
  if (payload.length < PREFIX_BYTES) return undefined
  if (payload[0] !== KIND_SAMPLES) {
    throw new AssayError(
      'ASSAY_DATA_NEWER',
      `the spool of remote write holds a record of kind ${payload[0]}, written by a later assay (this one knows 1); start that version`,
    )
  }
  try {
    return decode(payload)
  } catch (error) {
    // Reading beyond the end, text that is no JSON, or a message that is none.
    if (error instanceof RangeError || error instanceof SyntaxError || error instanceof AssayError) return undefined
    throw error
  }
}

function decode(payload: Buffer): RecordSamples | undefined {
  const flags = payload[1]!
  const namedCount = payload.readUInt32LE(4)
  const count = payload.readUInt32LE(8)
  const base = payload.readDoubleLE(16)
  if (count * 12 > payload.length || namedCount * 8 > payload.length) return undefined
  let at = PREFIX_BYTES
  const block = (): Buffer => {
    const length = payload.readUInt32LE(at + 4)
    const from = at + 8
    if (from + length > payload.length) throw new RangeError('beyond the record')
    at = from + length
    return payload.subarray(from, at)
  }
  const take = <T extends Uint32Array | Int32Array | Float64Array>(column: T): T => {
    const size = column.byteLength
    if (at + size > payload.length) throw new RangeError('beyond the record')
    new Uint8Array(column.buffer).set(payload.subarray(at, at + size))
    at += size
    return column
  }
  const named: { number: number; flat: readonly string[] }[] = []
  for (let i = 0; i < namedCount; i++) {
    const number = payload.readUInt32LE(at)
    const flat: unknown = JSON.parse(block().toString('utf8'))
    if (!isFlat(flat)) return undefined
    named.push({ number, flat })
  }
  const numbers = take(new Uint32Array(count))
  const timestamps = new Float64Array(count).fill(base)
  if ((flags & 3) === INSTANTS_I32) {
    const ahead = take(new Int32Array(count))
    for (let i = 0; i < count; i++) timestamps[i] = base + ahead[i]!
  } else if ((flags & 3) === INSTANTS_F64) take(timestamps)
  const values = take(new Float64Array(count))
  const starts = (flags & WITH_STARTS) === 0 ? undefined : take(new Float64Array(count))
  let histograms: (NativeHistogram | undefined)[] | undefined
  if ((flags & WITH_HISTOGRAMS) !== 0) {
    histograms = new Array<NativeHistogram | undefined>(count)
    const some = payload.readUInt32LE(at)
    at += 4
    for (let i = 0; i < some; i++) {
      const index = payload.readUInt32LE(at)
      const message = block()
      const read = readHistogram(new ProtoReader(message), message.length)
      if (read.kind !== 'histogram' || index >= count) return undefined
      histograms[index] = read.histogram
    }
  }
  return at === payload.length ? { count, numbers, timestamps, values, starts, histograms, named } : undefined
}

function isFlat(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length % 2 === 0 && value.every((one) => typeof one === 'string')
}
