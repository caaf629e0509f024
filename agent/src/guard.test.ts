import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { test } from 'node:test'
import { Guard, MAX_FAULTS } from './guard.ts'
import { Store } from './store/index.ts'
import { pageNow } from './test-support/page-of.ts'
import { samplesOf, valueAt } from './test-support/parse-page.ts'

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
    assert.equal(valueAt(pageNow(store), 'assay_agent_faults_total', { part: 'test' }), MAX_FAULTS)
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

test('a hook that steps aside is said once, and stays on the page', () => {
  const said: string[] = []
  const store = new Store()
  using guard = new Guard(store, (code, message) => said.push(`${code} ${message}`))
  for (let i = 0; i < 3; i++) guard.stepAside('pg', 'version 12')
  guard.stepAside('express', 'Route.prototype is frozen')
  assert.deepEqual(said, [
    'ASSAY_AGENT_ASIDE pg is not measured: version 12',
    'ASSAY_AGENT_ASIDE express is not measured: Route.prototype is frozen',
  ])
  const page = pageNow(store)
  assert.equal(valueAt(page, 'assay_agent_hooks_stepped_aside', { part: 'pg', reason: 'version 12' }), 1)
})

test('reasons without end cost neither memory nor lines', () => {
  const said: string[] = []
  const store = new Store()
  using guard = new Guard(store, (_code, message) => said.push(message))
  for (let i = 0; i < 1_000; i++) guard.stepAside('pg', `version ${i}`)
  assert.equal(said.length, 100)
  assert.ok(samplesOf(pageNow(store), 'assay_agent_hooks_stepped_aside').length <= 101)
})

test('one call in many is timed, and stands for them', () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  const idle = guard.wrap('idle', () => {})
  for (let i = 0; i < 5_000; i++) idle()
  const seconds = valueAt(pageNow(store), 'assay_agent_seconds_total', { part: 'idle' })
  assert.ok(seconds !== undefined && seconds > 0 && seconds < 5)
})

test('a part is loaded by the first message that is meant for it, and given that message, once', () => {
  using guard = new Guard(new Store(), () => {})
  const heard: string[] = []
  let loads = 0
  guard.whenFirst<string>(
    ['assay.test.one', 'assay.test.two'],
    'test',
    () => {
      loads++
      guard.on<string>('assay.test.one', 'test', (message) => heard.push(`one ${message}`))
      // A part of the part, by the same message.
      guard.whenFirst<string>(['assay.test.one'], 'test', () => {
        guard.on<string>('assay.test.one', 'test', (message) => heard.push(`inner ${message}`))
      })
      guard.on<string>('assay.test.two', 'test', (message) => heard.push(`two ${message}`))
    },
    (message) => message !== 'not this',
  )
  channel('assay.test.one').publish('not this')
  assert.equal(loads, 0)
  for (const message of ['a', 'b']) channel('assay.test.one').publish(message)
  channel('assay.test.two').publish('c')
  assert.equal(loads, 1)
  assert.deepEqual(heard, ['one a', 'inner a', 'one b', 'inner b', 'two c'])
})

test('a part that cannot be loaded is a fault, and is not tried again', () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  guard.whenFirst(['assay.test.broken'], 'test', () => {
    throw new Error('no')
  })
  for (let i = 0; i < 3; i++) channel('assay.test.broken').publish(i)
  assert.equal(valueAt(pageNow(store), 'assay_agent_faults_total', { part: 'test' }), 1)
  assert.equal(channel('assay.test.broken').hasSubscribers, false)
})

test('who waits in vain can stop waiting', () => {
  using guard = new Guard(new Store(), () => {})
  const stop = guard.whenFirst(['assay.test.vain'], 'test', () => assert.fail('loaded'))
  stop()
  assert.equal(channel('assay.test.vain').hasSubscribers, false)
})
