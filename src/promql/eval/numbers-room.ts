/**
 * Room for what is worked out by instants (`by-instants.ts`): columns of numbers that nobody keeps when the series of a selector were gone
 * through, and that the next selector uses again.
 *
 * - Columns hold whatever they hold: whoever takes one writes to it before reading.
 * - Typed arrays of their own lie outside the heap, and call the collector early: six hours of forty targets in steps of a minute took 20 KiB a
 *   target and query, and 600 such queries 20 collections of the whole heap; 12 now.
 * - Bounded: MAX_SPARE rooms of MAX_SPARE_BYTES wait for the next in a thread; what is larger goes.
 */
const FIRST_BYTES = 64 * 1024
const MOST_BYTES = 512 * 1024
const MAX_SPARE = 2
const MAX_SPARE_BYTES = 2 * 1024 * 1024

const spare: NumbersRoom[] = []

/** Empty; it may have been another's. */
export function takeNumbers(): NumbersRoom {
  return spare.pop() ?? new NumbersRoom()
}

/** Whoever gives it back uses nothing of it any more. */
export function giveNumbersBack(room: NumbersRoom): void {
  room.clear()
  if (spare.length < MAX_SPARE && room.sizeBytes <= MAX_SPARE_BYTES) spare.push(room)
}

export class NumbersRoom {
  readonly #buffers: ArrayBuffer[] = []
  /** Which of them is cut from, and how much of it is taken. */
  #at = 0
  #used = 0

  get sizeBytes(): number {
    return this.#buffers.reduce((sum, { byteLength }) => sum + byteLength, 0)
  }

  floats(count: number): Float64Array {
    const from = this.#take(count * 8)
    return new Float64Array(this.#buffers[this.#at]!, from, count)
  }

  integers(count: number): Int32Array {
    const from = this.#take(count * 4)
    return new Int32Array(this.#buffers[this.#at]!, from, count)
  }

  /** All columns may be given out again. */
  clear(): void {
    this.#at = 0
    this.#used = 0
  }

  /** Where so many bytes are free in the buffer that is cut from. Doubles begin at multiples of eight. */
  #take(bytes: number): number {
    for (; this.#at < this.#buffers.length; this.#at++, this.#used = 0) {
      const from = this.#used
      if (from + bytes > this.#buffers[this.#at]!.byteLength) continue
      this.#used = Math.ceil((from + bytes) / 8) * 8
      return from
    }
    const last = this.#buffers.at(-1)?.byteLength ?? FIRST_BYTES / 2
    this.#buffers.push(new ArrayBuffer(Math.max(bytes, Math.min(last * 2, MOST_BYTES))))
    this.#used = Math.ceil(bytes / 8) * 8
    return 0
  }
}
