/**
 * A selection that lies in the head alone, which is what dashboards and rules mostly ask for: numbers of series, and columns that are
 * used again. Nothing is made for a series but the labels that somebody asks for.
 */
import type { Labels } from '#core'
import type { Grouping, Samples, SeriesGroups, SeriesSet } from '#storage'
import type { HeadReader, HeadView } from '../head.ts'
import { GroupNumbers } from './group-memo.ts'
import { KnownLabels } from './known-labels.ts'
import type { ReadRoom } from './read-room.ts'

type Found = ReturnType<HeadReader['find']>

export class HeadSet implements SeriesSet {
  readonly #head: HeadReader
  readonly #view: HeadView
  readonly #known: KnownLabels
  readonly #found: Found
  readonly #low: number
  readonly #high: number
  readonly #room: () => ReadRoom

  /** `room` is asked at each reading: it says so when the view is closed. */
  constructor(
    head: HeadReader,
    view: HeadView,
    found: Found,
    span: { readonly low: number; readonly high: number; readonly room: () => ReadRoom },
  ) {
    this.#head = head
    this.#view = view
    this.#known = new KnownLabels(view.index)
    this.#found = found
    this.#low = span.low
    this.#high = span.high
    this.#room = span.room
  }

  get count(): number {
    return this.#found.count
  }

  labels(series: number): Labels {
    return this.#known.of(this.#found.slots[series]!)
  }

  read(series: number): Samples {
    return this.#read(series, this.#high, this.#low)
  }

  readNewest(series: number, at: number): Samples {
    const high = Math.min(this.#high, at)
    return this.#read(series, high, high)
  }

  #read(series: number, high: number, from: number): Samples {
    const { slots, visible, last } = this.#found
    const slot = slots[series]!
    const span = { low: this.#low, high, visible: visible[series]!, last: last[series]! }
    return this.#head.readInto(this.#room(), slot, span, from)
  }

  groups(grouping: Grouping): SeriesGroups {
    const { index } = this.#view
    const { slots, count } = this.#found
    const numbers = new GroupNumbers(grouping, count)
    const labelsOf = (slot: number) => index.labelsOf(slot)
    for (let i = 0; i < count; i++) numbers.put(i, index, slots[i]!, labelsOf)
    return numbers.done()
  }
}
