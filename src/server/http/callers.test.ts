import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { ManualClock } from '#core'
import { CallerGoneError, DeadlineError } from './api-error.ts'
import { Callers } from './callers.ts'

/** As much of a response as a caller looks at. */
function responseOf() {
  const response = Object.assign(new EventEmitter(), { destroyed: false, writableFinished: false })
  const close = (finished: boolean) => {
    Object.assign(response, { destroyed: true, writableFinished: finished })
    response.emit('close')
  }
  return { response: response as unknown as ServerResponse, close }
}

test('a caller who goes before the answer aborts its signal, one who has it does not', () => {
  using callers = new Callers(new ManualClock())
  for (const finished of [false, true]) {
    const { response, close } = responseOf()
    const caller = callers.of(response)
    const { signal } = caller
    close(finished)
    assert.equal(signal.aborted, !finished)
  }
})

test('whoever asks for the signal late learns what has happened', () => {
  using callers = new Callers(new ManualClock())
  const { response, close } = responseOf()
  const caller = callers.of(response)
  caller.throwIfAborted()
  close(false)
  assert.throws(() => caller.throwIfAborted(), CallerGoneError)
  assert.ok(caller.signal.reason instanceof CallerGoneError)
})

test('one timer serves all deadlines, and each caller is told at its own', async () => {
  const clock = new ManualClock()
  using callers = new Callers(clock)
  const slow = callers.of(responseOf().response)
  const quick = callers.of(responseOf().response)
  const done = callers.of(responseOf().response)
  using _slow = slow.limited(1000)
  using _quick = quick.limited(100)
  done.limited(50)[Symbol.dispose]()
  await clock.advance(99)
  assert.equal(quick.signal.aborted, false)
  await clock.advance(1)
  assert.ok(quick.signal.reason instanceof DeadlineError)
  assert.equal(String(quick.signal.reason.message), 'no answer within 100 ms')
  assert.throws(() => quick.throwIfAborted(), DeadlineError)
  assert.equal(slow.signal.aborted, false)
  await clock.advance(900)
  assert.ok(slow.signal.aborted)
  await clock.advance(10_000)
  assert.equal(done.signal.aborted, false)
})

test('the end of the server reaches everybody, and those who come after it', () => {
  const callers = new Callers(new ManualClock())
  const { signal } = callers.of(responseOf().response)
  callers[Symbol.dispose]()
  assert.match(String(signal.reason), /the server stops/)
  assert.ok(callers.of(responseOf().response).signal.aborted)
})
