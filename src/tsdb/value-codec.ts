/**
 * A column of values as bytes. Exact to the bit: what is read is what was written, NaN payloads and -0 included.
 *
 * - constant: one double. Most of what is scraped does not change.
 * - decimal: value = whole number / 10^e, the same e for all; the whole numbers as deltas, or as deltas of deltas where that
 *   is shorter. What people and programs measure mostly has few decimal digits, and small whole numbers are short. The few
 *   values that have no such form (a stale marker, an infinity) stand aside with their place.
 * - xor: each double against the one before, without the bytes that are zero at its ends. For everything else.
 *
 * Bytes, not bits: a general compressor runs over the frames that hold these columns and needs aligned repetition.
 * Sources: the decimal form follows the idea of VictoriaMetrics' `lib/decimal` and `lib/encoding` (shared exponent,
 * nearest delta), but only where it loses nothing; xor is Gorilla's (VLDB 2015, §4.1.2), in whole bytes.
 */
import { type ByteReader, type ByteWriter, DamagedError, HIGH, LOW, wordsOf } from './bytes.ts'

const CONSTANT = 0
const DELTA = 1
const DELTA2 = 2
const XOR = 3

const MAX_EXPONENT = 15
const POWERS = Float64Array.from({ length: MAX_EXPONENT + 1 }, (_, e) => 10 ** e)
/** Whole numbers within ±2^50: even the difference of two differences is exact and fits a zigzag varint. */
const WHOLE_LIMIT = 2 ** 50

/** The whole numbers of the column at hand. Grows to the largest column seen (chunks are bounded). */
let whole: Float64Array = new Float64Array(512)

/** Writes `count` >= 1 values from `from` on. */
export function encodeValues(out: ByteWriter, column: Float64Array, from: number, count: number): void {
  const words = wordsOf(column)
  if (isConstant(words, from, count)) {
    out.u8(CONSTANT)
    out.double(words, from)
    return
  }
  const exponent = commonExponent(column, from, count)
  const aside = exponent < 0 ? count : toWhole(column, from, count, exponent)
  if (aside > count / 8 + 1) {
    out.u8(XOR)
    encodeXor(out, words, from, count)
    return
  }
  const twice = deltaTwiceIsShorter(count)
  out.u8(twice ? DELTA2 : DELTA)
  out.u8(exponent)
  out.varint(aside)
  if (aside > 0) writeAside(out, words, from, count, exponent)
  let before = 0
  let delta = 0
  for (let i = 0; i < count; i++) {
    const step = whole[i]! - before
    out.zigzag(twice ? step - delta : step)
    before = whole[i]!
    // The first step is the whole number itself and would make the second one as long: it does not count as a delta.
    delta = i === 0 ? 0 : step
  }
}

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

function isConstant(words: Uint32Array, from: number, count: number): boolean {
  const a = words[2 * from]
  const b = words[2 * from + 1]
  for (let i = from + 1; i < from + count; i++) if (words[2 * i] !== a || words[2 * i + 1] !== b) return false
  return true
}

/** The least exponent that makes nearly every value whole, or -1. Gives up early on columns of full-width fractions. */
function commonExponent(column: Float64Array, from: number, count: number): number {
  let exponent = 0
  let misses = 0
  for (let i = from; i < from + count; i++) {
    const value = column[i]!
    if (isWhole(value, exponent)) continue
    let e = exponent + 1
    while (e <= MAX_EXPONENT && !isWhole(value, e)) e++
    if (e <= MAX_EXPONENT) exponent = e
    else if (++misses > count / 8 + 1) return -1
  }
  return exponent
}

/** Exact in both directions: the quotient of a whole number by a power of ten below 10^22 is the nearest double. */
function isWhole(value: number, exponent: number): boolean {
  const power = POWERS[exponent]!
  const scaled = Math.round(value * power)
  return scaled <= WHOLE_LIMIT && scaled >= -WHOLE_LIMIT && scaled / power === value && !Object.is(value, -0)
}

/** Fills `whole`; what has no such form repeats its neighbour there. Returns how many those are. */
function toWhole(column: Float64Array, from: number, count: number, exponent: number): number {
  if (whole.length < count) whole = new Float64Array(count)
  const power = POWERS[exponent]!
  let aside = 0
  for (let i = 0; i < count; i++) {
    const value = column[from + i]!
    if (isWhole(value, exponent)) whole[i] = Math.round(value * power)
    else {
      whole[i] = i === 0 ? 0 : whole[i - 1]!
      aside++
    }
  }
  return aside
}

function deltaTwiceIsShorter(count: number): boolean {
  let once = 0
  let twice = 0
  for (let i = 2; i < count; i++) {
    const delta = whole[i]! - whole[i - 1]!
    once += Math.abs(delta)
    twice += Math.abs(delta - (whole[i - 1]! - whole[i - 2]!))
  }
  return twice < once
}

function writeAside(out: ByteWriter, words: Uint32Array, from: number, count: number, exponent: number): void {
  const column = new Float64Array(words.buffer, words.byteOffset, words.length / 2)
  let before = 0
  for (let i = 0; i < count; i++) {
    if (isWhole(column[from + i]!, exponent)) continue
    out.varint(i - before)
    out.double(words, from + i)
    before = i
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
