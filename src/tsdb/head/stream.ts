/**
 * Samples of one series as a stream of tokens in slabs: written one by one as they come, read from any slab on.
 *
 * A token is a byte, kind * 64 + low, and what follows it. A *step* is the distance to the instant before. Values are whole numbers
 * divided by 10^e, e from 0 to 15, as long as that gives back exactly their bits; the first byte of a slab says with which e it begins
 * (255: none).
 *
 *   0  run      low samples (1 to 63), each at the same step and of the same bits as the one before. The last token grows in place.
 *   1  whole    the same step; zigzag (n - n before) in low and what follows
 *   2  whole    zigzag (step - step before) as varint, then as 1; a difference of 0: the bits before, whatever they are
 *   3  other    low bit 5: zigzag (step - step before) as varint follows. Then by low & 31
 *                 0  xor      u8 (zero bytes at the low end * 16 + bytes that follow), those bytes: the bits XOR those before;
 *                             from here to the end of the slab there are no whole numbers
 *                 1  rebase   u8 e, zigzag n as varint
 *                 2  literal  the 8 bytes; n stays as it was, and a rebase follows before the next difference
 *
 * low of 1 and 2: 0 to 31 the number itself; 32 to 59: 32 + (low - 32) * 256 + a byte, up to 7,199; 60: two bytes, 61: three,
 * 62: four, 63: a varint.
 *
 * - A slab takes MAX_SAMPLES at most, so that a reader of the last minutes does not walk hours of runs.
 * - Nothing here looks at more than one series. Steps beyond 2^31 ms begin a slab.
 */
import { HIGH, LOW } from '../bytes.ts'
import type { PartColumns } from '../part.ts'
import {
  CUT_OFF,
  FIRST_SLAB,
  LAST_AT,
  LAST_STEP,
  LAST_VALUE,
  type RecordPage,
  type Records,
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

export type HeadMemory = { readonly records: Records; readonly slabs: Slabs }

/** Samples of one slab at most: an hour at 15 s. */
const MAX_SAMPLES = 240
/** The longest sample: token, a step of 33 bits, e, a number of 52 bits; or token, step, control, 8 bytes. */
const MAX_TOKEN_BYTES = 16
const MAX_STEP = 2 ** 31 - 1
const NO_EXPONENT = 255
const MAX_EXPONENT = 15
const WHOLE_LIMIT = 2 ** 50
const POWERS = Float64Array.from({ length: MAX_EXPONENT + 1 }, (_, e) => 10 ** e)

const RUN = 0
const SAME_STEP = 1 << 6
const OTHER_STEP = 2 << 6
const OTHER = 3 << 6
const WITH_STEP = 1 << 5
const XOR = 0
const REBASE = 1
const LITERAL = 2

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

const scratch = new Float64Array(1)
const scratchWords = new Uint32Array(scratch.buffer)

function numberOf(low: number, high: number): number {
  scratchWords[LOW] = low
  scratchWords[HIGH] = high
  return scratch[0]!
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

/** Exact in both directions, as in value-codec.ts. */
function isWhole(value: number, power: number): boolean {
  const scaled = Math.round(value * power)
  return scaled <= WHOLE_LIMIT && scaled >= -WHOLE_LIMIT && scaled / power === value && !Object.is(value, -0)
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

function unzigzag(raw: number): number {
  return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2
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

export type Span = {
  /** Inclusive at both ends. */
  readonly low: number
  readonly high: number
  /** Samples of the series that the reader's view has, counted from its very first. */
  readonly visible: number
}

/** The slab to begin with: the last one that begins not after `low`, or the first. 0: the series has none. */
function slabFrom({ records, slabs }: HeadMemory, slot: number, { low, visible }: Span): number {
  let slab = records.word(slot, SLAB)
  const first = records.word(slot, FIRST_SLAB)
  while (slab !== 0 && slab !== first && (slabs.firstAt(slab) > low || slabs.word(slab, FIRST_NUMBER) >= visible))
    slab = slabs.word(slab, BEFORE)
  return slab
}

/** No more samples than this are in the span. */
export function maxCountOf(memory: HeadMemory, slot: number, span: Span): number {
  const slab = slabFrom(memory, slot, span)
  return slab === 0 ? 0 : Math.max(0, span.visible - memory.slabs.word(slab, FIRST_NUMBER))
}

/** Reads samples of a series into columns. One for all series: it keeps what the last reading found. */
export class StreamReader {
  readonly #memory: HeadMemory
  /** The number in its series of the first sample that was read. */
  firstNumber = 0
  /** While one slab is read. */
  #timestamps: Float64Array = new Float64Array(0)
  #words: Uint32Array = new Uint32Array(0)
  #values: Float64Array = new Float64Array(0)
  #low = 0
  #high = 0
  #to = 0
  #isPast = false

  constructor(memory: HeadMemory) {
    this.#memory = memory
  }

  /** Writes the samples within the span at `to`; returns how many. The columns have room for `maxCountOf` more. */
  read(slot: number, span: Span, { timestamps, values }: PartColumns, to: number): number {
    const { records, slabs } = this.#memory
    let slab = slabFrom(this.#memory, slot, span)
    this.firstNumber = -1
    if (slab === 0) return 0
    if (this.#values !== values) {
      this.#values = values
      this.#words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2)
    }
    this.#timestamps = timestamps
    this.#low = span.low
    this.#high = span.high
    this.#to = to
    this.#isPast = false
    const last = records.word(slot, SLAB)
    for (;;) {
      const firstNumber = slabs.word(slab, FIRST_NUMBER)
      const behind = slab === last ? 0 : slabs.word(slab, BEHIND)
      const end = behind === 0 ? span.visible : Math.min(span.visible, slabs.word(behind, FIRST_NUMBER))
      if (firstNumber >= end) break
      this.#readSlab(slab, firstNumber, end)
      if (behind === 0 || this.#isPast) break
      slab = behind
    }
    return this.#to - to
  }

  #readSlab(slab: number, firstNumber: number, end: number): void {
    const segment = this.#memory.slabs.segment(slab)
    const { bytes, words } = segment
    const word = (slab & SLAB_MASK) * 32
    const timestamps = this.#timestamps
    const outWords = this.#words
    const values = this.#values
    const spanLow = this.#low
    const spanHigh = this.#high
    let to = this.#to
    let number = firstNumber
    let at = segment.doubles[word / 2 + FIRST_AT]!
    let step = words[word + FIRST_STEP]! | 0
    let low = words[word + FIRST_VALUE_WORDS + LOW]!
    let high = words[word + FIRST_VALUE_WORDS + HIGH]!
    let place = word * 4 + STREAM_AT
    let power = POWERS[bytes[place - 1]!] ?? 1
    // The value is in `low` and `high` when `byBits`, else it is `n / power`.
    let byBits = true
    let n = Math.round(numberOf(low, high) * power)
    if (at > spanHigh) {
      this.#isPast = true
      return
    }
    if (at >= spanLow) {
      if (this.firstNumber < 0) this.firstNumber = number
      timestamps[to] = at
      outWords[2 * to + LOW] = low
      outWords[2 * to + HIGH] = high
      to++
    }
    number++
    while (number < end) {
      const token = bytes[place++]!
      const kind = token >>> 6
      let repeats = 1
      if (kind === 0) {
        repeats = Math.min(token, end - number)
        // Runs before the span are passed over at once.
        if (at + repeats * step < spanLow) {
          at += repeats * step
          number += repeats
          continue
        }
      } else {
        if (kind === 2 || (kind === 3 && (token & WITH_STEP) !== 0)) {
          let raw = bytes[place++]!
          if (raw >= 0x80) {
            raw &= 0x7f
            for (let scale = 0x80; ; scale *= 0x80) {
              const byte = bytes[place++]!
              raw += (byte & 0x7f) * scale
              if (byte < 0x80) break
            }
          }
          step += (raw & 1) === 0 ? raw / 2 : -(raw + 1) / 2
        }
        if (kind !== 3) {
          let z = token & 63
          if (z >= 32) {
            if (z < 60) z = 32 + ((z - 32) << 8) + bytes[place++]!
            else if (z === 60) {
              z = bytes[place]! | (bytes[place + 1]! << 8)
              place += 2
            } else if (z === 61) {
              z = bytes[place]! | (bytes[place + 1]! << 8) | (bytes[place + 2]! << 16)
              place += 3
            } else if (z === 62) {
              z = readWord(bytes, place)
              place += 4
            } else {
              z = 0
              for (let scale = 1; ; scale *= 0x80) {
                const byte = bytes[place++]!
                z += (byte & 0x7f) * scale
                if (byte < 0x80) break
              }
            }
          }
          if (z !== 0) {
            n += z % 2 === 0 ? z / 2 : -(z + 1) / 2
            byBits = false
          }
        } else {
          const op = token & 31
          if (op === REBASE) {
            power = POWERS[bytes[place++]!]!
            let raw = 0
            for (let scale = 1; ; scale *= 0x80) {
              const byte = bytes[place++]!
              raw += (byte & 0x7f) * scale
              if (byte < 0x80) break
            }
            n = unzigzag(raw)
            byBits = false
          } else if (op === LITERAL) {
            low = readWord(bytes, place)
            high = readWord(bytes, place + 4)
            place += 8
            byBits = true
          } else {
            if (!byBits) {
              scratch[0] = n / power
              low = scratchWords[LOW]!
              high = scratchWords[HIGH]!
              byBits = true
            }
            const control = bytes[place++]!
            const skip = control >>> 4
            const stop = skip + (control & 15)
            for (let k = skip; k < stop; k++) {
              const byte = bytes[place++]!
              if (k < 4) low ^= byte << (8 * k)
              else high ^= byte << (8 * k - 32)
            }
          }
        }
      }
      for (; repeats > 0; repeats--) {
        at += step
        if (at > spanHigh) {
          this.#isPast = true
          this.#to = to
          return
        }
        if (at >= spanLow) {
          if (this.firstNumber < 0) this.firstNumber = number
          timestamps[to] = at
          if (byBits) {
            outWords[2 * to + LOW] = low
            outWords[2 * to + HIGH] = high
          } else values[to] = n / power
          to++
        }
        number++
      }
    }
    this.#to = to
  }
}

function readWord(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

/**
 * Forgets slabs that lie before `time`; what reaches across stays whole. `giveBack` gets the slabs. Returns the first instant at or
 * after `time`, or Infinity when the series has none.
 */
export function cutSeries(
  memory: HeadMemory,
  slot: number,
  time: number,
  { reader, giveBack }: { readonly reader: StreamReader; readonly giveBack: (slab: number) => void },
): number {
  const { records, slabs } = memory
  let first = records.word(slot, FIRST_SLAB)
  if (first === 0) return Infinity
  const isAllBefore = records.lastAt(slot) < time
  for (;;) {
    const behind = slabs.word(first, BEHIND)
    if (isAllBefore ? first === 0 : behind === 0 || slabs.firstAt(behind) > time) break
    giveBack(first)
    first = behind
    if (first === 0) break
    slabs.setWord(first, BEFORE, 0)
  }
  records.setWord(slot, FIRST_SLAB, first)
  if (first === 0) {
    records.setWord(slot, SLAB, 0)
    records.setWord(slot, CUT_OFF, records.word(slot, TOTAL))
    return Infinity
  }
  records.setWord(slot, CUT_OFF, slabs.word(first, FIRST_NUMBER))
  if (slabs.firstAt(first) >= time) return slabs.firstAt(first)
  const span = { low: time, high: Infinity, visible: records.word(slot, TOTAL) }
  const room = maxCountOf(memory, slot, span)
  const columns = { timestamps: new Float64Array(room), values: new Float64Array(room) }
  return reader.read(slot, span, columns, 0) > 0 ? columns.timestamps[0]! : Infinity
}

/** The first instant that the series still has, maybe before the boundary; Infinity when it has none. */
export function firstAtOf({ records, slabs }: HeadMemory, slot: number): number {
  const first = records.word(slot, FIRST_SLAB)
  return first === 0 ? Infinity : slabs.firstAt(first)
}
