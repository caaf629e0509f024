import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Buckets, CUSTOM_SCHEMA, MAX_SCHEMA, MIN_SCHEMA, type NativeHistogram, NO_BOUNDS } from './histogram.ts'
import { bucketBound } from './histogram-bounds.ts'
import { coarserBuckets, coarserIndex, reduceResolution } from './histogram-resolution.ts'

const INT32 = 2 ** 31 - 1
const side: fc.Arbitrary<Buckets> = fc
  .uniqueArray(fc.oneof(fc.integer({ min: -20, max: 20 }), fc.integer({ min: -INT32, max: INT32 })), { maxLength: 12 })
  .chain((indices) =>
    fc.tuple(fc.constant(indices), fc.array(fc.nat(1000), { minLength: indices.length, maxLength: indices.length })),
  )
  .map(([indices, counts]) => ({
    indices: Int32Array.from(indices).sort(),
    counts: Float64Array.from(counts),
  }))

function histogram(schema: number, positive: Buckets, negative: Buckets): NativeHistogram {
  return {
    schema,
    zeroThreshold: 0,
    zeroCount: 0,
    count: 0,
    sum: 0,
    positive,
    negative,
    customBounds: NO_BOUNDS,
    resetHint: 'none',
    isInteger: true,
  }
}

test('coarser buckets hold what the simplest sum by index holds, in order', () => {
  fc.assert(
    fc.property(side, fc.integer({ min: 0, max: 52 }), (given, steps) => {
      const sums = new Map<number, number>()
      for (const [i, index] of given.indices.entries()) {
        const to = coarserIndex(index, steps)
        sums.set(to, (sums.get(to) ?? 0) + given.counts[i]!)
      }
      const { indices, counts } = coarserBuckets(given, steps)
      assert.deepEqual([...indices], [...sums.keys()])
      assert.deepEqual([...counts], [...sums.values()])
    }),
  )
})

test('no observation moves across a bound: a bucket lies within the one it goes to', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: MIN_SCHEMA, max: MAX_SCHEMA }),
      fc.integer({ min: 0, max: MAX_SCHEMA - MIN_SCHEMA }),
      fc.integer({ min: -400, max: 400 }),
      (schema, steps, index) => {
        const to = Math.max(schema - steps, MIN_SCHEMA)
        const into = coarserIndex(index, schema - to)
        assert.ok(bucketBound(schema, index, NO_BOUNDS) <= bucketBound(to, into, NO_BOUNDS))
        assert.ok(bucketBound(schema, index - 1, NO_BOUNDS) >= bucketBound(to, into - 1, NO_BOUNDS))
      },
    ),
  )
})

test('in two steps as in one, both sides, and all else as it was', () => {
  fc.assert(
    fc.property(side, side, fc.nat(6), fc.nat(6), (positive, negative, first, second) => {
      const given = histogram(MAX_SCHEMA, positive, negative)
      const once = reduceResolution(given, MAX_SCHEMA - first - second)
      assert.deepEqual(reduceResolution(reduceResolution(given, MAX_SCHEMA - first), once.schema), once)
      assert.deepEqual({ ...once, schema: MAX_SCHEMA, positive, negative }, given)
    }),
  )
})

test('neither a finer resolution nor custom buckets can be made', () => {
  const given = histogram(0, coarserBuckets({ indices: new Int32Array(0), counts: new Float64Array(0) }, 1), {
    indices: new Int32Array(0),
    counts: new Float64Array(0),
  })
  assert.throws(() => reduceResolution(given, 1), /BUG/)
  assert.throws(() => reduceResolution(given, CUSTOM_SCHEMA), /BUG/)
  assert.throws(() => reduceResolution({ ...given, schema: CUSTOM_SCHEMA }, 0), /BUG/)
})
