/**
 * The head in another thread: the same memory, and what the writer tells of a view before it is read.
 *
 * - `adopt` takes what `Head.lend` gave, in the order in which it was given: segments of memory that came since, and the view.
 * - Histograms and start timestamps lie outside shared memory: those of what is to be read are copied. Reading a series that has others
 *   throws `NotSharedError`.
 * - Nothing is ever written from here.
 */
import { ByteReader } from '../codec/bytes.ts'
import type { ExtraColumns } from '../columns/extra-columns.ts'
import { HeadExtras, type NumberSpan } from './head-extras.ts'
import { HeadReader, type ReadsExtras } from './head-reader.ts'
import type { IndexKnown, IndexPieces } from './index-pieces.ts'
import { LabelIndex } from './label-index.ts'
import { Records } from './records.ts'
import { Slabs } from './slabs.ts'
import type { HeadMemory } from './stream.ts'
import { type HeadView, sharedNotes } from './views.ts'

/** What is asked for cannot be read in this thread; the owner's can. */
export class NotSharedError extends Error {
  constructor() {
    super('BUG: what lies outside shared memory was asked for in another thread, and nobody asked the owner instead')
    this.name = new.target.name
  }
}

/** What a thread was told of before. */
export type HeadKnown = {
  records: number
  slabs: number
  index: (IndexKnown & { readonly of: LabelIndex }) | undefined
  marks: SharedArrayBuffer | undefined
}

export function nothingOfHead(): HeadKnown {
  return { records: 0, slabs: 0, index: undefined, marks: undefined }
}

/** A view, and the memory behind it that the thread does not have. Can be sent. */
export type HeadPieces = {
  readonly records: readonly SharedArrayBuffer[]
  readonly slabs: readonly SharedArrayBuffer[]
  readonly index: IndexPieces
  /** Of the index: another number, another index. */
  readonly generation: number
  /** Absent: as before. */
  readonly marks?: SharedArrayBuffer
  readonly turn: SharedArrayBuffer
  readonly notes: SharedArrayBuffer
  readonly commit: number
  readonly boundary: number
  /** By slot: histograms and start timestamps, encoded. */
  readonly extras: ReadonlyMap<number, Uint8Array>
}

export class HeadMirror {
  readonly #memory: HeadMemory = { records: new Records(), slabs: new Slabs() }
  readonly #extras = new OtherExtras()
  #reader: HeadReader | undefined
  #index: LabelIndex | undefined
  #generation = 0
  #views = 0

  /** The view that was lent; good for `reader` until the lender closes it. `release` it before. */
  adopt(pieces: HeadPieces, start: number, end: number): HeadView {
    this.#memory.records.adopt(pieces.records)
    this.#memory.slabs.adopt(pieces.slabs)
    if (pieces.marks !== undefined) this.#extras.marks = new Uint8Array(pieces.marks)
    this.#extras.take(pieces.extras)
    this.#views++
    if (this.#index === undefined || this.#generation !== pieces.generation) {
      this.#index = new LabelIndex()
      this.#generation = pieces.generation
    }
    this.#index.adopt(pieces.index)
    this.#reader ??= new HeadReader(this.#memory, this.#extras, new Int32Array(pieces.turn))
    const { commit, boundary } = pieces
    return { commit, boundary, start, end, index: this.#index, notes: sharedNotes(pieces.notes) }
  }

  /** A view is read no longer. */
  release(): void {
    if (--this.#views === 0) this.#extras.forget()
  }

  /** There once a view was adopted. */
  get reader(): HeadReader {
    if (this.#reader === undefined) throw new TypeError('BUG: a head is read of which nothing was lent')
    return this.#reader
  }
}

/** What was copied: the newest copy of a series serves older views too, as its samples keep their numbers. */
class OtherExtras implements ReadsExtras {
  marks: Uint8Array = new Uint8Array(0)
  readonly #copies = new Map<number, Uint8Array>()
  readonly #read = new HeadExtras()

  take(copies: ReadonlyMap<number, Uint8Array>): void {
    for (const [slot, bytes] of copies) {
      this.#copies.set(slot, bytes)
      this.#read.delete(slot)
    }
  }

  forget(): void {
    for (const slot of this.#copies.keys()) this.#read.delete(slot)
    this.#copies.clear()
  }

  read(slot: number, numbers: NumberSpan, into: ExtraColumns, at: number): void {
    if (this.marks[slot] !== 1) return
    if (!this.#read.has(slot)) {
      const bytes = this.#copies.get(slot)
      if (bytes === undefined) throw new NotSharedError()
      this.#read.restore(slot, new ByteReader(bytes))
    }
    this.#read.read(slot, numbers, into, at)
  }
}
