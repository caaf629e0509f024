/**
 * One record of 64 bytes per series: all that an append reads and writes of a series lies in one line of the processor's cache.
 *
 * - In shared segments that never move. Slot 0 is never given away: it stands for "none".
 * - `pages` are read by other threads only of slots that they were told of; see views.ts for what they may see of a series.
 *
 * As doubles (8 a record):        0 last instant   1 last value (its bits)   2 commit that brought the last sample
 * As words of 32 bits (16):       6 samples ever taken   7 last step in ms (signed)   8 slab that is written to   9 state
 *                                 10 log segment that named the series   11 its number there   12 generation
 *                                 13 samples cut off   14 first slab   15 stamp of the batch that is being checked
 * State, from the low byte on:    offset in the slab, decimal exponent, samples in the slab, 1 when the last token is a run
 */
import type { Segmented } from './arena.ts'

const SHIFT = 12
const PER_PAGE = 1 << SHIFT
export const SLOT_MASK: number = PER_PAGE - 1
export const RECORD_BYTES = 64

export const LAST_AT = 0
export const LAST_VALUE = 1
export const LAST_COMMIT = 2

/** Words of the last value, for its bits. */
export const VALUE_WORDS = 2
export const TOTAL = 6
export const LAST_STEP = 7
export const SLAB = 8
export const STATE = 9
export const WAL_SEGMENT = 10
export const WAL_NUMBER = 11
export const GENERATION = 12
export const CUT_OFF = 13
export const FIRST_SLAB = 14
export const STAMP = 15

/** 4,096 records, seen as doubles and as words. */
export type RecordPage = { readonly doubles: Float64Array<SharedArrayBuffer>; readonly words: Uint32Array }

export class Records implements Segmented {
  readonly #pages: RecordPage[] = []

  /** Makes room for `slot`. */
  ensure(slot: number): void {
    while (this.#pages.length <= slot >>> SHIFT) this.adopt([new SharedArrayBuffer(PER_PAGE * RECORD_BYTES)])
  }

  get segmentCount(): number {
    return this.#pages.length
  }

  segmentsFrom(from: number): readonly SharedArrayBuffer[] {
    return this.#pages.slice(from).map(({ doubles }) => doubles.buffer)
  }

  adopt(segments: readonly SharedArrayBuffer[]): void {
    for (const memory of segments)
      this.#pages.push({ doubles: new Float64Array(memory), words: new Uint32Array(memory) })
  }

  /** False for a slot on a page that this thread has not been sent. */
  has(slot: number): boolean {
    return slot >>> SHIFT < this.#pages.length
  }

  page(slot: number): RecordPage {
    return this.#pages[slot >>> SHIFT]!
  }

  lastAt(slot: number): number {
    return this.page(slot).doubles[(slot & SLOT_MASK) * 8 + LAST_AT]!
  }

  lastCommit(slot: number): number {
    return this.page(slot).doubles[(slot & SLOT_MASK) * 8 + LAST_COMMIT]!
  }

  word(slot: number, field: number): number {
    return this.page(slot).words[(slot & SLOT_MASK) * 16 + field]!
  }

  setWord(slot: number, field: number, word: number): void {
    this.page(slot).words[(slot & SLOT_MASK) * 16 + field] = word
  }

  /** Forgets what the slot held. Its generation stays. */
  clear(slot: number): void {
    const { doubles, words } = this.page(slot)
    const at = (slot & SLOT_MASK) * 16
    const generation = words[at + GENERATION]!
    words.fill(0, at, at + 16)
    words[at + GENERATION] = generation
    doubles[at / 2 + LAST_AT] = -Infinity
  }
}
