/**
 * Columns that one series after the other is read into. Memory of its own for each series made the collector and the page faults cost more
 * half as much again as decoding: 45 ns a sample instead of 31 (4,320 series of an hour at 15 s from the head, a busy machine; `bench/queries.ts`
 * shows what is left of it).
 */
import type { Samples } from '#storage'
import { ExtraColumns } from '../columns/extra-columns.ts'

const FIRST = 512
/** Rooms that are kept for the next querier, and how large they may be. */
const MAX_SPARE = 4
const MAX_SPARE_SAMPLES = 32 * 1024

const spare: ReadRoom[] = []

/** A room, which may have been another's. */
export function takeRoom(): ReadRoom {
  return spare.pop() ?? new ReadRoom()
}

/** Whoever gives it back does not read any more. */
export function giveRoomBack(room: ReadRoom): void {
  if (spare.length < MAX_SPARE && room.size <= MAX_SPARE_SAMPLES) spare.push(room)
}

export class ReadRoom {
  #timestamps: Float64Array = new Float64Array(FIRST)
  #values: Float64Array = new Float64Array(FIRST)
  #extras = new ExtraColumns(FIRST)

  get size(): number {
    return this.#values.length
  }

  /** Columns with room for `count` entries, which hold whatever they hold; the ones of the last call. */
  take(count: number): {
    readonly timestamps: Float64Array
    readonly values: Float64Array
    readonly extras: ExtraColumns
  } {
    if (count > this.#values.length) {
      const size = Math.max(count, this.#values.length * 2)
      this.#timestamps = new Float64Array(size)
      this.#values = new Float64Array(size)
      this.#extras = new ExtraColumns(size)
    } else if (!this.#extras.isEmpty) this.#extras = new ExtraColumns(this.#values.length)
    return { timestamps: this.#timestamps, values: this.#values, extras: this.#extras }
  }

  /** The first `count` entries, which were read. */
  give(count: number): Samples {
    const columns = { timestamps: this.#timestamps, values: this.#values, count }
    return this.#extras.isEmpty ? columns : { ...columns, ...this.#extras.take(count) }
  }
}
