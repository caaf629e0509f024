/**
 * What an open view sees of a series that has got samples since: how many it had when the view was opened.
 *
 * - A view is the number of the last commit that it sees. A series whose last commit is not later shows all it has; of any other the
 *   number is noted here, by the first commit that changes it after the view was opened.
 * - Notes cost four bytes a series and open view, in columns that are used again; without an open view nothing is noted.
 */
import type { LabelIndex } from './label-index.ts'

export type HeadView = {
  /** The last commit it sees. */
  readonly commit: number
  /** What is before lies in blocks. */
  readonly boundary: number
  readonly start: number
  readonly end: number
  /** Names and lists of its moment. */
  readonly index: LabelIndex
}

type Open = { readonly view: HeadView; readonly number: number; readonly notes: Notes }

/** By slot: how many samples, and one. 0: not noted. */
class Notes {
  #column: Uint32Array = new Uint32Array(0)
  readonly #slots: number[] = []

  note(slot: number, total: number): void {
    if (slot >= this.#column.length) {
      const larger = new Uint32Array(Math.max(1024, slot * 2))
      larger.set(this.#column)
      this.#column = larger
    }
    this.#column[slot] = total + 1
    this.#slots.push(slot)
  }

  get(slot: number): number {
    return slot < this.#column.length ? this.#column[slot]! - 1 : -1
  }

  clear(): void {
    // Filling is faster than single stores from about a slot in eight on.
    if (this.#slots.length * 8 > this.#column.length) this.#column.fill(0)
    else for (const slot of this.#slots) this.#column[slot] = 0
    this.#slots.length = 0
  }
}

export class Views {
  readonly #open: Open[] = []
  readonly #spare: Notes[] = []
  #last = 0
  /** The last commit that the newest open view sees, or -1. */
  newest = -1

  /** The number of the view that was opened last. */
  get lastNumber(): number {
    return this.#last
  }

  /** The least number of an open view; beyond the last one when there is none. */
  get oldestNumber(): number {
    return this.#open[0]?.number ?? this.#last + 1
  }

  open(view: HeadView): HeadView {
    this.#open.push({ view, number: ++this.#last, notes: this.#spare.pop() ?? new Notes() })
    this.newest = view.commit
    return view
  }

  close(view: HeadView): void {
    const at = this.#open.findIndex((one) => one.view === view)
    if (at < 0) return
    const [{ notes }] = this.#open.splice(at, 1) as [Open]
    notes.clear()
    this.#spare.push(notes)
    this.newest = this.#open.at(-1)?.view.commit ?? -1
  }

  /** Notes what a series has before a commit changes it, for those who do not see that commit. */
  note(slot: number, lastCommit: number, total: number): void {
    for (let i = this.#open.length - 1; i >= 0; i--) {
      const { view, notes } = this.#open[i]!
      if (view.commit < lastCommit) return
      notes.note(slot, total)
    }
  }

  /** What was noted for the view; 0 when the series was not there. */
  noted(slot: number, view: HeadView): number {
    const open = this.#open.find((one) => one.view === view)
    return Math.max(0, open?.notes.get(slot) ?? 0)
  }

  /** True while an open view may still read samples before `time` in the head. */
  isNeededBefore(time: number): boolean {
    for (const { view } of this.#open) {
      const readsHead = view.end >= view.boundary
      if (readsHead && view.boundary < time && view.start < time) return true
    }
    return false
  }
}
