/** What a request holds that cannot be taken: counted by reason, and the first of each kind of sentence kept. Bounded. */
import type { FaultReason, WriteFault } from './types.ts'

const MAX_SENTENCES = 10

export class Faults {
  readonly #list: { count: number; readonly why: string }[] = []
  readonly #byReason = new Map<FaultReason, number>()

  /** `count`: samples and histograms that are left out; 0 when the series had none. `reason`: absent where nobody counts by it. */
  add(why: string, count: number, reason?: FaultReason): void {
    if (reason !== undefined) this.#byReason.set(reason, (this.#byReason.get(reason) ?? 0) + count)
    const known = this.#list.find((one) => one.why === why)
    if (known !== undefined) known.count += count
    else if (this.#list.length < MAX_SENTENCES) this.#list.push({ count, why })
    // Beyond the first few, sentences only grow the answer; what they stand for is still counted.
    else this.#list[MAX_SENTENCES - 1]!.count += count
  }

  list(): readonly WriteFault[] {
    return this.#list
  }

  byReason(): ReadonlyMap<FaultReason, number> {
    return this.#byReason
  }
}
