/**
 * What a reader is told of counter resets between two histograms of one series, as Prometheus' storage tells it.
 *
 * - A gauge stays a gauge, and a reset that the writer stated is believed.
 * - Behind a float, a gauge or nothing, nothing is known.
 * - A count that fell, a bucket that went away, other custom bounds: a reset. Another resolution alone: nothing is known.
 *
 * Source: the rules of `appendable` in prometheus: tsdb/chunkenc/float_histogram.go and `counterResetHint` beside it.
 */
import { type Buckets, CUSTOM_SCHEMA, type NativeHistogram, type ResetHint } from '#core'

/** `before`: the histogram just before in the series; `undefined` when there is none or it is a float or a stale marker. */
export function settleHint(before: NativeHistogram | undefined, next: NativeHistogram): ResetHint {
  if (next.resetHint === 'gauge' || next.resetHint === 'reset') return next.resetHint
  if (before === undefined || before.resetHint === 'gauge') return 'unknown'
  if (next.count < before.count) return 'reset'
  if (next.schema !== before.schema || next.zeroThreshold !== before.zeroThreshold) return 'unknown'
  if (next.schema === CUSTOM_SCHEMA && !sameBounds(before.customBounds, next.customBounds)) return 'reset'
  if (next.zeroCount < before.zeroCount) return 'reset'
  return fell(before.positive, next.positive) || fell(before.negative, next.negative) ? 'reset' : 'none'
}

function sameBounds(a: Float64Array, b: Float64Array): boolean {
  return a.length === b.length && a.every((bound, i) => bound === b[i])
}

/** True when a bucket holds less than before, or is gone. An empty one may go. */
function fell(before: Buckets, next: Buckets): boolean {
  let j = 0
  for (let i = 0; i < before.indices.length; i++) {
    const count = before.counts[i]!
    while (j < next.indices.length && next.indices[j]! < before.indices[i]!) j++
    const now = next.indices[j] === before.indices[i] ? next.counts[j]! : 0
    if (now < count) return true
  }
  return false
}
