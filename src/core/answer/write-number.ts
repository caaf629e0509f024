/**
 * Numbers as ASCII, digit by digit: what an answer is mostly made of.
 *
 * - The spelling is that of `formatValue` and `instantJson`, which are the slow twins. Fast are whole numbers below 2^53 and
 *   decimals with at most six places; everything else is spelled by the twin.
 * - A writer is given room for `NUMBER_ROOM` bytes and returns where it ended.
 *
 * A decimal of at most 15 digits is the shortest that reads back the same: no two of them are the same double. Whether a value is one
 * is asked by multiplying, rounding and dividing again: the quotient of two exact numbers is the nearest double, as when it is read.
 *
 * `bench/render.ts`: of points of whole numbers the digits are most of it, of full doubles the engine's own conversion.
 */
import { formatValue } from '../value.ts'

/** The longest: `-1.2345678901234567e-300`, and an instant beyond what a date can hold. */
export const NUMBER_ROOM = 32

const ZERO = 48
const POINT = 46
const MINUS = 45

/** `00` to `99`. */
const PAIRS = Uint8Array.from({ length: 200 }, (_, i) => ZERO + (i % 2 === 0 ? Math.floor(i / 20) : (i >> 1) % 10))

/** A sample's value, without quotes. */
export function writeValue(out: Uint8Array, at: number, value: number): number {
  if (value === 0) return Object.is(value, -0) ? writeAscii(out, at, '-0') : writeDigit(out, at, 0)
  const start = at
  let rest = value
  if (rest < 0) {
    out[at++] = MINUS
    rest = -rest
  }
  // NaN and the infinities fail here too.
  if (!(rest < Number.MAX_SAFE_INTEGER)) return writeAscii(out, start, formatValue(value))
  const whole = Math.floor(rest)
  if (whole === rest) return writeWhole(out, at, whole)
  if (rest < 1e9) {
    const thousandths = Math.round(rest * 1e3)
    if (thousandths / 1e3 === rest) return writeDecimal(out, at, whole, thousandths - whole * 1e3, 3)
    const millionths = Math.round(rest * 1e6)
    if (millionths / 1e6 === rest) return writeDecimal(out, at, whole, millionths - whole * 1e6, 6)
  }
  return writeAscii(out, start, formatValue(value))
}

/** An instant in seconds, from milliseconds: no decimals, or three. */
export function writeInstant(out: Uint8Array, at: number, ms: number): number {
  if (!(ms >= 0 && ms <= Number.MAX_SAFE_INTEGER)) return writeAscii(out, at, instantJson(ms))
  const seconds = Math.floor(ms / 1000)
  const end = writeWhole(out, at, seconds)
  const rest = ms - seconds * 1000
  if (rest === 0) return end
  out[end] = POINT
  writeDigits(out, end + 1, rest, 3)
  return end + 4
}

/** Seconds with either no decimals or three: Prometheus' own spelling. */
export function instantJson(at: number): string {
  const rest = Math.abs(at % 1000)
  if (rest === 0) return String(at / 1000)
  const whole = Math.trunc(at / 1000)
  return `${at < 0 && whole === 0 ? '-0' : whole}.${String(rest).padStart(3, '0')}`
}

/** Text of which every character is ASCII. */
export function writeAscii(out: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) out[at + i] = text.charCodeAt(i)
  return at + text.length
}

function writeDigit(out: Uint8Array, at: number, digit: number): number {
  out[at] = ZERO + digit
  return at + 1
}

/** Whole, not negative, below 2^53. */
function writeWhole(out: Uint8Array, at: number, value: number): number {
  // Below 2^31 the machine divides whole numbers.
  if (value < 2 ** 31) return writeSmall(out, at, value | 0)
  const high = Math.floor(value / 1e8)
  const end = writeWhole(out, at, high)
  writeDigits(out, end, value - high * 1e8, 8)
  return end + 8
}

function writeSmall(out: Uint8Array, at: number, value: number): number {
  const end = at + lengthOf(value)
  let place = end
  let rest = value
  while (rest >= 100) {
    const next = (rest / 100) | 0
    const pair = (rest - next * 100) << 1
    out[--place] = PAIRS[pair + 1]!
    out[--place] = PAIRS[pair]!
    rest = next
  }
  if (rest >= 10) {
    out[--place] = PAIRS[(rest << 1) + 1]!
    out[--place] = PAIRS[rest << 1]!
  } else {
    out[--place] = ZERO + rest
  }
  return end
}

function lengthOf(value: number): number {
  if (value < 1e5) {
    if (value < 100) return value < 10 ? 1 : 2
    return value < 1e3 ? 3 : value < 1e4 ? 4 : 5
  }
  if (value < 1e7) return value < 1e6 ? 6 : 7
  return value < 1e8 ? 8 : value < 1e9 ? 9 : 10
}

/** Exactly `count` digits, with zeros before. */
function writeDigits(out: Uint8Array, at: number, value: number, count: number): void {
  let rest = value | 0
  let place = at + count
  for (; place > at + 1; place -= 2) {
    const next = (rest / 100) | 0
    const pair = (rest - next * 100) << 1
    out[place - 1] = PAIRS[pair + 1]!
    out[place - 2] = PAIRS[pair]!
    rest = next
  }
  if (place > at) out[at] = ZERO + (rest % 10)
}

/** `fraction` of `places` digits, without the zeros at its end. */
function writeDecimal(out: Uint8Array, at: number, whole: number, fraction: number, places: number): number {
  let end = writeSmall(out, at, whole | 0)
  out[end] = POINT
  writeDigits(out, end + 1, fraction, places)
  end += 1 + places
  while (out[end - 1] === ZERO) end--
  return end
}
