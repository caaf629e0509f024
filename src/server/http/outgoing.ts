/**
 * Bodies on their way out: short ones are gathered and sent whole, with their length; long ones are made while they are sent, because
 * they are too long to be held as text.
 *
 * - Others have their turn between two pieces.
 * - What is held until long ones are sent is counted in points, and bounded over all readers together: one that reads slowly must not
 *   cost the memory that others need. A single answer is always sent.
 * - A reader that takes nothing for `STALL_MS` is left.
 * - Whoever makes a body is told when nobody reads it to its end, also when nobody has begun: another thread may keep it.
 */
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { AnyBody, Piece } from '#core'
import { ApiError, CallerGoneError } from './api-error.ts'

/** For answers of every length: how long a reader may take nothing of what waits for it. */
export const STALL_MS = 60_000
/** Points of a body that is sent whole: about 5 MB. */
const MOST_AT_ONCE = 200_000

export class Outgoing {
  readonly #maxPoints: number
  #points = 0
  #answers = 0
  #refused = 0

  constructor(maxPoints: number) {
    this.#maxPoints = maxPoints
  }

  get points(): number {
    return this.#points
  }
  get answers(): number {
    return this.#answers
  }
  get refused(): number {
    return this.#refused
  }

  /** All of a short body; a stream of a long one, held until `response` is closed. Throws `unavailable` when too much waits for other readers. */
  take(response: ServerResponse, body: AnyBody): readonly Piece[] | Promise<readonly Piece[]> | Readable {
    const { points } = body
    if (response.destroyed) {
      leave(body)
      throw new CallerGoneError('the caller went before his answer')
    }
    if (points <= MOST_AT_ONCE) return gathered(body)
    if (this.#answers > 0 && this.#points + points > this.#maxPoints) {
      this.#refused++
      leave(body)
      throw new ApiError(
        'unavailable',
        `${this.#answers} answers with ${this.#points.toLocaleString('en-US')} points wait for their readers; try again later, or ask for less`,
      )
    }
    this.#points += points
    this.#answers++
    response.once('close', () => {
      this.#points -= points
      this.#answers--
    })
    return Readable.from(fairly(body), { objectMode: false })
  }
}

/** The bytes of pieces, without a copy where there is one. */
export function joined(pieces: readonly Piece[]): Buffer {
  const [first] = pieces
  if (pieces.length !== 1 || first === undefined) return Buffer.concat(pieces)
  return Buffer.from(first.buffer, first.byteOffset, first.byteLength)
}

/** At once when there is only one: then a turn would cost more than the rest. */
function gathered({ pieces }: AnyBody): readonly Piece[] | Promise<readonly Piece[]> {
  const made = pieces()
  if (Symbol.asyncIterator in made) return Array.fromAsync(made)
  const rest = made[Symbol.iterator]()
  const first = rest.next()
  if (first.done === true) return []
  const second = rest.next()
  return second.done === true ? [first.value] : gatherOn([first.value, second.value], rest)
}

async function gatherOn(pieces: Piece[], rest: Iterator<Piece>): Promise<readonly Piece[]> {
  for (;;) {
    await nextTurn()
    const next = rest.next()
    if (next.done === true) return pieces
    pieces.push(next.value)
  }
}

function leave({ pieces }: AnyBody): void {
  const made = pieces()
  const iterator = Symbol.asyncIterator in made ? made[Symbol.asyncIterator]() : made[Symbol.iterator]()
  void iterator.return?.()
}

/** By hand: a generator that was never begun would not tell the iterator behind it that it ends. */
function fairly({ pieces }: AnyBody): AsyncIterableIterator<Piece> {
  const made = pieces()
  const iterator = Symbol.asyncIterator in made ? made[Symbol.asyncIterator]() : made[Symbol.iterator]()
  const turns: AsyncIterableIterator<Piece> = {
    [Symbol.asyncIterator]: () => turns,
    async next() {
      await nextTurn()
      return iterator.next()
    },
    async return() {
      await iterator.return?.()
      return { done: true, value: undefined }
    },
  }
  return turns
}
