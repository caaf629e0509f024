/**
 * What one request holds, as the decoders fill it and the store is given it.
 *
 * - Rows in the order they came; each is a run of the columns, which stand without gaps. A row is a known series, of which only the number
 *   of its entry is told, or an odd one: a series that came for the first time, or with more than floats.
 * - No object is made for a row of a known series. Used again from request to request; what one request made large is given back.
 */
import type { Metadata } from '#storage'
import { Faults } from './faults.ts'
import { FloatColumns } from './float-columns.ts'
import type { WriteRequest, WriteSeries } from './types.ts'
import { Budget, WRITE_LIMITS, type WriteLimits } from './write-limits.ts'

export type OddSeries = {
  readonly series: WriteSeries
  /** Its entry among the known series; 0: it has none. */
  readonly entry: number
}

const FIRST_ROWS = 1024
/** What a request of more samples or series took is not kept for the next one: 3 MiB at most are. */
const KEPT = 100_000

export class Decoded {
  columns = new FloatColumns()
  faults = new Faults()
  budget = new Budget()
  readonly odd: OddSeries[] = []
  readonly metadata: (Metadata & { readonly family: string })[] = []
  /** Samples and histograms of series that came without type, help and unit. Counted in 2.0 alone. */
  withoutMetadata = 0
  rows = 0
  /** Per row: the entry of a known series, or -1 - the place of an odd one. */
  #what = new Int32Array(FIRST_ROWS)
  /** Per row: the end of its run in the columns. */
  #end = new Int32Array(FIRST_ROWS)

  /** Forgets the request before. */
  begin(limits: WriteLimits = WRITE_LIMITS): void {
    if (this.columns.values.length > KEPT) this.columns = new FloatColumns()
    if (this.#what.length > KEPT) {
      this.#what = new Int32Array(FIRST_ROWS)
      this.#end = new Int32Array(FIRST_ROWS)
    }
    this.columns.count = 0
    this.columns.starts = undefined
    this.faults = new Faults()
    this.budget = new Budget(limits)
    this.odd.length = 0
    this.metadata.length = 0
    this.withoutMetadata = 0
    this.rows = 0
  }

  /** A row of floats alone, up to the end of the columns. */
  addKnown(entry: number): void {
    this.#add(entry)
  }

  addOdd(series: WriteSeries, entry: number): void {
    this.#add(-this.odd.push({ series, entry }))
  }

  /** The entry of a row, or 0 where it is odd. */
  entryOf(row: number): number {
    return Math.max(0, this.#what[row]!)
  }

  oddOf(row: number): OddSeries {
    return this.odd[-1 - this.#what[row]!]!
  }

  /** The end of a row's run; it begins where the one before ends. */
  endOf(row: number): number {
    return this.#end[row]!
  }

  /** As one value, when all rows are odd: no series was known. */
  asRequest(): WriteRequest {
    const { timestamps, values, starts } = this.columns
    return {
      series: this.odd.map(({ series }) => series),
      timestamps,
      values,
      starts,
      metadata: this.metadata,
      faults: this.faults.list(),
      withoutMetadata: this.withoutMetadata,
    }
  }

  #add(what: number): void {
    if (this.rows === this.#what.length) {
      const larger = new Int32Array(this.rows * 2)
      larger.set(this.#what)
      this.#what = larger
      const ends = new Int32Array(this.rows * 2)
      ends.set(this.#end)
      this.#end = ends
    }
    this.#what[this.rows] = what
    this.#end[this.rows++] = this.columns.count
  }
}
