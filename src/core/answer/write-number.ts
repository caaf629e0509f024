/**
 * Numbers as ASCII, four digits at a time: what an answer is mostly made of.
 *
 * - The spelling is that of `formatValue` and `instantJson`, which are the slow twins. Fast are whole numbers below 2^53 and
 *   decimals with at most nine places; everything else is spelled by the twin.
 * - A writer is given room for `NUMBER_ROOM` bytes, of which it may spoil all, and returns where it ended.
 *
 * A decimal of at most 15 digits is the shortest that reads back the same: no two of them are the same double. Whether a value is one
 * is asked by multiplying, rounding and dividing again: the quotient of two exact numbers is the nearest double, as when it is read.
 *
 * `bench/render.ts`: of points of whole numbers the digits are a third, of full doubles the engine's own conversion is nearly all.
 */
import { formatValue } from '../value.ts'

/** The longest: `-1.2345678901234567e-300`, and an instant beyond what a date can hold. */
export const NUMBER_ROOM = 32

const ZERO = 48
const POINT = 46
const MINUS = 45

/** `0000` to `9999`, the first digit in the lowest byte. */
const QUADS = Uint32Array.from({ length: 10_000 }, (_, n) => {
  const digit = (place: number) => ZERO + (Math.floor(n / place) % 10)
  return digit(1000) | (digit(100) << 8) | (digit(10) << 16) | (digit(1) << 24)
})

/** A sample's value, without quotes. */
export function writeValue(out: DataView, at: number, value: number): number {
  if (value === 0) return Object.is(value, -0) ? writeText(out, at, '-0') : writeSmall(out, at, 0)
  const start = at
  let rest = value
  if (rest < 0) {
    out.setUint8(at++, MINUS)
    rest = -rest
  }
  // NaN and the infinities fail here too.
  if (!(rest < Number.MAX_SAFE_INTEGER)) return writeText(out, start, formatValue(value))
  // Below 2^31 the machine makes whole numbers of doubles.
  if (rest < 2 ** 31) {
    const small = rest | 0
    if (small === rest) return writeWhole(out, at, rest)
    if (rest < 1e9) {
      const thousandths = Math.round(rest * 1e3)
      if (thousandths / 1e3 === rest) return writeDecimal(out, at, small, thousandths - small * 1e3, 3)
      const millionths = Math.round(rest * 1e6)
      if (millionths / 1e6 === rest) return writeDecimal(out, at, small, millionths - small * 1e6, 6)
      if (rest < 1e6 && rest >= 1e-6) {
        const billionths = Math.round(rest * 1e9)
        if (billionths / 1e9 === rest) return writeDecimal(out, at, small, billionths - small * 1e9, 9)
      }
    }
  } else if (Math.floor(rest) === rest) return writeWhole(out, at, rest)
  return writeText(out, start, formatValue(value))
}

/** An instant in seconds, from milliseconds: no decimals, or three. */
export function writeInstant(out: DataView, at: number, ms: number): number {
  if (!(ms >= 0 && ms <= Number.MAX_SAFE_INTEGER)) return writeText(out, at, instantJson(ms))
  const seconds = Math.floor(ms / 1000)
  const end = writeWhole(out, at, seconds)
  const rest = ms - seconds * 1000
  if (rest === 0) return end
  out.setUint8(end, POINT)
  writePlaces(out, end + 1, rest, 3)
  return end + 4
}

/** Seconds with either no decimals or three: Prometheus' own spelling. */
export function instantJson(at: number): string {
  const rest = Math.abs(at % 1000)
  if (rest === 0) return String(at / 1000)
  const whole = Math.trunc(at / 1000)
  return `${at < 0 && whole === 0 ? '-0' : whole}.${String(rest).padStart(3, '0')}`
}

/** A text of which every character is ASCII. */
function writeText(out: DataView, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) out.setUint8(at + i, text.charCodeAt(i))
  return at + text.length
}

/** Whole, not negative, below 2^53. */
function writeWhole(out: DataView, at: number, value: number): number {
  if (value < 1e8) return writeEight(out, at, value | 0)
  const high = Math.floor(value / 1e8)
  const end = writeEight(out, at, high)
  const low = (value - high * 1e8) | 0
  const quad = (low / 1e4) | 0
  out.setUint32(end, QUADS[quad]!, true)
  out.setUint32(end + 4, QUADS[low - quad * 1e4]!, true)
  return end + 8
}

/** Below 10^8. */
function writeEight(out: DataView, at: number, value: number): number {
  if (value < 1e4) return writeSmall(out, at, value)
  const high = (value / 1e4) | 0
  const end = writeSmall(out, at, high)
  out.setUint32(end, QUADS[value - high * 1e4]!, true)
  return end + 4
}

/** Below 10,000; without the zeros before. */
function writeSmall(out: DataView, at: number, value: number): number {
  const length = value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : 4
  out.setUint32(at, QUADS[value]! >>> (32 - 8 * length), true)
  return at + length
}

/** Three, six or nine digits, with the zeros before. */
function writePlaces(out: DataView, at: number, value: number, places: number): void {
  const rest = value | 0
  if (places === 3) {
    out.setUint32(at, QUADS[rest]! >>> 8, true)
    return
  }
  const high = (rest / 1e4) | 0
  const low = QUADS[rest - high * 1e4]!
  if (places === 6) {
    out.setUint32(at, QUADS[high]! >>> 16, true)
    out.setUint32(at + 2, low, true)
    return
  }
  const first = (high / 1e4) | 0
  out.setUint8(at, ZERO + first)
  out.setUint32(at + 1, QUADS[high - first * 1e4]!, true)
  out.setUint32(at + 5, low, true)
}

/** `fraction` of `places` digits, without the zeros at its end. */
function writeDecimal(out: DataView, at: number, whole: number, fraction: number, places: number): number {
  let end = writeWhole(out, at, whole)
  out.setUint8(end, POINT)
  writePlaces(out, end + 1, fraction, places)
  end += 1 + places
  while (out.getUint8(end - 1) === ZERO) end--
  return end
}
