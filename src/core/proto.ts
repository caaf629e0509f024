/**
 * Protocol buffers by hand, for the few messages that metrics travel in: a cursor that reads fields, a buffer that writes them.
 *
 * - Every length is checked against what is there before memory is taken. What does not hold is an error with its byte.
 * - Doubles go straight into columns, so that the payload of a NaN (a stale marker) survives.
 * - Whole numbers beyond 2^53 lose their last digits, unless they are read or written as `BigInt`.
 *
 *   while (reader.at < end) {
 *     const tag = reader.varint()
 *     if (tag === bytesTag(1)) readLabel(reader, reader.block())
 *     else reader.skip(tag)
 *   }
 *   reader.expect(end)
 *
 * Source: protobuf.dev/programming-guides/encoding.
 */
import { isUtf8 } from 'node:buffer'
import { AssayError } from './error.ts'

/** Tags: the field's number and how it lies on the wire. */
export const varintTag = (field: number): number => field << 3
export const fixed64Tag = (field: number): number => (field << 3) | 1
export const bytesTag = (field: number): number => (field << 3) | 2

/** A cursor over one message; every method throws `ASSAY_PROTO` where the bytes make no sense. */
export class ProtoReader {
  readonly bytes: Uint8Array
  readonly #text: Buffer
  readonly #view: DataView
  at: number
  /** The end of what is read: of the bytes, or of a part of them. */
  readonly end: number

  constructor(bytes: Uint8Array, at = 0, end: number = bytes.length) {
    this.bytes = bytes
    this.#text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.at = at
    this.end = end
  }

  get done(): boolean {
    return this.at >= this.end
  }

  /** A varint as a signed 64-bit number: what `int32`, `int64`, `uint32`, `bool` and enums are. */
  varint(): number {
    let low = 0
    // Four groups of seven bits fit a small integer: tags, lengths and most counts end here.
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte()
      low |= (byte & 0x7f) << shift
      if (byte < 0x80) return low
    }
    let high = 0
    for (let i = 0; i < 6; i++) {
      const byte = this.#byte()
      high += (byte & 0x7f) * 2 ** (7 * i)
      // 28 low bits and 36 high bits of a two's complement number.
      if (byte < 0x80) return ((high % 2 ** 36) - (high % 2 ** 36 >= 2 ** 35 ? 2 ** 36 : 0)) * 2 ** 28 + low
    }
    throw this.broken('a number has more than ten bytes')
  }

  /** `uint64`: never negative. */
  uvarint(): number {
    const value = this.varint()
    return value < 0 ? value + 2 ** 64 : value
  }

  /** `sint32` and `sint64`: 0, -1, 1, -2 lie as 0, 1, 2, 3. */
  zigzag(): number {
    const value = this.uvarint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  /** A double's bits into a column, also those of a NaN. */
  doubleInto(into: Float64Array, index: number): void {
    const bytes = this.fixed(8)
    const target = new Uint8Array(into.buffer, into.byteOffset + index * 8, 8)
    for (let i = 0; i < 8; i++) target[LITTLE ? i : 7 - i] = bytes[i]!
  }

  /** A double as a number: not for samples, whose NaN may be a stale marker. */
  double(): number {
    this.#need(8)
    const value = this.#view.getFloat64(this.at, true)
    this.at += 8
    return value
  }

  /** `fixed64` as a number, and `sfixed64` in two's complement. */
  fixed64(): number {
    this.#need(8)
    const value = this.#view.getUint32(this.at, true) + this.#view.getUint32(this.at + 4, true) * 2 ** 32
    this.at += 8
    return value
  }

  sfixed64(): number {
    this.#need(8)
    const value = this.#view.getUint32(this.at, true) + this.#view.getInt32(this.at + 4, true) * 2 ** 32
    this.at += 8
    return value
  }

  fixed32(): number {
    this.#need(4)
    const value = this.#view.getUint32(this.at, true)
    this.at += 4
    return value
  }

  /** Reads a length; returns where the block ends. */
  block(): number {
    const length = this.varint()
    const end = this.at + length
    if (length < 0 || end > this.end) throw this.broken(`a length of ${length} goes beyond its end`)
    return end
  }

  text(): string {
    const end = this.block()
    const text = this.#text.toString('utf8', this.at, end)
    // What is no UTF-8 decodes to the replacement character; only then the bytes have to be looked at again.
    if (text.includes('\ufffd') && !isUtf8(this.#text.subarray(this.at, end))) throw this.broken('a text is not UTF-8')
    this.at = end
    return text
  }

  /** A view of the bytes of a block, not a copy. */
  blob(): Uint8Array {
    const end = this.block()
    const bytes = this.bytes.subarray(this.at, end)
    this.at = end
    return bytes
  }

  /** A view of the next `length` bytes. */
  fixed(length: number): Uint8Array {
    this.#need(length)
    const bytes = this.bytes.subarray(this.at, this.at + length)
    this.at += length
    return bytes
  }

  /** Passes over the field that `tag` began. */
  skip(tag: number): void {
    switch (tag & 7) {
      case 0:
        this.varint()
        return
      case 1:
        this.fixed(8)
        return
      case 2:
        this.at = this.block()
        return
      case 5:
        this.fixed(4)
        return
      default:
        throw this.broken(`field ${tag >>> 3} is of wire type ${tag & 7}, which there is not`)
    }
  }

  /** A block must end where its length said. */
  expect(end: number): void {
    if (this.at !== end) throw this.broken(`a field goes beyond the end of its block at byte ${end}`)
  }

  broken(why: string): AssayError<'ASSAY_PROTO'> {
    return new AssayError('ASSAY_PROTO', `the message makes no sense at byte ${this.at}: ${why}`)
  }

  #need(length: number): void {
    if (this.at + length > this.end) throw this.broken(`it ends within a value of ${length} bytes`)
  }

  #byte(): number {
    if (this.at >= this.end) throw this.broken('it ends within a number')
    return this.bytes[this.at++]!
  }
}

/** Grows as it is written; `take` hands the bytes out. Zero values are written too: leaving them out is the caller's choice. */
export class ProtoWriter {
  #bytes: Buffer
  length = 0

  constructor(capacity = 1024) {
    this.#bytes = Buffer.allocUnsafe(capacity)
  }

  /** A number within +-2^63; beyond 2^53 its last digits are what the double holds. */
  varint(value: number): void {
    this.#reserve(10)
    if (value < 0) {
      this.#bigVarint(BigInt.asUintN(64, BigInt(value)))
      return
    }
    let rest = value
    while (rest >= 0x80) {
      this.#bytes[this.length++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    this.#bytes[this.length++] = rest
  }

  zigzag(value: number): void {
    this.varint(value >= 0 ? value * 2 : -value * 2 - 1)
  }

  varintField(field: number, value: number): void {
    this.varint(varintTag(field))
    this.varint(value)
  }

  zigzagField(field: number, value: number): void {
    this.varint(varintTag(field))
    this.zigzag(value)
  }

  double(value: number): void {
    this.#reserve(8)
    this.length = this.#bytes.writeDoubleLE(value, this.length)
  }

  doubleField(field: number, value: number): void {
    this.varint(fixed64Tag(field))
    this.double(value)
  }

  /** The bits of a column's entry, also those of a NaN. */
  doubleOf(field: number, column: Float64Array, index: number): void {
    this.varint(fixed64Tag(field))
    this.#reserve(8)
    const source = new Uint8Array(column.buffer, column.byteOffset + index * 8, 8)
    for (let i = 0; i < 8; i++) this.#bytes[this.length++] = source[LITTLE ? i : 7 - i]!
  }

  textField(field: number, text: string): void {
    this.varint(bytesTag(field))
    const length = Buffer.byteLength(text)
    this.varint(length)
    this.#reserve(length)
    this.#bytes.write(text, this.length)
    this.length += length
  }

  blobField(field: number, bytes: Uint8Array): void {
    this.varint(bytesTag(field))
    this.varint(bytes.length)
    this.raw(bytes)
  }

  /** A message or packed list as a field; `write` fills it. */
  blockField(field: number, write: () => void): void {
    this.varint(bytesTag(field))
    const from = this.length
    write()
    const bytes = Buffer.from(this.#bytes.subarray(from, this.length))
    this.length = from
    this.varint(bytes.length)
    this.raw(bytes)
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.length)
    this.length += bytes.length
  }

  /** What was written, as a copy; the writer begins anew. */
  take(): Buffer {
    const out = Buffer.from(this.#bytes.subarray(0, this.length))
    this.length = 0
    return out
  }

  #bigVarint(value: bigint): void {
    let rest = value
    while (rest >= 0x80n) {
      this.#bytes[this.length++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.#bytes[this.length++] = Number(rest)
  }

  #reserve(more: number): void {
    if (this.length + more <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.length + more))
    this.#bytes.copy(larger, 0, 0, this.length)
    this.#bytes = larger
  }
}

const LITTLE = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1
