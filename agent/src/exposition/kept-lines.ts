/**
 * The lines of the page before that go onto the next one, as they are or with another number of the same length at their end.
 *
 * - They are copied in runs, and only a line that has become longer or shorter ends a run. Runs are short enough to be in the processor's
 *   cache still when numbers are written into them.
 * - A counter that has grown has as many digits as before, as a rule: then its digits are all that is written. Of 100,000 counters that all
 *   have changed that takes a third of the time of writing the lines (bench/agent/index.ts scrape).
 */
import { SERIES } from '../store/index.ts'
import type { BytesOut } from './bytes-out.ts'

/** Numbers that wait for their run to be copied. */
const MAX_NUMBERS = 512
/** Whole numbers from here on are not told apart by one. */
const MAX_WHOLE = 2 ** 53
const BILLION = 1e9
const ZERO = 48

/** How a format writes a number over another one. */
export type NumberStyle<Out extends BytesOut> = {
  /** Whether one can be written over the other. Never when one of them is no number. */
  readonly areAsLong: (one: number, other: number) => boolean
  /** Writes a value at the end of the line that ends there. */
  readonly writeAt: (out: Out, lineEnd: number, value: number) => void
  /**
   * Writes the numbers that have changed over those before, from that line on, where the lines stand, and notes them in `before`. Gives the
   * first line of which it cannot tell that it is right now: nothing of it but its number may have been written over.
   */
  readonly rewrite: (out: Out, lines: NumberedLines, from: number) => number
}

/** Lines of a page with one number each, at their end. */
export type NumberedLines = {
  readonly count: number
  /** `SERIES.size` numbers a line, the first of them where its number is in `now` and `before`. */
  readonly series: Int32Array
  /** Where on the page they end. */
  readonly ends: Int32Array
  readonly now: Float64Array
  readonly before: Float64Array
}

export const AS_TEXT: NumberStyle<BytesOut> = {
  areAsLong,
  writeAt: (out, lineEnd, value) => out.wholeBefore(lineEnd - 1, value),
  rewrite: rewriteText,
}

export class KeptLines<Out extends BytesOut> {
  readonly #style: NumberStyle<Out>
  #out!: Out
  #before: Out | undefined
  #from = -1
  #to = 0
  #numbers = 0
  /** Of their lines, in the page before. */
  readonly #ends = new Int32Array(MAX_NUMBERS)
  readonly #values = new Float64Array(MAX_NUMBERS)

  constructor(style: NumberStyle<Out>) {
    this.#style = style
  }

  /** A page that is written into `out` begins; `before` is the one that it goes on from. */
  begin(out: Out, before: Out | undefined): void {
    this.#out = out
    this.#before = before
    this.#from = -1
    this.#numbers = 0
  }

  /** The lines from there to there are on the page next; the end of them on it. */
  keep(from: number, to: number): number {
    if (this.#from < 0) this.#from = from
    this.#to = to
    // They are copied later: the end follows from what they are behind of.
    return this.#out.at + to - this.#from
  }

  /** The line that was kept last has another number, as long as the one before. */
  renumber(value: number): void {
    const at = this.#numbers++
    this.#ends[at] = this.#to
    this.#values[at] = value
    if (this.#numbers === MAX_NUMBERS) this.settle()
  }

  /** Copies what was kept, before something else is written. */
  settle(): void {
    if (this.#from < 0) return
    const out = this.#out
    const moved = out.at - this.#from
    out.copyRun(this.#before!.bytes, this.#from, this.#to)
    const { writeAt } = this.#style
    for (let i = 0; i < this.#numbers; i++) writeAt(out, this.#ends[i]! + moved, this.#values[i]!)
    this.#from = -1
    this.#numbers = 0
  }
}

/** Whether both are whole numbers, not 0, that are written with as many digits. */
export function areAsLong(one: number, other: number): boolean {
  const a = one | 0
  const b = other | 0
  if (a !== one || b !== other) return areAsLongAndLarge(one, other)
  if (a <= 0 || b <= 0) return false
  for (let limit = 10; limit < BILLION; limit *= 10) {
    if (a < limit) return b < limit
    if (b < limit) return false
  }
  return a < BILLION === b < BILLION
}

function areAsLongAndLarge(one: number, other: number): boolean {
  if (!(one >= BILLION && one < MAX_WHOLE && other >= BILLION && other < MAX_WHOLE)) return false
  if (Math.floor(one) !== one || Math.floor(other) !== other) return false
  for (let limit = BILLION * 10; ; limit *= 10) {
    if (one < limit) return other < limit
    if (other < limit) return false
  }
}

/** Only digits that differ are written, from the last one on: a counter that has grown by a hundred has changed three of them. */
function rewriteText(out: BytesOut, { count, series, ends, now, before }: NumberedLines, from: number): number {
  const { bytes } = out
  for (let i = from; i < count; i++) {
    const place = series[i * SERIES.size]!
    const value = now[place]!
    const was = before[place]!
    if (value === was && (value !== 0 || Object.is(value, was))) continue
    let left = value | 0
    let leftBefore = was | 0
    if (left !== value || leftBefore !== was || left <= 0 || leftBefore <= 0) {
      if (!areAsLongAndLarge(value, was)) return i
      out.wholeBefore(ends[i]! - 1, value)
    } else {
      let at = ends[i]! - 1
      while (left !== leftBefore) {
        // One of them has more digits.
        if (left === 0 || leftBefore === 0) return i
        const tenth = (left / 10) | 0
        bytes[--at] = ZERO + left - tenth * 10
        left = tenth
        leftBefore = (leftBefore / 10) | 0
      }
    }
    before[place] = value
  }
  return count
}
