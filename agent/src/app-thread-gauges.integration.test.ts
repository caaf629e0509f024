/** Gauges of the application's threads: brought up to date by each, told together, and missing where one of them does not answer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { samplesOf, valueAt } from './test-support/parse-page.ts'
import { type Service, startService, until } from './test-support/service.ts'

const get = async (service: Service, path: string): Promise<string> =>
  await (await fetch(`http://127.0.0.1:${String(service.ready['port'])}${path}`)).text()

/** Pools are named by where they lead to. */
const used = (page: string, host: string): number | undefined =>
  valueAt(page, 'db_client_connection_count', {
    db_client_connection_pool_name: `${host}:5432/shop`,
    state: 'used',
  })

/** A machine with much to do may keep a thread from answering in time now and then. */
const whole = (service: Service): Promise<string> =>
  until(
    () => service.metrics(),
    (page) => valueAt(page, 'shop_jobs_total') === 3 && used(page, 'shared') === 6,
  )

async function start(mode: string): Promise<Service> {
  const service = await startService('thread-gauges-service.ts', { ASSAY_AGENT_THREAD: mode })
  for (let i = 0; i < 2; i++) await get(service, '/spawn')
  return service
}

for (const mode of ['off', 'start']) {
  test(`pools of threads are added up, an outbox is one for all (agent's own thread: ${mode})`, async () => {
    await using service = await start(mode)
    const page = await whole(service)
    assert.equal(used(page, 'main-only'), 2)
    assert.equal(used(page, 'threads-only'), 4)
    for (const [name, each] of [
      ['db_client_connection_pending_requests', 4],
      ['db_client_connection_max', 10],
    ] as const) {
      assert.equal(valueAt(page, name, { db_client_connection_pool_name: 'shared:5432/shop' }), each * 3)
    }
    assert.equal(valueAt(page, 'messaging_outbox_pending_messages', { outbox: 'orders' }), 7)
    assert.equal(valueAt(page, 'jobs_waiting'), 6)
    assert.equal(valueAt(page, 'wait_seconds_count'), 3)
    assert.equal(valueAt(page, 'wait_seconds_sum'), 7)
    assert.equal(valueAt(page, 'wait_seconds', { quantile: '0.5' }), 3, 'the greatest of three')

    await get(service, '/end')
    const after = await until(
      () => service.metrics(),
      (text) => used(text, 'shared') === 4,
    )
    assert.equal(valueAt(after, 'wait_seconds_count'), 3, 'what has ended has counted')
    assert.equal(service.stderr(), '')
  })

  test(`a thread that is busy keeps no page waiting, and no sum is told without its share (${mode})`, async () => {
    await using service = await start(mode)
    await whole(service)
    await get(service, '/block')
    const page = await until(
      () => service.metrics(),
      (text) => used(text, 'shared') === undefined,
    )
    for (const host of ['shared', 'threads-only']) assert.equal(used(page, host), undefined)
    assert.equal(samplesOf(page, 'jobs_waiting').length, 0)
    assert.equal(samplesOf(page, 'wait_seconds').length, 0)
    assert.equal(used(page, 'main-only'), 2, 'what it has no part in is told')
    assert.ok((valueAt(page, 'nodejs_heap_size_used_bytes') ?? 0) > 0)
    assert.equal(valueAt(page, 'wait_seconds_sum'), 7, 'what is recorded as it happens is told')
    assert.equal(valueAt(page, 'shop_jobs_total'), 3)
    await get(service, '/free')
    await whole(service)
  })
}

test('threads are asked while the main thread stands still', async () => {
  await using service = await start('start')
  await whole(service)
  await get(service, '/block-main')
  const page = await until(
    () => service.pageAsItComes(),
    (text) => used(text, 'threads-only') === 4,
  )
  assert.ok((valueAt(page, 'nodejs_eventloop_blocked_seconds') ?? 0) > 0)
  for (const host of ['shared', 'main-only']) assert.equal(used(page, host), undefined)
  assert.equal(samplesOf(page, 'nodejs_heap_size_used_bytes').length, 0)
  assert.equal(valueAt(page, 'shop_jobs_total'), 3)
  service.child.stdin?.write('go on\n')
  await whole(service)
})
