/**
 * Reads what Go's `encoding/binary` writes: big-endian numbers, varints, texts behind their length.
 *
 * - Whole numbers of 64 bits come as doubles: exact within ±2^53, of the right sign and size beyond.
 * - Reading past the end throws `DamagedError`.
 */
import { DamagedError } from '../codec/bytes.ts'

export class GoReader {
  readonly #bytes: Buffer
  readonly #end: number
  at: number

  constructor(bytes: Buffer, at = 0, end: number = bytes.length) {
    this.#bytes = bytes
    this.at = at
    this.#end = Math.min(end, bytes.length)
  }

  get left(): number {
    return this.#end - this.at
  }

  u8(): number {
    return this.#bytes[this.#skip(1)]!
  }

  be32(): number {
    return this.#bytes.readUInt32BE(this.#skip(4))
  }

  be64(): number {
    const at = this.#skip(8)
    return this.#bytes.readInt32BE(at) * 2 ** 32 + this.#bytes.readUInt32BE(at + 4)
  }

  /** Puts a double into entry `i` of a column, bit by bit. */
  double(column: Float64Array, i: number): void {
    const at = this.#skip(8)
    const words = new Uint32Array(column.buffer, column.byteOffset + 8 * i, 2)
    words[LITTLE ? 1 : 0] = this.#bytes.readUInt32BE(at)
    words[LITTLE ? 0 : 1] = this.#bytes.readUInt32BE(at + 4)
  }

  uvarint(): number {
    const bytes = this.#bytes
    let value = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      const byte = bytes[this.#skip(1)]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
    throw new DamagedError('a number has more than ten bytes')
  }

  /** Zigzag. */
  varint(): number {
    const from = this.at
    const value = this.uvarint()
    if (value < 2 ** 53) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    // The sign stands in the lowest bit, which a double has lost by now.
    const half = Math.floor(value / 2)
    return (this.#bytes[from]! & 1) === 0 ? half : -half
  }

  text(): string {
    const size = this.uvarint()
    const at = this.#skip(size)
    return this.#bytes.toString('utf8', at, at + size)
  }

  take(size: number): Buffer {
    const at = this.#skip(size)
    return this.#bytes.subarray(at, at + size)
  }

  #skip(size: number): number {
    const at = this.at
    if (at + size > this.#end) throw new DamagedError(`the bytes end at ${this.#end}, ${at + size} were expected`)
    this.at = at + size
    return at
  }
}

const LITTLE = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1
