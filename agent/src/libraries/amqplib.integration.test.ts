/** amqplib against a real RabbitMQ, both of its APIs. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import type * as Amqp from 'amqplib'
import type * as CallbackAmqp from 'amqplib/callback_api'
import { type Rabbitmq, type RabbitmqPorts, startRabbitmq } from '../../../example/parts/rabbitmq.ts'
import { freePorts, type TestPlace, testPlace } from '../../../test/collectors/workplace.ts'
import { Guard } from '../guard.ts'
import { Store } from '../store/index.ts'
import { freshRequire } from '../test-support/fresh-require.ts'
import { pageOf } from '../test-support/page-of.ts'
import { samplesOf, valueAt } from '../test-support/parse-page.ts'
import { until } from '../test-support/service.ts'
import { amqplibPatch } from './amqplib.ts'
import { onRequire } from './require-hook.ts'

const SENT = 'messaging_client_sent_messages_total'
const UNCONFIRMED = 'messaging_client_unconfirmed_messages'
const IN_FLIGHT = 'messaging_client_inflight_messages'
const SETTLED = 'messaging_client_settled_messages_total'
const BODY = Buffer.from('an order')

const signal = AbortSignal.timeout(60_000)
let place: TestPlace
let broker: Rabbitmq
let ports: RabbitmqPorts
let url = ''

before(async () => {
  place = testPlace()
  const [amqp = 0, management = 0, prometheus = 0, epmd = 0, distribution = 0] = await freePorts(5)
  ports = { amqp, management, prometheus, epmd, distribution }
  url = `amqp://shop:secret@127.0.0.1:${amqp}`
  broker = await startRabbitmq({
    place,
    dir: place.dir('rabbitmq'),
    ports,
    user: 'shop',
    password: 'secret',
    plugins: ['rabbitmq_management'],
    signal,
  })
})

after(async () => {
  await broker?.[Symbol.asyncDispose]()
  place[Symbol.dispose]()
})

class Bench implements Disposable {
  readonly store = new Store()
  readonly guard = new Guard(this.store, () => {})
  readonly amqp: typeof Amqp

  constructor() {
    onRequire(this.guard, amqplibPatch(this.store, this.guard))
    this.amqp = freshRequire<typeof Amqp>('amqplib')
  }

  async value(name: string, labels: Record<string, string> = {}): Promise<number | undefined> {
    return valueAt(await pageOf(this.store), name, labels)
  }

  async reaches(name: string, labels: Record<string, string>, wanted: number): Promise<void> {
    await until(
      () => this.value(name, labels),
      (value) => value === wanted,
    )
  }

  [Symbol.dispose](): void {
    this.guard[Symbol.dispose]()
  }
}

test('on a confirm channel a message is sent when the broker says so, with and without a callback of its own', async () => {
  using b = new Bench()
  const connection = await b.amqp.connect(url)
  const channel = await connection.createConfirmChannel()
  const { queue } = await channel.assertQueue('confirmed', { autoDelete: true })
  const answers: unknown[] = []
  for (let i = 0; i < 20; i++) channel.sendToQueue(queue, BODY)
  channel.publish('', queue, BODY, {}, (error) => answers.push(error))
  assert.equal(await b.value(UNCONFIRMED, { messaging_destination_name: queue }), 21, 'written, and not yet sent')
  assert.equal(await b.value(SENT), undefined)
  await channel.waitForConfirms()
  assert.deepEqual(answers, [null])
  assert.equal(await b.value(SENT, { messaging_destination_name: queue }), 21)
  assert.equal(await b.value(UNCONFIRMED, { messaging_destination_name: queue }), 0)
  assert.equal(
    await b.value('messaging_client_operation_duration_seconds_count', { messaging_operation_name: 'publish' }),
    21,
  )
  await connection.close()
  assert.equal(await b.value('messaging_client_connections_lost_total'), undefined, 'the application closed it')
})

test('a message that finds no queue is told as returned, and one on a plain channel as sent', async () => {
  using b = new Bench()
  const connection = await b.amqp.connect(url)
  const plain = await connection.createChannel()
  const returned = once(plain, 'return')
  await plain.assertExchange('nowhere', 'direct', { autoDelete: true, durable: false })
  plain.publish('nowhere', 'x', BODY, { mandatory: true })
  await returned
  assert.equal(
    await b.value('messaging_client_returned_messages_total', {
      messaging_destination_name: 'nowhere',
      error_type: 'NO_ROUTE',
    }),
    1,
  )
  assert.equal(await b.value(SENT, { messaging_destination_name: 'nowhere' }), 1)
  await connection.close()
})

test('what a full queue refuses is nacked', async () => {
  using b = new Bench()
  const connection = await b.amqp.connect(url)
  const channel = await connection.createConfirmChannel()
  const full = { maxLength: 1, arguments: { 'x-overflow': 'reject-publish' }, autoDelete: true }
  const { queue } = await channel.assertQueue('full', full)
  channel.sendToQueue(queue, BODY)
  await channel.waitForConfirms()
  channel.sendToQueue(queue, BODY)
  await assert.rejects(channel.waitForConfirms())
  assert.equal(await b.value(SENT, { messaging_destination_name: queue, error_type: 'nack' }), 1)
  assert.equal(await b.value(UNCONFIRMED, { messaging_destination_name: queue }), 0)
  await connection.close()
})

test('deliveries are in flight until they are settled, each way of settling by its name', async () => {
  using b = new Bench()
  const connection = await b.amqp.connect(url)
  const channel = await connection.createConfirmChannel()
  const { queue } = await channel.assertQueue('work', { autoDelete: true })
  for (let i = 0; i < 8; i++) channel.sendToQueue(queue, BODY)
  await channel.waitForConfirms()
  const got: Amqp.ConsumeMessage[] = []
  await channel.consume(queue, (message) => void (message !== null && got.push(message)))
  await until(
    async () => got.length,
    (length) => length === 8,
  )
  assert.equal(await b.value(IN_FLIGHT, { messaging_destination_name: queue }), 8)
  const [first, second, third, fourth, , sixth] = got as [
    Amqp.Message,
    Amqp.Message,
    Amqp.Message,
    Amqp.Message,
    Amqp.Message,
    Amqp.Message,
  ]
  channel.ack(first)
  channel.nack(second, false, false)
  channel.reject(third, true)
  channel.ack(sixth, true)
  assert.ok(fourth)
  await until(
    async () => got.length,
    (length) => length === 9,
  )
  assert.equal(got[8]?.fields.redelivered, true)
  assert.equal(await b.value('messaging_client_redelivered_messages_total', { messaging_destination_name: queue }), 1)
  assert.equal(await b.value('messaging_client_consumed_messages_total', { messaging_destination_name: queue }), 9)
  assert.equal(await b.value(IN_FLIGHT, { messaging_destination_name: queue }), 3)
  channel.ackAll()
  assert.equal(await b.value(IN_FLIGHT, { messaging_destination_name: queue }), 0)
  assert.equal(await b.value(SETTLED, { messaging_operation_name: 'ack' }), 7)
  assert.equal(await b.value(SETTLED, { messaging_operation_name: 'nack', outcome: 'drop' }), 1)
  assert.equal(await b.value(SETTLED, { messaging_operation_name: 'reject', outcome: 'requeue' }), 1)
  const processing = samplesOf(await pageOf(b.store), 'messaging_process_duration_seconds_count')
  assert.equal(
    processing.reduce((sum, { value }) => sum + value, 0),
    9,
  )
  await connection.close()
})

test('without acks nothing is in flight; a message fetched by hand is', async () => {
  using b = new Bench()
  const connection = await b.amqp.connect(url)
  const channel = await connection.createConfirmChannel()
  const { queue } = await channel.assertQueue('by-hand')
  for (let i = 0; i < 2; i++) channel.sendToQueue(queue, BODY)
  await channel.waitForConfirms()
  const message = await channel.get(queue)
  assert.ok(message !== false)
  assert.equal(await b.value(IN_FLIGHT, { messaging_destination_name: queue }), 1)
  assert.ok((await channel.get(queue, { noAck: true })) !== false)
  assert.equal(await channel.get(queue), false)
  assert.equal(await b.value(IN_FLIGHT, { messaging_destination_name: queue }), 1)
  assert.equal(await b.value('messaging_client_consumed_messages_total', { messaging_destination_name: queue }), 2)
  channel.ack(message)
  assert.equal(await b.value(IN_FLIGHT, { messaging_destination_name: queue }), 0)
  await channel.deleteQueue(queue)
  await connection.close()
})

test('a connection that is cut leaves nothing unconfirmed or in flight, and what is unknown is told as that', async () => {
  using b = new Bench()
  const connection = await b.amqp.connect(url)
  const lost = new Promise<unknown>((resolve) => connection.on('error', resolve))
  const channel = await connection.createConfirmChannel()
  const { queue } = await channel.assertQueue('cut')
  channel.sendToQueue(queue, BODY)
  await channel.waitForConfirms()
  await channel.consume(queue, () => {})
  await b.reaches(IN_FLIGHT, { messaging_destination_name: queue }, 1)
  // Cut in the turn in which they were written: the broker's answer cannot have come.
  for (let i = 0; i < 5; i++) channel.sendToQueue(queue, BODY)
  assert.equal(await b.value(UNCONFIRMED, { messaging_destination_name: queue }), 5)
  const { stream } = (connection as unknown as { connection: { stream: import('node:net').Socket } }).connection
  stream.destroy(Object.assign(new Error('cut'), { code: 'ECONNRESET' }))
  await lost
  await b.reaches(UNCONFIRMED, { messaging_destination_name: queue }, 0)
  assert.equal(await b.value(IN_FLIGHT, { messaging_destination_name: queue }), 0)
  assert.equal(await b.value(SENT, { messaging_destination_name: queue, error_type: 'closed' }), 5)
  const told = samplesOf(await pageOf(b.store), 'messaging_client_connections_lost_total')
  assert.deepEqual(
    told.map(({ labels, value }) => [labels['error_type'], value]),
    [['ECONNRESET', 1]],
  )
  assert.throws(() => channel.sendToQueue(queue, BODY), { name: 'IllegalOperationError' })
  assert.equal(
    await b.value(UNCONFIRMED, { messaging_destination_name: queue }),
    0,
    'what cannot be written is not sent',
  )
})

test('a connection that the broker closes is told by its code', async () => {
  using b = new Bench()
  const connection = await b.amqp.connect(url, { clientProperties: { connection_name: 'to be closed' } })
  const closed = new Promise<unknown>((resolve) => connection.on('close', resolve))
  connection.on('error', () => {})
  await connection.createChannel().then((channel) => channel.assertQueue('any', { autoDelete: true, exclusive: true }))
  const channel = await connection.createChannel()
  channel.publish('', 'any', BODY)
  const api = `http://127.0.0.1:${ports.management}/api/connections`
  const headers = { authorization: `Basic ${Buffer.from('shop:secret').toString('base64')}` }
  const ours = await until(
    async () =>
      (await (await fetch(api, { headers, signal })).json()) as { name: string; user_provided_name?: string }[],
    (list) => list.some((one) => one.user_provided_name === 'to be closed'),
    15_000,
  )
  const { name = '' } = ours.find((one) => one.user_provided_name === 'to be closed') ?? {}
  await fetch(`${api}/${encodeURIComponent(name)}`, { method: 'DELETE', headers, signal })
  await closed
  assert.equal(await b.value('messaging_client_connections_lost_total', { error_type: '320' }), 1)
})

test('the API with callbacks is counted alike', async () => {
  using b = new Bench()
  const api = freshRequire<typeof CallbackAmqp>('amqplib/callback_api', ['amqplib'])
  const done = Promise.withResolvers<void>()
  const queue = 'called-back'
  api.connect(url, (failed, connection) => {
    if (failed) return done.reject(failed)
    connection.createConfirmChannel((refused, channel) => {
      if (refused) return done.reject(refused)
      channel.assertQueue(queue, { autoDelete: true })
      channel.consume(queue, (message) => {
        if (message !== null) channel.ack(message)
        connection.close(() => done.resolve())
      })
      channel.sendToQueue(queue, BODY, {}, (error) => {
        if (error) done.reject(error as Error)
      })
    })
  })
  await done.promise
  assert.equal(await b.value(SENT, { messaging_destination_name: queue }), 1)
  assert.equal(await b.value(SETTLED, { messaging_destination_name: queue, messaging_operation_name: 'ack' }), 1)
  assert.equal(await b.value(IN_FLIGHT, { messaging_destination_name: queue }), 0)
  assert.equal(samplesOf(await pageOf(b.store), 'assay_agent_faults_total', { part: 'amqplib' })[0]?.value ?? 0, 0)
})
