/**
 * Bits, highest first, and the variable widths that Prometheus' chunks are made of.
 *
 * - 64-bit words travel as two halves: a JavaScript number would lose the last bits of a double's pattern.
 * - Whole numbers are exact within ±2^53 (zigzag: ±2^52); the format's own range is 64 bits.
 * - Reading past the end, and widths that there are not, are `ASSAY_PROTO` with the bit.
 *
 * Source: prometheus: tsdb/docs/format/chunks.md, tsdb/chunkenc/varbit.go and xor.go.
 */
import { AssayError } from '../error.ts'

const HALF = 2 ** 32

/** Widths of a varbit number: so many ones and a zero stand before; eight ones (the last width) have no zero. */
const VARBIT_WIDTHS = [3, 6, 9, 12, 18, 25, 56, 64] as const

export class BitWriter {
  #bytes: Uint8Array<ArrayBuffer>
  /** In bits. */
  length = 0

  constructor(capacityBytes = 128) {
    this.#bytes = new Uint8Array(capacityBytes)
  }

  /** The lowest `count` bits of `value`, at most 32. */
  bits(value: number, count: number): void {
    if (this.length + count > this.#bytes.length * 8) this.#grow()
    let left = count
    while (left > 0) {
      const free = 8 - (this.length & 7)
      const taken = free < left ? free : left
      this.#bytes[this.length >>> 3]! |= ((value >>> (left - taken)) & ((1 << taken) - 1)) << (free - taken)
      this.length += taken
      left -= taken
    }
  }

  /** The lowest `count` bits of a word of two halves. */
  word(high: number, low: number, count: number): void {
    if (count > 32) this.bits(high, count - 32)
    this.bits(low, Math.min(count, 32))
  }

  /** A whole number in two's complement of `count` bits. */
  signed(value: number, count: number): void {
    this.word(Math.floor(value / HALF), value, count)
  }

  /** LEB128, as Go's `PutUvarint`. */
  uvarint(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      this.bits((rest % 128) | 0x80, 8)
      rest = Math.floor(rest / 128)
    }
    this.bits(rest, 8)
  }

  /** Zigzag LEB128, as Go's `PutVarint`. */
  varint(value: number): void {
    this.uvarint(value < 0 ? -2 * value - 1 : 2 * value)
  }

  varbitInt(value: number): void {
    if (value === 0) this.bits(0, 1)
    else
      this.#varbit(
        value,
        VARBIT_WIDTHS.findIndex((width) => width === 64 || fits(value, width)),
      )
  }

  varbitUint(value: number): void {
    if (value === 0) this.bits(0, 1)
    else
      this.#varbit(
        value,
        VARBIT_WIDTHS.findIndex((width) => value < 2 ** width),
      )
  }

  /** The bytes, the last one filled up with zeros. */
  take(): Buffer {
    return Buffer.from(this.#bytes.buffer, 0, (this.length + 7) >>> 3)
  }

  #varbit(value: number, place: number): void {
    const ones = place + 1
    if (place === VARBIT_WIDTHS.length - 1) this.bits(0xff, 8)
    else this.bits(2 ** (ones + 1) - 2, ones + 1)
    this.signed(value, VARBIT_WIDTHS[place]!)
  }

  #grow(): void {
    const larger = new Uint8Array(this.#bytes.length * 2)
    larger.set(this.#bytes)
    this.#bytes = larger
  }
}

/** True when `value` can be written in `width` bits: the range reaches one further to the positive side. */
export function fits(value: number, width: number): boolean {
  return value >= 1 - 2 ** (width - 1) && value <= 2 ** (width - 1)
}

export class BitReader {
  readonly #bytes: Uint8Array
  readonly #end: number
  /** In bits. */
  at: number

  /** `from`: the first byte. */
  constructor(bytes: Uint8Array, from: number) {
    this.#bytes = bytes
    this.#end = bytes.length * 8
    this.at = from * 8
  }

  /** At most 32, without sign. */
  bits(count: number): number {
    if (this.at + count > this.#end) throw this.broken(`it ends within ${count} bits`)
    let value = 0
    let left = count
    while (left > 0) {
      const there = 8 - (this.at & 7)
      const taken = there < left ? there : left
      const part = (this.#bytes[this.at >>> 3]! >>> (there - taken)) & ((1 << taken) - 1)
      value = ((value << taken) | part) >>> 0
      this.at += taken
      left -= taken
    }
    return value
  }

  /** Two's complement of `count` bits; the lowest number counts as positive, as in Prometheus. */
  signed(count: number): number {
    const high = count > 32 ? this.bits(count - 32) : 0
    const low = this.bits(Math.min(count, 32))
    if (count === 64) return (high | 0) * HALF + low
    if (count <= 32) return low > 2 ** (count - 1) ? low - 2 ** count : low
    // The sign is taken off the upper half: the whole might not be exact before.
    const half = 2 ** (count - 33)
    return (high > half || (high === half && low > 0) ? high - 2 * half : high) * HALF + low
  }

  uvarint(): number {
    let value = 0
    for (let i = 0; i < 10; i++) {
      const byte = this.bits(8)
      value += (byte & 0x7f) * 2 ** (7 * i)
      if (byte < 0x80) return value
    }
    throw this.broken('a number has more than ten bytes')
  }

  varint(): number {
    const value = this.uvarint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  varbitInt(): number {
    const ones = this.ones(8)
    return ones === 0 ? 0 : this.signed(VARBIT_WIDTHS[ones - 1]!)
  }

  varbitUint(): number {
    const ones = this.ones(8)
    if (ones === 0) return 0
    const width = VARBIT_WIDTHS[ones - 1]!
    const high = width > 32 ? this.bits(width - 32) : 0
    return high * HALF + this.bits(Math.min(width, 32))
  }

  /** How many ones come before a zero; after `most` of them no zero follows. */
  ones(most: number): number {
    for (let count = 0; count < most; count++) if (this.bits(1) === 0) return count
    return most
  }

  broken(why: string): AssayError<'ASSAY_PROTO'> {
    return new AssayError('ASSAY_PROTO', `the chunk makes no sense at bit ${this.at}: ${why}`)
  }
}
