/**
 * A column of values as bytes, from format 4 of blocks on. Exact to the bit: NaN payloads and -0 included.
 *
 * - constant: one double. Four of ten series that are scraped do not change.
 * - decimal: value = n / 10^e, n whole, the same e for all. What people and programs measure mostly has few decimal digits.
 * - bits: value's bits = the first value's bits + n: for full-width fractions, as sums of durations are; it does not mind a power of two.
 * - xor: for what is left (value-codec.ts).
 *
 * n goes as differences, or as differences of differences where that is shorter, bit-packed in runs of 128 as the distance to the
 * least of the run: so a run's width follows what the series does just then. A run says what it adds up to, so that a reader of the last
 * minutes passes over those before: 2 % more bytes, and an instant query at a third of the cost. Values that have no such form (a stale marker, an
 * infinity) stand aside with their place, and repeat their neighbour in the column.
 *
 * Bits, not bytes: unpacked they take 0.62 bytes a sample of what services give, 0.51 behind zstd at its fastest, against 0.54 for
 * varints behind it at any level up to 12; and they are read at a third of the cost. Level 19 gains 2 % more for 170 ns a sample.
 * (`bench/tsdb-blocks.ts`.) Not taken: each bucket of a histogram as its difference to the next lower one, which would save 9 %, as then one
 * bucket could not be read without up to eleven others. Sources: frame of reference, Zukowski et al., "Super-Scalar RAM-CPU Cache Compression", ICDE 2006, §4;
 * the decimal form is VictoriaMetrics' idea (`lib/decimal`), but only where it loses nothing. Drawn in docs/formats/block.md.
 */
import { MAX_WIDTH, packBits, packedBytes, unpackBits, widthOf } from './bit-pack.ts'
import { type ByteReader, type ByteWriter, DamagedError, HIGH, LOW, wordsOf } from './bytes.ts'
import { isWhole, MAX_EXPONENT, POWERS, WHOLE_LIMIT } from './decimal.ts'
import type { Frame } from './frame.ts'
import { decodeXor, encodeXor } from './value-codec.ts'

const CONSTANT = 0
const DECIMAL = 1
const DECIMAL2 = 2
const XOR = 3
const BITS = 4
const BITS2 = 5

/** Numbers of one width. 64 take as many bytes, 240 take 2 % more. */
const RUN = 128
/** Distances of bits: one exponent's worth, so that a series may double within a column. */
const BITS_LIMIT = 2 ** 52
/** The least of a run is written as a zigzag. */
const STEP_LIMIT = 2 ** 52
const WORD = 2 ** 32

/** The whole numbers of the column at hand, and their differences, once and twice. Grow to the largest column seen. */
let whole = new Float64Array(512)
let once = new Float64Array(512)
let twice = new Float64Array(512)

/** Writes `count` >= 1 values from `from` on. */
export function encodePacked(out: ByteWriter, column: Float64Array, from: number, count: number): void {
  const words = wordsOf(column)
  if (isConstant(words, from, count)) {
    out.u8(CONSTANT)
    out.double(words, from)
    return
  }
  if (whole.length < count) {
    whole = new Float64Array(count)
    once = new Float64Array(count)
    twice = new Float64Array(count)
    runs = newRuns(Math.ceil(count / RUN))
  }
  const exponent = toDecimal(column, from, count)
  const shorter = exponent >= 0 || toBits(words, from, count) <= count / 8 + 1 ? differences(count) : 0
  if (shorter === 0) {
    out.u8(XOR)
    encodeXor(out, words, from, count)
    return
  }
  const isTwice = shorter === 2
  if (exponent >= 0) {
    out.u8(isTwice ? DECIMAL2 : DECIMAL)
    out.u8(exponent)
  } else {
    out.u8(isTwice ? BITS2 : BITS)
    out.double(words, from)
  }
  writeAside(out, words, from, count)
  out.zigzag(whole[0]!)
  if (isTwice) out.zigzag(once[1]!)
  const steps = isTwice ? twice : once
  const { min1, width1, min2, width2 } = runs
  for (let at = 1, k = 0; at < count; at += RUN, k++) {
    const base = isTwice ? min2[k]! : min1[k]!
    const width = isTwice ? width2[k]! : width1[k]!
    out.u8(width)
    out.zigzag(base)
    // What a reader adds that passes over the run.
    if (!isTwice && at + RUN < count) out.zigzag(whole[at + RUN - 1]! - whole[at - 1]!)
    packBits(out, steps, { from: at, count: Math.min(RUN, count - at), base, width })
  }
}

/** Which of `count` values are wanted: [from, limit). Each goes to its place in `column`, the first of all being `to`; others may, too. */
export type Wanted = {
  readonly column: Float64Array
  readonly to: number
  readonly count: number
  readonly from: number
  readonly limit: number
}

/** Reads values that begin at byte `at` of the frame. With `limit` at `count` the frame's reader stands behind them. Throws `DamagedError`. */
export function decodePacked(frame: Frame, at: number, wanted: Wanted): void {
  const { column, to, count, limit } = wanted
  const source = frame.source
  source.offset = at
  const form = source.u8()
  switch (form) {
    case CONSTANT:
      fillConstant(source, column, to, limit)
      return
    case XOR:
      decodeXor(source, wordsOf(column), to, limit)
      return
    case DECIMAL:
    case DECIMAL2: {
      const power = POWERS[source.u8()]
      if (power === undefined) throw new DamagedError('a decimal exponent that is never written')
      const aside = skipAside(source, count)
      const first = decodeRuns(frame, wanted, form === DECIMAL2)
      if (power !== 1) for (let i = to + first; i < to + limit; i++) column[i]! /= power
      if (aside > 0) readAside(source, aside, wanted)
      return
    }
    case BITS:
    case BITS2: {
      const low = source.u32()
      const high = source.u32()
      const aside = skipAside(source, count)
      const first = decodeRuns(frame, wanted, form === BITS2)
      addBits(column, { from: to + first, to: to + limit, low, high })
      if (aside > 0) readAside(source, aside, wanted)
      return
    }
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

/** Places in the column at hand that stand aside. */
const asides: number[] = []

/** Fills `whole` and `asides`; the exponent, or -1 when too many values have no such form. */
function toDecimal(column: Float64Array, from: number, count: number): number {
  let exponent = 0
  let power = 1
  asides.length = 0
  let first = 0
  // Counters: whole as they are.
  while (first < count) {
    const value = column[from + first]!
    if (value !== Math.floor(value) || value > WHOLE_LIMIT || value < -WHOLE_LIMIT || Object.is(value, -0)) break
    whole[first++] = value
  }
  for (let i = first; i < count; i++) {
    const value = column[from + i]!
    const n = Math.round(value * power)
    if (n / power === value && n <= WHOLE_LIMIT && n >= -WHOLE_LIMIT && !(n === 0 && Object.is(value, -0))) {
      whole[i] = n
      continue
    }
    let e = exponent + 1
    while (e <= MAX_EXPONENT && !isWhole(value, POWERS[e]!)) e++
    if (e <= MAX_EXPONENT) {
      // Begun anew with more digits: what was seen so far has to fit them too.
      exponent = e
      power = POWERS[e]!
      asides.length = 0
      i = -1
      continue
    }
    whole[i] = i === 0 ? 0 : whole[i - 1]!
    asides.push(i)
    // Full-width fractions show at once: no use in trying each with all the powers.
    if (asides.length > 8 && asides.length * 2 > i) return -1
  }
  return asides.length > count / 8 + 1 ? -1 : exponent
}

/** Fills `whole` and `asides` with distances of bits; returns how many stand aside. */
function toBits(words: Uint32Array, from: number, count: number): number {
  const low = words[2 * from + LOW]!
  const high = words[2 * from + HIGH]!
  asides.length = 0
  for (let i = 0; i < count; i++) {
    const n = (words[2 * (from + i) + HIGH]! - high) * WORD + (words[2 * (from + i) + LOW]! - low)
    if (n <= BITS_LIMIT && n >= -BITS_LIMIT) whole[i] = n
    else {
      whole[i] = whole[i - 1]!
      asides.push(i)
    }
  }
  return asides.length
}

/** By run: the least difference and the width of the others' distance to it; for both ways of differences. */
let runs = newRuns(4)

function newRuns(count: number) {
  return {
    min1: new Float64Array(count),
    width1: new Float64Array(count),
    min2: new Float64Array(count),
    width2: new Float64Array(count),
  }
}

/** Fills `once` and `runs` from `whole`, and `twice` where it is shorter: then 2; 1 where `once` is, 0 where neither can be packed. */
function differences(count: number): 0 | 1 | 2 {
  let bits1 = 0
  let bits2 = 0
  let before = whole[0]!
  let stepBefore = whole[1]! - before
  let k = 0
  for (let at = 1; at < count; at += RUN, k++) {
    const end = at + RUN < count ? at + RUN : count
    let min1 = Infinity
    let max1 = -Infinity
    let min2 = Infinity
    let max2 = -Infinity
    for (let i = at; i < end; i++) {
      const n = whole[i]!
      const step = n - before
      // The first step stands by itself: to `twice` it is no change.
      const change = step - stepBefore
      once[i] = step
      before = n
      stepBefore = step
      if (step < min1) min1 = step
      if (step > max1) max1 = step
      if (change < min2) min2 = change
      if (change > max2) max2 = change
    }
    runs.min1[k] = min1
    runs.min2[k] = min2
    const sum = whole[end - 1]! - whole[at - 1]!
    if (sum > STEP_LIMIT || sum < -STEP_LIMIT) min1 = -Infinity
    bits1 += (runs.width1[k] = widthWithin(min1, max1)) * (end - at)
    bits2 += (runs.width2[k] = widthWithin(min2, max2)) * (end - at)
  }
  if (bits2 < bits1) {
    twice[1] = 0
    for (let i = 2; i < count; i++) twice[i] = once[i]! - once[i - 1]!
    return 2
  }
  return bits1 === Infinity ? 0 : 1
}

/** Infinite for what would not come back exactly. */
function widthWithin(min: number, max: number): number {
  const width = widthOf(max - min)
  return width > MAX_WIDTH || min < -STEP_LIMIT || max > STEP_LIMIT ? Infinity : width
}

function writeAside(out: ByteWriter, words: Uint32Array, from: number, count: number): void {
  out.varint(asides.length)
  let before = 0
  for (const place of asides) {
    if (place >= count) throw new Error(`BUG: a value stands aside at ${place} of ${count}`)
    out.varint(place - before)
    out.double(words, from + place)
    before = place
  }
}

function fillConstant(source: ByteReader, column: Float64Array, to: number, limit: number): void {
  const words = wordsOf(column)
  const low = source.u32()
  const high = source.u32()
  words[2 * to + LOW] = low
  words[2 * to + HIGH] = high
  const value = column[to]!
  // A NaN keeps its payload only as words.
  if (Number.isNaN(value)) {
    for (let i = to; i < to + limit; i++) {
      words[2 * i + LOW] = low
      words[2 * i + HIGH] = high
    }
  } else column.fill(value, to, to + limit)
}

/** Where the values that stand aside begin; kept for `readAside`. */
let asideAt = 0

function skipAside(source: ByteReader, count: number): number {
  const aside = source.varint()
  if (aside > count) throw new DamagedError(`${aside} of ${count} values stand aside`)
  asideAt = source.offset
  for (let i = 0; i < aside; i++) {
    source.varint()
    source.take(8)
  }
  return aside
}

function readAside(source: ByteReader, aside: number, { column, to, count, limit }: Wanted): void {
  const end = source.offset
  const words = wordsOf(column)
  source.offset = asideAt
  let place = 0
  for (let i = 0; i < aside; i++) {
    place += source.varint()
    if (place >= count) throw new DamagedError(`a value stands aside at ${place} of ${count}`)
    if (place >= limit) break
    source.double(words, to + place)
  }
  source.offset = end
}

const run = new Float64Array(RUN)

/** The whole numbers themselves, run by run, from the run of the first that is wanted to that of the last. Returns where they begin. */
function decodeRuns(frame: Frame, { column, to, count, from, limit }: Wanted, isTwice: boolean): number {
  const { source, words } = frame
  let value = source.zigzag()
  let step = isTwice ? source.zigzag() : 0
  let first = 0
  column[to] = value
  for (let at = 1; at < limit; at += RUN) {
    const inRun = Math.min(RUN, count - at)
    const width = source.u8()
    const min = source.zigzag()
    const sum = !isTwice && at + RUN < count ? source.zigzag() : 0
    if (width > MAX_WIDTH) throw new DamagedError(`numbers of ${width} bits`)
    const bit = source.offset * 8
    source.skip(packedBytes(inRun, width))
    if (!isTwice && at + inRun <= from) {
      value += sum
      first = at + inRun
      continue
    }
    const wanted = Math.min(inRun, limit - at)
    const out = to + at
    if (width === 0) {
      if (isTwice) for (let i = 0; i < wanted; i++) column[out + i] = value += step += min
      else if (min === 0) column.fill(value, out, out + wanted)
      else for (let i = 0; i < wanted; i++) column[out + i] = value += min
      continue
    }
    unpackBits(words, bit, width, width > 32 ? inRun : wanted, min, run)
    if (isTwice) for (let i = 0; i < wanted; i++) column[out + i] = value += step += run[i]!
    else for (let i = 0; i < wanted; i++) column[out + i] = value += run[i]!
  }
  return first
}

/** Makes of distances the values whose bits they are from the given ones. */
function addBits(
  column: Float64Array,
  { from, to, low, high }: { from: number; to: number; low: number; high: number },
): void {
  const words = wordsOf(column)
  for (let i = from; i < to; i++) {
    const sum = low + column[i]!
    const carry = Math.floor(sum / WORD)
    words[2 * i + LOW] = sum - carry * WORD
    words[2 * i + HIGH] = high + carry
  }
}
