import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assemble, render } from '../exposition/exposition.ts'
import { Guard } from '../guard.ts'
import { Store } from '../store/index.ts'
import { valueAt } from '../test-support/parse-page.ts'
import { amqplibPatch } from './amqplib.ts'

type Confirmed = (error: unknown) => void

/** The part of amqplib's model that the agent touches, each made anew: a patch changes the classes. */
function model() {
  class Channel {
    unconfirmed: (Confirmed | false | null)[] = []
    consumer: ((message: unknown) => unknown) | undefined
    publish(_exchange: string, _key: string, _content: Buffer, _options?: unknown): boolean {
      return true
    }
    sendToQueue(queue: string, content: Buffer): boolean {
      return this.publish('', queue, content)
    }
    consume(_queue: string, callback: (message: unknown) => unknown): void {
      this.consumer = callback
    }
  }
  class ConfirmChannel extends Channel {
    override publish(exchange: string, key: string, content: Buffer, options?: unknown, done?: Confirmed): boolean {
      const written = super.publish(exchange, key, content, options)
      this.unconfirmed.push(done ?? false)
      return written
    }
  }
  return { Channel, ConfirmChannel }
}

test('plain channels count what is written, confirm channels what is confirmed, and the rest is unconfirmed', async () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  const exports = model()
  amqplibPatch(
    store,
    guard,
  )({ id: './lib/channel_model', parentFilename: '/app/node_modules/amqplib/channel_api.js', exports })
  const value = async (name: string, labels: Record<string, string> = {}): Promise<number | undefined> => {
    for (const collect of store.collectors) await collect()
    return valueAt(assemble([render(store, 'text')], 'text'), name, labels)
  }
  const sent = 'messaging_client_sent_messages_total'
  const plain = new exports.Channel()
  assert.equal(plain.publish('orders', 'new', Buffer.from('x')), true)
  plain.sendToQueue('mail', Buffer.from('x'))
  assert.equal(await value(sent, { messaging_destination_name: 'orders' }), 1)
  assert.equal(await value(sent, { messaging_destination_name: 'mail' }), 1)

  const confirm = new exports.ConfirmChannel()
  const told: unknown[] = []
  confirm.publish('jobs', 'a', Buffer.from('x'), {}, (error) => told.push(error))
  confirm.publish('jobs', 'b', Buffer.from('x'))
  assert.equal(await value('messaging_client_unconfirmed_messages'), 2)
  assert.equal(await value(sent, { messaging_destination_name: 'jobs' }), undefined)
  const [first, second] = confirm.unconfirmed.splice(0) as Confirmed[]
  first?.(null)
  second?.(new Error('nacked'))
  assert.deepEqual(told, [null])
  assert.equal(await value('messaging_client_unconfirmed_messages'), 0)
  assert.equal(await value(sent, { messaging_destination_name: 'jobs', error_type: 'nack' }), 1)
  assert.equal(
    await value(sent, { messaging_destination_name: 'jobs' }).catch(() => 'two'),
    'two',
    'one sent, one refused',
  )

  const got: unknown[] = []
  plain.consume('orders', (message) => got.push(message))
  plain.consumer?.({ content: 'm' })
  plain.consumer?.(null)
  assert.deepEqual(got, [{ content: 'm' }, null])
  assert.equal(await value('messaging_client_consumed_messages_total', { messaging_destination_name: 'orders' }), 1)
})
