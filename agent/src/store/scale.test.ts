import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bucketOf, coarser, makeScale, nativeIndexOf, ZERO_THRESHOLD } from './scale.ts'

const bounds = fc
  .uniqueArray(
    fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 1e300, 5e-324, 0, -1),
    ),
    { maxLength: 20 },
  )
  .map((some) => some.toSorted((a, b) => a - b))

/** What every client of Prometheus does: look at one bound after the other. */
function oneByOne(all: readonly number[], value: number): number {
  const found = all.findIndex((bound) => value <= bound)
  return found < 0 ? all.length : found
}

test('the table finds the bucket that looking at each bound finds', () => {
  fc.assert(
    fc.property(bounds, fc.array(fc.double()), (all, values) => {
      const scale = makeScale(all, false)
      for (const value of [...values, ...all, ...all.map((bound) => bound * (1 + Number.EPSILON)), 0, -0, -1])
        assert.equal(bucketOf(scale, value), oneByOne(all, value), `${value} in ${all.join()}`)
    }),
    { numRuns: 500 },
  )
})

test('bounds of the usual kind are found by the table', () => {
  assert.ok(
    makeScale([0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10], true).cells.length > 0,
  )
  assert.equal(makeScale([-1, 0, 1], false).cells.length, 0)
})

test('a value is above the lower bound of its native bucket and at most its upper one', () => {
  // The bounds as Prometheus lists them for one octave, scaled by the octave.
  const octave = [0.5, 0.5452538663326288, 0.5946035575013605, 0.6484197773255048]
  octave.push(0.7071067811865475, 0.7711054127039704, 0.8408964152537144, 0.9170040432046711)
  const upper = (index: number): number => octave[((index % 8) + 8) % 8]! * 2 ** (Math.floor(index / 8) + 1)
  fc.assert(
    fc.property(fc.double({ min: 1e-30, max: 1e30, noNaN: true }), (value) => {
      const index = nativeIndexOf(value)
      assert.ok(value <= upper(index) && value > upper(index - 1), `${value} in ${index}`)
    }),
  )
  for (let i = -40; i < 40; i++) {
    assert.equal(nativeIndexOf(upper(i)), i, `the bound ${upper(i)} is in its own bucket`)
    assert.equal(nativeIndexOf(upper(i) * (1 + Number.EPSILON)), i + 1)
  }
  assert.ok(ZERO_THRESHOLD > 0 && nativeIndexOf(ZERO_THRESHOLD * 2) === -127 * 8)
})

test('a bucket of half the resolution holds two of the finer ones', () => {
  for (let i = -50; i < 50; i++) {
    assert.equal(coarser(i, 1), Math.ceil(i / 2) + 0)
    assert.equal(coarser(i, 3), Math.ceil(i / 8) + 0)
  }
})
