/** What a request holds that cannot be taken: counted, and the first of each kind of sentence kept. Bounded. */
import type { WriteFault } from './types.ts'

const MAX_SENTENCES = 10

export class Faults {
  readonly #list: { count: number; readonly why: string }[] = []

  /** `count`: samples and histograms that are left out; 0 when the series had none. */
  add(why: string, count: number): void {
    const known = this.#list.find((one) => one.why === why)
    if (known !== undefined) known.count += count
    else if (this.#list.length < MAX_SENTENCES) this.#list.push({ count, why })
    // Beyond the first few, sentences only grow the answer; what they stand for is still counted.
    else this.#list[MAX_SENTENCES - 1]!.count += count
  }

  list(): readonly WriteFault[] {
    return this.#list
  }
}
