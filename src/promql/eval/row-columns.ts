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
  /** Columns that may still come. */
  #left: number

  /** `columns`: so many at most. */
  constructor(steps: number, columns: number) {
    this.#steps = steps
    this.#left = columns
  }

  /** A copy of a row. */
  keep(row: Float64Array): Float64Array {
    const values = this.take()
    if (this.#steps > FEW) values.set(row)
    else for (let step = 0; step < values.length; step++) values[step] = row[step]!
    return values
  }

  /** A column of zeros. */
  take(): Float64Array {
    const steps = this.#steps
    if (steps <= FEW) return new Float64Array(steps)
    if (this.#used + steps > this.#room.length) {
      const columns = Math.min(this.#left, Math.floor(MOST / steps))
      this.#room = new Float64Array(Math.max(columns, 1) * steps)
      this.#used = 0
    }
    const values = this.#room.subarray(this.#used, this.#used + steps)
    this.#used += steps
    this.#left--
    return values
  }
}

/** The columns of all rows; `undefined` where the slow path has to be taken. */
export async function columnsOf(
  rows: RowSource,
  dropName: boolean,
  { count: steps }: Frame,
): Promise<readonly Column[] | undefined> {
  const room = new ValuesRoom(steps, rows.set.count)
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
