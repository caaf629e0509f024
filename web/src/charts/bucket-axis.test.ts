import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type AxisKind, axisOf, axisTicks, place, placeBucket, usualKind } from './bucket-axis.ts'
import type { Bucket } from './distribution.ts'

const bucket = (lower: number, upper: number, count = 1): Bucket => ({
  lower,
  upper,
  lowerIn: false,
  upperIn: true,
  count,
})
const { POSITIVE_INFINITY: INF, NEGATIVE_INFINITY: MINUS } = Number

/** Neighbouring buckets from sorted edges, as any histogram has them; the ends may be infinite. */
const edges = fc
  .uniqueArray(
    fc.oneof(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.constantFrom(0, 1e-39, -1e-39, MINUS, INF)),
    {
      minLength: 2,
      maxLength: 30,
      comparator: (a, b) => a === b,
    },
  )
  .map((list) => list.map((value) => value + 0).toSorted((a, b) => a - b))
const buckets = edges.map((list) => list.slice(1).map((upper, i) => bucket(list[i]!, upper)))
const kinds = fc.constantFrom<AxisKind>('linear', 'exponential')

test('law: segments fill the axis from 0 to 1 without overlap', () => {
  fc.assert(
    fc.property(buckets, kinds, (given, kind) => {
      const { segments } = axisOf(given, kind)
      let at = 0
      for (const { from, to } of segments) {
        assert.equal(from, at)
        assert.ok(to > from)
        at = to
      }
      assert.equal(at, segments.length === 0 ? 0 : 1)
    }),
  )
})

test('law: places never fall as values rise, and stay on the axis', () => {
  fc.assert(
    fc.property(buckets, kinds, fc.array(fc.double({ noNaN: true })), (given, kind, values) => {
      const axis = axisOf(given, kind)
      let before = 0
      for (const value of values.toSorted((a, b) => a - b)) {
        const at = place(axis, value)
        assert.ok(at >= before && at <= 1, `${value} at ${at} after ${before}`)
        before = at
      }
    }),
  )
})

test('law: buckets lie on the axis in their order, and no bucket ends before it begins', () => {
  fc.assert(
    fc.property(buckets, kinds, (given, kind) => {
      const axis = axisOf(given, kind)
      let before = 0
      for (const one of given) {
        const [from, to] = placeBucket(axis, one)
        assert.ok(from >= 0 && to <= 1 && to >= from)
        assert.ok(from >= before - 1e-9, `${one.lower} begins at ${from}, before ${before}`)
        before = to
      }
    }),
  )
})

test('law: ticks rise, lie inside and are bounded', () => {
  fc.assert(
    fc.property(buckets, kinds, fc.integer({ min: 1, max: 20 }), (given, kind, count) => {
      const ticks = axisTicks(axisOf(given, kind), count, 'seconds')
      assert.ok(ticks.length <= 60)
      for (const [i, { at, value }] of ticks.entries()) {
        assert.ok(at >= 0 && at <= 1)
        if (i > 0) assert.ok(at > ticks[i - 1]!.at && value > ticks[i - 1]!.value)
      }
    }),
  )
})

test('buckets of one growth are equally wide on an exponential axis, and zero has a slot of the same width', () => {
  const given = [bucket(-2, -1), bucket(-1e-3, 1e-3), bucket(1, 2), bucket(2, 4), bucket(4, 8)]
  const axis = axisOf(given, 'exponential')
  const widths = given.map((one) => placeBucket(axis, one)).map(([from, to]) => to - from)
  for (const width of widths) assert.ok(Math.abs(width - 0.2) < 1e-9, `${width}`)
})

test('what reaches to infinity has a slot of its own at the end', () => {
  const given = [bucket(MINUS, 1), bucket(1, 2), bucket(2, INF)]
  const axis = axisOf(given, 'linear')
  assert.deepEqual(
    axis.segments.map(({ kind }) => kind),
    ['below', 'linear', 'above'],
  )
  assert.deepEqual(placeBucket(axis, given[0]!), [0, axis.segments[0]!.to])
  assert.deepEqual(placeBucket(axis, given[2]!), [axis.segments[2]!.from, 1])
})

test('the default threshold of zero does not stretch the axis by a hundred octaves', () => {
  const axis = axisOf([bucket(-2.9e-39, 2.9e-39), bucket(1, 2)], 'exponential')
  assert.deepEqual(
    axis.segments.map(({ kind }) => kind),
    ['zero', 'positive'],
  )
  assert.equal(axis.segments[0]!.to, 0.5)
})

test('a wide range asks for an exponential axis, a narrow one for a linear one', () => {
  assert.equal(usualKind([bucket(0.001, 0.002), bucket(1, 2)]), 'exponential')
  assert.equal(usualKind([bucket(0, 5), bucket(5, 10)]), 'linear')
  assert.equal(usualKind([]), 'linear')
})

test('ticks are round: decades for times, powers of two for bytes', () => {
  const times = axisTicks(axisOf([bucket(0.001, 0.002), bucket(500, 1000)], 'exponential'), 6, 'seconds')
  assert.deepEqual(
    times.map(({ value }) => value),
    [0.001, 0.01, 0.1, 1, 10, 100, 1000],
  )
  const sizes = axisTicks(axisOf([bucket(1024, 4096), bucket(262_144, 1_048_576)], 'exponential'), 5, 'bytes')
  assert.deepEqual(
    sizes.map(({ value }) => value),
    [1024, 4096, 16_384, 65_536, 262_144, 1_048_576],
  )
})
