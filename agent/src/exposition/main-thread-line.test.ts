import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { LEAST_MS, MainThreadLine, MOST_MS } from './main-thread-line.ts'

/** A line whose clock and timers are turned by hand. */
function lineByHand(): Disposable & {
  readonly line: MainThreadLine
  readonly posted: number[]
  turn(milliseconds: number): Promise<void>
} {
  let now = 0
  mock.timers.enable({ apis: ['setTimeout'] })
  const posted: number[] = []
  return {
    line: new MainThreadLine(
      (id) => posted.push(id),
      () => now,
    ),
    posted,
    async turn(milliseconds) {
      now += milliseconds
      mock.timers.tick(milliseconds)
      for (let i = 0; i < 5; i++) await Promise.resolve()
    },
    [Symbol.dispose]: () => mock.timers.reset(),
  }
}

test('a loop that turns is waited for until its figures are there', async () => {
  using hand = lineByHand()
  const answer = hand.line.ask(500)
  hand.line.heard(1)
  await hand.turn(200)
  hand.line.collected(1)
  assert.equal(await answer, 'collected')
  assert.equal(hand.line.blockedSeconds, 0)
})

test('a loop that stands still is not waited for, is asked once, and is told for how long', async () => {
  using hand = lineByHand()
  const first = hand.line.ask(500)
  await hand.turn(LEAST_MS)
  assert.equal(await first, 'blocked')
  await hand.turn(15_000)
  const second = hand.line.ask(500)
  await hand.turn(LEAST_MS)
  assert.equal(await second, 'blocked')
  assert.deepEqual(hand.posted, [1])
  assert.equal(hand.line.blockedSeconds, (15_000 + 2 * LEAST_MS) / 1_000)
  hand.line.heard(1)
  hand.line.collected(1)
  assert.equal(hand.line.blockedSeconds, 0)
  const third = hand.line.ask(500)
  assert.deepEqual(hand.posted, [1, 2])
  hand.line.collected(2)
  assert.equal(await third, 'collected')
})

test('a collector that takes too long makes a busy answer, not a blocked one', async () => {
  using hand = lineByHand()
  const answer = hand.line.ask(500)
  hand.line.heard(1)
  await hand.turn(0)
  await hand.turn(500)
  assert.equal(await answer, 'busy')
  assert.equal(hand.line.blockedSeconds, 0)
})

test('a loop that is usually slow is given more time, up to a limit', async () => {
  using hand = lineByHand()
  const ask = async (takesMs: number): Promise<string> => {
    const answer = hand.line.ask(500)
    for (let at = 0; at < takesMs; at++) await hand.turn(1)
    const id = hand.posted.at(-1)!
    hand.line.heard(id)
    hand.line.collected(id)
    return await answer
  }
  assert.equal(await ask(LEAST_MS - 1), 'collected')
  for (const takes of [9, 12, 18, 25, 35, 45, 60, 70, 80, 90]) await ask(takes)
  assert.equal(await ask(90), 'collected')
  assert.equal(await ask(MOST_MS + 1), 'blocked')
})

test('a loop that stood still for long is not taken for one that is slow', async () => {
  using hand = lineByHand()
  for (let i = 1; i <= 20; i++) {
    const answer = hand.line.ask(500)
    await hand.turn(LEAST_MS)
    assert.equal(await answer, 'blocked')
    await hand.turn(5_000)
    hand.line.collected(i)
  }
})

test('two scrapes at once share one question', async () => {
  using hand = lineByHand()
  const both = [hand.line.ask(500), hand.line.ask(500)]
  assert.deepEqual(hand.posted, [1])
  hand.line.heard(1)
  hand.line.collected(1)
  assert.deepEqual(await Promise.all(both), ['collected', 'collected'])
})
