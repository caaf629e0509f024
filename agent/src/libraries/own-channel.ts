/**
 * A library that publishes its own tracing channel measures itself: then the agent counts from the channel, and from nothing else.
 *
 * - `start` marks the beginning; whichever of `error` and `asyncEnd` comes first is the end, once.
 * - The library's own context object carries the time, under a symbol: nothing is kept here that could leak, whatever never ends.
 * - `publishing` tells a patch of the same library that it has to stand aside: from the first `start` on, for ever.
 */
import type { Guard } from '../guard.ts'
import { monotonicMs } from '../monotonic.ts'

const STARTED: unique symbol = Symbol('assay.started')
type Context = { [STARTED]?: number; readonly error?: unknown }

export type OwnChannel = {
  /** Whether the library has published anything yet. */
  readonly publishing: boolean
}

export type Ended = (context: unknown, seconds: number, error: unknown) => void

/** Listens to `tracing:<name>:*`. `part` is the agent's name for the library. */
export function ownChannel(guard: Guard, name: string, part: string, ended: Ended): OwnChannel {
  const state = { publishing: false }
  const end = (context: Context, error: unknown): void => {
    const startedAt = context[STARTED]
    if (startedAt === undefined || startedAt < 0) return
    context[STARTED] = -1
    ended(context, Math.max(0, monotonicMs() - startedAt) / 1_000, error)
  }
  guard.on<Context>(`tracing:${name}:start`, part, (context) => {
    state.publishing = true
    context[STARTED] = monotonicMs()
  })
  guard.on<Context>(`tracing:${name}:asyncEnd`, part, (context) => end(context, undefined))
  guard.on<Context>(`tracing:${name}:error`, part, (context) => end(context, context.error ?? 'unknown'))
  return state
}
