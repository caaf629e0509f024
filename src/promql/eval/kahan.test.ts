import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { KahanMean, KahanSum } from './kahan.ts'

const whole = fc.integer({ min: -1_000_000, max: 1_000_000 })

test('terms that cancel leave exactly what was beside them', () => {
  fc.assert(
    fc.property(fc.array(whole), fc.integer({ min: 60, max: 100 }), (terms, exponent) => {
      const sum = new KahanSum()
      sum.add(2 ** exponent)
      for (const term of terms) sum.add(term)
      sum.add(-(2 ** exponent))
      assert.equal(
        sum.total,
        terms.reduce((a, b) => a + b, 0),
      )
    }),
  )
})

test('an infinite term makes an infinite sum, and two opposite ones make none', () => {
  const sum = new KahanSum()
  for (const term of [1, Infinity, 2]) sum.add(term)
  assert.equal(sum.total, Infinity)
  sum.add(-Infinity)
  assert.ok(Number.isNaN(sum.total))
})

test('a mean lies between the extremes and never overflows on the way', () => {
  const large = fc.double({ min: -1.7e308, max: 1.7e308, noNaN: true })
  fc.assert(
    fc.property(fc.array(large, { minLength: 1, maxLength: 50 }), (terms) => {
      const mean = new KahanMean()
      for (const term of terms) mean.add(term)
      const slack = Math.max(...terms.map(Math.abs)) * 1e-12
      assert.ok(mean.mean >= Math.min(...terms) - slack, `${mean.mean} of ${terms}`)
      assert.ok(mean.mean <= Math.max(...terms) + slack, `${mean.mean} of ${terms}`)
    }),
  )
})

test('the mean of equal numbers is that number to the bit', () => {
  fc.assert(
    fc.property(whole, fc.integer({ min: 1, max: 200 }), (value, count) => {
      const mean = new KahanMean()
      for (let i = 0; i < count; i++) mean.add(value)
      assert.equal(mean.mean, value)
    }),
  )
})
