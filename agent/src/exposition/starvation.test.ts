import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ownTask, parseIsReady, parseSchedstat, watchStarvation } from './starvation.ts'

test('what a thread ran and waited are the first two numbers of schedstat, in nanoseconds', () => {
  assert.deepEqual(parseSchedstat('9417000000 2500000 1822\n'), { ranMs: 9_417, waitedMs: 2.5 })
  assert.deepEqual(parseSchedstat('1000000 0 1822\n'), { ranMs: 1, waitedMs: 0 })
})

test('a system that does not count tells nothing', () => {
  for (const text of ['0 0 0\n', '', 'x y z', '17\n']) assert.equal(parseSchedstat(text), undefined, text)
})

test('a thread is ready when its state says so, whatever its name is', () => {
  for (const text of ['12 (node) R 1 2', '12 (a) S (b) R 1 2']) assert.ok(parseIsReady(text), text)
  for (const text of ['12 (node) S 1 2', '12 (a) R (b) S 1 2', '12 (node) D 1 2', ''])
    assert.ok(!parseIsReady(text), text)
})

test('Linux tells it of a thread, and it never falls', { skip: process.platform !== 'linux' }, () => {
  assert.equal(ownTask(), process.pid)
  const starved = watchStarvation(process.pid)
  assert.ok(starved !== undefined)
  const before = starved()
  assert.ok(before >= 0)
  assert.ok(starved() >= before)
})

test('of a thread that there is not nothing is known', () => {
  for (const task of [0, undefined]) assert.equal(watchStarvation(task), undefined)
})
