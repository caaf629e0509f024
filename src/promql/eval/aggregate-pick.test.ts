import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels } from '#core'
import { firstFew, hashFraction } from './aggregate-pick.ts'

test('the first few are those that sorting would put first', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer()), fc.integer({ min: 1, max: 12 }), (all, k) => {
      const order = (a: number, b: number) => a - b
      assert.deepEqual(firstFew(all, k, order), [...all].sort(order).slice(0, k))
    }),
  )
})

test('a ratio takes about that share of the series', () => {
  let below = 0
  for (let i = 0; i < 10_000; i++) if (hashFraction(Labels.of({ __name__: 'up', instance: `host-${i}` })) < 0.3) below++
  assert.ok(Math.abs(below / 10_000 - 0.3) < 0.02, `${below}`)
})
