import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type NativeHistogram, reduceResolution } from '#core'
import { anyHistogram, anyPair } from './histogram.test-support.ts'
import { addHistograms, equalHistograms, isReset, parseHistogram } from './index.ts'

const read = (text: string): NativeHistogram => parseHistogram(text).histogram
const unhinted = (h: NativeHistogram): NativeHistogram => ({ ...h, resetHint: 'unknown' })

test('counting on is no reset, in any layout', () => {
  fc.assert(fc.property(anyPair, ([a, b]) => !isReset(a, unhinted(addHistograms(a, b)!.histogram))))
})

test('a coarser resolution is no reset, a finer one is', () => {
  fc.assert(
    fc.property(anyHistogram, (h) => {
      fc.pre(h.schema >= -3)
      const coarser = unhinted(reduceResolution(h, h.schema - 1))
      assert.equal(isReset(h, coarser), false)
      assert.equal(isReset(coarser, unhinted(h)), true)
    }),
  )
})

const RESETS = [
  { why: 'the hint says so', before: '{{}}', next: '{{count:1 counter_reset_hint:reset}}', reset: true },
  { why: 'the hint denies it', before: '{{count:5}}', next: '{{count:1 counter_reset_hint:not_reset}}', reset: false },
  { why: 'the count fell', before: '{{count:5}}', next: '{{count:4}}', reset: true },
  { why: 'a bucket fell', before: '{{count:5 buckets:[1 4]}}', next: '{{count:9 buckets:[0 9]}}', reset: true },
  {
    why: 'an empty bucket went',
    before: '{{count:4 buckets:[0 4]}}',
    next: '{{count:4 offset:1 buckets:[4]}}',
    reset: false,
  },
  {
    why: 'a populated bucket went',
    before: '{{count:4 n_buckets:[1 3]}}',
    next: '{{count:4 n_offset:1 n_buckets:[4]}}',
    reset: true,
  },
  {
    why: 'the zero bucket fell',
    before: '{{count:4 z_bucket:4}}',
    next: '{{count:4 z_bucket:3 buckets:[1]}}',
    reset: true,
  },
  { why: 'the zero bucket became narrower', before: '{{z_bucket_w:1}}', next: '{{z_bucket_w:0.5}}', reset: true },
  {
    why: 'the zero bucket took a bucket in',
    before: '{{count:3 buckets:[3]}}',
    next: '{{count:3 z_bucket:3 z_bucket_w:1}}',
    reset: false,
  },
  {
    why: 'the zero bucket ends within a populated one',
    before: '{{count:3 buckets:[3]}}',
    next: '{{count:3 z_bucket:3 z_bucket_w:0.7}}',
    reset: true,
  },
  { why: 'custom buckets came', before: '{{}}', next: '{{schema:-53}}', reset: true },
  { why: 'custom buckets went', before: '{{schema:-53}}', next: '{{}}', reset: true },
  {
    why: 'custom bounds were added',
    before: '{{schema:-53 count:3 custom_values:[2] buckets:[1 2]}}',
    next: '{{schema:-53 count:4 custom_values:[1 2] buckets:[1 1 2]}}',
    reset: false,
  },
  {
    why: 'a bucket of shared bounds fell',
    before: '{{schema:-53 count:3 custom_values:[2] buckets:[2 1]}}',
    next: '{{schema:-53 count:4 custom_values:[1 2] buckets:[1 0 3]}}',
    reset: true,
  },
]
for (const { why, before, next, reset } of RESETS)
  test(`${why}: ${reset ? 'a' : 'no'} reset`, () => assert.equal(isReset(read(before), read(next)), reset))

test('equality counts empty buckets and zero thresholds, not hints', () => {
  fc.assert(fc.property(anyHistogram, (h) => equalHistograms(h, { ...unhinted(h), isInteger: true })))
  assert.equal(equalHistograms(read('{{buckets:[1 0]}}'), read('{{buckets:[1]}}')), false)
  assert.equal(equalHistograms(read('{{z_bucket_w:1}}'), read('{{}}')), false)
  assert.equal(equalHistograms(read('{{sum:NaN}}'), read('{{sum:NaN}}')), true)
})
