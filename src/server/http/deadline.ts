/** The signal of one request: it aborts when the deadline passes, when the caller goes, or when the server stops. */
import type { Clock } from '#core'
import { DeadlineError } from './api-error.ts'

/** One for all: the reason that is made where none is given notes where it was made, a tenth of a small request's cost. */
const DONE = new Error('the work is done')

/** Dispose it when the work is done: the timer goes with it. */
export function deadline(
  clock: Clock,
  timeoutMs: number,
  parent: AbortSignal,
): { readonly signal: AbortSignal } & Disposable {
  const done = new AbortController()
  const late = new AbortController()
  void clock.sleep(timeoutMs, done.signal).then(() => {
    if (!done.signal.aborted) late.abort(new DeadlineError(`no answer within ${timeoutMs} ms`))
  })
  return { signal: AbortSignal.any([parent, late.signal]), [Symbol.dispose]: () => done.abort(DONE) }
}
