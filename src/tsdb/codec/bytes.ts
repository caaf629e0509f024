/**
 * Writing and reading of bytes: the alphabet that the log, the chunks and the index are spelled in.
 *
 * - Fixed numbers are little-endian. A varint is LEB128, at most 8 bytes, for whole numbers from 0 up to 2^53.
 * - zigzag maps 0, -1, 1, -2 ... to 0, 1, 2, 3 ..., for whole numbers within ±2^52.
 * - A double travels as two 32-bit words, so that a NaN keeps its payload.
 * - A reader never reads past its end: it throws `DamagedError`, which the file's owner turns into an error with a place.
 */
export const LITTLE: boolean = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1
/** Which of the two 32-bit words of a double in memory is the low one, and which the high one. */
export const LOW = LITTLE ? 0 : 1
export const HIGH = 1 - LOW

/** Bytes that do not say what they should. Internal: never leaves the room. */
export class DamagedError extends Error {}

/** The 32-bit words of a column of doubles: entry i is words 2i + LOW and 2i + HIGH. */
export function wordsOf(column: Float64Array): Uint32Array {
  return new Uint32Array(column.buffer, column.byteOffset, column.length * 2)
}

export class ByteWriter {
  #bytes: Buffer
  length = 0

  constructor(capacity = 1024) {
    this.#bytes = Buffer.allocUnsafe(capacity)
  }

  /** What was written, as a view that the next write may move away from. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.length)
  }

  reset(): void {
    this.length = 0
  }

  /** Makes room for `extra` more bytes. */
  reserve(extra: number): void {
    const needed = this.length + extra
    if (needed <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(grown, 0, 0, this.length)
    this.#bytes = grown
  }

  u8(value: number): void {
    this.reserve(1)
    this.#bytes[this.length++] = value
  }

  u32(value: number): void {
    this.reserve(4)
    const bytes = this.#bytes
    const at = this.length
    bytes[at] = value & 0xff
    bytes[at + 1] = (value >>> 8) & 0xff
    bytes[at + 2] = (value >>> 16) & 0xff
    bytes[at + 3] = value >>> 24
    this.length = at + 4
  }

  /** Overwrites a byte written before. */
  patchU8(offset: number, value: number): void {
    this.#bytes[offset] = value
  }

  /** Overwrites four bytes written before: for a length or checksum known only later. */
  patchU32(offset: number, value: number): void {
    this.#bytes.writeUInt32LE(value, offset)
  }

  varint(value: number): void {
    // Nearly every delta fits one byte.
    if (value < 0x80 && this.length < this.#bytes.length) {
      this.#bytes[this.length++] = value
      return
    }
    this.reserve(8)
    const bytes = this.#bytes
    let at = this.length
    let rest = value
    // The bit operators work on 32 bits only; above that, division.
    while (rest >= 0x80000000) {
      bytes[at++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    while (rest >= 0x80) {
      bytes[at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    bytes[at++] = rest
    this.length = at
  }

  zigzag(value: number): void {
    this.varint(value >= 0 ? value * 2 : -value * 2 - 1)
  }

  /** Entry `i` of a column of doubles, given by its words. */
  double(words: Uint32Array, i: number): void {
    this.u32(words[2 * i + LOW]!)
    this.u32(words[2 * i + HIGH]!)
  }

  /** The first `count` entries of a column, bit by bit. */
  doubles(column: Float64Array, count: number): void {
    if (LITTLE) {
      // The bytes lie in memory as they are to be written: one copy.
      this.bytes(new Uint8Array(column.buffer, column.byteOffset, count * 8))
      return
    }
    const words = wordsOf(column)
    for (let i = 0; i < count; i++) this.double(words, i)
  }

  bytes(source: Uint8Array): void {
    this.reserve(source.length)
    this.#bytes.set(source, this.length)
    this.length += source.length
  }

  /** Bytes [from, from + size) of a buffer. */
  copy(source: Buffer, from: number, size: number): void {
    this.reserve(size)
    source.copy(this.#bytes, this.length, from, from + size)
    this.length += size
  }

  /** UTF-8 with its length before it. */
  text(value: string): void {
    const size = Buffer.byteLength(value)
    this.varint(size)
    this.reserve(size)
    this.#bytes.write(value, this.length)
    this.length += size
  }
}

export class ByteReader {
  readonly #bytes: Buffer
  readonly #end: number
  offset: number

  constructor(bytes: Uint8Array, offset = 0, end: number = bytes.length) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.offset = offset
    this.#end = Math.min(end, bytes.length)
  }

  get done(): boolean {
    return this.offset >= this.#end
  }

  /** Bytes that are left. */
  get left(): number {
    return Math.max(0, this.#end - this.offset)
  }

  u8(): number {
    this.#need(1)
    return this.#bytes[this.offset++]!
  }

  u32(): number {
    this.#need(4)
    this.offset += 4
    return this.#bytes.readUInt32LE(this.offset - 4)
  }

  varint(): number {
    const bytes = this.#bytes
    const end = this.#end
    let at = this.offset
    let byte = at < end ? bytes[at++]! : this.#short()
    if (byte < 0x80) {
      this.offset = at
      return byte
    }
    let value = byte & 0x7f
    let scale = 128
    for (let i = 1; i < 8; i++) {
      byte = at < end ? bytes[at++]! : this.#short()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        this.offset = at
        return value
      }
      scale *= 128
    }
    throw new DamagedError(`a number longer than 8 bytes at ${this.offset}`)
  }

  zigzag(): number {
    const raw = this.varint()
    // Bits where they reach: the remainder of a double cost five times the rest.
    if (raw < 0x80000000) return (raw >>> 1) ^ -(raw & 1)
    const half = Math.floor(raw / 2)
    return half * 2 === raw ? half : -half - 1
  }

  /** Reads `out.length` zigzags: a column of an index at a third of the price of one call for each. */
  zigzags(out: Float64Array): void {
    const bytes = this.#bytes
    const end = this.#end
    let at = this.offset
    for (let i = 0; i < out.length; i++) {
      const byte = at < end ? bytes[at]! : this.#short()
      if (byte < 0x80) {
        out[i] = (byte >>> 1) ^ -(byte & 1)
        at++
        continue
      }
      this.offset = at
      out[i] = this.zigzag()
      at = this.offset
    }
    this.offset = at
  }

  /** Reads `count` zigzags, each the difference to the number before (the first one to 0), as those numbers. */
  differences(out: Float64Array, count: number): void {
    const bytes = this.#bytes
    const end = this.#end
    let at = this.offset
    let number = 0
    for (let i = 0; i < count; i++) {
      const byte = at < end ? bytes[at]! : this.#short()
      if (byte < 0x80) {
        number += (byte >>> 1) ^ -(byte & 1)
        at++
      } else {
        this.offset = at
        number += this.zigzag()
        at = this.offset
      }
      out[i] = number
    }
    this.offset = at
  }

  /** Reads a double into entry `i` of the column that `words` are of. */
  double(words: Uint32Array, i: number): void {
    words[2 * i + LOW] = this.u32()
    words[2 * i + HIGH] = this.u32()
  }

  /** Reads the first `count` entries of a column, bit by bit. */
  doubles(column: Float64Array, count: number): void {
    if (LITTLE) {
      new Uint8Array(column.buffer, column.byteOffset, count * 8).set(this.take(count * 8))
      return
    }
    const words = wordsOf(column)
    for (let i = 0; i < count; i++) this.double(words, i)
  }

  text(): string {
    const size = this.varint()
    this.#need(size)
    this.offset += size
    return this.#bytes.toString('utf8', this.offset - size, this.offset)
  }

  /** Passes over the next `size` bytes. */
  skip(size: number): void {
    this.#need(size)
    this.offset += size
  }

  /** A view of the next `size` bytes. */
  take(size: number): Buffer {
    this.#need(size)
    this.offset += size
    return this.#bytes.subarray(this.offset - size, this.offset)
  }

  /** A view of what was read since `offset`. */
  since(offset: number): Buffer {
    return this.#bytes.subarray(offset, this.offset)
  }

  /** A count that is followed by at least `each` bytes per item: refuses what could not be there before any memory is taken. */
  count(each: number): number {
    const count = this.varint()
    if (count * each > this.#end - this.offset) throw new DamagedError(`${count} items cannot follow at ${this.offset}`)
    return count
  }

  #need(size: number): void {
    if (this.offset + size > this.#end) this.#short()
  }

  #short(): never {
    throw new DamagedError(`the bytes end at ${this.#end}, more was expected`)
  }
}
