/**
 * The other side of a store: its families, series and numbers, read from any thread without asking the one that writes.
 *
 * - `read()` takes a snapshot: all numbers of one moment, in memory of this thread. What is rendered from it changes no more.
 * - A writer that is in the middle of something (a native histogram that grows, a series that goes) is noticed by the journal's turn, and
 *   the snapshot is taken again; that is a matter of microseconds.
 * - Label texts are not copied: `journal` are the journal's words. They hold until the journal is written anew: `isCurrent()` afterwards.
 */
import { type FamilyRecord, HEADER_WORDS } from './journal.ts'
import { generationOf, readJournal, textAt, turnOf } from './journal-reader.ts'
import type { SharedStore } from './memory.ts'
import { makeScale, type Scale } from './scale.ts'
import { seriesWidth } from './slot.ts'

const TRIES = 100

/** A family and where its series are. */
export type FamilyView = {
  readonly record: FamilyRecord
  readonly scale: Scale
  /** Whether its values are right only while the loop of the thread that writes them turns (family.ts). */
  readonly needsLoop: boolean
  /** Doubles of a series. */
  readonly width: number
  readonly count: number
  /** Three numbers a series: its place, where in the journal's bytes its labels stand, and how long they are. */
  readonly series: Int32Array
}

/** Numbers of a series in `FamilyView.series`. */
export const SERIES = { place: 0, labelsAt: 1, labelsLength: 2, size: 3 } as const

class GrowingView implements FamilyView {
  readonly record: FamilyRecord
  readonly scale: Scale
  readonly width: number
  needsLoop: boolean
  series = new Int32Array(4 * SERIES.size)
  count = 0
  readonly #gone = new Set<number>()

  constructor(record: FamilyRecord) {
    this.record = record
    this.scale = makeScale([...record.bounds], record.isNative)
    this.needsLoop = record.needsLoop
    this.width = seriesWidth(record.kind, this.scale, record.hasExemplars)
  }

  add(place: number, labelsAt: number, labelsLength: number): void {
    // The place of one that is gone may be given to another at once.
    if (this.#gone.size > 0 && this.#gone.has(place)) this.settle()
    const at = this.count++ * SERIES.size
    if (at === this.series.length) {
      const more = new Int32Array(at * 2)
      more.set(this.series)
      this.series = more
    }
    const { series } = this
    series[at] = place
    series[at + 1] = labelsAt
    series[at + 2] = labelsLength
  }

  remove(place: number): void {
    this.#gone.add(place)
  }

  /** Leaves out those that are gone, in one go. */
  settle(): void {
    const { series } = this
    if (this.#gone.size === 0) return
    let to = 0
    for (let from = 0; from < this.count * SERIES.size; from += SERIES.size) {
      if (this.#gone.has(series[from]!)) continue
      series.copyWithin(to, from, from + SERIES.size)
      to += SERIES.size
    }
    this.count = to / SERIES.size
    this.#gone.clear()
  }
}

export class StoreReader {
  readonly #shared: SharedStore
  #families: GrowingView[] = []
  #at = HEADER_WORDS
  #generation = -1
  #layout = 0
  #doubles: Float64Array = new Float64Array(0)
  #words: Uint32Array = new Uint32Array(0)
  #journal: Uint32Array = new Uint32Array(0)

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

  /** The words that label texts stand in: each begins at a word. */
  get journal(): Uint32Array {
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

  /** The labels of a series. */
  labels({ series }: FamilyView, index: number): string {
    const at = index * SERIES.size
    return textAt(this.#shared.journal, series[at + SERIES.labelsAt]!, series[at + SERIES.labelsLength]!)
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
    if (this.#journal.byteLength !== journal.byteLength)
      this.#journal = new Uint32Array(journal, 0, journal.byteLength / 4)
    let isAsBefore = true
    this.#at = readJournal(
      journal,
      {
        onFamily: (record) => {
          const known = this.#families[record.id]
          if (known === undefined) this.#families[record.id] = new GrowingView(record)
          else known.needsLoop = record.needsLoop
        },
        onSeries: (id, place, labelsAt, labelsLength) => this.#families[id]?.add(place, labelsAt, labelsLength),
        onGone: (id, place) => {
          this.#families[id]?.remove(place)
          isAsBefore = false
        },
      },
      this.#at,
    )
    if (isAsBefore) return
    this.#layout++
    for (const family of this.#families) family?.settle()
  }
}
