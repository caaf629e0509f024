/**
 * Answers that are made while they are sent, because they are too long to be held as text.
 *
 * - What is held until they are sent is counted in points, and bounded over all readers together: one that reads slowly must not cost the
 *   memory that others need. A single answer is always sent.
 * - A reader that takes nothing for `STALL_MS` is left (`reply.raw.setTimeout`).
 */
import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'
import { ApiError } from './api-error.ts'

/** For answers of every length: how long a reader may take nothing of what waits for it. */
export const STALL_MS = 60_000

export type Made = { readonly points: number; readonly pieces: () => Iterable<string> }

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

  /** The body of an answer. Throws `unavailable` when too much waits for other readers. */
  send(reply: FastifyReply, { points, pieces }: Made): FastifyReply {
    if (this.#answers > 0 && this.#points + points > this.#maxPoints) {
      this.#refused++
      throw new ApiError(
        'unavailable',
        `${this.#answers} answers with ${this.#points.toLocaleString('en-US')} points wait for their readers; try again later, or ask for less`,
      )
    }
    this.#points += points
    this.#answers++
    reply.raw.once('close', () => {
      this.#points -= points
      this.#answers--
    })
    return reply.type('application/json').send(Readable.from(fairly(pieces()), { objectMode: false }))
  }
}

/** Others have their turn between two pieces. */
async function* fairly(pieces: Iterable<string>): AsyncIterable<Buffer> {
  for (const piece of pieces) {
    if (piece !== '') yield Buffer.from(piece)
    await nextTurn()
  }
}
