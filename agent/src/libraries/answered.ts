/** Watching a method's answer, by promise or callback, without the caller seeing a difference. */
import { peek } from './require-hook.ts'

export type Method = (this: object, ...given: unknown[]) => unknown
/** Told once of what came of something: an error, or undefined. */
export type Done = (error: unknown) => void

/** Calls a method and has `done` told when its answer is there; what the caller gets is what it would have got. */
export function answered(self: object, original: Method, given: unknown[], done: Done): unknown {
  let at = given.length - 1
  while (at >= 0 && typeof given[at] !== 'function') at--
  if (at >= 0) {
    const callback = given[at] as (...answer: unknown[]) => unknown
    const wrapped = function (this: unknown, ...answer: unknown[]): unknown {
      done(answer[0])
      return callback.apply(this, answer)
    }
    const changed = given.slice()
    changed[at] = wrapped
    return original.apply(self, changed)
  }
  const answer = original.apply(self, given)
  const then: unknown = peek(answer, 'then')
  if (typeof then !== 'function') return answer
  // The derived promise is what the caller gets, so that a rejection it forgets is still reported as unhandled, once.
  return then.call(
    answer,
    (value: unknown) => {
      done(undefined)
      return value
    },
    (error: unknown) => {
      done(error ?? 'unknown')
      throw error
    },
  )
}
