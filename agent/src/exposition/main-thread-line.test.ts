import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import {
  type Answered,
  LEAST_BLIND_MS,
  LEAST_MS,
  type LineOptions,
  MainThreadLine,
  MOST_MS,
} from './main-thread-line.ts'

/** A line whose clock, timers and main thread are turned by hand. */
function lineByHand(given: Partial<LineOptions> = {}): Disposable & {
  readonly line: MainThreadLine
  readonly posted: number[]
  turn(milliseconds: number): Promise<void>
  /** The same while the main thread waits for a processor. */
  starve(milliseconds: number): Promise<void>
  /** The main thread hears the last question. */
  hear(): void
  collect(): void
} {
  let now = 0
  let starved = 0
  const heard = new Map<number, number>()
  mock.timers.enable({ apis: ['setTimeout'] })
  const posted: number[] = []
  const line = new MainThreadLine({
    post: (id) => posted.push(id),
    now: () => now,
    heardAt: (id) => heard.get(id),
    watchStarvation: () => {
      const before = starved
      return () => starved - before
    },
    ...given,
  })
  // In steps: a timer that is set when another has rung is to ring as well.
  const turn = async (milliseconds: number): Promise<void> => {
    for (let at = 0; at <= milliseconds; at++) {
      const step = at === 0 ? 0 : 1
      now += step
      mock.timers.tick(step)
      for (let i = 0; i < 5; i++) await Promise.resolve()
    }
  }
  return {
    line,
    posted,
    turn,
    async starve(milliseconds) {
      for (let at = 0; at < milliseconds; at++) {
        starved++
        await turn(1)
      }
    },
    hear: () => void heard.set(posted.at(-1)!, now),
    collect: () => line.collected(posted.at(-1)!),
    [Symbol.dispose]: () => mock.timers.reset(),
  }
}

type Hand = ReturnType<typeof lineByHand>

/** Asks a loop that hears after so long, and collects at once. */
async function askAfter(hand: Hand, takesMs: number): Promise<Answered> {
  const answer = hand.line.ask(500)
  await hand.turn(takesMs)
  hand.hear()
  hand.collect()
  return await answer
}

test('a loop that turns is waited for until its figures are there', async () => {
  using hand = lineByHand()
  const answer = hand.line.ask(500)
  hand.hear()
  await hand.turn(200)
  hand.collect()
  assert.equal(await answer, 'collected')
  assert.equal(hand.line.blockedSeconds, 0)
})

test('a loop that stands still is not waited for, is asked once, and is told for how long', async () => {
  using hand = lineByHand()
  const first = hand.line.ask(500)
  await hand.turn(LEAST_MS)
  assert.equal(await first, 'blocked')
  await hand.turn(1_500)
  assert.equal(await hand.line.ask(500), 'blocked', 'at once: it has not heard for so long')
  assert.deepEqual(hand.posted, [1])
  assert.equal(hand.line.blockedSeconds, (1_500 + LEAST_MS) / 1_000)
  hand.hear()
  assert.equal(hand.line.blockedSeconds, 0)
  hand.collect()
  const third = hand.line.ask(500)
  assert.deepEqual(hand.posted, [1, 2])
  hand.collect()
  assert.equal(await third, 'collected')
})

test('a loop that has heard since it was taken for blocked is waited for', async () => {
  using hand = lineByHand()
  const first = hand.line.ask(500)
  await hand.turn(LEAST_MS)
  assert.equal(await first, 'blocked')
  hand.hear()
  const second = hand.line.ask(500)
  await hand.turn(50)
  hand.collect()
  assert.equal(await second, 'collected')
  assert.deepEqual(hand.posted, [1])
})

test('a collector that takes too long makes a busy answer, not a blocked one', async () => {
  using hand = lineByHand()
  const answer = hand.line.ask(500)
  hand.hear()
  await hand.turn(600)
  assert.equal(await answer, 'busy')
  assert.equal(hand.line.blockedSeconds, 0)
})

test('a machine that gives the main thread no processor is no loop that stands still, up to a limit', async () => {
  using hand = lineByHand()
  const answer = hand.line.ask(500)
  await hand.turn(LEAST_MS - 1)
  await hand.starve(50)
  hand.hear()
  hand.collect()
  assert.equal(await answer, 'collected')
  const never = hand.line.ask(500)
  await hand.starve(MOST_MS)
  assert.equal(await never, 'blocked')
})

test('where nobody knows whether it had a processor, a loop is given more time', async () => {
  using hand = lineByHand({ watchStarvation: () => undefined })
  const answer = hand.line.ask(500)
  let isTold = false
  void answer.then(() => {
    isTold = true
  })
  await hand.turn(LEAST_BLIND_MS - 1)
  assert.ok(!isTold)
  await hand.turn(1)
  assert.equal(await answer, 'blocked')
})

test('a loop that was slow lately, and not once alone, is given more time, up to a limit, until it has been quick for long', async () => {
  using hand = lineByHand()
  assert.equal(await askAfter(hand, 30), 'blocked')
  for (let i = 0; i < 5; i++) assert.equal(await askAfter(hand, 1), 'collected')
  assert.equal(await askAfter(hand, 20), 'blocked', 'once may be a collection of garbage')
  for (const takes of [30, 1, 30, 45, 1, 1, 50, 70, 90])
    assert.equal(await askAfter(hand, takes), 'collected', `${takes}`)
  assert.equal(await askAfter(hand, MOST_MS + 1), 'blocked')
  for (let i = 0; i < 70; i++) assert.equal(await askAfter(hand, 1), 'collected')
  assert.equal(await askAfter(hand, 30), 'blocked')
})

test('a loop that stood still for long is not taken for one that is slow', async () => {
  using hand = lineByHand()
  for (let i = 1; i <= 20; i++) {
    const answer = hand.line.ask(500)
    await hand.turn(LEAST_MS)
    assert.equal(await answer, 'blocked')
    await hand.turn(500)
    hand.hear()
    hand.collect()
  }
})

test('two scrapes at once share one question', async () => {
  using hand = lineByHand()
  const both = [hand.line.ask(500), hand.line.ask(500)]
  assert.deepEqual(hand.posted, [1])
  hand.hear()
  hand.collect()
  assert.deepEqual(await Promise.all(both), ['collected', 'collected'])
})
