/** A selection whose series have parts in several places: blocks, the head, late samples. */
import type { Labels } from '#core'
import type { Grouping, Samples, SeriesGroups, SeriesSet } from '#storage'
import type { HeadView } from '../head.ts'
import { GroupNumbers } from './group-memo.ts'
import type { Joined } from './join-series.ts'
import { KnownLabels } from './known-labels.ts'

export class JoinedSet implements SeriesSet {
  readonly #joined: readonly Joined[]
  readonly #index: HeadView['index']
  readonly #known: KnownLabels
  readonly #read: (joined: Joined) => Samples

  /** `index`: that of the head. `read` may give the same columns each time (`ReadRoom`). */
  constructor(joined: readonly Joined[], index: HeadView['index'], read: (joined: Joined) => Samples) {
    this.#joined = joined
    this.#index = index
    this.#known = new KnownLabels(index)
    this.#read = read
  }

  get count(): number {
    return this.#joined.length
  }

  labels(series: number): Labels {
    const joined = this.#joined[series]!
    const part = joined.parts.at(-1)
    // What the head has as well was mostly named before.
    return part?.index === this.#index ? this.#known.of(part.series!) : joined.labels
  }

  read(series: number): Samples {
    return this.#read(this.#joined[series]!)
  }

  groups(grouping: Grouping): SeriesGroups {
    const numbers = new GroupNumbers(grouping, this.count)
    for (let i = 0; i < this.count; i++) {
      const joined = this.#joined[i]!
      // Any part says which series it is; the last one is of the head, or of the newest block.
      const part = joined.parts.at(-1) ?? joined.late?.[0]
      if (part?.index === undefined) numbers.putLabels(i, joined.labels)
      else numbers.put(i, part.index, part.series!, () => this.labels(i))
    }
    return numbers.done()
  }
}
