/**
 * Finds the series of a family by its label values, without a string for each series.
 *
 * - A value is a number in the dictionary of its label, 0 when it is absent. A node is one combination of such numbers; absent ones at the end
 *   are not part of it, so that a label that shows up later changes no node.
 * - One open-addressing table of nodes, found by a hash of their numbers: one look for a series, whatever its labels. Doubled when it is 5/6
 *   full: with three labels a series takes some 24 bytes in all.
 */
import { wellFormed } from './label-text.ts'

export type LabelValues = readonly (string | undefined)[]

const FIRST_SLOTS = 16
const FIRST_NODES = 8
export const NO_PLACE = -1

export class LabelIndex {
  readonly #values: Map<string, number>[] = []
  /** Node numbers by hash; 0 is an empty slot. Its length is a power of two. */
  #table = new Int32Array(FIRST_SLOTS)
  /** By node: its place, then the numbers of its values. There is no node 0. */
  #nodes = new Int32Array(FIRST_NODES)
  /** Labels that have been seen. */
  #width = 0
  #last = 0
  /** The numbers that are looked for. */
  #path = new Int32Array(0)

  /** How many combinations there are, gone ones too: what its memory goes by. */
  get nodes(): number {
    return this.#last
  }

  /** The node of these values; 0 when it is not known and `isMade` is not set. Values beyond the last one given are absent. */
  node(values: LabelValues, isMade: boolean): number {
    let count = values.length
    while (count > 0 && isAbsent(values[count - 1])) count--
    if (count > this.#width) {
      if (!isMade) return 0
      this.#widen(count)
    }
    const path = this.#path
    let hash = 0
    for (let i = 0; i < count; i++) {
      const number = this.#numberOf(i, values[i], isMade)
      if (number < 0) return 0
      path[i] = number
      hash = mixed(hash, number)
    }
    for (let i = count; i < path.length; i++) path[i] = 0
    return this.#find(hash, isMade)
  }

  placeAt(node: number): number {
    return node === 0 ? NO_PLACE : this.#nodes[node * (this.#width + 1)]!
  }

  setPlace(node: number, place: number): void {
    this.#nodes[node * (this.#width + 1)] = place
  }

  #numberOf(position: number, value: string | undefined, isMade: boolean): number {
    if (value === undefined || value === '') return 0
    const known = this.#values[position]?.get(value)
    return known === undefined ? this.#newNumber(position, value, isMade) : known
  }

  /** Of a text that is not known. What is cut or mended when it is written is the same series as what reads so. */
  #newNumber(position: number, given: string, isMade: boolean): number {
    const value = wellFormed(given)
    while (this.#values.length <= position) this.#values.push(new Map())
    const values = this.#values[position]!
    const known = values.get(value)
    if (known !== undefined || !isMade) return known ?? -1
    const number = values.size + 1
    values.set(value, number)
    return number
  }

  /** The node of the path. */
  #find(hash: number, isMade: boolean): number {
    const table = this.#table
    const path = this.#path
    const nodes = this.#nodes
    const width = path.length
    const mask = table.length - 1
    let at = spread(hash) & mask
    for (;;) {
      const node = table[at]!
      if (node === 0) break
      const from = node * (width + 1) + 1
      let i = 0
      while (i < width && nodes[from + i] === path[i]) i++
      if (i === width) return node
      at = (at + 1) & mask
    }
    return isMade ? this.#make(at) : 0
  }

  /** A node for the path, into that empty slot. */
  #make(slot: number): number {
    const size = this.#width + 1
    const node = ++this.#last
    if ((node + 1) * size > this.#nodes.length) this.#nodes = grown(this.#nodes, (node + 1) * size, size)
    this.#nodes[node * size] = NO_PLACE
    this.#nodes.set(this.#path, node * size + 1)
    this.#table[slot] = node
    if (node * 6 > this.#table.length * 5) this.#rehash()
    return node
  }

  #rehash(): void {
    const table = new Int32Array(this.#table.length * 2)
    const mask = table.length - 1
    for (let node = 1; node <= this.#last; node++) {
      let at = spread(this.#hashOf(node)) & mask
      while (table[at] !== 0) at = (at + 1) & mask
      table[at] = node
    }
    this.#table = table
  }

  #hashOf(node: number): number {
    const from = node * (this.#width + 1) + 1
    let count = this.#width
    while (count > 0 && this.#nodes[from + count - 1] === 0) count--
    let hash = 0
    for (let i = 0; i < count; i++) hash = mixed(hash, this.#nodes[from + i]!)
    return hash
  }

  /** A label that was not seen before: all nodes are without it. */
  #widen(width: number): void {
    const before = this.#nodes
    const [size, wider] = [this.#width + 1, width + 1]
    const nodes = new Int32Array(Math.max(before.length, (this.#last + FIRST_NODES) * wider))
    for (let node = 1; node <= this.#last; node++)
      nodes.set(before.subarray(node * size, (node + 1) * size), node * wider)
    this.#nodes = nodes
    this.#width = width
    this.#path = new Int32Array(width)
  }
}

function isAbsent(value: string | undefined): boolean {
  return value === undefined || value === ''
}

/** By an eighth: nodes are most of what is taken. */
function grown(nodes: Int32Array, least: number, size: number): Int32Array<ArrayBuffer> {
  const more = new Int32Array(Math.max(least, Math.ceil((nodes.length * 1.125) / size) * size))
  more.set(nodes)
  return more
}

function mixed(hash: number, number: number): number {
  const next = Math.imul(hash ^ number, 0x9e3779b1)
  return next ^ (next >>> 15)
}

/** So that the lower bits know of the upper ones. */
function spread(hash: number): number {
  const next = Math.imul(hash, 0x2c1b3c6d)
  return next ^ (next >>> 13)
}
