/**
 * Rows kept as columns, for whatever is no aggregation.
 *
 * - Values are cut from large arrays, and series that have results at the same steps share what says so: typed arrays of their own took the
 *   collector longer than reading the samples (10,000 series of an hour in 61 steps: 60 µs a series so, 20 now; `bench/queries.ts`).
 */
import type { Labels } from '#core'
import type { Column, Frame } from './column.ts'
import type { RowSource } from './series-rows.ts'

const MOST = 32 * 1024
/** Values that are not worth being cut from something larger: they lie beside their object. */
const FEW = 8

/** Room for columns of one length. */
export class ValuesRoom {
  readonly #steps: number
  #room: Float64Array = new Float64Array(0)
  #used = 0
  #size: number

  constructor(steps: number) {
    this.#steps = steps
    this.#size = steps
  }

  /** A copy of a row. */
  keep(row: Float64Array): Float64Array {
    const steps = this.#steps
    if (steps <= FEW) {
      const values = new Float64Array(steps)
      for (let step = 0; step < steps; step++) values[step] = row[step]!
      return values
    }
    if (this.#used + steps > this.#room.length) {
      // Grows with what there is, as nobody knows how many will come.
      this.#room = new Float64Array(this.#size)
      this.#size = Math.max(steps, Math.min(this.#size * 2, Math.floor(MOST / steps) * steps))
      this.#used = 0
    }
    const values = this.#room.subarray(this.#used, this.#used + steps)
    values.set(row)
    this.#used += steps
    return values
  }
}

/** The columns of all rows; `undefined` where the slow path has to be taken. */
export async function columnsOf(
  rows: RowSource,
  dropName: boolean,
  { count: steps }: Frame,
): Promise<readonly Column[] | undefined> {
  const room = new ValuesRoom(steps)
  const columns: Column[] = []
  const isDone = await rows.each((series, values, kinds) => {
    columns.push({
      labels: rows.set.labels(series),
      dropName,
      values: room.keep(values),
      kinds: rows.isKept(kinds) ? kinds : kinds.slice(),
    })
  })
  return isDone ? columns : undefined
}

/** The names of columns, one for each run of the same. */
export function* namesOf(columns: readonly Column[]): Generator<Labels, void, undefined> {
  let last: string | undefined
  for (const { labels } of columns) {
    const { name } = labels
    if (name === last) continue
    last = name
    yield labels
  }
}
