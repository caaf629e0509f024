/**
 * Columns of values of blocks of format 1 to 3: read, and written no more (packed-codec.ts). And the exclusive-or of doubles, which
 * goes on in columns that nothing else is short for, and in histograms.
 *
 * - constant: one double.
 * - decimal: value = whole number / 10^e, the same e for all; the whole numbers as deltas, or as deltas of deltas. The few values
 *   that have no such form (a stale marker, an infinity) stand aside with their place.
 * - xor: each double against the one before, without the bytes that are zero at its ends.
 *
 * Source: xor is Gorilla's (VLDB 2015, §4.1.2), in whole bytes. Drawn in docs/formats/block.md.
 */
import { type ByteReader, type ByteWriter, DamagedError, HIGH, LOW, wordsOf } from './bytes.ts'
import { POWERS } from './decimal.ts'

const CONSTANT = 0
const DELTA = 1
const DELTA2 = 2
const XOR = 3

/** Reads `count` values into `column` from `to` on. Throws `DamagedError`. */
export function decodeValues(source: ByteReader, column: Float64Array, to: number, count: number): void {
  const form = source.u8()
  switch (form) {
    case CONSTANT: {
      const words = wordsOf(column)
      const low = source.u32()
      const high = source.u32()
      for (let i = to; i < to + count; i++) {
        words[2 * i + LOW] = low
        words[2 * i + HIGH] = high
      }
      return
    }
    case DELTA:
    case DELTA2:
      decodeDecimal(source, column, to, count, form === DELTA2)
      return
    case XOR:
      decodeXor(source, wordsOf(column), to, count)
      return
    default:
      throw new DamagedError(`values in the unknown form ${form}`)
  }
}

function decodeDecimal(source: ByteReader, column: Float64Array, to: number, count: number, twice: boolean): void {
  const power = POWERS[source.u8()]
  if (power === undefined) throw new DamagedError('a decimal exponent that is never written')
  const aside = source.varint()
  if (aside > count) throw new DamagedError(`${aside} of ${count} values stand aside`)
  const asideAt = source.offset
  for (let i = 0; i < aside; i++) {
    source.varint()
    source.take(8)
  }
  let value = 0
  let delta = 0
  for (let i = 0; i < count; i++) {
    const coded = source.zigzag()
    const step = twice ? coded + delta : coded
    value += step
    delta = i === 0 ? 0 : step
    column[to + i] = value / power
  }
  if (aside === 0) return
  const end = source.offset
  const words = wordsOf(column)
  source.offset = asideAt
  let place = 0
  for (let i = 0; i < aside; i++) {
    place += source.varint()
    if (place >= count) throw new DamagedError(`a value stands aside at ${place} of ${count}`)
    source.double(words, to + place)
  }
  source.offset = end
}

/** Per value: 0 for "as before", or trailing zero bytes * 16 + length, and the bytes in between, lowest first. */
export function encodeXor(out: ByteWriter, words: Uint32Array, from: number, count: number): void {
  let low = 0
  let high = 0
  for (let i = from; i < from + count; i++) {
    const x = (words[2 * i + LOW]! ^ low) >>> 0
    const y = (words[2 * i + HIGH]! ^ high) >>> 0
    low = words[2 * i + LOW]!
    high = words[2 * i + HIGH]!
    if (x === 0 && y === 0) {
      out.u8(0)
      continue
    }
    const skip = x !== 0 ? trailingZeroBytes(x) : 4 + trailingZeroBytes(y)
    const end = y !== 0 ? 8 - (Math.clz32(y) >>> 3) : 4 - (Math.clz32(x) >>> 3)
    out.u8(skip * 16 + end - skip)
    for (let k = skip; k < end; k++) out.u8(k < 4 ? (x >>> (8 * k)) & 0xff : (y >>> (8 * k - 32)) & 0xff)
  }
}

export function decodeXor(source: ByteReader, words: Uint32Array, to: number, count: number): void {
  let low = 0
  let high = 0
  for (let i = to; i < to + count; i++) {
    const control = source.u8()
    const skip = control >>> 4
    const end = skip + (control & 15)
    if (end > 8) throw new DamagedError(`a difference of ${end} bytes`)
    for (let k = skip; k < end; k++) {
      if (k < 4) low ^= source.u8() << (8 * k)
      else high ^= source.u8() << (8 * k - 32)
    }
    words[2 * i + LOW] = low
    words[2 * i + HIGH] = high
  }
}

function trailingZeroBytes(word: number): number {
  return (31 - Math.clz32(word & -word)) >>> 3
}
