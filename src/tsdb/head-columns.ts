/**
 * The head's memory, by slot: columns instead of objects, so that a series costs bytes and not an object graph.
 *
 * - Slot 0 is never given away: it stands for "none".
 * - The newest samples of a series lie uncompressed in its tail: TAIL instants, then TAIL values, in a page shared by many
 *   series. A full tail is sealed into a piece behind the series' earlier pieces (see head-series.ts).
 * - Memory per series: 16 * TAIL bytes of tail, 73 bytes of columns, its pieces, its labels. Only series whose tail has histograms
 *   or start timestamps have an entry in `extras`, with those of the tail already in the form that a piece keeps.
 */
import { grown } from '#storage'
import { wordsOf } from './bytes.ts'
import type { ExtrasWriter } from './extra-columns.ts'

/** Samples a tail holds: larger is faster to append to and costs 16 bytes each per series. */
export const TAIL = 32
const SLOTS_PER_PAGE = 1024
const PAGE_SHIFT = 10
const PAGE_ENTRIES = SLOTS_PER_PAGE * TAIL * 2

export class HeadColumns {
  #capacity = SLOTS_PER_PAGE
  /** First and last instant of the series in the head. */
  firstAt: Float64Array = new Float64Array(this.#capacity)
  lastAt: Float64Array = new Float64Array(this.#capacity)
  /** The last value, by its bits: to tell a repeated sample from a changed one. */
  lastValue: Float64Array = new Float64Array(this.#capacity)
  /** Samples ever taken by this series, those cut off included; and how many were cut off. */
  total: Float64Array = new Float64Array(this.#capacity)
  cutOff: Float64Array = new Float64Array(this.#capacity)
  /** The commit that brought the last sample. */
  lastCommit: Float64Array = new Float64Array(this.#capacity)
  /** How often the slot was given away: part of the reference, so that an old reference is known as such. */
  generation: Float64Array = new Float64Array(this.#capacity)
  /** The reference that stands for the series now; 0 while the slot is free. */
  reference: Float64Array = new Float64Array(this.#capacity)
  /** Which segment of the log last named the series, and by which number. */
  walSegment: Float64Array = new Float64Array(this.#capacity)
  walNumber: Float64Array = new Float64Array(this.#capacity)
  tailCount: Uint8Array = new Uint8Array(this.#capacity)
  /** Pieces, one behind the other; only the first `sealedBytes` bytes count. */
  readonly sealed: (Uint8Array | undefined)[] = []
  sealedBytes: Uint32Array = new Uint32Array(this.#capacity)

  /** By slot: what the samples of the tail have besides. */
  readonly extras: Map<number, ExtrasWriter> = new Map()

  readonly #pages: Float64Array[] = []
  readonly #pageWords: Uint32Array[] = []

  /** Makes room for `slot`. */
  ensure(slot: number): void {
    const page = pageOf(slot)
    while (this.#pages.length <= page) {
      const fresh = new Float64Array(PAGE_ENTRIES)
      this.#pages.push(fresh)
      this.#pageWords.push(wordsOf(fresh))
    }
    if (slot < this.#capacity) return
    const capacity = this.#capacity * 2
    this.#capacity = capacity
    this.firstAt = grown(this.firstAt, capacity)
    this.lastAt = grown(this.lastAt, capacity)
    this.lastValue = grown(this.lastValue, capacity)
    this.total = grown(this.total, capacity)
    this.cutOff = grown(this.cutOff, capacity)
    this.lastCommit = grown(this.lastCommit, capacity)
    this.generation = grown(this.generation, capacity)
    this.reference = grown(this.reference, capacity)
    this.walSegment = grown(this.walSegment, capacity)
    this.walNumber = grown(this.walNumber, capacity)
    const tailCount = new Uint8Array(capacity)
    tailCount.set(this.tailCount)
    this.tailCount = tailCount
    const sealedBytes = new Uint32Array(capacity)
    sealedBytes.set(this.sealedBytes)
    this.sealedBytes = sealedBytes
  }

  /** The page that holds the tail of `slot`; its instants begin at `tailAt(slot)`, its values TAIL entries further. */
  page(slot: number): Float64Array {
    return this.#pages[pageOf(slot)]!
  }

  pageWords(slot: number): Uint32Array {
    return this.#pageWords[pageOf(slot)]!
  }

  tailAt(slot: number): number {
    return (slot & (SLOTS_PER_PAGE - 1)) * (TAIL * 2)
  }

  /** Forgets what the slot held. Its generation stays. */
  clear(slot: number): void {
    this.firstAt[slot] = Infinity
    this.lastAt[slot] = -Infinity
    this.total[slot] = 0
    this.cutOff[slot] = 0
    this.lastCommit[slot] = 0
    this.reference[slot] = 0
    this.walSegment[slot] = 0
    this.tailCount[slot] = 0
    this.sealed[slot] = undefined
    this.sealedBytes[slot] = 0
    this.extras.delete(slot)
  }
}

function pageOf(slot: number): number {
  return slot >>> PAGE_SHIFT
}
