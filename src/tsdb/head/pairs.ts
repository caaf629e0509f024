/**
 * Pairs of a name and a value, each once, under a number from 1 on; by name, and with the slots of the series that have them.
 *
 * - The slots of a pair come in the order in which its series were made; none is ever taken out: an index with many that are gone is
 *   made anew (label-index.ts). So a reader in another thread may walk a list while it grows.
 * - The first slot stands in the entry itself, as most pairs of large stores belong to one series; the others in chunks of 4, 8, 16,
 *   ... 512 slots, each with the place of the next before them.
 *
 * Another thread has one of its own over the same memory: it knows the pairs that it was told of (`adopt`), and adds none. What it finds
 * behind them, in lists and links, was added since: it stops there, or leaves it to whoever knows the slots of its moment.
 *
 * An entry has eight words: 0 name, 1 value, 2 next pair of the name, 3 slots, 4 first slot, 5 first chunk, 6 last chunk, 7 slots in it.
 */
import { offsetOf, WordArena, WordTable } from './arena.ts'
import { hashOfTwo } from './hash.ts'

const ENTRY_WORDS = 8
const NAME = 0
const VALUE = 1
const NEXT = 2
const COUNT = 3
const FIRST = 4
const CHUNK = 5
const LAST_CHUNK = 6
const IN_LAST = 7
const FIRST_CHUNK_SLOTS = 4
const MAX_CHUNK_SLOTS = 512
const FIRST_TABLE = 1024

type Name = { first: number; last: number; values: number }

/** Entries of a segment, as a power of two: 256 KiB. */
const ENTRIES_SHIFT = 13

/** What another thread has of it. */
export type PairsKnown = { entries: number; chunks: number; table: SharedArrayBuffer | undefined }
/** What it is sent: segments that it does not have, and the table when there is another one. */
export type PairPieces = {
  readonly entries: readonly SharedArrayBuffer[]
  readonly chunks: readonly SharedArrayBuffer[]
  readonly table?: SharedArrayBuffer
  readonly count: number
}

export class Pairs {
  readonly #entries = new WordTable(ENTRY_WORDS, ENTRIES_SHIFT)
  readonly #chunks = new WordArena()
  #count = 0
  /** Numbers by hash of name and value, open addressing; 0 is free. */
  #table: Uint32Array<SharedArrayBuffer> = new Uint32Array(new SharedArrayBuffer(FIRST_TABLE * 8))
  /** By symbol of the name. There are few. */
  readonly #names = new Map<number, Name>()

  get count(): number {
    return this.#count
  }

  get sizeBytes(): number {
    return (this.#count + 1) * ENTRY_WORDS * 4 + this.#chunks.sizeBytes + this.#table.byteLength
  }

  /** Symbols of all names. */
  names(): Iterable<number> {
    return this.#names.keys()
  }

  /** How many values a name has. */
  valuesOf(name: number): number {
    return this.#names.get(name)?.values ?? 0
  }

  /** The first pair of a name, or 0; the next one by `next`, in the order in which they came. */
  firstOf(name: number): number {
    return this.#names.get(name)?.first ?? 0
  }

  next(pair: number): number {
    const next = this.#entries.get(pair, NEXT)
    return next > this.#count ? 0 : next
  }

  name(pair: number): number {
    return this.#entries.get(pair, NAME)
  }

  value(pair: number): number {
    return this.#entries.get(pair, VALUE)
  }

  /** How many series have the pair, or had. */
  slots(pair: number): number {
    return this.#entries.get(pair, COUNT)
  }

  /** The slot that came first; 0 when there is none. */
  firstSlot(pair: number): number {
    return this.#entries.get(pair, FIRST)
  }

  find(name: number, value: number): number {
    return this.#table[this.#placeOf(name, value)]!
  }

  intern(name: number, value: number): number {
    const tablePlace = this.#placeOf(name, value)
    const found = this.#table[tablePlace]!
    if (found !== 0) return found
    const pair = ++this.#count
    this.#entries.ensure(pair)
    this.#entries.set(pair, NAME, name)
    this.#entries.set(pair, VALUE, value)
    const before = this.#remember(name, pair)
    if (before !== 0) this.#entries.set(before, NEXT, pair)
    this.#table[tablePlace] = pair
    if (this.#count * 3 > this.#table.length * 2) this.#growTable()
    return pair
  }

  /** What a thread that has this much does not have yet; from then on it has it. */
  piecesFor(known: PairsKnown): PairPieces {
    const pieces = {
      entries: this.#entries.segmentsFrom(known.entries),
      chunks: this.#chunks.segmentsFrom(known.chunks),
      ...(known.table === this.#table.buffer ? {} : { table: this.#table.buffer }),
      count: this.#count,
    }
    known.entries = this.#entries.segmentCount
    known.chunks = this.#chunks.segmentCount
    known.table = this.#table.buffer
    return pieces
  }

  /** In another thread: what the writer sent. */
  adopt({ entries, chunks, table, count }: PairPieces): void {
    this.#entries.adopt(entries)
    this.#chunks.adopt(chunks)
    if (table !== undefined) this.#table = new Uint32Array(table)
    const from = this.#count + 1
    this.#count = count
    for (let pair = from; pair <= count; pair++) this.#remember(this.name(pair), pair)
  }

  /** The pair becomes the last one of its name; returns the one that was, or 0. */
  #remember(name: number, pair: number): number {
    const known = this.#names.get(name)
    if (known === undefined) {
      this.#names.set(name, { first: pair, last: pair, values: 1 })
      return 0
    }
    const before = known.last
    known.last = pair
    known.values++
    return before
  }

  /** Puts a slot behind those of the pair. */
  addSlot(pair: number, slot: number): void {
    const entry = this.#entries.segment(pair)
    const at = this.#entries.offset(pair)
    const count = entry[at + COUNT]!
    if (count === 0) entry[at + FIRST] = slot
    else {
      const last = entry[at + LAST_CHUNK]!
      const room = last === 0 ? 0 : this.#chunks.get(last + 1)
      if (entry[at + IN_LAST] === room) {
        const size = last === 0 ? FIRST_CHUNK_SLOTS : Math.min(room * 2, MAX_CHUNK_SLOTS)
        const chunk = this.#chunks.take(size + 2)
        this.#chunks.set(chunk + 1, size)
        this.#chunks.set(chunk + 2, slot)
        if (last === 0) entry[at + CHUNK] = chunk
        else this.#chunks.set(last, chunk)
        entry[at + LAST_CHUNK] = chunk
        entry[at + IN_LAST] = 1
      } else this.#chunks.set(last + 2 + entry[at + IN_LAST]!++, slot)
    }
    // Last: a reader goes by the count.
    entry[at + COUNT] = count + 1
  }

  /** Copies the first `count` slots of a pair into `out` from `to` on; it has room for them. Returns where they end. */
  copySlots(pair: number, count: number, out: Uint32Array, to: number): number {
    const entry = this.#entries.segment(pair)
    const at = this.#entries.offset(pair)
    if (count === 0) return to
    out[to] = entry[at + FIRST]!
    const end = to + count
    let chunk = entry[at + CHUNK]!
    for (let i = to + 1; i < end; ) {
      // In memory that this thread was not told of there are only series that came since.
      if (chunk === 0 || !this.#chunks.has(chunk)) return i
      const segment = this.#chunks.segment(chunk)
      const offset = offsetOf(chunk)
      const here = Math.min(segment[offset + 1]!, end - i)
      if (here === 0) return i
      for (let k = 0; k < here; k++) out[i + k] = segment[offset + 2 + k]!
      i += here
      chunk = segment[offset]!
    }
    return end
  }

  #placeOf(name: number, value: number): number {
    const mask = this.#table.length - 1
    for (let at = hashOfTwo(name, value) & mask; ; at = (at + 1) & mask) {
      const pair = this.#table[at]!
      if (pair === 0) return at
      // A reader passes over what was added since it was told.
      if (pair <= this.#count && this.name(pair) === name && this.value(pair) === value) return at
    }
  }

  #growTable(): void {
    // Another one: whoever reads the old one goes on with it.
    const table = new Uint32Array(new SharedArrayBuffer(this.#table.byteLength * 2))
    const mask = table.length - 1
    for (let pair = 1; pair <= this.#count; pair++) {
      let at = hashOfTwo(this.name(pair), this.value(pair)) & mask
      while (table[at] !== 0) at = (at + 1) & mask
      table[at] = pair
    }
    this.#table = table
  }
}
