/**
 * From the labels of a call to their series, without garbage when the series is known.
 *
 * - The way there is the store's index of label values; an entry stands at the node that the values lead to.
 * - Values are those that a page can show: cut, well formed. Two that would look the same are one series.
 * - An absent label and an empty one are the same, as they are to Prometheus.
 * - Holds at most `limit` entries; what comes later is one entry, `overflow`, so that no sum is lost and no label fills the memory.
 * - Entries outlive their removal: a child that the application kept finds its way back by `revive`.
 */
import { LabelIndex } from '../store/label-index.ts'
import { wellFormed } from '../store/label-text.ts'
import { type Labels, unknownLabel } from './validate.ts'

export type Entry<Cell> = {
  /** One text for each label name, '' when absent. */
  readonly texts: readonly string[]
  /** As given, where a value was no text: `{ code: 200 }` is told as 200. */
  readonly given: readonly unknown[] | undefined
  /** Where its values are; undefined until the first is recorded, and after removal. */
  cell: Cell | undefined
  /** The object that `labels()` handed out. */
  child: unknown
}

export type Recorded<Cell> = Entry<Cell> & { readonly cell: Cell }

/** Nodes of entries long gone are kept until there are this many more than needed. */
const SPARE_NODES = 1_000

export class KnownSeries<Cell> {
  readonly names: readonly string[]
  readonly overflow: Entry<Cell>
  readonly #limit: number
  readonly #onOverflow: () => void
  /** By what the application gives, in the order of `names`. */
  readonly #texts: string[]
  #index = new LabelIndex()
  #byNode: (Entry<Cell> | undefined)[] = []
  /** In the order in which they came. */
  readonly #entries = new Set<Entry<Cell>>()

  /** `onOverflow` is called for each look-up that ends at the overflow. */
  constructor(names: readonly string[], limit: number, onOverflow: () => void) {
    this.names = names
    this.#onOverflow = onOverflow
    this.#limit = limit
    this.#texts = names.map(() => '')
    this.overflow = { texts: this.#texts.slice(), given: undefined, cell: undefined, child: undefined }
  }

  get size(): number {
    return this.#entries.size
  }

  /** Places in the index: what its memory goes by. */
  get nodes(): number {
    return this.#index.nodes
  }

  /** The entry of these labels, made when missing. Throws for a label that was not declared. */
  find(labels: Labels): Entry<Cell> {
    this.#read(labels)
    const known = this.#byNode[this.#index.node(this.#texts, false)]
    if (known !== undefined) return known
    const texts = this.#texts.map(wellFormed)
    const same = this.#byNode[this.#index.node(texts, false)]
    if (same !== undefined) return same
    if (this.#entries.size >= this.#limit) {
      this.#onOverflow()
      return this.overflow
    }
    const given = this.names.map((name) => labels[name])
    const isPlain = given.every((value) => typeof value === 'string' || value === undefined)
    const entry = {
      texts,
      given: isPlain ? undefined : given,
      cell: undefined,
      child: undefined,
    }
    this.#keep(entry)
    return entry
  }

  /** The entry of these labels, or undefined. Throws for a label that was not declared. */
  peek(labels: Labels): Entry<Cell> | undefined {
    this.#read(labels)
    return this.#byNode[this.#index.node(this.#texts.map(wellFormed), false)]
  }

  /** Puts an entry that was removed back; gives the one that has taken its place meanwhile, if one has. */
  revive(entry: Entry<Cell>): Entry<Cell> {
    if (entry === this.overflow || this.#entries.has(entry)) return entry
    const now = this.#byNode[this.#index.node(entry.texts, false)]
    if (now !== undefined) return now
    if (this.#entries.size >= this.#limit) return this.overflow
    this.#keep(entry)
    return entry
  }

  remove(entry: Entry<Cell>): void {
    entry.cell = undefined
    if (!this.#entries.delete(entry)) return
    this.#byNode[this.#index.node(entry.texts, false)] = undefined
    if (this.#index.nodes > this.#entries.size * this.names.length * 4 + SPARE_NODES) this.#buildAnew()
  }

  clear(): void {
    for (const entry of this.#entries) entry.cell = undefined
    this.overflow.cell = undefined
    this.#entries.clear()
    this.#index = new LabelIndex()
    this.#byNode = []
  }

  /** All with values, the oldest first; the overflow last. */
  *recorded(): Generator<Recorded<Cell>> {
    for (const entry of this.#entries) if (isRecorded(entry)) yield entry
    if (isRecorded(this.overflow)) yield this.overflow
  }

  /** The labels of an entry as the application gave them, absent ones left out. */
  labelsOf(entry: Entry<Cell>): Record<string, string | number> {
    if (entry === this.overflow) return { otel_metric_overflow: 'true' }
    const labels: Record<string, string | number> = {}
    for (let i = 0; i < this.names.length; i++) {
      const text = entry.texts[i]!
      if (text !== '') labels[this.names[i]!] = entry.given === undefined ? text : (entry.given[i] as string | number)
    }
    return labels
  }

  #read(labels: Labels): void {
    const { names } = this
    const texts = this.#texts
    for (let i = 0; i < names.length; i++) {
      const value = labels[names[i]!]
      texts[i] = typeof value === 'string' ? value : value === undefined ? '' : String(value)
    }
    let at = 0
    for (const label in labels) {
      if (names[at++] !== label && !names.includes(label)) throw unknownLabel(label, names)
    }
  }

  #keep(entry: Entry<Cell>): void {
    this.#entries.add(entry)
    const node = this.#index.node(entry.texts, true)
    while (this.#byNode.length <= node) this.#byNode.push(undefined)
    this.#byNode[node] = entry
  }

  #buildAnew(): void {
    this.#index = new LabelIndex()
    this.#byNode = []
    for (const entry of this.#entries) this.#keep(entry)
  }
}

function isRecorded<Cell>(entry: Entry<Cell>): entry is Recorded<Cell> {
  return entry.cell !== undefined
}
