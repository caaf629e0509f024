import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '#core'
import { type Follower, Notifications } from './notifications.ts'

/** A follower that keeps what it is sent; `close` is what its connection does. */
function follower(waiting = 0) {
  const sent: unknown[] = []
  let ended = ''
  let close = () => {}
  const sink: Follower = {
    writableLength: waiting,
    write: (text: unknown) => Boolean(sent.push(JSON.parse(String(text).replace(/^data: /, '')))),
    end: () => {
      ended = 'end'
      return sink as never
    },
    destroy: () => {
      ended = 'destroy'
      return sink as never
    },
    once: (_: unknown, listener: () => void) => {
      close = listener
      return sink as never
    },
  }
  return { sink, sent, ended: () => ended, close: () => close() }
}

test('what holds is listed, and sent to those who follow: at once, when it changes and when it ends', () => {
  const clock = new ManualClock(0)
  using notifications = new Notifications(clock)
  notifications.add('a')
  const one = follower()
  notifications.follow(one.sink)
  notifications.add('b')
  notifications.remove('a')
  notifications.remove('never said')
  const at = '1970-01-01T00:00:00.000Z'
  assert.deepEqual(one.sent, [
    { text: 'a', date: at, active: true },
    { text: 'b', date: at, active: true },
    { text: 'a', date: at, active: false },
  ])
  assert.deepEqual(notifications.list(), [{ text: 'b', date: at, active: true }])
})

test('as many follow as may; a place is free again when one goes', () => {
  using notifications = new Notifications(new ManualClock(0), 1)
  const one = follower()
  notifications.follow(one.sink)
  assert.equal(notifications.full, true)
  one.close()
  assert.equal(notifications.full, false)
})

test('a follower that does not read is dropped, and all end with the server', () => {
  const notifications = new Notifications(new ManualClock(0))
  const [slow, quick] = [follower(1e6), follower()]
  notifications.follow(slow.sink)
  notifications.follow(quick.sink)
  notifications.add('a')
  assert.deepEqual([slow.sent.length, slow.ended(), quick.sent.length], [0, 'destroy', 1])
  notifications[Symbol.dispose]()
  assert.equal(quick.ended(), 'end')
})
