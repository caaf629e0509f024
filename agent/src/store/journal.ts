/**
 * What there is in the numbers: families, series, and what was taken away, written one behind the other into shared memory.
 *
 * - One thread writes, any thread reads. A record is whole before the end moves beyond it, so that a reader never sees half of one.
 * - Names and labels stand here once, as they are rendered; the writer finds its series by an index of its own.
 * - When most of it is of series that are gone it is written anew in place: `turn` is odd meanwhile, and other than before afterwards, so
 *   that a reader begins again. `turn` is also raised around every change that a reader must not see half of (native.ts, buckets that
 *   are full): whoever reads compares it before and after.
 *
 *     words 0..15   [0] end (in words)  [1] turn  [2] generation (how often it was written anew)
 *     record        word 0: what it is (2 bits), unused bytes at its end (2), its length in words (12), the family's number (16)
 *                   a length of 0 means that it stands in a word of its own, the next one
 *     FAMILY        kind, flags, bounds, bytes of the name, bytes of the help; bounds (doubles, upper and lower word); the two texts
 *     SERIES        place; the labels as text: `method="GET",route="/"`, escaped, without braces
 *     GONE          place
 */
import { growTo, reserve } from './memory.ts'

export const END = 0
export const TURN = 1
export const GENERATION = 2
export const HEADER_WORDS = 16
export const RECORD = { family: 1, series: 2, gone: 3 } as const
export const KINDS = ['counter', 'gauge', 'histogram', 'summary'] as const
export type Kind = (typeof KINDS)[number]
export const FLAGS = { native: 1, needsLoop: 2, greatest: 4, exemplars: 8 } as const
/** What a gauge of several threads is together; counters and histograms are always their sum. */
export type Across = 'sum' | 'greatest'
/** Families that can be numbered. */
const MAX_FAMILIES = 1 << 16
/** A length that does not fit into twelve bits. */
const LONG_WORDS = 1 << 12

export type FamilyRecord = {
  readonly id: number
  readonly name: string
  readonly help: string
  readonly kind: Kind
  /** Upper bounds of a histogram; the shares of a summary's quantiles. */
  readonly bounds: Float64Array
  readonly isNative: boolean
  readonly needsLoop: boolean
  readonly across: Across
  readonly hasExemplars: boolean
}

const encoder = new TextEncoder()

export class Journal {
  readonly buffer: SharedArrayBuffer = reserve()
  #words!: Int32Array
  #bytes!: Uint8Array
  #end = HEADER_WORDS

  constructor() {
    this.#see()
    Atomics.store(this.#words, END, HEADER_WORDS)
  }

  get usedBytes(): number {
    return this.#end * 4
  }

  /** Around what a reader must not see half of. Not nested. */
  beginChange(): void {
    Atomics.add(this.#words, TURN, 1)
  }

  endChange(): void {
    Atomics.add(this.#words, TURN, 1)
  }

  /** False when there is no room: then there is no such family. Once more, with other flags: those hold from now on. */
  addFamily({ id, name, help, kind, bounds, ...flags }: FamilyRecord): boolean {
    if (id >= MAX_FAMILIES) return false
    const texts = [encoder.encode(name), encoder.encode(help)] as const
    const size = 7 + bounds.length * 2 + ((texts[0].length + texts[1].length + 3) >> 2)
    const at = this.#room(size)
    if (at < 0) return false
    const words = this.#words
    words[at] = RECORD.family | (id << 16)
    words[at + 1] = size
    words[at + 2] = KINDS.indexOf(kind)
    words[at + 3] = flagsOf(flags)
    words[at + 4] = bounds.length
    words[at + 5] = texts[0].length
    words[at + 6] = texts[1].length
    words.set(new Int32Array(bounds.slice().buffer), at + 7)
    const textAt = (at + 7 + bounds.length * 2) * 4
    this.#bytes.set(texts[0], textAt)
    this.#bytes.set(texts[1], textAt + texts[0].length)
    this.#close(at + size)
    return true
  }

  /** False when there is no room. */
  addSeries(family: number, place: number, labels: string): boolean {
    // A code unit takes at most three bytes.
    const most = 3 + ((labels.length * 3 + 3) >> 2)
    const at = this.#room(most)
    if (at < 0 || family >= MAX_FAMILIES) return false
    const from = most < LONG_WORDS ? at + 2 : at + 3
    const { written } = encoder.encodeInto(labels, this.#bytes.subarray(from * 4))
    const end = from + ((written + 3) >> 2)
    const size = end - at
    const words = this.#words
    words[at] = RECORD.series | ((-written & 3) << 2) | (most < LONG_WORDS ? size << 4 : 0) | (family << 16)
    if (most >= LONG_WORDS) words[at + 1] = size
    words[from - 1] = place
    this.#close(end)
    return true
  }

  addGone(family: number, place: number): void {
    const at = this.#room(2)
    if (at < 0) return
    this.#words[at] = RECORD.gone | (2 << 4) | (family << 16)
    this.#words[at + 1] = place
    this.#close(at + 2)
  }

  /** Writes it anew with what is still there: `write` adds all of it. Readers begin again. */
  rewrite(write: () => void): void {
    this.beginChange()
    this.#end = HEADER_WORDS
    Atomics.store(this.#words, END, HEADER_WORDS)
    Atomics.add(this.#words, GENERATION, 1)
    try {
      write()
    } finally {
      this.endChange()
    }
  }

  /** Where a record of so many words may begin; -1 when there is no room. */
  #room(size: number): number {
    const at = this.#end
    if ((at + size) * 4 > this.#bytes.length) {
      if (!growTo(this.buffer, (at + size) * 4)) return -1
      this.#see()
    }
    return at
  }

  #close(end: number): void {
    this.#end = end
    Atomics.store(this.#words, END, end)
  }

  #see(): void {
    this.#words = new Int32Array(this.buffer, 0, this.buffer.byteLength / 4)
    this.#bytes = new Uint8Array(this.buffer, 0, this.buffer.byteLength)
  }
}

function flagsOf(flags: Pick<FamilyRecord, 'isNative' | 'needsLoop' | 'across' | 'hasExemplars'>): number {
  return (
    (flags.isNative ? FLAGS.native : 0) |
    (flags.needsLoop ? FLAGS.needsLoop : 0) |
    (flags.across === 'greatest' ? FLAGS.greatest : 0) |
    (flags.hasExemplars ? FLAGS.exemplars : 0)
  )
}
