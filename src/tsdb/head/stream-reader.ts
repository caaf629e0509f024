/**
 * Reads samples of one series out of its slabs: see stream.ts for what stands there.
 *
 * Runs and slabs before the span are passed over; what another thread writes behind what is visible is not looked at.
 */
import { HIGH, LOW } from '../codec/bytes.ts'
import { POWERS } from '../codec/decimal.ts'
import type { PartColumns } from '../columns/part.ts'
import { FIRST_SLAB, SLAB } from './records.ts'
import {
  BEFORE,
  BEHIND,
  FIRST_AT,
  FIRST_NUMBER,
  FIRST_STEP,
  FIRST_VALUE_WORDS,
  SLAB_BYTES,
  SLAB_MASK,
  STREAM_AT,
} from './slabs.ts'
import {
  type HeadMemory,
  LITERAL,
  MAX_SAMPLES,
  numberOf,
  OTHER,
  OTHER_STEP,
  REBASE,
  SAME_STEP,
  scratch,
  scratchWords,
  WITH_STEP,
} from './stream.ts'

export type Span = {
  /** Inclusive at both ends. */
  readonly low: number
  readonly high: number
  /** Samples of the series that the reader's view has, counted from its very first. */
  readonly visible: number
  /** The slab that holds the last of them, or comes behind it; left out: the last one there is. Another thread may be writing to it. */
  readonly last?: number
}

/** The slab behind which this reader sees nothing; 0: the series has none that it sees. */
function lastSlabOf({ records, slabs }: HeadMemory, slot: number, { last }: Span): number {
  const slab = last ?? records.word(slot, SLAB)
  if (slab === 0 || slabs.has(slab)) return slab
  // It lies in memory that this thread was not told of, so what it may see ends before.
  let known = 0
  for (let next = records.word(slot, FIRST_SLAB); next !== 0 && slabs.has(next); next = slabs.word(next, BEHIND))
    known = next
  return known
}

type Sought = Pick<Span, 'low' | 'visible'>

/** The slab to begin with: the last one that begins not after `low`, or the first. 0: the series has none. */
function slabFrom({ records, slabs }: HeadMemory, slot: number, { low, visible }: Sought, last: number): number {
  const first = records.word(slot, FIRST_SLAB)
  let slab = last
  while (slab !== 0 && slab !== first) {
    const { doubles, words } = slabs.segment(slab)
    const word = (slab & SLAB_MASK) * 32
    if (doubles[word / 2 + FIRST_AT]! <= low && words[word + FIRST_NUMBER]! < visible) break
    slab = words[word + BEFORE]!
  }
  return slab
}

/** No more samples than this are in the span. */
export function maxCountOf(memory: HeadMemory, slot: number, span: Span): number {
  const slab = slabFrom(memory, slot, span, lastSlabOf(memory, slot, span))
  return slab === 0 ? 0 : Math.max(0, span.visible - memory.slabs.word(slab, FIRST_NUMBER))
}

/** What a token of the same step may have in its low bits, to be read in a byte or two. */
const TWO_BYTES = 60
/** Looking at the byte behind a segment's last one would be slow ever after. */
const SEGMENT_MASK = (SLAB_MASK + 1) * SLAB_BYTES - 1

/** Room for one slab, for whoever only looks. */
const glance = { timestamps: new Float64Array(MAX_SAMPLES), values: new Float64Array(MAX_SAMPLES) }

/** Reads samples of a series into columns. One for all series: it keeps what the last reading found. */
export class StreamReader {
  readonly #memory: HeadMemory
  /** The number in its series of the first sample that was read. */
  firstNumber = 0
  /** What was sought last: the slab to begin with, and the one behind which nothing is seen. */
  #first = 0
  #last = 0
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

  /** Whether there is a sample within the span. Looks into one slab at most. */
  has(slot: number, span: Span): boolean {
    const { slabs } = this.#memory
    const last = lastSlabOf(this.#memory, slot, span)
    const slab = slabFrom(this.#memory, slot, span, last)
    if (slab === 0 || slabs.word(slab, FIRST_NUMBER) >= span.visible) return false
    const firstAt = slabs.firstAt(slab)
    if (firstAt >= span.low) return firstAt <= span.high
    // The first sample of a slab is seen without reading it.
    const behind = slab === last ? 0 : slabs.word(slab, BEHIND)
    const hasBehind = behind !== 0 && slabs.word(behind, FIRST_NUMBER) < span.visible
    if (hasBehind && slabs.firstAt(behind) <= span.high) return true
    const end = hasBehind ? slabs.word(behind, FIRST_NUMBER) : span.visible
    this.#begin(span, glance, 0)
    this.#readSlab(slab, slabs.word(slab, FIRST_NUMBER), end)
    return this.#to > 0
  }

  /** Writes the samples within the span at `to`; returns how many. The columns have room for `maxCountOf` more. */
  read(slot: number, span: Span, columns: PartColumns, to: number): number {
    this.seek(slot, span)
    return this.readSought(span, columns, to)
  }

  /**
   * Finds where to begin, for `readSought`; returns how many samples there may be. `from`: where in the span to begin at the latest. With its
   * end, only the slab is read that holds the newest sample.
   */
  seek(slot: number, span: Span, from = span.low): number {
    const { visible } = span
    this.#last = lastSlabOf(this.#memory, slot, span)
    this.#first = slabFrom(this.#memory, slot, { low: from, visible }, this.#last)
    if (this.#first === 0) return 0
    return Math.max(0, visible - this.#memory.slabs.word(this.#first, FIRST_NUMBER))
  }

  /** As `read`, of the series and the span that were sought last. */
  readSought(span: Span, columns: PartColumns, to: number): number {
    const { slabs } = this.#memory
    const last = this.#last
    let slab = this.#first
    this.firstNumber = -1
    if (slab === 0) return 0
    this.#begin(span, columns, to)
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

  #begin({ low, high }: Span, { timestamps, values }: PartColumns, to: number): void {
    if (this.#values !== values) {
      this.#values = values
      this.#words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2)
    }
    this.#timestamps = timestamps
    this.#low = low
    this.#high = high
    this.#to = to
    this.#isPast = false
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
    const begin = to
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
      timestamps[to] = at
      outWords[2 * to + LOW] = low
      outWords[2 * to + HIGH] = high
      to++
    }
    number++
    while (number < end) {
      // Nearly all of a counter: the same step, and the next whole number in a byte or two.
      let small = bytes[place]! - SAME_STEP
      if (small > 0 && small < TWO_BYTES) {
        byBits = false
        do {
          // Without a branch, which would be foretold wrongly as often as not: 32 and more stand for themselves and the byte behind.
          const wide = small >>> 5
          const z = small + (-wide & ((small - 32) * 255 + bytes[(place + 1) & SEGMENT_MASK]!))
          place += 1 + wide
          n += (z >>> 1) ^ -(z & 1)
          at += step
          if (at >= spanLow) {
            if (at > spanHigh) {
              this.#isPast = true
              break
            }
            timestamps[to] = at
            values[to++] = power === 1 ? n : n / power
          }
          number++
          small = bytes[place & SEGMENT_MASK]! - SAME_STEP
        } while (number < end && small > 0 && small < TWO_BYTES)
        if (this.#isPast) break
        continue
      }
      const token = bytes[place++]!
      if (token < SAME_STEP) {
        // A run. What of it lies before the span is passed over at once.
        let left = Math.min(token, end - number)
        number += left
        if (at + left * step < spanLow) {
          at += left * step
          continue
        }
        const value = byBits ? 0 : n / power
        for (; left > 0; left--) {
          at += step
          if (at < spanLow) continue
          if (at > spanHigh) {
            this.#isPast = true
            number -= left
            break
          }
          timestamps[to] = at
          if (byBits) {
            outWords[2 * to + LOW] = low
            outWords[2 * to + HIGH] = high
          } else values[to] = value
          to++
        }
        if (this.#isPast) break
        continue
      }
      if (token >= OTHER_STEP && (token < OTHER || (token & WITH_STEP) !== 0)) {
        const raw = bytes[place++]!
        if (raw < 0x80) step += (raw >>> 1) ^ -(raw & 1)
        else {
          let wide = raw & 0x7f
          for (let scale = 0x80; ; scale *= 0x80) {
            const byte = bytes[place++]!
            wide += (byte & 0x7f) * scale
            if (byte < 0x80) break
          }
          step = (step + unzigzag(wide)) | 0
        }
      }
      if (token < OTHER) {
        // Whole numbers: no division and no remainder, which cost more than all the rest.
        const small = token & 63
        if (small < 60) {
          if (small !== 0) {
            const z = small < 32 ? small : 32 + ((small - 32) << 8) + bytes[place++]!
            n += (z >>> 1) ^ -(z & 1)
            byBits = false
          }
        } else if (small < 63) {
          let z = bytes[place]! | (bytes[place + 1]! << 8)
          place += 2
          if (small > 60) z |= bytes[place++]! << 16
          if (small > 61) z |= bytes[place++]! << 24
          n += (z >>> 1) ^ -(z & 1)
          byBits = false
        } else {
          let z = 0
          for (let scale = 1; ; scale *= 0x80) {
            const byte = bytes[place++]!
            z += (byte & 0x7f) * scale
            if (byte < 0x80) break
          }
          n += unzigzag(z)
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
      at += step
      if (at >= spanLow) {
        if (at > spanHigh) {
          this.#isPast = true
          break
        }
        timestamps[to] = at
        if (byBits) {
          outWords[2 * to + LOW] = low
          outWords[2 * to + HIGH] = high
        } else values[to] = n / power
        to++
      }
      number++
    }
    // What is written of a slab follows each other: the last one written is the one before `number`.
    if (to > begin && this.firstNumber < 0) this.firstNumber = number - (to - begin)
    this.#to = to
  }
}

function readWord(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

function unzigzag(raw: number): number {
  return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2
}
