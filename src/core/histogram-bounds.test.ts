import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CUSTOM_SCHEMA, type NativeHistogram, NO_BOUNDS, NO_BUCKETS } from './histogram.ts'
import { boundaryRule, bucketBound, bucketsOf, exponentialBound, listedBuckets } from './histogram-bounds.ts'

const empty: NativeHistogram = {
  schema: 0,
  zeroThreshold: 0,
  zeroCount: 0,
  count: 0,
  sum: 0,
  positive: NO_BUCKETS,
  negative: NO_BUCKETS,
  customBounds: NO_BOUNDS,
  resetHint: 'unknown',
  isInteger: false,
}
const side = (...pairs: readonly (readonly [number, number])[]) => ({
  indices: Int32Array.from(pairs, ([index]) => index),
  counts: Float64Array.from(pairs, ([, count]) => count),
})
const listed = (h: NativeHistogram, of = bucketsOf) =>
  [...of(h)].map((bucket) => [boundaryRule(bucket), bucket.lower, bucket.upper, bucket.count])

test('bounds are the figures Prometheus has, not the nearest doubles', () => {
  assert.equal(exponentialBound(1, 1), Math.SQRT2 - 2 ** -52)
  assert.equal(exponentialBound(3, -1), 0.9170040432046711)
  assert.equal(exponentialBound(8, 255), 1.9945921121709396)
  for (const [schema, index, bound] of [
    [0, 0, 1],
    [0, -3, 0.125],
    [-4, 1, 65536],
    [-2, -1, 0.0625],
    [2, 8, 4],
    [8, 256, 2],
  ] as const)
    assert.equal(exponentialBound(schema, index), bound)
})

test('a bound lies within four units in the last place of the true power', () => {
  fc.assert(
    fc.property(fc.integer({ min: -4, max: 8 }), fc.integer({ min: -5000, max: 5000 }), (schema, index) => {
      const exact = 2 ** (index / 2 ** schema)
      fc.pre(exact > 1e-300 && exact < 1e300)
      assert.ok(Math.abs(exponentialBound(schema, index) - exact) <= 5 * Number.EPSILON * exact)
    }),
  )
})

test('bounds ascend, and every other one of a schema is one of the next coarser', () => {
  fc.assert(
    fc.property(fc.integer({ min: -3, max: 8 }), fc.integer({ min: -3000, max: 3000 }), (schema, index) => {
      fc.pre(Math.abs(index / 2 ** schema) < 1000)
      assert.ok(exponentialBound(schema, index) > exponentialBound(schema, index - 1))
      assert.equal(exponentialBound(schema, 2 * index), exponentialBound(schema - 1, index))
    }),
  )
})

test('the last finite bucket ends at the largest double, the one behind it at infinity', () => {
  for (const schema of [-4, -1, 0, 1, 8]) {
    const last = 1024 * 2 ** schema
    assert.equal(exponentialBound(schema, last), Number.MAX_VALUE)
    assert.equal(exponentialBound(schema, last + 1), Infinity)
    assert.ok(exponentialBound(schema, last - 1) < Number.MAX_VALUE)
  }
  assert.equal(exponentialBound(0, -1074), 5e-324)
  assert.equal(exponentialBound(1, -1_000_000), 0)
  assert.equal(exponentialBound(8, 2 ** 31 - 1), Infinity)
})

test('custom bounds begin at -Inf and end at +Inf', () => {
  const bounds = Float64Array.of(1, 5)
  assert.deepEqual(
    [-1, 0, 1, 2].map((index) => bucketBound(CUSTOM_SCHEMA, index, bounds)),
    [-Infinity, 1, 5, Infinity],
  )
})

test('buckets are listed from the lowest to the highest, with what belongs to them', () => {
  const h = {
    ...empty,
    zeroThreshold: 0.5,
    zeroCount: 3,
    positive: side([1, 4], [2, 0]),
    negative: side([0, 1], [2, 2]),
  }
  assert.deepEqual(listed(h), [
    [1, -4, -2, 2],
    [1, -1, -0.5, 1],
    [3, -0.5, 0.5, 3],
    [0, 1, 2, 4],
  ])
  assert.equal([...listedBuckets(h)].length, 5)
  const custom = {
    ...empty,
    schema: CUSTOM_SCHEMA,
    customBounds: Float64Array.of(1, 5),
    positive: side([0, 1], [2, 7]),
  }
  assert.deepEqual(listed(custom), [
    [3, -Infinity, 1, 1],
    [0, 5, Infinity, 7],
  ])
})

test('a bucket that reaches into the zero bucket begins where that ends', () => {
  const h = { ...empty, zeroThreshold: 1.5, zeroCount: 1, positive: side([1, 4]), negative: side([1, 2]) }
  assert.deepEqual(listed(h), [
    [1, -2, -1.5, 2],
    [3, -1.5, 1.5, 1],
    [0, 1.5, 2, 4],
  ])
})
