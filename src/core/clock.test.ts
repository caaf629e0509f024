import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, systemClock, tickAfter } from './clock.ts'

test('sleepers wake in order, each at its own instant', async () => {
  const clock = new ManualClock(1000)
  const woken: number[] = []
  for (const ms of [30, 10, 20]) clock.sleep(ms).then(() => woken.push(clock.now()))
  await clock.advance(25)
  assert.deepEqual(woken, [1010, 1020])
  await clock.advance(5)
  assert.deepEqual(woken, [1010, 1020, 1030])
  assert.equal(clock.monotonicMs(), 30)
})

test('ticks fall on multiples of the interval, moved by the offset', async () => {
  const clock = new ManualClock(1)
  const stop = new AbortController()
  const seen: number[] = []
  const done = (async () => {
    for await (const at of clock.ticks(100, stop.signal, 7)) seen.push(at)
  })()
  await clock.advance(320)
  stop.abort()
  await done
  assert.deepEqual(seen, [7, 107, 207, 307])
})

test('a busy consumer misses ticks and is not given them later', async () => {
  const clock = new ManualClock(0)
  const stop = new AbortController()
  const seen: number[] = []
  const done = (async () => {
    for await (const at of clock.ticks(10, stop.signal)) {
      seen.push(at)
      if (seen.length === 1) await clock.sleep(35)
    }
  })()
  await clock.advance(60)
  stop.abort()
  await done
  assert.deepEqual(seen, [10, 50, 60])
})

test('an abort ends a sleep and a loop quietly', async () => {
  const stop = new AbortController()
  const slept = systemClock.sleep(60_000, stop.signal)
  stop.abort()
  await slept
  for await (const _ of systemClock.ticks(1, stop.signal)) assert.fail('no tick after an abort')
})

test('an abort during a tick ends the loop at the next one', async () => {
  const stop = new AbortController()
  let ticks = 0
  for await (const at of systemClock.ticks(1, stop.signal)) {
    assert.equal(at % 1, 0)
    if (++ticks === 3) stop.abort()
  }
  assert.equal(ticks, 3)
})

for (const { why, previous, now, want } of [
  { why: 'the next one', previous: 1000, now: 1003, want: 1010 },
  { why: 'a timer that woke early repeats none', previous: 1000, now: 999, want: 1010 },
  { why: 'what was missed is skipped', previous: 1000, now: 1035, want: 1040 },
  { why: 'a clock set back goes on from where it is', previous: 1000, now: 503, want: 510 },
  { why: 'a clock set ahead too', previous: 1000, now: 9003, want: 9010 },
]) {
  test(`after a tick: ${why}`, () => assert.equal(tickAfter(previous, now, 10, 0), want))
}
