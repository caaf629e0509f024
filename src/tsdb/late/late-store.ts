/**
 * Late samples on their way: those that came before their series' last one, or before the instant the head takes from. They wait here
 * until they are written into a block of their own.
 *
 * - New ones go into the active table. What is to be written is frozen: split off, still served, and dropped in the very turn in
 *   which its block serves.
 * - A view is the tables of its moment and the number of the last commit: what comes later it does not see.
 * - Bounded: `isDue` from a limit on, `isFull` at four times that (10,000 samples at least), where further ones are refused.
 */
import type { Labels, Matcher } from '#core'
import type { Accepted } from '../accepted.ts'
import type { Part } from '../columns/part.ts'
import { LateTable, MAX_SERIES_SAMPLES } from './late-table.ts'

export type LateView = { readonly tables: readonly LateTable[]; readonly commit: number }

export type Frozen = {
  readonly table: LateTable
  /** Late samples before this are in `table` or in blocks; those from here on may wait still. */
  readonly before: number
  /** The last segment of the log that can hold one of `table`'s. */
  readonly through: number
}

/** Beyond this they are written into a block: about a million samples, or what their histograms take. */
const MAX_SAMPLES = 1_000_000
const MAX_BYTES = 256 * 1024 * 1024

export type LateLimits = { readonly samples?: number | undefined; readonly bytes?: number | undefined }

export class LateStore {
  readonly #maxSamples: number
  readonly #maxBytes: number
  #active = new LateTable()
  #frozen: Frozen | undefined
  #commit = 0

  constructor({ samples = MAX_SAMPLES, bytes = MAX_BYTES }: LateLimits = {}) {
    this.#maxSamples = samples
    this.#maxBytes = bytes
  }

  get samples(): number {
    return this.#active.samples + (this.#frozen?.table.samples ?? 0)
  }

  get sizeBytes(): number {
    return this.#active.sizeBytes + (this.#frozen?.table.sizeBytes ?? 0)
  }

  get minTime(): number {
    return Math.min(this.#active.minTime, this.#frozen?.table.minTime ?? Infinity)
  }

  get maxTime(): number {
    return Math.max(this.#active.maxTime, this.#frozen?.table.maxTime ?? -Infinity)
  }

  /** True when some were frozen that are not yet in a block. */
  get isFrozen(): boolean {
    return this.#frozen !== undefined
  }

  /** True when a block of them is to be written. */
  get isDue(): boolean {
    const { samples, sizeBytes, longest } = this.#active
    return samples > this.#maxSamples || sizeBytes > this.#maxBytes || longest > MAX_SERIES_SAMPLES
  }

  /** True when no more fit in memory until a block was written. */
  get isFull(): boolean {
    return this.#active.samples > Math.max(4 * this.#maxSamples, 10_000) || this.#active.sizeBytes > 4 * this.#maxBytes
  }

  /** Takes what was checked: entries of one series stand together, ascending. */
  apply(accepted: Accepted, labelsOf: (slot: number) => Labels): void {
    const commit = ++this.#commit
    const { slots, count } = accepted
    for (let from = 0; from < count; ) {
      let to = from + 1
      while (to < count && slots[to] === slots[from]) to++
      this.#active.add(labelsOf(slots[from]!), accepted, { from, to, commit })
      from = to
    }
  }

  /** All late samples of a series within [low, high]. */
  find(labels: Labels, low: number, high: number): readonly Part[] {
    const span = { commit: Infinity, low, high }
    return [this.#frozen?.table.find(labels, span), this.#active.find(labels, span)].filter(
      (part) => part !== undefined,
    )
  }

  /** Whether a series with samples here matches. */
  matches(matchers: readonly Matcher[]): boolean {
    return this.view().tables.some((table) => table.matches(matchers))
  }

  view(): LateView {
    const tables = this.#frozen === undefined ? [this.#active] : [this.#frozen.table, this.#active]
    return { tables: tables.filter(({ samples }) => samples > 0), commit: this.#commit }
  }

  /** Splits off what lies before `time`, ending the segment of the log; or gives again what was frozen and not dropped. */
  freeze(time: number, cutLog: () => number): Frozen {
    if (this.#frozen !== undefined) return this.#frozen
    const { before, rest } = this.#active.split(time)
    this.#active = rest
    this.#frozen = { table: before, before: time, through: cutLog() }
    return this.#frozen
  }

  /** What was frozen is in a block that serves. */
  dropFrozen(): void {
    this.#frozen = undefined
  }
}
