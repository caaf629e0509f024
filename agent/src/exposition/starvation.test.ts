import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseStarvedMs, starvedMs } from './starvation.ts'

test('the time without a processor is the second number of schedstat, in nanoseconds', () => {
  assert.equal(parseStarvedMs('9417324883 2500000 1822\n'), 2.5)
  assert.equal(parseStarvedMs('9417324883 0 1822\n'), 0)
})

test('a system that does not count tells nothing', () => {
  for (const text of ['0 0 0\n', '', 'x y z', '17\n']) assert.equal(parseStarvedMs(text), undefined, text)
})

test('Linux tells it of this process, and it never falls', { skip: process.platform !== 'linux' }, () => {
  const before = starvedMs() ?? Number.NaN
  assert.ok(before >= 0)
  assert.ok((starvedMs() ?? Number.NaN) >= before)
})
