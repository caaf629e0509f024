/**
 * Which records of the spool have been sent whole: lanes finish in any order, and the position moves over what is done without a gap.
 *
 * A record is opened with the number of its samples that are sent and gets a ticket; each sample that has arrived, or never will,
 * settles one of them.
 */
import type { Position } from './position-file.ts'

type Entry = { readonly place: Position; left: number }

export class Ledger {
  #entries: Entry[] = []
  /** Entries before this one are done; they are cut off now and then. */
  #head = 0
  /** The ticket of entry 0. */
  #first = 1

  get open(): number {
    return this.#entries.length - this.#head
  }

  /** The ticket of the next record, in the order of their places. */
  enter(place: Position, samples: number): number {
    return this.#first + this.#entries.push({ place, left: samples }) - 1
  }

  /** `count` may be negative: what was given back. Tickets that are done already may come again and change nothing. */
  settle(ticket: number, count: number): void {
    const entry = this.#entries[ticket - this.#first]
    if (entry !== undefined) entry.left -= count
  }

  /** The place behind the last record of those that are done without a gap since the last call; `undefined`: there is none. */
  take(): Position | undefined {
    let done: Position | undefined
    while (this.#head < this.#entries.length && this.#entries[this.#head]!.left <= 0)
      done = this.#entries[this.#head++]!.place
    if (this.#head > 1024 && this.#head * 2 > this.#entries.length) {
      this.#first += this.#head
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
    return done
  }
}
