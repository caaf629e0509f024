import assert from 'node:assert/strict'
import { test } from 'node:test'
import { samplesOf, valueAt } from './test-support/parse-page.ts'
import { type Service, startService, until } from './test-support/service.ts'

const COUNT = 'http_server_request_duration_seconds_count'
const X = { http_route: '/x' }

async function get(port: unknown, path: string): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${String(port)}${path}`)).text()
}

const whole = (service: Service, count: number): Promise<string> =>
  until(
    () => service.metrics(),
    (page) => valueAt(page, COUNT, X) === count,
  )

for (const mode of ['off', 'start']) {
  test(`what threads count is one sum, also when they have ended (agent's own thread: ${mode})`, async () => {
    await using service = await startService('threads-service.ts', { ASSAY_AGENT_THREAD: mode })
    const { port } = service.ready
    const threads = [await get(port, '/spawn'), await get(port, '/spawn')]
    for (const one of [port, ...threads]) for (let i = 0; i < 3; i++) await get(one, '/x')
    const page = await whole(service, 9)
    assert.equal(samplesOf(page, COUNT, X).length, 1, 'one series, whoever has counted it')
    assert.equal(valueAt(page, 'shop_jobs_total'), 11)
    assert.equal(valueAt(page, 'http_server_active_requests', { http_request_method: 'GET' }), 0)
    assert.equal(samplesOf(page, 'process_start_time_seconds').length, 1)

    await get(port, `/end?${threads[0]}`)
    for (let i = 0; i < 5; i++) assert.equal(valueAt(await service.metrics(), COUNT, X), 9, 'never twice, never less')
    await get(threads[1], '/x')
    await whole(service, 10)
    await get(port, `/end?${threads[1]}`)
    await get(port, '/x')
    const last = await whole(service, 11)
    assert.equal(valueAt(last, 'shop_jobs_total'), 11 + 2 + 2)
    assert.equal(service.stderr(), '')
  })
}

test('threads within threads count, and go with the one that has started them', async () => {
  await using service = await startService('threads-service.ts', { ASSAY_AGENT_THREAD: 'start' })
  const child = await get(service.ready['port'], '/spawn')
  const grandchild = await get(child, '/spawn')
  await get(grandchild, '/x')
  await whole(service, 1)
  await get(service.ready['port'], `/end?${child}`)
  for (let i = 0; i < 3; i++) assert.equal(valueAt(await service.metrics(), COUNT, X), 1)
})

test('a thread with the agent off is left alone', async () => {
  await using service = await startService('threads-service.ts', { SPAWN_OFF: '1' })
  const thread = await get(service.ready['port'], '/spawn')
  await get(thread, '/x')
  await get(service.ready['port'], '/x')
  assert.equal(valueAt(await whole(service, 1), 'shop_jobs_total'), 2)
})
