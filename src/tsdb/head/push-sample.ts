/**
 * Writes samples behind those that a series has: see stream.ts for what is written.
 *
 * One call a sample, for each sample that is taken: all it reads and writes of a series is its record and the end of its slab.
 */
import { HIGH, LOW } from '../codec/bytes.ts'
import { isWhole, MAX_EXPONENT, POWERS } from '../codec/decimal.ts'
import {
  FIRST_SLAB,
  LAST_AT,
  LAST_STEP,
  LAST_VALUE,
  type RecordPage,
  SLAB,
  SLOT_MASK,
  STATE,
  TOTAL,
  VALUE_WORDS,
} from './records.ts'
import {
  BEFORE,
  BEHIND,
  FIRST_AT,
  FIRST_NUMBER,
  FIRST_STEP,
  FIRST_VALUE_WORDS,
  SLAB_BYTES,
  SLAB_MASK,
  type Slabs,
  STREAM_AT,
} from './slabs.ts'
import {
  type HeadMemory,
  LITERAL,
  MAX_SAMPLES,
  MAX_STEP,
  MAX_TOKEN_BYTES,
  NO_EXPONENT,
  numberOf,
  OTHER,
  OTHER_STEP,
  REBASE,
  RUN,
  SAME_STEP,
  WITH_STEP,
  XOR,
} from './stream.ts'

/** Appends a sample that is after the last one: entry `i` of `values`, whose bits are in `words`. */
export function pushSample(
  { records, slabs }: HeadMemory,
  slot: number,
  at: number,
  values: Float64Array,
  words: Uint32Array,
  i: number,
): void {
  const page = records.page(slot)
  const record = (slot & SLOT_MASK) * 16
  const fields = page.words
  const doubles = page.doubles
  const state = fields[record + STATE]!
  const offset = state & 0xff
  const count = (state >>> 16) & 0xff
  const step = at - doubles[record / 2 + LAST_AT]!
  const slab = fields[record + SLAB]!
  if (slab === 0 || offset > SLAB_BYTES - MAX_TOKEN_BYTES || step > MAX_STEP || count >= MAX_SAMPLES) {
    beginSlab(page, slabs, record, at, words[2 * i + LOW]!, words[2 * i + HIGH]!)
    return
  }
  const value = values[i]!
  const before = doubles[record / 2 + LAST_VALUE]!
  const { bytes } = slabs.segment(slab)
  const from = (slab & SLAB_MASK) * SLAB_BYTES
  let to = from + offset
  const lastStep = fields[record + LAST_STEP]! | 0
  let exponent = (state >>> 8) & 0xff
  let run = 0
  // Equal numbers have equal bits, but for zeros and what is no number.
  const isSame =
    value === before && value !== 0
      ? true
      : words[2 * i + LOW] === fields[record + VALUE_WORDS + LOW] &&
        words[2 * i + HIGH] === fields[record + VALUE_WORDS + HIGH]
  if (isSame && step === lastStep) {
    if (state >>> 24 === 1 && bytes[to - 1]! < 63) bytes[to - 1]!++
    else bytes[to++] = RUN + 1
    run = 1
  } else {
    const token = to++
    let kind = SAME_STEP
    if (step !== lastStep) {
      kind = OTHER_STEP
      to = writeVarint(bytes, to, zigzag(step - lastStep))
      fields[record + LAST_STEP] = step
    }
    if (isSame) bytes[token] = OTHER_STEP
    else {
      const power = exponent <= MAX_EXPONENT ? POWERS[exponent]! : 0
      if (isWhole(value, power) && isWhole(before, power)) {
        const difference = Math.round(value * power) - Math.round(before * power)
        to = writeCode(bytes, token, to, kind, zigzag(difference))
      } else {
        const place = kind === OTHER_STEP ? OTHER | WITH_STEP : OTHER
        const low = words[2 * i + LOW]!
        const high = words[2 * i + HIGH]!
        exponent = nextExponent(value, exponent)
        if (exponent === LITERAL_KEEPS) {
          exponent = (state >>> 8) & 0xff
          bytes[token] = place | LITERAL
          writeWord(bytes, to, low)
          writeWord(bytes, to + 4, high)
          to += 8
        } else if (exponent === NO_EXPONENT) {
          bytes[token] = place | XOR
          const x = (low ^ fields[record + VALUE_WORDS + LOW]!) >>> 0
          const y = (high ^ fields[record + VALUE_WORDS + HIGH]!) >>> 0
          to = writeXor(bytes, to, x, y)
        } else {
          bytes[token] = place | REBASE
          bytes[to] = exponent
          to = writeVarint(bytes, to + 1, zigzag(Math.round(value * POWERS[exponent]!)))
        }
      }
      fields[record + VALUE_WORDS + LOW] = words[2 * i + LOW]!
      fields[record + VALUE_WORDS + HIGH] = words[2 * i + HIGH]!
    }
  }
  fields[record + STATE] = (to - from) | (exponent << 8) | ((count + 1) << 16) | (run << 24)
  doubles[record / 2 + LAST_AT] = at
  fields[record + TOTAL]!++
}

/** Says that the value stands aside and the exponent stays. */
const LITERAL_KEEPS = 254

/** With which exponent a value goes on that cannot be written as a difference: its own, or none. */
function nextExponent(value: number, exponent: number): number {
  if (exponent === NO_EXPONENT) return NO_EXPONENT
  const found = exponentOf(value, exponent)
  return found === NO_EXPONENT && isSpecial(value) ? LITERAL_KEEPS : found
}

/** The first sample of a slab stands in its head. */
function beginSlab(
  { doubles, words }: RecordPage,
  slabs: Slabs,
  record: number,
  at: number,
  low: number,
  high: number,
): void {
  const before = words[record + SLAB]!
  const slab = slabs.take()
  const segment = slabs.segment(slab)
  const word = (slab & SLAB_MASK) * 32
  const value = numberOf(low, high)
  const known = before === 0 ? 0 : (words[record + STATE]! >>> 8) & 0xff
  // What cannot be written as a whole number at all begins with the exponent that the series had: it may be a stale marker.
  const from = known === NO_EXPONENT || isSpecial(value) ? 0 : known
  const found = exponentOf(value, from)
  const exponent = found === NO_EXPONENT && isSpecial(value) ? (known === NO_EXPONENT ? 0 : known) : found
  const step = at - doubles[record / 2 + LAST_AT]!
  const usualStep = before === 0 || step > MAX_STEP ? 0 : step
  segment.words[word + BEFORE] = before
  segment.words[word + BEHIND] = 0
  segment.words[word + FIRST_NUMBER] = words[record + TOTAL]!
  segment.words[word + FIRST_STEP] = usualStep
  segment.words[word + FIRST_VALUE_WORDS + LOW] = low
  segment.words[word + FIRST_VALUE_WORDS + HIGH] = high
  segment.doubles[word / 2 + FIRST_AT] = at
  segment.bytes[word * 4 + STREAM_AT - 1] = exponent
  if (before === 0) words[record + FIRST_SLAB] = slab
  else slabs.setWord(before, BEHIND, slab)
  words[record + SLAB] = slab
  words[record + LAST_STEP] = usualStep
  words[record + VALUE_WORDS + LOW] = low
  words[record + VALUE_WORDS + HIGH] = high
  words[record + STATE] = STREAM_AT | (exponent << 8) | (1 << 16)
  doubles[record / 2 + LAST_AT] = at
  words[record + TOTAL]!++
}

/** The least exponent from `from` on that makes the value whole, or `NO_EXPONENT`. */
function exponentOf(value: number, from: number): number {
  for (let e = from; e <= MAX_EXPONENT; e++) if (isWhole(value, POWERS[e]!)) return e
  return NO_EXPONENT
}

/** What stands aside among whole numbers: stale markers, infinities, -0. */
function isSpecial(value: number): boolean {
  return value - value !== 0 || Object.is(value, -0)
}

function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1
}

function writeCode(bytes: Uint8Array, token: number, to: number, kind: number, z: number): number {
  if (z < 32) {
    bytes[token] = kind | z
    return to
  }
  if (z < 7200) {
    bytes[token] = kind | (32 + ((z - 32) >>> 8))
    bytes[to] = (z - 32) & 0xff
    return to + 1
  }
  if (z < 0x1000000) {
    bytes[to] = z & 0xff
    bytes[to + 1] = (z >>> 8) & 0xff
    if (z < 0x10000) {
      bytes[token] = kind | 60
      return to + 2
    }
    bytes[token] = kind | 61
    bytes[to + 2] = z >>> 16
    return to + 3
  }
  if (z < 0x100000000) {
    bytes[token] = kind | 62
    writeWord(bytes, to, z)
    return to + 4
  }
  bytes[token] = kind | 63
  return writeVarint(bytes, to, z)
}

function writeVarint(bytes: Uint8Array, from: number, value: number): number {
  let to = from
  let rest = value
  // The bit operators work on 32 bits only.
  while (rest >= 0x80000000) {
    bytes[to++] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
  }
  while (rest >= 0x80) {
    bytes[to++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[to++] = rest
  return to
}

function writeWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word & 0xff
  bytes[at + 1] = (word >>> 8) & 0xff
  bytes[at + 2] = (word >>> 16) & 0xff
  bytes[at + 3] = word >>> 24
}

/** `x`, `y`: low and high word of the difference, which is not 0. */
function writeXor(bytes: Uint8Array, from: number, x: number, y: number): number {
  const skip = x !== 0 ? (31 - Math.clz32(x & -x)) >>> 3 : 4 + ((31 - Math.clz32(y & -y)) >>> 3)
  const end = y !== 0 ? 8 - (Math.clz32(y) >>> 3) : 4 - (Math.clz32(x) >>> 3)
  let to = from
  bytes[to++] = skip * 16 + end - skip
  for (let k = skip; k < end; k++) bytes[to++] = k < 4 ? (x >>> (8 * k)) & 0xff : (y >>> (8 * k - 32)) & 0xff
  return to
}
