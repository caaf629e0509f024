import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CUSTOM_SCHEMA, type NativeHistogram } from '#core'
import { anyHistogram } from './histogram.test-support.ts'
import { nativeFraction, nativeMean, nativeQuantile, nativeStddev, nativeStdvar, parseHistogram } from './index.ts'

const read = (text: string): NativeHistogram => parseHistogram(text).histogram
const quantile = (q: number, text: string) => nativeQuantile(q, read(text)).value
const close = (got: number, wanted: number) =>
  assert.ok(Math.abs(got - wanted) <= 1e-9 * Math.abs(wanted), `${got} ${wanted}`)

test('quantiles interpolate exponentially, in the zero bucket and custom ones linearly', () => {
  close(quantile(0.5, '{{count:4 offset:1 buckets:[4]}}'), Math.SQRT2)
  close(quantile(0.5, '{{count:4 n_offset:1 n_buckets:[4]}}'), -Math.SQRT2)
  close(quantile(0.25, '{{schema:-53 count:4 custom_values:[10 20] buckets:[4]}}'), 2.5)
  close(quantile(0.25, '{{count:4 z_bucket:4 z_bucket_w:1}}'), -0.5)
  close(quantile(0.2, '{{count:5 z_bucket:4 z_bucket_w:1 offset:1 buckets:[1]}}'), 0.25)
  close(quantile(0.2, '{{count:5 z_bucket:5 z_bucket_w:1 offset:1 n_buckets:[0]}}'), -0.8)
})

test('endless custom buckets give the bound they have', () => {
  assert.equal(quantile(1, '{{schema:-53 count:4 custom_values:[10] buckets:[1 3]}}'), 10)
  assert.equal(quantile(0.1, '{{schema:-53 count:4 custom_values:[-10] buckets:[4]}}'), -10)
})

test('outside of what a quantile is', () => {
  assert.equal(quantile(-0.1, '{{count:1 buckets:[1]}}'), -Infinity)
  assert.equal(quantile(1.1, '{{count:1 buckets:[1]}}'), Infinity)
  assert.ok(Number.isNaN(quantile(Number.NaN, '{{count:1 buckets:[1]}}')))
  assert.ok(Number.isNaN(quantile(0.5, '{{}}')))
  // Observations that are in no bucket, with a sum that is a number: a broken histogram.
  assert.equal(quantile(0.9, '{{count:10}}'), 0)
})

test('observations of NaN rank above all, and are told', () => {
  const h = read('{{count:4 sum:NaN offset:1 buckets:[2]}}')
  assert.deepEqual(nativeQuantile(0.9, h), { value: Number.NaN, nan: 'result' })
  const low = nativeQuantile(0.25, h)
  assert.equal(low.nan, 'skew')
  close(low.value, Math.SQRT2)
  assert.deepEqual(nativeFraction(-Infinity, Infinity, h), { value: 0.5, nan: true })
  // +Inf and -Inf make the sum NaN too, and are in buckets.
  assert.equal(nativeQuantile(0.5, read('{{count:2 sum:NaN offset:1 buckets:[2]}}')).nan, undefined)
})

test('quantiles ascend with q and lie within the buckets', () => {
  fc.assert(
    fc.property(
      anyHistogram,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (h, p, q) => {
        // One custom bucket without any bound has no quantile: there is nothing to interpolate between.
        fc.pre(h.count > 0 && (h.schema !== CUSTOM_SCHEMA || h.customBounds.length > 0))
        const [low, high] = [Math.min(p, q), Math.max(p, q)].map((at) => nativeQuantile(at, h).value)
        assert.ok(low! <= high! + 1e-9 * Math.abs(high!), `${low} ${high}`)
      },
    ),
  )
})

test('the share below the q-quantile is q', () => {
  fc.assert(
    fc.property(anyHistogram, fc.double({ min: 0.001, max: 0.999, noNaN: true }), (h, q) => {
      fc.pre(h.count > 0 && h.schema >= -4)
      const { value } = nativeQuantile(q, h)
      const share = nativeFraction(-Infinity, value, h).value
      // At a gap between buckets the quantile jumps, and the share stands still.
      assert.ok(
        Math.abs(share - q) < 1e-6 || nativeFraction(-Infinity, value * (1 + 1e-9) + 1e-12, h).value >= q - 1e-6,
        `${share} ${q}`,
      )
    }),
  )
})

test('shares of neighbouring ranges add up', () => {
  fc.assert(
    fc.property(anyHistogram, fc.integer({ min: -300, max: 300 }), fc.integer({ min: -300, max: 300 }), (h, a, b) => {
      fc.pre(h.count > 0)
      const [low, high] = [Math.min(a, b), Math.max(a, b) + 1]
      const share = (from: number, to: number) => nativeFraction(from, to, h).value
      close(1 + share(-Infinity, low) + share(low, high) + share(high, Infinity), 1 + share(-Infinity, Infinity))
    }),
  )
})

test('shares without an answer', () => {
  const h = read('{{count:1 buckets:[1]}}')
  assert.equal(nativeFraction(2, 1, h).value, 0)
  assert.ok(Number.isNaN(nativeFraction(Number.NaN, 1, h).value))
  assert.ok(Number.isNaN(nativeFraction(0, 1, read('{{}}')).value))
})

test('mean and variance', () => {
  const h = read('{{count:2 sum:4 offset:1 buckets:[1 0 1]}}')
  assert.equal(nativeMean(h), 2)
  const wanted = ((Math.SQRT2 - 2) ** 2 + (Math.sqrt(32) - 2) ** 2) / 2
  close(nativeStdvar(h), wanted)
  close(nativeStddev(h), Math.sqrt(wanted))
  close(nativeStdvar(read('{{schema:-53 count:2 sum:20 custom_values:[0 10 20] buckets:[0 1 1]}}')), 25)
  assert.ok(Number.isNaN(nativeMean(read('{{}}'))))
})
