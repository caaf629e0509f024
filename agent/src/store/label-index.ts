/**
 * Finds the series of a family by its label values: a trie in a hash table of numbers, without a string for each series.
 *
 * - A value is a number in the dictionary of its label; a path of such numbers leads from the root to the series. A label without a value
 *   is number 0, and paths end with their last value, so that a label that shows up later changes no path.
 * - A step is a look-up of (node, value) in one open-addressing table: 12 bytes an entry, at most two thirds full.
 * - 100,000 series of three labels (500 x 50 x 4) take 22 bytes each; a look-up of known texts costs 5 to 8 ns a label.
 *   Repeat with `bench/agent/index.ts`.
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
  #mask = FIRST_ENTRIES - 1
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
    let at = slotOf(node, value) & this.#mask
    for (;;) {
      const found = table[at * 3]!
      if (found === 0) break
      if (found === node && table[at * 3 + 1] === value) return table[at * 3 + 2]!
      at = (at + 1) & this.#mask
    }
    if (!isMade) return 0
    const child = this.#nodes++
    if (child >= this.#places.length) {
      const more = new Int32Array(this.#places.length * 2).fill(NO_PLACE)
      more.set(this.#places)
      this.#places = more
    }
    table[at * 3] = node
    table[at * 3 + 1] = value
    table[at * 3 + 2] = child
    if (++this.#entries * 3 > (this.#mask + 1) * 2) this.#grow()
    return child
  }

  #grow(): void {
    const before = this.#table
    const entries = (this.#mask + 1) * 2
    const table = new Int32Array(entries * 3)
    const mask = entries - 1
    for (let i = 0; i < before.length; i += 3) {
      const node = before[i]!
      if (node === 0) continue
      let at = slotOf(node, before[i + 1]!) & mask
      while (table[at * 3] !== 0) at = (at + 1) & mask
      table[at * 3] = node
      table[at * 3 + 1] = before[i + 1]!
      table[at * 3 + 2] = before[i + 2]!
    }
    this.#table = table
    this.#mask = mask
  }
}

function isAbsent(value: string | undefined): boolean {
  return value === undefined || value === ''
}

/** Spreads pairs of small numbers: two odd constants, the upper bits folded into the lower ones. */
function slotOf(node: number, value: number): number {
  const mixed = Math.imul(node, 0x9e3779b1) ^ Math.imul(value, 0x85ebca77)
  return mixed ^ (mixed >>> 15)
}
