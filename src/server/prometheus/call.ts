/** What a handler of Prometheus' API is given, and how its work is bounded in time and number. */
import type { QueryOrigin } from '#core'
import { DeadlineError } from '../http/api-error.ts'
import type { Caller, Waiting } from '../http/callers.ts'
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
  /** Who waits for the answer, until he goes or the server stops. */
  readonly caller: Caller
}

export type Handler = (call: Call) => Answer | Promise<Answer>

/**
 * Runs `work` in a place of the gate, as long as somebody waits, and no longer than the smaller of the server's own timeout and what
 * is `asked`, in milliseconds. The time spent waiting in line counts.
 */
export async function bounded<T>(
  { deps, gate, caller }: Call,
  work: (waiting: Waiting) => Promise<T>,
  asked: number = Number.POSITIVE_INFINITY,
): Promise<T> {
  // A timer would need a turn of the loop to notice, and a quick query would be answered first.
  if (asked <= 0) throw new DeadlineError(`no answer within ${asked} ms`)
  using _limit = caller.limited(Math.min(asked, deps.limits.queryTimeoutMs))
  // A signal is made for those who wait.
  using _place = gate.tryEnter() ?? (await gate.enter(caller.signal))
  try {
    return await work(caller)
  } catch (thrown) {
    // An engine may wrap or replace the reason; who aborted is what the caller is told.
    caller.throwIfAborted()
    throw thrown
  }
}
