/**
 * Labels of series of the head that answers named lately. A dashboard shows the same series all day: making their labels costs half a
 * microsecond each, and what is made of labels (keys, sets without a name) is made once as well.
 *
 * - By index and slot; goes with the index. A slot stands for the same labels as long as its index lives.
 * - Bounded: MAX_LABELS sets of an index, about 200 bytes each. When there are more, all are forgotten at once.
 */
import type { Labels } from '#core'
import type { HeadView } from '../head.ts'

const MAX_LABELS = 16_384

type Index = HeadView['index']

const known = new WeakMap<Index, Map<number, Labels>>()

/** The labels of an index by slot, some of them made before. */
export class KnownLabels {
  readonly #index: Index
  readonly #bySlot: Map<number, Labels>

  constructor(index: Index) {
    this.#index = index
    let bySlot = known.get(index)
    if (bySlot === undefined) {
      bySlot = new Map()
      known.set(index, bySlot)
    }
    this.#bySlot = bySlot
  }

  of(slot: number): Labels {
    let labels = this.#bySlot.get(slot)
    if (labels !== undefined) return labels
    labels = this.#index.labelsOf(slot)
    // Of a series that is gone nothing is to be known.
    if (labels.size === 0) return labels
    if (this.#bySlot.size >= MAX_LABELS) this.#bySlot.clear()
    this.#bySlot.set(slot, labels)
    return labels
  }
}
