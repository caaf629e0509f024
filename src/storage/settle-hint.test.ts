import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CUSTOM_SCHEMA, type NativeHistogram, type ResetHint } from '#core'
import { settleHint } from './settle-hint.ts'

function histogram(counts: readonly number[], more: Partial<NativeHistogram> = {}): NativeHistogram {
  return {
    schema: 0,
    isInteger: true,
    count: counts.reduce((sum, one) => sum + one, 0),
    sum: 1,
    zeroThreshold: 0,
    zeroCount: 0,
    positive: { indices: Int32Array.from(counts.keys()), counts: Float64Array.from(counts) },
    negative: { indices: new Int32Array(0), counts: new Float64Array(0) },
    customBounds: new Float64Array(0),
    resetHint: 'unknown',
    ...more,
  }
}

const bounds = (...customBounds: readonly number[]) => ({
  schema: CUSTOM_SCHEMA,
  customBounds: Float64Array.from(customBounds),
})

test('what is told of resets is what the storage of Prometheus would find', () => {
  const cases: readonly (readonly [string, NativeHistogram | undefined, NativeHistogram, ResetHint])[] = [
    ['nothing before', undefined, histogram([1]), 'unknown'],
    ['more in every bucket', histogram([1, 2]), histogram([1, 3]), 'none'],
    ['a bucket that was empty goes', histogram([1, 0]), histogram([2]), 'none'],
    ['a lower count', histogram([3]), histogram([2]), 'reset'],
    ['less in one bucket', histogram([3, 1]), histogram([2, 3]), 'reset'],
    ['a bucket that is gone', histogram([1, 1]), histogram([5]), 'reset'],
    ['another resolution', histogram([1]), histogram([2], { schema: 1 }), 'unknown'],
    ['another resolution and a lower count', histogram([3]), histogram([2], { schema: 1 }), 'reset'],
    ['a wider zero bucket', histogram([1]), histogram([2], { zeroThreshold: 1 }), 'unknown'],
    ['less at zero', histogram([1], { zeroCount: 2 }), histogram([3], { zeroCount: 1 }), 'reset'],
    ['other custom bounds', histogram([1], bounds(1, 2)), histogram([2], bounds(1, 3)), 'reset'],
    ['the same custom bounds', histogram([1], bounds(1, 2)), histogram([2], bounds(1, 2)), 'none'],
    ['a gauge before', histogram([3], { resetHint: 'gauge' }), histogram([2]), 'unknown'],
    ['a gauge', histogram([3]), histogram([2], { resetHint: 'gauge' }), 'gauge'],
    ['a reset that the writer saw', histogram([1]), histogram([2], { resetHint: 'reset' }), 'reset'],
    ['none, says the writer, wrongly', histogram([3]), histogram([2], { resetHint: 'none' }), 'reset'],
  ]
  for (const [what, before, next, hint] of cases) assert.equal(settleHint(before, next), hint, what)
})
