import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { quantile, quantileWarning } from './quantile.ts'

const samples = fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 30 })
const share = fc.double({ min: 0, max: 1, noNaN: true })

test('a quantile grows with its share and stays among the samples', () => {
  fc.assert(
    fc.property(samples, share, share, (values, p, q) => {
      const at = (one: number) => quantile(one, Float64Array.from(values))
      const [low, high] = p < q ? [at(p), at(q)] : [at(q), at(p)]
      assert.ok(low <= high + 1e-6)
      assert.ok(low >= Math.min(...values) - 1e-6 && high <= Math.max(...values) + 1e-6)
      // Zero has two signs, and which of them is the smaller does not matter here.
      assert.equal(at(0) + 0, Math.min(...values) + 0)
      assert.equal(at(1) + 0, Math.max(...values) + 0)
    }),
  )
})

test('NaN counts as the smallest sample', () => {
  assert.ok(Number.isNaN(quantile(0, Float64Array.of(1, Number.NaN, 2))))
  assert.equal(quantile(1, Float64Array.of(1, Number.NaN, 2)), 2)
  assert.equal(quantile(0.5, Float64Array.of(1, Number.NaN, 2)), 1)
})

test('outside of [0, 1] the answer is infinite, and said to be odd', () => {
  assert.equal(quantile(-0.1, Float64Array.of(1)), -Infinity)
  assert.equal(quantile(1.1, Float64Array.of(1)), Infinity)
  assert.ok(Number.isNaN(quantile(0.5, new Float64Array(0))))
  assert.equal(quantileWarning(0.5), undefined)
  assert.equal(quantileWarning(Number.NaN), 'quantile value should be between 0 and 1, got NaN')
})
