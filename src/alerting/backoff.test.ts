import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BACKOFF, backoffMs } from './backoff.ts'

test('waits grow to the maximum and stay there', () => {
  assert.deepEqual(
    [1, 2, 3, 9, 100, 5000].map((n) => backoffMs(n, 0.999_999_999)),
    [500, 1000, 2000, 120_000, 120_000, 120_000],
  )
})

test('a wait lies between half of its step and all of it', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100_000 }),
      fc.double({ min: 0, max: 0.999_999, noNaN: true }),
      (n, random) => {
        const step = backoffMs(n, 1)
        const wait = backoffMs(n, random)
        assert.ok(wait >= Math.floor(step / 2) && wait <= step && step <= BACKOFF.maxMs)
      },
    ),
  )
})
