import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { test } from 'node:test'
import { assemble, render } from './exposition/exposition.ts'
import { Guard, MAX_FAULTS } from './guard.ts'
import { Store } from './store/store.ts'
import { valueAt } from './test-support/parse-page.ts'

test('a handler that throws reaches nobody, is said once, counted, and at last switched off', () => {
  const said: string[] = []
  const store = new Store()
  const calls: number[] = []
  {
    using guard = new Guard(store, (code, message) => said.push(`${code} ${message}`))
    guard.on<number>('assay.test.guard', 'test', (message) => {
      calls.push(message)
      throw new Error('no')
    })
    for (let i = 0; i < MAX_FAULTS + 50; i++) channel('assay.test.guard').publish(i)
    assert.equal(calls.length, MAX_FAULTS)
    assert.equal(said.length, 1)
    assert.match(said[0]!, /^ASSAY_AGENT_FAULT test: Error: no/)
    assert.equal(
      valueAt(assemble([render(store, 'text')], 'text'), 'assay_agent_faults_total', { part: 'test' }),
      MAX_FAULTS,
    )
  }
  assert.equal(channel('assay.test.guard').hasSubscribers, false, 'disposed')
})

test('a wrapped function answers as it would, and undefined when it fails', () => {
  using guard = new Guard(new Store(), () => {})
  assert.equal(guard.wrap('a', (x: number, y: number) => x + y)(1, 2), 3)
  assert.equal(
    guard.wrap('b', () => {
      throw new Error('no')
    })(),
    undefined,
  )
})

test('one call in many is timed, and stands for them', () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  const idle = guard.wrap('idle', () => {})
  for (let i = 0; i < 5_000; i++) idle()
  const seconds = valueAt(assemble([render(store, 'text')], 'text'), 'assay_agent_seconds_total', { part: 'idle' })
  assert.ok(seconds !== undefined && seconds > 0 && seconds < 5)
})
