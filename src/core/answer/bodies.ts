/**
 * A question that is answered with a body: evaluated and written in one place, which may be another thread.
 */
import type { Clock } from '../clock.ts'
import type { Instant, QueryFn, QueryStats, Range } from '../query.ts'
import type { Piece } from './json-bytes.ts'
import { type Body, renderAnswer } from './render-answer.ts'
import { renderStats } from './render-stats.ts'

/** How an answer is to be written. */
export type Writing = {
  /** Most series or samples that are shown; absent: all. */
  readonly limit?: number
  /** What it took is told. */
  readonly withStats?: boolean
  /** Warnings besides those of the answer. */
  readonly warnings?: readonly string[]
}

/** A body whose pieces come as they are made, here or elsewhere. Whoever leaves them unread returns their iterator. */
export type AnyBody = Omit<Body, 'pieces'> & {
  readonly pieces: () => Iterable<Piece> | AsyncIterable<Piece>
  /** Nobody else has these pieces: who has sent one may give its memory back (`giveBack`). */
  readonly isAlone?: boolean
}

/**
 * Gives the memory of pieces back at once. The collector counts what it holds of them as its own: where answers of 14 MB came from
 * another thread, it went through the whole heap for each, 10 ms of this thread and 30 of its helpers.
 */
export function giveBack(pieces: readonly Piece[]): void {
  for (const { buffer } of pieces) if (!buffer.detached) buffer.transfer(0)
}

/** Rejects as a `QueryFn` does. `stats`: what was looked at, where it is counted. */
export type BodyFn = (
  promql: string,
  when: Instant | Range,
  writing: Writing,
  signal?: AbortSignal,
) => Promise<AnyBody & { readonly stats?: QueryStats }>

/** Asks `query` and writes what it says. Pieces are made when they are asked for. */
export function bodiesOf(
  query: QueryFn,
  clock: Pick<Clock, 'monotonicMs'>,
): (...question: Parameters<BodyFn>) => Promise<Body & { readonly stats?: QueryStats }> {
  return async (promql, when, { limit, withStats = false, warnings = [] }, signal) => {
    const began = clock.monotonicMs()
    const answer = await query(promql, when, signal)
    const { stats } = answer
    const times = { queuedMs: when.origin?.queuedMs ?? 0, evaluatedMs: clock.monotonicMs() - began }
    const body = renderAnswer(answer, {
      ...(limit === undefined ? {} : { limit }),
      ...(withStats ? { stats: renderStats(times, stats) } : {}),
      warnings,
    })
    return stats === undefined ? body : { ...body, stats }
  }
}
