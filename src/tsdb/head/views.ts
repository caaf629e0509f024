/**
 * What an open view sees of a series that has got samples since: how many it had when the view was opened.
 *
 * - A view is the number of the last commit that it sees. A series whose last commit is not later shows all it has; of any other the
 *   number is noted here, by the first commit that changes it after the view was opened.
 * - Notes cost four bytes a series and open view, in shared columns that are used again; without an open view nothing is noted.
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
  readonly notes: ViewNotes
}

/** What was noted for a view: how many samples a series had; 0 when it was not there. */
export type ViewNotes = { readonly of: (slot: number) => number }

export const NO_NOTES: ViewNotes = { of: () => 0 }

type Open = { readonly view: HeadView; readonly number: number; readonly notes: Notes }

/** By slot: how many samples, and one. 0: not noted. Of slots that were there when the view was opened: those behind came since. */
class Notes implements ViewNotes {
  #column: Uint32Array<SharedArrayBuffer> = new Uint32Array(new SharedArrayBuffer(0))
  readonly #slots: number[] = []
  #end = 0

  open(end: number): void {
    this.#end = end
  }

  /** The column, for another thread. */
  get memory(): SharedArrayBuffer {
    this.#reserve()
    return this.#column.buffer
  }

  note(slot: number, total: number): void {
    if (slot >= this.#end) return
    this.#reserve()
    this.#column[slot] = total + 1
    this.#slots.push(slot)
  }

  readonly of = (slot: number): number => notedIn(this.#column, slot)

  clear(): void {
    // Filling is faster than single stores from about a slot in eight on.
    if (this.#slots.length * 8 > this.#column.length) this.#column.fill(0)
    else for (const slot of this.#slots) this.#column[slot] = 0
    this.#slots.length = 0
  }

  #reserve(): void {
    if (this.#column.length < this.#end)
      this.#column = new Uint32Array(new SharedArrayBuffer(Math.max(1024, Math.ceil(this.#end * 1.25)) * 4))
  }
}

/** The notes of a view that another thread writes. */
export function sharedNotes(memory: SharedArrayBuffer): ViewNotes {
  const column = new Uint32Array(memory)
  return { of: (slot) => notedIn(column, slot) }
}

function notedIn(column: Uint32Array, slot: number): number {
  return slot < column.length ? Math.max(0, column[slot]! - 1) : 0
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

  /** `end`: one beyond the last slot there is. */
  open(of: Omit<HeadView, 'notes'>, end: number): HeadView {
    const notes = this.#spare.pop() ?? new Notes()
    notes.open(end)
    const view = { ...of, notes }
    this.#open.push({ view, number: ++this.#last, notes })
    this.newest = view.commit
    return view
  }

  /** Where the notes of an open view are written. */
  memoryOf(view: HeadView): SharedArrayBuffer {
    const open = this.#open.find((one) => one.view === view)
    if (open === undefined) throw new TypeError('BUG: a view is lent that is not open')
    return open.notes.memory
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

  /** True while an open view may still read samples before `time` in the head. */
  isNeededBefore(time: number): boolean {
    for (const { view } of this.#open) {
      const readsHead = view.end >= view.boundary
      if (readsHead && view.boundary < time && view.start < time) return true
    }
    return false
  }
}
