import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as overTime from './over-time.ts'
import { deriv, doubleExponentialSmoothing, predictLinear } from './regression.ts'
import { FLOATS_ALONE } from './window.test-support.ts'
import type { RangeFunction } from './window.ts'

/** The result for samples a second apart from 0 s on, asked at the last one. */
function resultOf(run: RangeFunction, values: readonly number[], ...args: readonly number[]): number | undefined {
  const out = new Float64Array(1)
  const end = (values.length - 1) * 1000
  const window = {
    timestamps: Float64Array.from(values, (_, i) => i * 1000),
    values: Float64Array.from(values),
    from: 0,
    to: values.length,
    startMs: -1,
    endMs: end,
    atMs: end,
    args: Float64Array.from(args),
    nextReset: undefined,
    ...FLOATS_ALONE,
  }
  return run(window, out, 0) ? out[0] : undefined
}

const whole = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 40 })
const close = (a: number | undefined, b: number) =>
  assert.ok(Math.abs(a! - b) <= 1e-6 * Math.max(1, Math.abs(b)), `${a} is not ${b}`)

test('sums, means and spreads are those of the textbook', () => {
  fc.assert(
    fc.property(whole, (values) => {
      const sum = values.reduce((a, b) => a + b, 0)
      const mean = sum / values.length
      const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length
      assert.equal(resultOf(overTime.sumOverTime, values), sum)
      close(resultOf(overTime.avgOverTime, values), mean)
      close(resultOf(overTime.stdvarOverTime, values), variance)
      close(resultOf(overTime.stddevOverTime, values), Math.sqrt(variance))
      assert.equal(resultOf(overTime.countOverTime, values), values.length)
    }),
  )
})

test('extremes are found with their newest instant', () => {
  fc.assert(
    fc.property(whole, (values) => {
      const [low, high] = [Math.min(...values), Math.max(...values)]
      assert.equal(resultOf(overTime.minOverTime, values), low)
      assert.equal(resultOf(overTime.maxOverTime, values), high)
      assert.equal(resultOf(overTime.tsOfMinOverTime, values), values.lastIndexOf(low))
      assert.equal(resultOf(overTime.tsOfMaxOverTime, values), values.lastIndexOf(high))
    }),
  )
})

test('NaN is an extreme only of nothing else, but spoils a sum', () => {
  assert.equal(resultOf(overTime.maxOverTime, [Number.NaN, 1, Number.NaN]), 1)
  assert.ok(Number.isNaN(resultOf(overTime.minOverTime, [Number.NaN])))
  assert.ok(Number.isNaN(resultOf(overTime.sumOverTime, [1, Number.NaN])))
  assert.ok(Number.isNaN(resultOf(overTime.madOverTime, [1, Number.NaN, 2])))
})

test('a straight line has its slope, and goes on as it went', () => {
  const line = fc.tuple(
    fc.integer({ min: -50, max: 50 }),
    fc.integer({ min: -50, max: 50 }),
    fc.integer({ min: 2, max: 30 }),
  )
  fc.assert(
    fc.property(line, fc.integer({ min: 0, max: 1000 }), ([slope, start, count], ahead) => {
      const values = Array.from({ length: count }, (_, i) => start + slope * i)
      close(resultOf(deriv, values), slope)
      close(resultOf(predictLinear, values, ahead), start + slope * (count - 1 + ahead))
      close(resultOf(doubleExponentialSmoothing, values, 0.5, 0.5), start + slope * (count - 1))
    }),
  )
})

test('one sample has no slope', () => {
  for (const run of [deriv, predictLinear, doubleExponentialSmoothing])
    assert.equal(resultOf(run, [1], 0.5, 0.5), undefined)
})
