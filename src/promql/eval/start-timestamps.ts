/**
 * What start timestamps say of a counter: whether it began anew between two samples.
 *
 * - A start at or after its own sample says nothing: it is unknown (OpenTelemetry writes it so) or wrong.
 * - A start at the sample before is a reset only when that one's own start was known: so deltas are told from counters whose
 *   start is not known.
 *
 * Source: prometheus: promql/functions.go (`isStartTimestampReset`, `checkStartTimeOverlap`).
 */

/** Whether the counter was reset between sample `at - 1` and sample `at`. 0 is an unknown start. */
export function startsAnew(starts: Float64Array | undefined, timestamps: Float64Array, at: number): boolean {
  return (
    starts !== undefined && at > 0 && isStartReset(starts[at - 1]!, timestamps[at - 1]!, starts[at]!, timestamps[at]!)
  )
}

/** As `startsAnew`, of two samples by their starts and instants. */
export function isStartReset(previousStart: number, previousMs: number, start: number, ms: number): boolean {
  if (start === 0 || start >= ms || start < previousMs) return false
  if (start > previousMs) return true
  return previousStart !== 0 && previousStart < previousMs
}

/** Whether sample `at` claims to have begun before the sample in front of it, and not with it: something is wrong with the source. */
export function overlapsStart(starts: Float64Array | undefined, timestamps: Float64Array, at: number): boolean {
  if (starts === undefined || at < 1) return false
  const start = starts[at]!
  return start !== 0 && start < timestamps[at - 1]! && start !== starts[at - 1]
}
