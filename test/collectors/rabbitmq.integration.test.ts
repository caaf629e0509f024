/** The RabbitMQ collector against a real broker. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import amqp from 'amqplib'
import { type Collector, createCollector } from '#collectors'
import { parseExposition } from '#scrape'
import { type Rabbitmq, type RabbitmqPorts, startRabbitmq } from '../../example/parts/rabbitmq.ts'
import { collectorDeps, freePorts, lineValue, type TestPlace, testPlace } from './workplace.ts'

const signal = AbortSignal.timeout(180_000)
let place: TestPlace
let broker: Rabbitmq
let ports: RabbitmqPorts
/** Where nobody listens; `fetch` itself refuses the very low ports. */
let closed = 0

before(async () => {
  place = testPlace()
  const [amqpPort = 0, management = 0, prometheus = 0, epmd = 0, distribution = 0, unused = 0] = await freePorts(6)
  ports = { amqp: amqpPort, management, prometheus, epmd, distribution }
  closed = unused
  broker = await startRabbitmq({ place, dir: place.dir('rabbitmq'), ports, user: 'shop', password: 'secret', signal })
})

after(async () => {
  await broker?.[Symbol.asyncDispose]()
  place[Symbol.dispose]()
})

const collectorAt = (url: string, more: { readonly metrics?: string } = {}): Promise<Collector> =>
  createCollector(
    {
      kind: 'rabbitmq',
      part: 'broker',
      management: { env: 'RABBITMQ_URL' },
      deadLetters: ['orders.dead', 'no.such'],
      ...more,
    },
    collectorDeps({ RABBITMQ_URL: url }),
  )

/** Reads until the page satisfies: the broker gathers its statistics once a second. */
async function readUntil(collector: Collector, holds: (page: string) => boolean): Promise<string> {
  for (;;) {
    const page = await collector.read(signal)
    if (holds(page)) return page
    await wait(200, undefined, { signal })
  }
}

test('ready, unacked, published and dead-lettered messages are told per queue', async () => {
  const connection = await amqp.connect(`amqp://shop:secret@127.0.0.1:${ports.amqp}`)
  const channel = await connection.createConfirmChannel()
  await channel.assertExchange('dead', 'fanout')
  await channel.assertQueue('orders.dead')
  await channel.bindQueue('orders.dead', 'dead', '')
  await channel.assertQueue('orders', { deadLetterExchange: 'dead' })
  for (let i = 0; i < 10; i++) channel.sendToQueue('orders', Buffer.from('order'))
  await channel.waitForConfirms()
  await channel.prefetch(3)
  let got = 0
  await channel.consume('orders', (message) => {
    if (message !== null && got++ < 2) channel.nack(message, false, false)
  })
  await using collector = await collectorAt(`http://shop:secret@127.0.0.1:${ports.management}`)
  const page = await readUntil(
    collector,
    (text) =>
      lineValue(text, 'assay_dead_letters{queue="orders.dead"}') === 2 &&
      lineValue(text, 'rabbitmq_queue_messages_unacked{vhost="/",queue="orders"}') === 3 &&
      lineValue(text, 'rabbitmq_queue_messages_published_total{vhost="/",queue="orders"}') === 10,
  )
  assert.equal(lineValue(page, 'rabbitmq_queue_messages_ready{vhost="/",queue="orders"}'), 5)
  assert.equal(lineValue(page, 'rabbitmq_queue_consumers{vhost="/",queue="orders"}'), 1)
  assert.match(page, /^rabbitmq_global_messages_dead_lettered_rejected_total\{.*\} 2$/m)
  assert.match(page, /^rabbitmq_global_messages_confirmed_total\{.*\} 10$/m)
  assert.equal(lineValue(page, 'rabbitmq_alarms_memory_used_watermark'), 0)
  assert.equal(lineValue(page, 'rabbitmq_queue_messages_ready'), undefined, 'a sum beside its parts would count twice')
  assert.ok(parseExposition(page, { format: 'text' }).count > 300)
  assert.deepEqual(collector.caveats(), [
    `there is no queue no.such for dead letters at 127.0.0.1:${ports.management}; create it, or check deadLetters of broker`,
  ])
  await connection.close()
})

test('without the Prometheus plugin queues and alarms still come, and what to enable is said', async () => {
  await using collector = await collectorAt(`http://shop:secret@127.0.0.1:${ports.management}`, {
    metrics: `http://127.0.0.1:${closed}/metrics`,
  })
  const page = await collector.read(signal)
  assert.ok(lineValue(page, 'rabbitmq_queue_messages_ready{vhost="/",queue="orders"}') !== undefined)
  assert.equal(lineValue(page, 'rabbitmq_alarms_memory_used_watermark'), 0)
  assert.ok((lineValue(page, 'rabbitmq_process_resident_memory_bytes') ?? 0) > 1e6)
  assert.equal(lineValue(page, 'assay_rabbitmq_plugin_up{plugin="rabbitmq_prometheus"}'), 0)
  assert.match(collector.caveats()[0] ?? '', /rabbitmq-plugins enable rabbitmq_prometheus$/)
})

test('without the management API the broker itself still tells of its queues', async () => {
  await using collector = await collectorAt(`http://shop:secret@127.0.0.1:${closed}`, {
    metrics: `http://127.0.0.1:${ports.prometheus}/metrics`,
  })
  const page = await readUntil(collector, (text) => lineValue(text, 'assay_dead_letters{queue="orders.dead"}') === 2)
  assert.ok(lineValue(page, 'rabbitmq_queue_messages_ready{vhost="/",queue="orders"}') !== undefined)
  assert.match(collector.caveats()[0] ?? '', /connection refused at 127\.0\.0\.1:\d+; .*enable rabbitmq_management$/)
})

test('each way of being refused has its sentence', async () => {
  const noMetrics = { metrics: `http://127.0.0.1:${closed}/metrics` }
  const cases = [
    {
      url: `http://shop:wrong@127.0.0.1:${ports.management}`,
      says: /^password refused for user shop at 127\.0\.0\.1:\d+; check RABBITMQ_URL/,
    },
    { url: `http://shop:secret@127.0.0.1:${ports.amqp}`, says: /(not in HTTP|closed the connection)/ },
    {
      url: `http://shop:secret@127.0.0.1:${closed}`,
      says: /^connection refused at 127\.0\.0\.1:\d+; is the broker running/,
    },
  ]
  for (const { url, says } of cases) {
    await using collector = await collectorAt(url, noMetrics)
    await assert.rejects(collector.read(signal), (error: Error) => {
      assert.match(error.message, says)
      assert.ok(!error.message.includes('secret') && !error.message.includes('wrong'))
      return true
    })
  }
})
