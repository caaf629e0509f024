/** The clock of durations. */
import { performance } from 'node:perf_hooks'

/** Milliseconds that never go back. Taken once, when the first part needs it: tests that replace the clock later do not turn ours. */
export const monotonicMs: () => number = performance.now.bind(performance)
