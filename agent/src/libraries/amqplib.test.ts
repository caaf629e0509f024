import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import fc from 'fast-check'
import { Guard } from '../guard.ts'
import { Store } from '../store/index.ts'
import { pageOf } from '../test-support/page-of.ts'
import { samplesOf, valueAt } from '../test-support/parse-page.ts'
import { amqplibPatch } from './amqplib.ts'
import { Destinations, MAX_DESTINATIONS } from './amqplib-destinations.ts'
import { InFlight, Unconfirmed } from './amqplib-windows.ts'

/** Fakes of versions that do not exist: what the agent meets must go on as if the agent were not there. */
class FakeChannel extends EventEmitter {
  consumer: ((message: unknown) => unknown) | undefined
  publish(exchange: string, key: string, ..._more: unknown[]): string {
    return `${exchange}/${key}`
  }
  consume(_queue: string, callback: (message: unknown) => unknown): void {
    this.consumer = callback
  }
  get(): unknown {
    return 'what get gives'
  }
  ack(message: unknown): unknown {
    return message
  }
}

/** Each made anew: a patch changes the classes. */
function fakeModel() {
  class Channel extends FakeChannel {
    override publish(exchange: string, key: string, ...more: unknown[]): string {
      return super.publish(exchange, key, ...more)
    }
    override consume(queue: string, callback: (message: unknown) => unknown): void {
      super.consume(queue, callback)
    }
    override get(): unknown {
      return super.get()
    }
    override ack(message: unknown): unknown {
      return super.ack(message)
    }
  }
  class ConfirmChannel extends Channel {
    override publish(exchange: string, key: string, ...more: unknown[]): string {
      return super.publish(exchange, key, ...more)
    }
  }
  return { Channel, ConfirmChannel }
}

const REQUIRED = { id: './lib/channel_model', parentFilename: '/app/node_modules/amqplib/channel_api.js' }
const ASIDE = 'assay_agent_hooks_stepped_aside'

test('a fake version without its window, and with methods missing, works as before, and the agent says what it left alone', async () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  const exports = fakeModel()
  amqplibPatch(store, guard)({ ...REQUIRED, exports })
  const confirm = new exports.ConfirmChannel()
  assert.equal(confirm.publish('jobs', 'a'), 'jobs/a')
  const plain = new exports.Channel()
  assert.equal(plain.publish('', 'mail'), '/mail')
  const got: unknown[] = []
  plain.consume('orders', (message) => got.push(message))
  plain.consumer?.({ content: 'without fields' })
  plain.consumer?.(null)
  assert.deepEqual(got, [{ content: 'without fields' }, null])
  assert.equal(plain.ack('no message at all'), 'no message at all')
  assert.equal(plain.get(), 'what get gives')
  const page = await pageOf(store)
  assert.equal(valueAt(page, 'messaging_client_sent_messages_total', { messaging_destination_name: 'mail' }), 1)
  assert.equal(valueAt(page, 'messaging_client_sent_messages_total', { messaging_destination_name: 'jobs' }), undefined)
  assert.equal(valueAt(page, 'messaging_client_consumed_messages_total', { messaging_destination_name: 'orders' }), 1)
  const reasons = samplesOf(page, ASIDE, { part: 'amqplib' }).map(({ labels }) => labels['reason'])
  assert.ok(reasons.includes('a confirm channel without the window of amqplib'))
  assert.ok(reasons.includes('nackAll of a channel cannot be wrapped'))
  assert.equal(valueAt(page, 'assay_agent_faults_total', { part: 'amqplib' }) ?? 0, 0)
})

test('a frozen prototype is left alone', async () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  const exports = fakeModel()
  Object.freeze(exports.Channel.prototype)
  Object.freeze(exports.ConfirmChannel.prototype)
  const before = exports.Channel.prototype.publish
  amqplibPatch(store, guard)({ ...REQUIRED, exports })
  assert.equal(exports.Channel.prototype.publish, before)
  assert.equal(new exports.Channel().publish('a', 'b'), 'a/b')
  assert.ok(samplesOf(await pageOf(store), ASIDE, { part: 'amqplib' }).length >= 4)
})

test('two agents count a message once, and a throwing getter is a fault of ours alone', async () => {
  const [first, second] = [new Store(), new Store()]
  using one = new Guard(first, () => {})
  using two = new Guard(second, () => {})
  const exports = fakeModel()
  amqplibPatch(first, one)({ ...REQUIRED, exports })
  amqplibPatch(second, two)({ ...REQUIRED, exports })
  const channel = new exports.Channel()
  channel.publish('orders', 'x')
  const sent = 'messaging_client_sent_messages_total'
  assert.equal(valueAt(await pageOf(first), sent), 1)
  assert.equal(valueAt(await pageOf(second), sent), undefined)

  const message = {
    get fields(): never {
      throw new Error('not for you')
    },
  }
  let got: unknown
  channel.consume('orders', (given) => {
    got = given
  })
  channel.consumer?.(message)
  assert.equal(got, message)
  assert.equal(valueAt(await pageOf(first), 'assay_agent_faults_total', { part: 'amqplib' }), 1)
})

test('what is open is what was opened and not settled, in any order, singly or up to a tag', async () => {
  type Step = { readonly kind: 'open' | 'one' | 'upTo'; readonly pick: number }
  const step = fc.record({ kind: fc.constantFrom<Step['kind']>('open', 'one', 'upTo'), pick: fc.nat(1_000) })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const store = new Store()
      const destinations = new Destinations(store)
      const channel = { lwm: 1, unconfirmed: [false] }
      const sent = new Unconfirmed(channel)
      const deliveries = new InFlight()
      let last = 0
      let open: number[] = []
      let settled = 0
      for (const { kind, pick } of steps) {
        if (kind === 'open') {
          last++
          open.push(last)
          sent.add(destinations.sentTo('orders', ''))
          deliveries.add(last, destinations.consumedFrom('orders'))
          continue
        }
        const tag = 1 + (pick % (last + 2))
        const ends = open.filter((one) => (kind === 'upTo' ? one <= tag : one === tag))
        open = open.filter((one) => !ends.includes(one))
        settled += ends.length
        sent.settle(tag, kind === 'upTo', '')
        deliveries.settle(tag, kind === 'upTo', 'ack', '')
      }
      const page = await pageOf(store)
      assert.equal(valueAt(page, 'messaging_client_unconfirmed_messages') ?? 0, open.length)
      assert.equal(valueAt(page, 'messaging_client_inflight_messages') ?? 0, open.length)
      assert.equal(valueAt(page, 'messaging_client_sent_messages_total') ?? 0, settled)
      assert.equal(valueAt(page, 'messaging_client_settled_messages_total') ?? 0, settled)
      sent.close()
      deliveries.forget()
      const closed = await pageOf(store)
      assert.equal(valueAt(closed, 'messaging_client_unconfirmed_messages') ?? 0, 0)
      assert.equal(valueAt(closed, 'messaging_client_inflight_messages') ?? 0, 0)
      assert.equal(valueAt(closed, 'messaging_client_sent_messages_total', { error_type: 'closed' }) ?? 0, open.length)
    }),
    { numRuns: 100 },
  )
})

test('a channel that was in use before the agent saw it goes on with the right tag', () => {
  const store = new Store()
  const sent = new Unconfirmed({ lwm: 8, unconfirmed: [null, false, () => {}] })
  const destination = new Destinations(store).sentTo('orders', '')
  assert.equal(sent.add(destination), true)
  sent.settle(9, false, '')
  assert.equal(samplesSent(store), 0)
  sent.settle(10, false, '')
  assert.equal(samplesSent(store), 1)
})

test('destinations are bounded, and names made up by the broker are one', async () => {
  const store = new Store()
  const destinations = new Destinations(store)
  for (let i = 0; i < MAX_DESTINATIONS + 50; i++) destinations.sentTo('', `reply-${i}`).sent('')
  for (let i = 0; i < 5; i++) destinations.consumedFrom(`amq.gen-${i}`).delivered(false)
  destinations.sentTo('', `amq.rabbitmq.reply-to.${'x'.repeat(40)}`).sent('')
  const page = await pageOf(store)
  assert.ok(samplesOf(page, 'messaging_client_sent_messages_total').length <= MAX_DESTINATIONS + 1)
  assert.equal(valueAt(page, 'messaging_client_consumed_messages_total', { messaging_destination_name: 'amq.gen' }), 5)
})

function samplesSent(store: Store): number {
  let sent = 0
  for (const family of store.families()) if (family.name === 'messaging_client_sent_messages_total') sent += family.size
  return sent
}
