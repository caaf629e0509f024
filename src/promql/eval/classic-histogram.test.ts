import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Bucket, bucketFraction, bucketQuantile, sortedQuantile } from './classic-histogram.ts'

/** Histograms with growing counts over positive bounds and nothing above the last one. */
const histogram: fc.Arbitrary<Bucket[]> = fc
  .tuple(
    fc.uniqueArray(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 8 }),
    fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 8, maxLength: 8 }),
  )
  .map(([bounds, sizes]) => {
    let count = 0
    const buckets = bounds.sort((a, b) => a - b).map((bound, i) => ({ bound, count: (count += sizes[i]!) }))
    return [...buckets, { bound: Infinity, count }]
  })

test('the share below a quantile is that quantile', () => {
  fc.assert(
    fc.property(histogram, fc.double({ min: 0.01, max: 1, noNaN: true }), (buckets, q) => {
      const { value } = bucketQuantile(q, buckets)
      assert.ok(Math.abs(bucketFraction(-Infinity, value, buckets) - q) < 1e-9)
    }),
  )
})

test('the order of buckets does not matter, and they are left alone', () => {
  fc.assert(
    fc.property(histogram, fc.double({ min: 0, max: 1, noNaN: true }), (buckets, q) => {
      const before = structuredClone(buckets)
      assert.deepEqual(bucketQuantile(q, [...buckets].reverse()), bucketQuantile(q, buckets))
      assert.deepEqual(buckets, before)
    }),
  )
})

test('counts that fall are repaired and reported; rounding is repaired silently', () => {
  const broken = [
    { bound: 1, count: 10 },
    { bound: 2, count: 8 },
    { bound: Infinity, count: 12 },
  ]
  assert.deepEqual(bucketQuantile(0.5, broken), { value: 0.6, repaired: { low: 2, high: 2, difference: 2 } })
  const rounded = [
    { bound: 1, count: 10 },
    { bound: 2, count: 10 - 1e-14 },
    { bound: Infinity, count: 12 },
  ]
  assert.equal(bucketQuantile(0.5, rounded).repaired, undefined)
})

test('what is no histogram has no quantile', () => {
  assert.ok(Number.isNaN(bucketQuantile(0.5, []).value))
  assert.ok(Number.isNaN(bucketQuantile(0.5, [{ bound: 1, count: 1 }]).value))
  assert.ok(Number.isNaN(bucketQuantile(0.5, [{ bound: Infinity, count: 1 }]).value))
  assert.ok(Number.isNaN(bucketFraction(0, 1, [])))
})

test('sorted columns have the quantile that buckets have, and the same repairs', () => {
  const bound = fc.constantFrom(-Infinity, -1, -0, 0, 0.5, 1, 2, 10, Infinity, Infinity)
  const count = fc.oneof(fc.nat({ max: 20 }), fc.constantFrom(Number.NaN, Infinity, 1e15, 10 - 1e-14, 5e-324, -3))
  fc.assert(
    fc.property(
      fc.array(fc.record({ bound, count }), { maxLength: 9 }),
      fc.oneof(fc.double({ min: -0.1, max: 1.1 }), fc.constantFrom(0, 1, Number.NaN)),
      (buckets, q) => {
        const sorted = [...buckets].sort((a, b) => (a.bound < b.bound ? -1 : a.bound > b.bound ? 1 : 0))
        const bounds = Float64Array.from(sorted, (one) => one.bound)
        const counts = Float64Array.from(sorted, (one) => one.count)
        assert.deepEqual(sortedQuantile(q, bounds, counts, sorted.length), bucketQuantile(q, buckets))
      },
    ),
    { numRuns: 1000 },
  )
})
