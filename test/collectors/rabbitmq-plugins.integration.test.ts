/** Real brokers with a plugin really off: what works still comes, and what to enable is said. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCollector } from '#collectors'
import { type Plugin, startRabbitmq } from '../../example/parts/rabbitmq.ts'
import { collectorDeps, freePorts, lineValue, testPlace } from './workplace.ts'

const signal = AbortSignal.timeout(180_000)

/** A page and the caveats of a broker that runs with these plugins alone. */
async function readFrom(plugins: readonly Plugin[]) {
  using place = testPlace()
  const [amqp = 0, management = 0, prometheus = 0, epmd = 0, distribution = 0] = await freePorts(5)
  const ports = { amqp, management, prometheus, epmd, distribution }
  await using _ = await startRabbitmq({
    place,
    dir: place.dir('rabbitmq'),
    ports,
    user: 'shop',
    password: 'secret',
    plugins,
    signal,
  })
  const metrics = `http://127.0.0.1:${prometheus}/metrics`
  await using collector = await createCollector(
    { kind: 'rabbitmq', part: 'broker', management: { env: 'RABBITMQ_URL' }, metrics, deadLetters: [] },
    collectorDeps({ RABBITMQ_URL: `http://shop:secret@127.0.0.1:${management}` }),
  )
  const page = await collector.read(signal).catch((error: Error) => error)
  return { page, caveats: collector.caveats() }
}

test('a broker without its management plugin still tells of itself', async () => {
  const { page, caveats } = await readFrom(['rabbitmq_prometheus'])
  assert.ok(typeof page === 'string', String(page))
  assert.equal(lineValue(page, 'assay_rabbitmq_plugin_up{plugin="rabbitmq_management"}'), 0)
  assert.match(caveats.join('\n'), /enable rabbitmq_management/)
})

test('a broker without its Prometheus plugin still tells of its queues', async () => {
  const { page, caveats } = await readFrom(['rabbitmq_management'])
  assert.ok(typeof page === 'string', String(page))
  assert.equal(lineValue(page, 'assay_rabbitmq_plugin_up{plugin="rabbitmq_prometheus"}'), 0)
  assert.match(caveats.join('\n'), /enable rabbitmq_prometheus/)
})

test('a broker without any plugin is blind, and the way out is said', async () => {
  const { page } = await readFrom([])
  assert.ok(page instanceof Error)
  assert.match(page.message, /rabbitmq-plugins enable/)
  assert.doesNotMatch(page.message, /secret/)
})
