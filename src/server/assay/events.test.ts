import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, unixMs } from '#core'
import { emptyPlan } from '../server.test-support.ts'
import type { EventWire } from '../wire.ts'
import { EventHub, type Sink } from './events.ts'

/** A follower in memory: what was written to it, and a socket that can be made full. */
class Follower {
  written = ''
  writableLength = 0
  ended = false
  destroyed = false
  #close = () => {}
  write(text: string): boolean {
    this.written += text
    return true
  }
  end(): void {
    this.ended = true
  }
  destroy(): void {
    this.destroyed = true
  }
  once(_event: string, listener: () => void): void {
    this.#close = listener
  }
  leave(): void {
    this.#close()
  }
  get sink(): Sink {
    return this as unknown as Sink
  }
}

function open(maxClients = 10) {
  const clock = new ManualClock(1_000_000)
  let listener: ((event: EventWire) => void) | undefined
  const hub = new EventHub(
    {
      clock,
      startedAt: unixMs(36),
      plan: () => ({ ...emptyPlan, evaluationIntervalMs: 60_000 }),
      subscribe: (to) => {
        listener = to
        return { [Symbol.dispose]: () => void (listener = undefined) }
      },
    },
    maxClients,
  )
  return { hub, clock, publish: (event: EventWire) => listener?.(event), subscribed: () => listener !== undefined }
}

test('an event reaches all who follow, with an id', () => {
  const { hub, publish } = open()
  using _ = hub
  const [a, b] = [new Follower(), new Follower()]
  hub.follow(a.sink, undefined)
  hub.follow(b.sink, undefined)
  publish({ kind: 'ticket', id: 'T-1' })
  for (const one of [a, b])
    assert.equal(one.written, 'retry: 2000\n\nid: 10-1\nevent: ticket\ndata: {"kind":"ticket","id":"T-1"}\n\n')
})

test('overviews come at most once a second, and the last of a burst comes', async () => {
  const { hub, clock, publish } = open()
  using _ = hub
  const one = new Follower()
  hub.follow(one.sink, undefined)
  const count = () => one.written.split('event: overview').length - 1
  for (let i = 0; i < 5; i++) publish({ kind: 'overview' })
  assert.equal(count(), 1)
  await clock.advance(999)
  assert.equal(count(), 1)
  await clock.advance(1)
  assert.equal(count(), 2)
  await clock.advance(5000)
  assert.equal(count(), 2)
})

test('who comes back gets what he missed, or is told to look anew', () => {
  const { hub, publish } = open()
  using _ = hub
  for (let i = 1; i <= 300; i++) publish({ kind: 'ticket', id: String(i) })
  const resumed = (lastEventId: string | undefined) => {
    const one = new Follower()
    hub.follow(one.sink, lastEventId)
    return [...one.written.matchAll(/event: (\w+)/g)].map(([, kind]) => kind)
  }
  assert.deepEqual(resumed('10-298'), ['ticket', 'ticket'])
  assert.deepEqual(resumed('10-300'), [])
  assert.equal(resumed('10-44').length, 256)
  for (const unknown of ['10-43', '10-301', 'zz-1', 'nonsense'])
    assert.deepEqual(resumed(unknown), ['overview'], unknown)
  assert.deepEqual(resumed(undefined), [])
})

test('overviews do not push what happened out of memory, and one of them is enough', async () => {
  const { hub, clock, publish } = open()
  using _ = hub
  publish({ kind: 'ticket', id: '1' })
  for (let i = 0; i < 300; i++) {
    publish({ kind: 'overview' })
    await clock.advance(1000)
  }
  const one = new Follower()
  hub.follow(one.sink, '10-0')
  assert.deepEqual(
    [...one.written.matchAll(/event: (\w+)/g)].map(([, kind]) => kind),
    ['ticket', 'overview'],
  )
})

test('numbers move without an event, so an overview comes in each evaluation interval', async () => {
  const { hub, clock } = open()
  using _ = hub
  const one = new Follower()
  hub.follow(one.sink, undefined)
  await clock.advance(120_000)
  assert.equal(one.written.split('event: overview').length - 1, 2)
})

test('a heartbeat comes every 15 s', async () => {
  const { hub, clock } = open()
  using _ = hub
  const one = new Follower()
  hub.follow(one.sink, undefined)
  await clock.advance(30_000)
  assert.equal(one.written.split(': heartbeat').length - 1, 2)
})

test('a follower that does not read is dropped and counted, the others go on', () => {
  const { hub, publish } = open()
  using _ = hub
  const [slow, quick] = [new Follower(), new Follower()]
  hub.follow(slow.sink, undefined)
  hub.follow(quick.sink, undefined)
  slow.writableLength = 65 * 1024
  publish({ kind: 'ticket', id: '1' })
  assert.deepEqual([slow.destroyed, quick.destroyed, hub.clients], [true, false, 1])
  assert.equal(
    hub
      .readings()
      .find(({ name }) => name.includes('dropped'))
      ?.value(),
    1,
  )
})

test('there are only so many followers, and one that leaves makes room', () => {
  const { hub } = open(1)
  using _ = hub
  const one = new Follower()
  hub.admit()
  hub.follow(one.sink, undefined)
  assert.throws(() => hub.admit(), { type: 'unavailable' })
  one.leave()
  hub.admit()
})

test('the end of the hub ends all followers and its subscription', () => {
  const { hub, subscribed } = open()
  const one = new Follower()
  hub.follow(one.sink, undefined)
  hub[Symbol.dispose]()
  assert.deepEqual([one.ended, subscribed()], [true, false])
})
