import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, silentLog } from '#core'
import { memoryState } from '#state'
import { type Deliver, DeliveryError } from './deliver.ts'
import { createNotifier, digestOf, MAX_REFUSALS, type NotifierOptions } from './notifier.ts'
import { outboxWrite, UNDELIVERED } from './outbox.ts'
import type { Notification, ReceiverSpec } from './types.ts'

const RECEIVERS: readonly ReceiverSpec[] = ['support', 'developers'].map((name) => ({
  kind: 'webhook',
  name,
  url: 'http://127.0.0.1:1/',
}))
const note = (id: string, receiver = 'support'): Notification => ({
  id,
  receiver,
  subject: `[workshop] ${id}`,
  body: `${id}\n`,
  details: {},
})

function bench(
  options: Partial<NotifierOptions> & { readonly fails?: (id: string, receiver: string) => Error | undefined } = {},
) {
  const clock = new ManualClock(1_000_000)
  const state = options.state ?? memoryState()
  const got: string[] = []
  const deliver =
    (spec: ReceiverSpec): Deliver =>
    async (notification) => {
      const failure = options.fails?.(notification.id, spec.name)
      if (failure !== undefined) throw failure
      got.push(`${spec.name} ${notification.subject.replace('[workshop] ', '')}`)
    }
  const notifier = createNotifier({
    receivers: RECEIVERS,
    clock,
    log: silentLog,
    random: () => 0.5,
    deliver,
    ...options,
    state,
  })
  return {
    clock,
    state,
    got,
    notifier,
    async owe(...notes: readonly Notification[]) {
      await state.write(notes.map(outboxWrite))
      notifier.wake()
      await clock.advance(0)
    },
    [Symbol.asyncDispose]: () => notifier[Symbol.asyncDispose](),
  }
}

test('messages are delivered at once, in order, and leave the outbox', async () => {
  await using b = bench()
  await b.owe(note('a'), note('b'), note('c', 'developers'))
  assert.deepEqual(
    b.got.filter((one) => one.startsWith('support')),
    ['support a', 'support b'],
  )
  assert.ok(b.got.includes('developers c'))
  assert.deepEqual(await b.state.list('outbox'), [])
  assert.equal((await b.state.audit()).length, 3)
})

test('a receiver that is down for an hour gets everything, in order, when it is back; the other is not held up', async () => {
  let down = true
  const fails = (_: string, receiver: string) =>
    down && receiver === 'support' ? new DeliveryError('refused', false) : undefined
  await using b = bench({ fails })
  for (let i = 0; i < 6; i++) {
    await b.owe(note(`m${i}`), note(`d${i}`, 'developers'))
    await b.clock.advance(600_000)
  }
  assert.equal(b.got.length, 6, 'the other receiver has its own')
  assert.match(b.notifier.status()[0]!.lastError, /refused/)
  down = false
  await b.clock.advance(120_000)
  assert.deepEqual(b.got.slice(6), ['support m0', 'support m1', 'support m2', 'support m3', 'support m4', 'support m5'])
  assert.equal(b.notifier.status()[0]!.lastError, '')
})

test('a stop leaves what is owed, and the next start delivers it', async () => {
  const state = memoryState()
  {
    await using b = bench({ state, fails: () => new DeliveryError('down', false) })
    await b.owe(note('a'))
  }
  await using b = bench({ state })
  await b.clock.advance(0)
  assert.deepEqual(b.got, ['support a'])
})

test('what is refused for good is put aside and those behind it go on', async () => {
  await using b = bench({ fails: (id) => (id === 'bad' ? new DeliveryError('no such mailbox', true) : undefined) })
  await b.owe(note('bad'), note('good'))
  assert.deepEqual(b.got, [])
  await b.clock.advance(60_000)
  assert.deepEqual(b.got, ['support good'])
  const [aside] = await b.state.list(UNDELIVERED)
  assert.equal((aside?.value as { reason?: string }).reason, 'no such mailbox')
  assert.equal(b.notifier.status()[0]!.failures, MAX_REFUSALS - 1)
})

test('a pile becomes one message and nothing of it is lost', async () => {
  const state = memoryState()
  const notes = Array.from({ length: 250 }, (_, i) => note(`m${i}`))
  await state.write(notes.map(outboxWrite))
  await using b = bench({ state })
  await b.clock.advance(0)
  assert.equal(b.got.length, 2)
  assert.match(b.got[0]!, /200 messages: m0/)
  assert.deepEqual(await state.list('outbox'), [])
  const digest = digestOf(notes.slice(0, 30))
  for (const { id } of notes.slice(0, 30)) assert.ok(digest.body.includes(`  ${id}\n`))
})

test('messages to a receiver that the definition no longer has are put aside', async () => {
  const state = memoryState()
  await state.write([outboxWrite(note('a', 'gone'))])
  await using b = bench({ state })
  await b.clock.advance(0)
  assert.deepEqual(await state.list('outbox'), [])
  assert.equal((await state.list(UNDELIVERED)).length, 1)
})

test('a delivery that hangs ends by its deadline and is tried again', async () => {
  let tries = 0
  const deliver = (): Deliver => (_, signal) =>
    ++tries > 1
      ? Promise.resolve()
      : new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  await using b = bench({ deliver, timeoutMs: 5000 })
  await b.owe(note('a'))
  await b.clock.advance(10_000)
  assert.equal(tries, 2)
  assert.deepEqual(await b.state.list('outbox'), [])
})
