/**
 * Pairs of a name and a value, each once, under a number from 1 on; by name, and with the slots of the series that have them.
 *
 * - The slots of a pair come in the order in which its series were made; none is ever taken out: an index with many that are gone is
 *   made anew (label-index.ts). So a reader in another thread may walk a list while it grows.
 * - The first slot stands in the entry itself, as most pairs of large stores belong to one series; the others in chunks of 4, 8, 16,
 *   ... 512 slots, each with the place of the next before them.
 *
 * An entry has eight words: 0 name, 1 value, 2 next pair of the name, 3 slots, 4 first slot, 5 first chunk, 6 last chunk, 7 slots in it.
 */
import { offsetOf, WordArena } from './arena.ts'
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

export class Pairs {
  readonly #entries = new WordArena()
  readonly #chunks = new WordArena()
  #places: Uint32Array = new Uint32Array(FIRST_TABLE)
  #count = 0
  /** Numbers by hash of name and value, open addressing; 0 is free. */
  #table: Uint32Array = new Uint32Array(FIRST_TABLE * 2)
  /** By symbol of the name. There are few. */
  readonly #names = new Map<number, Name>()

  get count(): number {
    return this.#count
  }

  get sizeBytes(): number {
    return this.#entries.sizeBytes + this.#chunks.sizeBytes + this.#places.byteLength + this.#table.byteLength
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
    return this.#entries.get(this.#places[pair]! + NEXT)
  }

  name(pair: number): number {
    return this.#entries.get(this.#places[pair]! + NAME)
  }

  value(pair: number): number {
    return this.#entries.get(this.#places[pair]! + VALUE)
  }

  /** How many series have the pair, or had. */
  slots(pair: number): number {
    return this.#entries.get(this.#places[pair]! + COUNT)
  }

  find(name: number, value: number): number {
    return this.#table[this.#placeOf(name, value)]!
  }

  intern(name: number, value: number): number {
    const tablePlace = this.#placeOf(name, value)
    const found = this.#table[tablePlace]!
    if (found !== 0) return found
    const pair = ++this.#count
    const place = this.#entries.take(ENTRY_WORDS)
    this.#entries.set(place + NAME, name)
    this.#entries.set(place + VALUE, value)
    if (pair >= this.#places.length) {
      const larger = new Uint32Array(this.#places.length * 2)
      larger.set(this.#places)
      this.#places = larger
    }
    this.#places[pair] = place
    const known = this.#names.get(name)
    if (known === undefined) this.#names.set(name, { first: pair, last: pair, values: 1 })
    else {
      this.#entries.set(this.#places[known.last]! + NEXT, pair)
      known.last = pair
      known.values++
    }
    this.#table[tablePlace] = pair
    if (this.#count * 3 > this.#table.length * 2) this.#growTable()
    return pair
  }

  /** Puts a slot behind those of the pair. */
  addSlot(pair: number, slot: number): void {
    const place = this.#places[pair]!
    const entry = this.#entries.segment(place)
    const at = offsetOf(place)
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

  /** Copies the slots of a pair into `out` from `to` on; it has room for them. Returns where they end. */
  copySlots(pair: number, out: Uint32Array, to: number): number {
    const place = this.#places[pair]!
    const entry = this.#entries.segment(place)
    const at = offsetOf(place)
    const count = entry[at + COUNT]!
    if (count === 0) return to
    out[to] = entry[at + FIRST]!
    const end = to + count
    let chunk = entry[at + CHUNK]!
    for (let i = to + 1; i < end; ) {
      const segment = this.#chunks.segment(chunk)
      const offset = offsetOf(chunk)
      const here = Math.min(segment[offset + 1]!, end - i)
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
      const place = this.#places[pair]!
      if (this.#entries.get(place + NAME) === name && this.#entries.get(place + VALUE) === value) return at
    }
  }

  #growTable(): void {
    const table = new Uint32Array(this.#table.length * 2)
    const mask = table.length - 1
    for (let pair = 1; pair <= this.#count; pair++) {
      let at = hashOfTwo(this.name(pair), this.value(pair)) & mask
      while (table[at] !== 0) at = (at + 1) & mask
      table[at] = pair
    }
    this.#table = table
  }
}
