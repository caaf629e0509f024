import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { gapMs, pace } from './pace.ts'

test('gaps between arrivals are positive and grow with the draw', () => {
  const draw = fc.double({ min: 0, max: 0.999999, noNaN: true })
  fc.assert(
    fc.property(draw, draw, fc.double({ min: 0.01, max: 1000, noNaN: true }), (a, b, rate) => {
      assert.ok(gapMs(rate, a) >= 0 && Number.isFinite(gapMs(rate, a)))
      if (a < b) assert.ok(gapMs(rate, a) <= gapMs(rate, b))
    }),
  )
})

test('the mean gap is one over the rate', () => {
  const count = 10_000
  // A grid instead of chance: the mean of the exponential by its inverse.
  const mean = Array.from({ length: count }, (_, i) => gapMs(50, (i + 0.5) / count)).reduce((a, b) => a + b, 0) / count
  assert.ok(Math.abs(mean - 20) < 0.1, String(mean))
})

test('no more run at once than allowed, and what finds no place is counted', async () => {
  const stop = new AbortController()
  const { promise: enough, resolve } = Promise.withResolvers<void>()
  let started = 0
  const stats = pace({
    ratePerS: () => 2000,
    maxRunning: 3,
    // Nobody ever finishes: the fourth arrival must be dropped.
    act: () => {
      if (++started === 3) setTimeout(resolve, 20)
      return new Promise(() => {})
    },
    random: () => 0.5,
    signal: stop.signal,
  })
  await enough
  stop.abort()
  assert.equal(stats.running, 3)
  assert.equal(stats.started, 3)
  assert.ok(stats.dropped > 0)
})
