/**
 * The series that senders send again and again: the very bytes of their labels, and the store's reference for each.
 *
 * A sender repeats its series in the same order every few seconds. So a series is looked for where it came last time, behind the one
 * before it; its bytes are compared, and neither a text nor an object is made. Only what came elsewhere is looked up by a hash, and only
 * what is not here at all is decoded and checked.
 *
 * - All bytes are compared, always: a guess or a hash only says where to look.
 * - The number of an entry holds while a request is taken, from one `begin` to the next: what the request used is not forgotten.
 * - Bounded: at most `maxBytes` of labels, and some 60 bytes an entry beside them. Space is taken in segments. When one is needed, the
 *   oldest is swept: what nobody sent for `IDLE_MS` leaves it. Where that wins little a new one is taken, up to the bound; beyond it
 *   new series are not kept, so that a crowd that is too large does not push itself out in turn. A segment has some 500 entries and
 *   is swept at once, which nobody notices.
 * - It belongs to one store: its references are that store's.
 */
import type { SeriesRef } from '#storage'
import { isSame } from './same-bytes.ts'
import type { Symbols } from './symbols.ts'

/** How long a series may be silent before its place can go to another one. Senders that send less often gain nothing here. */
export const IDLE_MS = 300_000
export const SEGMENT_BYTES: number = 64 * 1024
/** Longer labels are not kept: one of them would take what a hundred others need. */
export const MAX_KEY_BYTES = 8192
const MAX_BYTES = 64 * 2 ** 20
/** In front of each key in a segment: the number of its entry and its length. */
const HEAD_BYTES = 8
/** As many entries with one place in the table are looked at. Whoever sends labels that collide slows himself alone. */
const MAX_CHAIN = 16
const FIRST_ENTRIES = 1024
/** Of all columns, for one entry. */
const COLUMN_BYTES = 38

/** The number of no entry; what came "before" the first one. */
const NONE = 0

export class KnownSeries {
  readonly #maxSegments: number
  #arena = new Uint8Array(0)
  #words = new DataView(this.#arena.buffer)
  /** Per segment: bytes in use, and when its entries were last sorted out. */
  readonly #used: number[] = []
  readonly #sweptAt: number[] = []
  /** The segment that is written, and the one to be swept next. */
  #current = -1
  #hand = 0

  /** Per entry. `#length` 0: the number is free. */
  #start = new Int32Array(FIRST_ENTRIES)
  #length = new Int32Array(FIRST_ENTRIES)
  #hash = new Int32Array(FIRST_ENTRIES)
  #ref = new Float64Array(FIRST_ENTRIES)
  #labels = new Uint16Array(FIRST_ENTRIES)
  /** The time of the last request that had it. */
  #usedAt = new Float64Array(FIRST_ENTRIES)
  /** The entry that came behind this one last time. */
  #next = new Int32Array(FIRST_ENTRIES)
  /** The next entry with the same place in the table. */
  #chain = new Int32Array(FIRST_ENTRIES)
  #table = new Int32Array(FIRST_ENTRIES * 2)
  readonly #free: number[] = []
  #end = 1

  #now = 0
  #last = NONE
  #forgotten = 0
  #refused = 0

  constructor(maxBytes: number = MAX_BYTES) {
    this.#maxSegments = Math.max(1, Math.floor(maxBytes / SEGMENT_BYTES))
  }

  /** Series that are known. */
  get size(): number {
    return this.#end - 1 - this.#free.length
  }

  /** Bytes held: room for labels, and what stands beside them. */
  get bytes(): number {
    return this.#arena.length + this.#start.length * COLUMN_BYTES + this.#table.length * 4
  }

  /** Series that were silent and made room for others. */
  get forgotten(): number {
    return this.#forgotten
  }

  /** How often a series found no room. */
  get refused(): number {
    return this.#refused
  }

  /** A request begins. `nowMs`: any clock that goes on. */
  begin(nowMs: number): void {
    this.#now = nowMs
  }

  /** The entry that came behind the one used last, if `bytes` have its labels at `at` and within `end`; else 0. */
  guess(bytes: DataView, at: number, end: number): number {
    const entry = this.#next[this.#last]!
    if (entry === NONE || !this.#isAt(entry, bytes, at, end)) return NONE
    this.#usedAt[entry] = this.#now
    this.#last = entry
    return entry
  }

  /** As `guess`, for the labels that `refs` make of `symbols`: their bytes are compared where they lie. */
  guessOf(symbols: Symbols, refs: Int32Array, count: number): number {
    const entry = this.#next[this.#last]!
    if (entry === NONE || this.#length[entry] === 0) return NONE
    const start = this.#start[entry]!
    if (!symbols.isKey(refs, count, this.#words, start, start + this.#length[entry]!)) return NONE
    this.#usedAt[entry] = this.#now
    this.#last = entry
    return entry
  }

  /** The entry of the labels [from, to), or 0. */
  find(bytes: DataView, from: number, to: number, hash: number): number {
    const length = to - from
    let entry = this.#table[hash & (this.#table.length - 1)]!
    while (entry !== NONE) {
      if (this.#hash[entry] === hash && this.#length[entry] === length && this.#isAt(entry, bytes, from, to)) {
        this.#follow(entry)
        return entry
      }
      entry = this.#chain[entry]!
    }
    return NONE
  }

  /** Keeps labels that `find` did not find, made of `labels` pairs; without a reference yet. 0: there is no room for them. */
  add(
    bytes: DataView,
    from: number,
    to: number,
    { hash, labels }: { readonly hash: number; readonly labels: number },
  ): number {
    const start = to - from > MAX_KEY_BYTES || this.#isCrowded(hash) ? -1 : this.#room(HEAD_BYTES + to - from)
    if (start < 0) {
      this.#refused++
      return NONE
    }
    const entry = this.#number()
    this.#words.setInt32(start, entry, true)
    this.#words.setInt32(start + 4, to - from, true)
    this.#arena.set(new Uint8Array(bytes.buffer, bytes.byteOffset + from, to - from), start + HEAD_BYTES)
    this.#start[entry] = start + HEAD_BYTES
    this.#length[entry] = to - from
    this.#hash[entry] = hash
    this.#labels[entry] = labels
    this.#ref[entry] = 0
    this.#next[entry] = NONE
    const place = hash & (this.#table.length - 1)
    this.#chain[entry] = this.#table[place]!
    this.#table[place] = entry
    this.#follow(entry)
    return entry
  }

  /** Bytes of its labels. */
  lengthOf(entry: number): number {
    return this.#length[entry]!
  }

  /** How many label pairs it has. */
  labelsOf(entry: number): number {
    return this.#labels[entry]!
  }

  /** 0: the store has not been asked yet, or refused the series. */
  refOf(entry: number): SeriesRef {
    return this.#ref[entry]! as SeriesRef
  }

  setRef(entry: number, ref: SeriesRef): void {
    this.#ref[entry] = ref
  }

  /** The bytes it was made of. They belong to this table and hold until the next `add`. */
  keyOf(entry: number): Uint8Array {
    return this.#arena.subarray(this.#start[entry], this.#start[entry]! + this.#length[entry]!)
  }

  #follow(entry: number): void {
    this.#next[this.#last] = entry
    this.#last = entry
    this.#usedAt[entry] = this.#now
  }

  #isAt(entry: number, bytes: DataView, at: number, end: number): boolean {
    const length = this.#length[entry]!
    return length > 0 && at + length <= end && isSame(this.#words, this.#start[entry]!, bytes, at, length)
  }

  #isCrowded(hash: number): boolean {
    let entry = this.#table[hash & (this.#table.length - 1)]!
    let count = 0
    for (; entry !== NONE && count < MAX_CHAIN; count++) entry = this.#chain[entry]!
    return count === MAX_CHAIN
  }

  /** A place of `length` bytes within a segment, or -1. */
  #room(length: number): number {
    if (this.#current < 0 || this.#used[this.#current]! + length > SEGMENT_BYTES) {
      const segment = this.#segment()
      if (segment < 0 || this.#used[segment]! + length > SEGMENT_BYTES) return -1
      this.#current = segment
    }
    const start = this.#current * SEGMENT_BYTES + this.#used[this.#current]!
    this.#used[this.#current]! += length
    return start
  }

  /** A segment with room, or -1. */
  #segment(): number {
    const segments = this.#used.length
    if (segments > 0 && this.#now - this.#sweptAt[this.#hand]! >= IDLE_MS) {
      const swept = this.#hand
      this.#hand = (swept + 1) % segments
      this.#sweep(swept)
      // Won little: the others are likely to be in use too, so that all grows as long as it may.
      if (this.#used[swept]! <= SEGMENT_BYTES / 2 || segments === this.#maxSegments) return swept
    }
    if (segments === this.#maxSegments) return -1
    this.#used.push(0)
    this.#sweptAt.push(this.#now)
    if (this.#used.length * SEGMENT_BYTES > this.#arena.length) {
      const larger = new Uint8Array(Math.min(this.#maxSegments, segments * 2 + 1) * SEGMENT_BYTES)
      larger.set(this.#arena)
      this.#arena = larger
      this.#words = new DataView(larger.buffer)
    }
    return segments
  }

  /** Forgets what was silent; the others move together. */
  #sweep(segment: number): void {
    const base = segment * SEGMENT_BYTES
    const words = this.#words
    const used = this.#used[segment]!
    let kept = 0
    for (let at = 0; at < used; ) {
      const entry = words.getInt32(base + at, true)
      const length = words.getInt32(base + at + 4, true)
      if (this.#now - this.#usedAt[entry]! < IDLE_MS) {
        if (kept < at) this.#arena.copyWithin(base + kept, base + at, base + at + HEAD_BYTES + length)
        this.#start[entry] = base + kept + HEAD_BYTES
        kept += HEAD_BYTES + length
      } else this.#forget(entry)
      at += HEAD_BYTES + length
    }
    this.#used[segment] = kept
    this.#sweptAt[segment] = this.#now
  }

  #forget(entry: number): void {
    const place = this.#hash[entry]! & (this.#table.length - 1)
    let before = this.#table[place]!
    if (before === entry) this.#table[place] = this.#chain[entry]!
    else {
      while (this.#chain[before] !== entry) before = this.#chain[before]!
      this.#chain[before] = this.#chain[entry]!
    }
    this.#length[entry] = 0
    this.#free.push(entry)
    this.#forgotten++
    if (this.#last === entry) this.#last = NONE
  }

  #number(): number {
    const free = this.#free.pop()
    if (free !== undefined) return free
    if (this.#end === this.#start.length) this.#grow()
    return this.#end++
  }

  #grow(): void {
    const entries = this.#start.length * 2
    const larger = <Column extends Int32Array | Float64Array | Uint16Array>(old: Column, column: Column): Column => {
      column.set(old)
      return column
    }
    this.#start = larger(this.#start, new Int32Array(entries))
    this.#length = larger(this.#length, new Int32Array(entries))
    this.#hash = larger(this.#hash, new Int32Array(entries))
    this.#ref = larger(this.#ref, new Float64Array(entries))
    this.#labels = larger(this.#labels, new Uint16Array(entries))
    this.#usedAt = larger(this.#usedAt, new Float64Array(entries))
    this.#next = larger(this.#next, new Int32Array(entries))
    this.#chain = new Int32Array(entries)
    this.#table = new Int32Array(entries * 2)
    for (let entry = 1; entry < this.#end; entry++) {
      if (this.#length[entry] === 0) continue
      const place = this.#hash[entry]! & (this.#table.length - 1)
      this.#chain[entry] = this.#table[place]!
      this.#table[place] = entry
    }
  }
}

/** Of the bytes [from, to), four at a time; lengths are among them. */
export function hashOf(bytes: DataView, from: number, to: number): number {
  let hash = to - from
  let i = from
  for (; i + 4 <= to; i += 4) {
    hash = Math.imul(hash ^ bytes.getInt32(i, true), 0x9e3779b1)
    hash ^= hash >>> 15
  }
  for (; i < to; i++) hash = Math.imul(hash ^ bytes.getUint8(i), 0x01000193)
  return (hash ^ (hash >>> 13)) | 0
}
