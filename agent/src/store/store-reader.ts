/**
 * The other side of a store: its families, series and numbers, read from any thread without asking the one that writes.
 *
 * - `read()` takes a snapshot: all numbers of one moment, in memory of this thread. What is rendered from it changes no more.
 * - A writer that is in the middle of something (a native histogram that grows, a series that goes) is noticed by the journal's turn, and
 *   the snapshot is taken again; that is a matter of microseconds.
 * - Label texts are not copied: `labels` are the journal's bytes. They hold until the journal is written anew: `isCurrent()` afterwards.
 */
import { type FamilyRecord, HEADER_WORDS } from './journal.ts'
import { generationOf, readJournal, turnOf } from './journal-reader.ts'
import type { SharedStore } from './memory.ts'
import { makeScale, type Scale } from './scale.ts'
import { widthOf } from './slot.ts'

const TRIES = 100

/** A family and where its series are. Lists are parallel. */
export type FamilyView = {
  readonly record: FamilyRecord
  readonly scale: Scale
  /** Doubles of a series. */
  readonly width: number
  readonly places: IntList
  /** Where in the journal's bytes the labels of a series stand, and how long they are. */
  readonly labelsAt: IntList
  readonly labelsLength: IntList
}

/** A list of numbers that grows. */
export class IntList {
  items = new Int32Array(4)
  length = 0

  push(value: number): void {
    if (this.length === this.items.length) {
      const more = new Int32Array(this.length * 2)
      more.set(this.items)
      this.items = more
    }
    this.items[this.length++] = value
  }

  removeAt(index: number): void {
    this.items.copyWithin(index, index + 1, this.length)
    this.length--
  }
}

export class StoreReader {
  readonly #shared: SharedStore
  #families: FamilyView[] = []
  #at = HEADER_WORDS
  #generation = -1
  #layout = 0
  #doubles: Float64Array = new Float64Array(0)
  #words: Uint32Array = new Uint32Array(0)
  #journal: Uint8Array = new Uint8Array(0)

  constructor(shared: SharedStore) {
    this.#shared = shared
  }

  /** In order of their declaration. */
  get families(): readonly FamilyView[] {
    return this.#families
  }

  /** Other than before when series have gone: then what stood at an index may stand elsewhere. New ones come last and change nothing. */
  get layout(): number {
    return this.#layout
  }

  /** All numbers as they were at the last `read`. */
  get doubles(): Float64Array {
    return this.#doubles
  }

  get words(): Uint32Array {
    return this.#words
  }

  /** The bytes that label texts stand in. */
  get journal(): Uint8Array {
    return this.#journal
  }

  /** Takes a snapshot. `into`, of a snapshot that is no longer needed, is used again when it is large enough. */
  read(into?: Float64Array): void {
    const { numbers, journal } = this.#shared
    for (let tries = 1; ; tries++) {
      const turn = turnOf(journal)
      this.#sync()
      const source = new Float64Array(numbers, 0, numbers.byteLength / 8)
      const room = into !== undefined && into.length === source.length ? into : new Float64Array(source.length)
      room.set(source)
      this.#doubles = room
      this.#words = new Uint32Array(room.buffer)
      if (turn % 2 === 0 && turnOf(journal) === turn) return
      // A writer that never comes to an end is not possible, but waiting for it for ever must not be either.
      if (tries === TRIES) return
    }
  }

  /** Whether the label texts are still those of the snapshot. */
  isCurrent(): boolean {
    return generationOf(this.#shared.journal) === this.#generation
  }

  #sync(): void {
    const { journal } = this.#shared
    const generation = generationOf(journal)
    if (generation !== this.#generation) {
      this.#generation = generation
      this.#families = []
      this.#at = HEADER_WORDS
      this.#layout++
    }
    if (this.#journal.byteLength !== journal.byteLength) this.#journal = new Uint8Array(journal, 0, journal.byteLength)
    this.#at = readJournal(
      journal,
      {
        onFamily: (record) => {
          const scale = makeScale([...record.bounds], record.isNative)
          this.#families[record.id] = {
            record,
            scale,
            width: record.kind === 'histogram' ? widthOf(scale) : 1,
            places: new IntList(),
            labelsAt: new IntList(),
            labelsLength: new IntList(),
          }
        },
        onSeries: (id, place, labels, labelsAt) => {
          const family = this.#families[id]
          if (family === undefined) return
          family.places.push(place)
          family.labelsAt.push(labelsAt)
          family.labelsLength.push(labels.length)
        },
        onGone: (id, place) => {
          const family = this.#families[id]
          const index = family?.places.items.subarray(0, family.places.length).lastIndexOf(place) ?? -1
          if (family === undefined || index < 0) return
          this.#layout++
          family.places.removeAt(index)
          family.labelsAt.removeAt(index)
          family.labelsLength.removeAt(index)
        },
      },
      this.#at,
    )
  }
}
