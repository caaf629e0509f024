/** Quantiles of overlapping windows are those of each window, sorted by itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NumbersRoom } from './numbers-room.ts'
import { quantile } from './quantile.ts'
import { fillQuantiles } from './sliding-quantile.ts'
import { Windows } from './windows.ts'

const value = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 0, max: 9 }) },
  { weight: 10, arbitrary: fc.double({ noNaN: true }).map((one) => (Object.is(one, -0) ? 0 : one)) },
)
const odd = fc.constantFrom(-0, Number.NaN)
const share = fc.oneof(fc.constantFrom(0, 0.5, 0.9, 1), fc.double({ min: 0, max: 1, noNaN: true }))
const given = fc.record({
  values: fc.array(value, { minLength: 1, maxLength: 60 }),
  /** Instants stand so far apart. */
  gaps: fc.array(fc.constantFrom(1, 1, 1, 2, 9), { minLength: 60, maxLength: 60 }),
  range: fc.integer({ min: 1, max: 30 }),
  stepMs: fc.integer({ min: 0, max: 12 }),
  shares: fc.array(share, { minLength: 20, maxLength: 20 }),
})

function windowsOf({
  values,
  gaps,
  range,
  stepMs,
}: {
  values: number[]
  gaps: number[]
  range: number
  stepMs: number
}) {
  let at = 0
  const timestamps = Float64Array.from(values, (_, i) => (at += gaps[i]!))
  const ends = Float64Array.from({ length: 20 }, (_, step) => 5 + step * stepMs)
  const starts = ends.map((end) => end - range)
  const frame = { start: 5, stepMs, count: 20 }
  return new Windows(timestamps, timestamps.length, { starts, ends, frame }, new NumbersRoom())
}

test('quantiles of windows that slide are those of windows that are sorted', () => {
  fc.assert(
    fc.property(given, (of) => {
      const windows = windowsOf(of)
      const values = Float64Array.from(of.values)
      const out = new Float64Array(20)
      assert.ok(fillQuantiles(windows, values, Float64Array.from(of.shares), out))
      for (let step = 0; step < 20; step++) {
        if (windows.filled[step] === 0) continue
        const sorted = quantile(of.shares[step]!, values.slice(windows.from[step], windows.to[step]))
        assert.ok(Object.is(out[step], sorted), `${out[step]} is not ${sorted}`)
      }
    }),
    { numRuns: 1000 },
  )
})

test('where the order is not that of numbers nothing is made', () => {
  fc.assert(
    fc.property(given, odd, fc.nat(), (of, one, place) => {
      const values = Float64Array.from(of.values)
      values[place % values.length] = one
      assert.equal(fillQuantiles(windowsOf(of), values, Float64Array.from(of.shares), new Float64Array(20)), false)
    }),
  )
})

test('a share outside of [0, 1] is left to whoever warns of it', () => {
  const windows = windowsOf({ values: [1, 2, 3], gaps: [1, 1, 1], range: 30, stepMs: 1 })
  const shares = new Float64Array(20).fill(0.5)
  shares[7] = 1.5
  assert.equal(fillQuantiles(windows, Float64Array.of(1, 2, 3), shares, new Float64Array(20)), false)
})
