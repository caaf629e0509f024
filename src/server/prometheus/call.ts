/** What a handler of Prometheus' API is given, and how its work is bounded in time and number. */
import type { QueryOrigin } from '#core'
import { DeadlineError } from '../http/api-error.ts'
import { deadline } from '../http/deadline.ts'
import type { Gate } from '../http/gate.ts'
import type { Outgoing } from '../http/outgoing.ts'
import type { Params } from '../http/params.ts'
import type { ServerDeps } from '../types.ts'
import type { Answer } from './render.ts'

export type Context = {
  readonly deps: ServerDeps
  readonly gate: Gate
  readonly outgoing: Outgoing
  readonly externalUrl: () => string
  readonly ownPort: () => number
}

export type Call = Context & {
  readonly params: Params
  /** The `:name` in the path, decoded; '' where there is none. */
  readonly name: string
  /** Who calls. */
  readonly from: NonNullable<QueryOrigin['httpRequest']>
  /** Aborts when the caller goes or the server stops. */
  readonly signal: AbortSignal
}

export type Handler = (call: Call) => Answer | Promise<Answer>

/**
 * Runs `work` in a place of the gate, with a signal that also aborts after the smaller of the server's own timeout and what is
 * `asked`, in milliseconds. The time spent waiting in line counts.
 */
export async function bounded<T>(
  { deps, gate, signal }: Call,
  work: (signal: AbortSignal) => Promise<T>,
  asked: number = Number.POSITIVE_INFINITY,
): Promise<T> {
  // A timer would need a turn of the loop to notice, and a quick query would be answered first.
  if (asked <= 0) throw new DeadlineError(`no answer within ${asked} ms`)
  using limit = deadline(deps.clock, Math.min(asked, deps.limits.queryTimeoutMs), signal)
  using _place = await gate.enter(limit.signal)
  try {
    return await work(limit.signal)
  } catch (thrown) {
    // An engine may wrap or replace the reason; who aborted is what the caller is told.
    if (limit.signal.aborted) throw limit.signal.reason
    throw thrown
  }
}
