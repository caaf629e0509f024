import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { NativeHistogram } from '#core'
import { anyExponential, anyHistogram } from './histogram.test-support.ts'
import { formatHistogram, formatNotation, parseHistogram, trimLower, trimUpper } from './index.ts'

const read = (text: string): NativeHistogram => parseHistogram(text).histogram

test('beyond all buckets a trim leaves the histogram as it is, sum and all', () => {
  fc.assert(fc.property(anyExponential, (h) => trimUpper(h, Infinity) === h && trimLower(h, -Infinity) === h))
})

test('what is trimmed off above and below is everything', () => {
  fc.assert(
    fc.property(anyExponential, fc.double({ min: -70, max: 70, noNaN: true }), (h, bound) => {
      const [below, above] = [trimUpper(h, bound), trimLower(h, bound)]
      assert.ok(Math.abs(below.count + above.count - h.count) < 1e-6, `${below.count} ${above.count} ${h.count}`)
    }),
  )
})

test('a trimmed histogram never has more in a bucket than before, and nothing beyond the bound', () => {
  fc.assert(
    fc.property(anyHistogram, fc.integer({ min: -10, max: 10 }), (h, bound) => {
      const before = new Map([...h.positive.indices].map((index, i) => [index, h.positive.counts[i]!]))
      for (const trimmed of [trimUpper(h, bound), trimLower(h, bound)])
        for (const [i, index] of trimmed.positive.indices.entries())
          assert.ok(trimmed.positive.counts[i]! <= before.get(index)!)
    }),
  )
})

const TRIMS = [
  {
    why: 'half of a custom bucket',
    h: '{{schema:-53 count:10 sum:30 custom_values:[1 2 5 10] buckets:[1 2 3 3 1]}}',
    at: 3.5,
    below: '{{schema:-53 count:4.5 sum:7.625 custom_values:[1 2 5 10] buckets:[1 2 1.5]}}',
  },
  {
    why: 'the bucket to +Inf goes as a whole',
    h: '{{schema:-53 count:6 sum:6 custom_values:[0.5 1] buckets:[1 2 3]}}',
    at: 100,
    below: '{{schema:-53 count:3 sum:1.75 custom_values:[0.5 1] buckets:[1 2]}}',
  },
  {
    why: 'the zero bucket of positive observations begins at zero',
    h: '{{count:6 z_bucket:4 z_bucket_w:1 offset:1 buckets:[2]}}',
    at: 0.5,
    below: '{{count:2 sum:0.5 z_bucket:2 z_bucket_w:1}}',
  },
]
for (const { why, h, at, below } of TRIMS)
  test(`trimming: ${why}`, () => assert.equal(formatNotation(trimUpper(read(h), at)), below))

test('an exponential bucket is split at its geometric middle', () => {
  const { count } = trimUpper(read('{{count:3 sum:9 offset:2 buckets:[3]}}'), 2 * Math.SQRT2)
  assert.ok(Math.abs(count - 1.5) < 1e-12)
})

test('a histogram is printed as Prometheus prints it', () => {
  assert.equal(
    formatHistogram(
      read('{{schema:1 count:10 sum:1000000 z_bucket:2 z_bucket_w:0.5 buckets:[1 0 2] n_buckets:[4 1]}}'),
    ),
    '{count:10, sum:1e+06, [-1.414213562373095,-1):1, [-1,-0.7071067811865475):4, [-0.5,0.5]:2, (0.7071067811865475,1]:1, (1.414213562373095,2]:2}',
  )
  assert.equal(
    formatHistogram(read('{{schema:-53 count:3 sum:0.00001 custom_values:[1 2] buckets:[1 0 2]}}')),
    '{count:3, sum:1e-05, [-Inf,1]:1, (2,+Inf]:2}',
  )
  assert.equal(formatHistogram(read('{{}}')), '{count:0, sum:0}')
})
