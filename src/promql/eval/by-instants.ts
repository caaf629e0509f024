/**
 * What follows from the instants of a series alone, worked out once for all series that share them: what one scrape brings has one instant,
 * so a target of 500 series has one column of them.
 *
 * - Columns are compared entry by entry, a nanosecond each; the one before is tried first, as series are ordered by labels.
 * - Bounded: what is known is forgotten when it takes more than MAX_SLOTS numbers. Whoever counts uses is told before.
 * - What is known lies in a room that is used again: it is good until the next series is asked for, and nothing is good behind its end.
 */
import { giveNumbersBack, type NumbersRoom, takeNumbers } from './numbers-room.ts'

const MAX_SLOTS = 2_000_000
const MAX_ENTRIES = 1024

export type OfInstants = { readonly timestamps: Float64Array; readonly count: number; uses: number }

export class ByInstants<T extends OfInstants> {
  readonly #make: (timestamps: Float64Array, count: number, room: NumbersRoom) => T
  readonly #leave: (known: T) => void
  readonly #slotsEach: number
  readonly #known = new Map<number, T>()
  readonly #room = takeNumbers()
  #last: T | undefined
  #slots = 0

  /** `slotsEach`: numbers that one takes beside its instants. `leave` is told of each in the end, and of those that are forgotten before. */
  constructor(
    make: (timestamps: Float64Array, count: number, room: NumbersRoom) => T,
    leave: (known: T) => void,
    slotsEach: number,
  ) {
    this.#make = make
    this.#leave = leave
    this.#slotsEach = slotsEach
  }

  /** At least one instant. The column may be used again. */
  of(timestamps: Float64Array, count: number): T {
    const last = this.#last
    if (last !== undefined && isSame(last, timestamps, count)) return last
    const key = timestamps[0]!
    let found = this.#known.get(key)
    if (found === undefined || !isSame(found, timestamps, count)) {
      if (this.#slots > MAX_SLOTS || this.#known.size >= MAX_ENTRIES) this.#leaveAll()
      else if (found !== undefined) this.#leave(found)
      const own = this.#room.floats(count)
      for (let i = 0; i < count; i++) own[i] = timestamps[i]!
      found = this.#make(own, count, this.#room)
      this.#slots += count + this.#slotsEach
      this.#known.set(key, found)
    }
    this.#last = found
    return found
  }

  /** Nothing that was found is good any more, and nothing is asked for. Where an error comes before, the collector takes the room. */
  end(): void {
    this.#leaveAll()
    giveNumbersBack(this.#room)
  }

  #leaveAll(): void {
    for (const one of this.#known.values()) this.#leave(one)
    this.#known.clear()
    this.#last = undefined
    this.#slots = 0
    this.#room.clear()
  }
}

function isSame({ timestamps, count }: OfInstants, others: Float64Array, size: number): boolean {
  if (count !== size) return false
  for (let i = 0; i < size; i++) if (timestamps[i] !== others[i]) return false
  return true
}
