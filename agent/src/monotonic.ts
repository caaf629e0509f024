/** The clock of durations. */
import { performance } from 'node:perf_hooks'

const inherited: unknown = Reflect.get(Object.getPrototypeOf(performance) as object, 'now')

/**
 * Milliseconds that never go back. Of the prototype: applications and their tests that put another clock into `performance.now` do not turn
 * ours, whenever they do.
 */
export const monotonicMs: () => number = (typeof inherited === 'function' ? inherited : performance.now).bind(
  performance,
) as () => number
