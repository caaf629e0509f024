/**
 * Finds the series of a family by its label values: a trie in a hash table of numbers, without a string for each series.
 *
 * - A value is a number in the dictionary of its label; a path of such numbers leads from the root to the series. A label without a value
 *   is number 0, and paths end with their last value, so that a label that shows up later changes no path.
 * - A step is a look-up of (node, value) in one open-addressing table: 12 bytes an entry. It grows by a quarter when it is 5/6 full, so that
 *   a series takes some 20 bytes of it, whatever their number.
 */
import { wellFormed } from './label-text.ts'

export type LabelValues = readonly (string | undefined)[]

const ROOT = 1
const FIRST_ENTRIES = 16
export const NO_PLACE = -1

export class LabelIndex {
  readonly #values: Map<string, number>[] = []
  /** (node, value, child): node 0 is an empty entry. */
  #table = new Int32Array(FIRST_ENTRIES * 3)
  #size = FIRST_ENTRIES
  #entries = 0
  /** By node. */
  #places = new Int32Array(FIRST_ENTRIES).fill(NO_PLACE)
  #nodes = ROOT + 1

  /** How many paths there are, gone ones too: what its memory goes by. */
  get nodes(): number {
    return this.#nodes
  }

  /** The node of these values; 0 when it is not known and `isMade` is not set. Values beyond the last one given are absent. */
  node(values: LabelValues, isMade: boolean): number {
    let count = values.length
    while (count > 0 && isAbsent(values[count - 1])) count--
    let node = ROOT
    for (let i = 0; i < count; i++) {
      const number = this.#numberOf(i, values[i], isMade)
      if (number < 0) return 0
      node = this.#step(node, number, isMade)
      if (node === 0) return 0
    }
    return node
  }

  placeAt(node: number): number {
    return node === 0 ? NO_PLACE : this.#places[node]!
  }

  setPlace(node: number, place: number): void {
    this.#places[node] = place
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

  #step(node: number, value: number, isMade: boolean): number {
    const table = this.#table
    const size = this.#size
    let at = slotOf(node, value, size)
    for (;;) {
      const found = table[at * 3]!
      if (found === 0) break
      if (found === node && table[at * 3 + 1] === value) return table[at * 3 + 2]!
      if (++at === size) at = 0
    }
    if (!isMade) return 0
    const child = this.#nodes++
    if (child >= this.#places.length) {
      const more = new Int32Array(Math.ceil(this.#places.length * 1.25)).fill(NO_PLACE)
      more.set(this.#places)
      this.#places = more
    }
    table[at * 3] = node
    table[at * 3 + 1] = value
    table[at * 3 + 2] = child
    if (++this.#entries * 6 > size * 5) this.#grow()
    return child
  }

  #grow(): void {
    const before = this.#table
    const size = Math.ceil(this.#size * 1.25)
    const table = new Int32Array(size * 3)
    for (let i = 0; i < before.length; i += 3) {
      const node = before[i]!
      if (node === 0) continue
      let at = slotOf(node, before[i + 1]!, size)
      while (table[at * 3] !== 0) if (++at === size) at = 0
      table[at * 3] = node
      table[at * 3 + 1] = before[i + 1]!
      table[at * 3 + 2] = before[i + 2]!
    }
    this.#table = table
    this.#size = size
  }
}

function isAbsent(value: string | undefined): boolean {
  return value === undefined || value === ''
}

/** Spreads pairs of small numbers over a table of any size: mixed by odd constants, then scaled. */
function slotOf(node: number, value: number, size: number): number {
  const mixed = Math.imul(node, 0x9e3779b1) + Math.imul(value, 0x85ebca77)
  const spread = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d)
  return Math.floor(((spread ^ (spread >>> 13)) >>> 0) * (size / 4_294_967_296))
}
