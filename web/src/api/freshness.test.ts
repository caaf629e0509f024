import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freshness, LOST_AFTER_MS } from './freshness.ts'

const AT = 1_000_000

test('an open stream with a recent answer is live', () => {
  assert.deepEqual(freshness({ lastDataAt: AT - 2000, stream: 'open', failing: false }, AT), {
    kind: 'live',
    ageMs: 2000,
  })
})

test('without the stream, answers make it polling, not live', () => {
  assert.equal(freshness({ lastDataAt: AT - 2000, stream: 'broken', failing: false }, AT).kind, 'polling')
})

test('a broken stream and a failing answer is lost at once, with the time of the last data', () => {
  assert.deepEqual(freshness({ lastDataAt: AT - 2000, stream: 'broken', failing: true }, AT), {
    kind: 'lost',
    lastDataAt: AT - 2000,
  })
})

test('silence is lost, even when nothing failed', () => {
  assert.equal(freshness({ lastDataAt: AT - LOST_AFTER_MS - 1, stream: 'broken', failing: false }, AT).kind, 'lost')
  assert.equal(freshness({ lastDataAt: AT - 3 * LOST_AFTER_MS - 1, stream: 'open', failing: false }, AT).kind, 'lost')
})

test('before the first answer it is connecting, unless the first attempt failed', () => {
  assert.equal(freshness({ lastDataAt: undefined, stream: 'connecting', failing: false }, AT).kind, 'connecting')
  assert.equal(freshness({ lastDataAt: undefined, stream: 'broken', failing: true }, AT).kind, 'lost')
})
