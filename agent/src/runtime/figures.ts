/**
 * Figures that are read when they are asked for, and at no other time.
 *
 * - They need the loop of the thread that reads them: whoever makes a page without having asked it leaves them out.
 * - One whose name the application has given to another metric is left out, and keeps no other from being told.
 * - A reader that fails leaves its figures as they were and keeps no other from being read.
 * - Works in any thread: it needs a store and nothing else.
 */
import { type Family, type FamilySpec, type Slot, type Store, set } from '../store/index.ts'

/** Told of a reader that failed. */
export type Fault = (cause: unknown) => void

export class Figures {
  readonly #store: Store
  readonly #fault: Fault
  readonly #reads: (() => void | Promise<void>)[] = []

  constructor(store: Store, fault: Fault) {
    this.#store = store
    this.#fault = fault
  }

  /** Called at each scrape. */
  add(read: () => void | Promise<void>): void {
    this.#reads.push(read)
  }

  gauge(name: string, help: string, more: Partial<FamilySpec> = {}): Family {
    return this.#store.familyOrAside({ name, help, kind: 'gauge', needsLoop: true, ...more })
  }

  counter(name: string, help: string): Family {
    return this.#store.familyOrAside({ name, help, kind: 'counter', needsLoop: true })
  }

  /** One value without labels; `undefined` leaves it as it was, or absent if it never was. */
  value(family: Family, read: () => number | undefined): void {
    this.#reads.push(() => {
      const value = read()
      if (value !== undefined) set(family.series(), value)
    })
  }

  async collect(): Promise<void> {
    for (const read of this.#reads) {
      try {
        // Most are not promises: awaiting those too would give the loop away for nothing.
        const pending = read()
        if (pending !== undefined) await pending
      } catch (cause) {
        this.#fault(cause)
      }
    }
  }
}

/**
 * A gauge by type, one or several of the same with a label of another name, whose types come and go: a type that is gone is 0, so that a chart shows the fall. Bounded by the family's limit.
 */
export class CountsByType {
  readonly #families: readonly (readonly [label: string, family: Family])[]
  readonly #slots = new Map<string, readonly Slot[]>()

  constructor(...families: readonly (readonly [label: string, family: Family])[]) {
    this.#families = families
  }

  set(counts: ReadonlyMap<string, number>): void {
    for (const [type, slots] of this.#slots) if (!counts.has(type)) for (const slot of slots) set(slot, 0)
    for (const [type, count] of counts) {
      let slots = this.#slots.get(type)
      if (slots === undefined) {
        slots = this.#families.map(([label, family]) => family.series([[label, type]]))
        this.#slots.set(type, slots)
      }
      for (const slot of slots) set(slot, count)
    }
  }
}
