/**
 * Room for the columns that a querier hands out: cut from large arrays, one behind the other.
 *
 * Nobody knows how many samples of a span there are before they are read, only a bound; what was not used goes to the next. One pair of
 * arrays a series made the collector take a third of a query's time: memory outside the heap is asked for and given back one by one.
 */
const FIRST = 2048
const MOST = 64 * 1024

export class ColumnRoom {
  #timestamps: Float64Array = new Float64Array(0)
  #values: Float64Array = new Float64Array(0)
  #used = 0

  /** Columns with room for `count` entries; they hold whatever they hold. */
  take(count: number): { readonly timestamps: Float64Array; readonly values: Float64Array } {
    if (this.#used + count > this.#values.length) {
      const size = Math.max(count, Math.min(MOST, Math.max(FIRST, this.#values.length * 2)))
      this.#timestamps = new Float64Array(size)
      this.#values = new Float64Array(size)
      this.#used = 0
    }
    const from = this.#used
    return {
      timestamps: this.#timestamps.subarray(from, from + count),
      values: this.#values.subarray(from, from + count),
    }
  }

  /** The first `count` entries of the last `take` stay; those behind are taken again. */
  keep(count: number): void {
    this.#used += count
  }
}
