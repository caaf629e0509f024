/** The two doors of a broker, played from recordings: which of them is open decides what the page tells. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { ManualClock, silentLog } from '#core'
import { rabbitmqCollector } from './collector.ts'

const recorded = (name: string) => readFileSync(new URL(`./testdata/${name}`, import.meta.url), 'utf8')
const signal = new AbortController().signal

type Answer = { readonly status: number; readonly body: string }

/** A server with these paths; anything else is 404. */
async function serving(answers: Readonly<Record<string, Answer>>) {
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? ''
    const { status, body } = answers[path] ?? { status: 404, body: '' }
    response.writeHead(request.headers.authorization === undefined && path.startsWith('/api') ? 401 : status).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    base: `http://shop:hush@127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const ok = (body: string): Answer => ({ status: 200, body })
const MANAGEMENT = {
  '/api/overview': ok(recorded('overview.json')),
  '/api/nodes': ok(recorded('nodes.json')),
  '/api/queues': ok(recorded('queues.json')),
}
const OWN = { '/metrics': ok(recorded('metrics.txt')), '/metrics/detailed': ok(recorded('detailed.txt')) }

const collectorAt = (base: string, own = base) =>
  rabbitmqCollector(
    {
      kind: 'rabbitmq',
      part: 'broker',
      management: { env: 'RABBITMQ_URL' },
      metrics: `${own}/metrics`,
      deadLetters: ['orders.dead'],
    },
    { resolve: (text) => (typeof text === 'string' ? text : base), clock: new ManualClock(), log: silentLog },
  )

test('with both doors open nothing is missing, and no family is there twice', async () => {
  await using server = await serving({ ...MANAGEMENT, ...OWN })
  const collector = collectorAt(server.base)
  const page = await collector.read(signal)
  assert.match(page, /^assay_dead_letters\{queue="orders\.dead"\} 2$/m)
  assert.match(page, /^rabbitmq_alarms_memory_used_watermark 0$/m)
  const types = [...page.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
  assert.equal(new Set(types).size, types.length)
  assert.deepEqual(collector.caveats(), [])
  assert.ok(!collector.address.includes('hush'))
})

test('without the Prometheus plugin the management API fills in, and the caveat says what to enable', async () => {
  await using server = await serving(MANAGEMENT)
  const collector = collectorAt(server.base)
  const page = await collector.read(signal)
  assert.match(page, /^rabbitmq_queue_messages_unacked\{vhost="\/",queue="orders"\} 3$/m)
  assert.match(page, /^rabbitmq_disk_space_available_bytes \d+$/m)
  assert.match(page, /^rabbitmq_global_messages_confirmed_total 10$/m)
  assert.match(collector.caveats().join(), /rabbitmq-plugins enable rabbitmq_prometheus/)
})

test('without management the broker tells of its queues itself, and the caveat says what to enable', async () => {
  await using server = await serving(OWN)
  const collector = collectorAt(server.base)
  const page = await collector.read(signal)
  assert.match(page, /^rabbitmq_queue_messages_ready\{vhost="\/",queue="orders"\} 5$/m)
  assert.doesNotMatch(page, /^rabbitmq_queue_messages_ready \d/m)
  assert.match(page, /^assay_dead_letters\{queue="orders\.dead"\} 2$/m)
  assert.match(collector.caveats().join(), /rabbitmq-plugins enable rabbitmq_management/)
})

test('with both doors closed the read fails with the reason', async () => {
  const cases = [
    { answers: {}, says: /has no management API; check RABBITMQ_URL/ },
    {
      answers: { '/api/overview': { status: 401, body: '' } },
      says: /^password refused for user shop at 127\.0\.0\.1:\d+; check RABBITMQ_URL/,
    },
    { answers: { '/api/overview': { status: 403, body: '' } }, says: /rabbitmqctl set_user_tags shop monitoring$/ },
    { answers: { '/api/overview': { status: 503, body: '' } }, says: /answers 503/ },
    { answers: { '/api/overview': ok('<html>') }, says: /not as RabbitMQ's management API/ },
  ]
  for (const { answers, says } of cases) {
    await using server = await serving(answers)
    await assert.rejects(collectorAt(server.base).read(signal), (error: Error & { code?: string }) => {
      assert.match(error.message, says)
      assert.ok(!error.message.includes('hush'))
      assert.equal(error.code, 'ASSAY_COLLECTOR_RABBITMQ')
      return true
    })
  }
})

test('a broker that keeps no counters has no rates rather than zeros', async () => {
  const overview = recorded('overview.json').replace('"rates_mode": "basic"', '"rates_mode": "none"')
  const queues = recorded('queues.json').replaceAll('"message_stats"', '"other"')
  await using server = await serving({
    ...MANAGEMENT,
    '/api/overview': ok(overview),
    '/api/queues': ok(queues),
    ...OWN,
  })
  const collector = collectorAt(server.base)
  const page = await collector.read(signal)
  assert.doesNotMatch(page, /^rabbitmq_queue_messages_published_total\{/m)
  assert.match(collector.caveats().join(), /rates_mode = none/)
})
