/** What the agent tells of itself: faults, cost, and hooks that stepped aside. Its families are made when there is something to tell. */
import { MAX_STEPS_ASIDE, SAMPLE_EVERY } from './guard.ts'
import { add, type Family, type Slot, type Store, set } from './store/index.ts'

export class GuardLedger {
  readonly #store: Store
  readonly #faults = new Map<string, Slot>()
  readonly #seconds = new Map<string, Slot>()
  #aside: Family | undefined

  constructor(store: Store) {
    this.#store = store
  }

  fault(part: string): void {
    const help = 'Faults inside the agent; none reached the application.'
    add(this.#slot(this.#faults, 'assay_agent_faults_total', help, part), 1)
  }

  spent(part: string, seconds: number): void {
    const help = `Time spent in the agent, estimated from one call in ${SAMPLE_EVERY}.`
    add(this.#slot(this.#seconds, 'assay_agent_seconds_total', help, part), seconds)
  }

  steppedAside(part: string, reason: string): void {
    this.#aside ??= this.#store.family({
      name: 'assay_agent_hooks_stepped_aside',
      help: 'Hooks that met what they do not know and left it alone; 1 for each part and reason.',
      kind: 'gauge',
      // Threads meet the same libraries.
      across: 'greatest',
      maxSeries: MAX_STEPS_ASIDE,
    })
    const pairs = [
      ['part', part],
      ['reason', reason],
    ] as const
    set(this.#aside.series(pairs), 1)
  }

  #slot(slots: Map<string, Slot>, name: string, help: string, part: string): Slot {
    let slot = slots.get(part)
    if (slot === undefined) {
      slot = this.#store.family({ name, help, kind: 'counter' }).series([['part', part]])
      slots.set(part, slot)
    }
    return slot
  }
}
