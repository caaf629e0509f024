import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { hubOf } from '../test-support/hub-of.ts'
import { samplesOf, valueAt } from '../test-support/parse-page.ts'
import { freePort, type Service, startService, until } from '../test-support/service.ts'

const COUNT = 'http_server_request_duration_seconds_count'
const STARTS = 'process_start_time_seconds'

async function ask(service: Service, path: string, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${String(service.ready['port'])}${path}`, { headers })
  return ((await response.json()) as { pid: number }).pid
}

async function stop(service: Service): Promise<void> {
  const gone = once(service.child, 'exit')
  service.child.kill('SIGTERM')
  await gone
}

const all = (service: Service, count: number): Promise<string> =>
  until(
    () => service.metrics(),
    (page) => samplesOf(page, STARTS).length === count,
  )

test('one page tells every worker, each with its label, and users of all of them once', async () => {
  await using service = await startService('cluster-service.ts', { ASSAY_USERS: 'header:x-user-id' })
  await all(service, 3)
  const perPid = new Map<number, number>()
  for (let i = 0; i < 30; i++) {
    const pid = await ask(service, '/x', { 'x-user-id': `user ${i % 10}` })
    perPid.set(pid, (perPid.get(pid) ?? 0) + 1)
  }
  const page = await service.metrics()
  const counts = samplesOf(page, COUNT, { http_route: '/x' })
  assert.deepEqual(counts.map(({ value }) => value).sort(), [...perPid.values()].sort())
  assert.deepEqual(
    samplesOf(page, STARTS)
      .map(({ labels }) => labels['worker'])
      .sort(),
    ['1', '2', '3'],
  )
  assert.equal(valueAt(page, 'assay_active_users', { window: '1d' }), 10)
  assert.equal(valueAt(page, 'assay_active_users', { window: '5m' }), 10)
  assert.equal(valueAt(page, 'assay_agent_workers', { state: 'answered' }), 3)
  await stop(service)
})

test('when the hub is killed the others take over, again and again', async () => {
  await using service = await startService('cluster-service.ts')
  await all(service, 3)
  const pids = service.ready['pids'] as number[]
  const starts = async (): Promise<number> => samplesOf(await service.metrics(), STARTS).length
  for (let left = 2; left >= 1; left--) {
    const hub = await hubOf(service, pids)
    process.kill(hub, 'SIGKILL')
    pids.splice(pids.indexOf(hub), 1)
    const from = performance.now()
    await until(starts, (count) => count === left)
    assert.ok(performance.now() - from < 2_000, `${performance.now() - from} ms without a page`)
  }
  await stop(service)
})

test('without threads a worker that is blocked is left out and told as silent, and the others are answered for in time', async () => {
  await using service = await startService('cluster-service.ts', { ASSAY_AGENT_THREAD: 'off' })
  await all(service, 3)
  const hub = await hubOf(service, service.ready['pids'] as number[])
  // Workers are served in turn: find one that is not the hub to block.
  while ((await ask(service, '/x')) !== hub);
  assert.notEqual(await ask(service, '/block'), hub)
  const from = performance.now()
  const page = await service.metrics()
  assert.ok(performance.now() - from < 1_500, `${performance.now() - from} ms`)
  assert.equal(valueAt(page, 'assay_agent_workers', { state: 'silent' }), 1)
  assert.equal(samplesOf(page, STARTS).length, 2)
  await all(service, 3)
  await stop(service)
})

test('with threads every worker answers, the blocked one too, hub or not', async () => {
  await using service = await startService('cluster-service.ts', { ASSAY_AGENT_THREAD: 'start' })
  await until(
    () => service.metrics(),
    (page) => samplesOf(page, 'assay_agent_thread').filter(({ value }) => value === 1).length === 3,
  )
  await ask(service, '/block')
  await ask(service, '/block')
  const blockedOn = (page: string): number =>
    samplesOf(page, 'nodejs_eventloop_blocked_seconds').filter(({ value }) => value > 0).length
  // They answer, and a moment later they block. On a machine with much to do the third may be late, too.
  const page = await until(
    () => service.pageAsItComes(),
    (text) => blockedOn(text) >= 2,
  )
  const blocked = blockedOn(page)
  assert.equal(valueAt(page, 'assay_agent_workers', { state: 'silent' }), 0)
  assert.equal(samplesOf(page, STARTS).length, 3)
  const told = samplesOf(page, 'nodejs_heap_size_used_bytes').length
  assert.equal(told, 3 - blocked, 'what only a blocked loop could tell is left out')
  assert.equal(
    samplesOf(page, COUNT).reduce((sum, { value }) => sum + value, 0),
    2,
    'counters stand in shared memory',
  )
  await stop(service)
})

test('what a worker has counted after the last scrape is not lost with its orderly end', async () => {
  await using service = await startService('cluster-service.ts', { ASSAY_AGENT_THREAD: 'start' })
  const all = await until(
    () => service.metrics(),
    (page) => samplesOf(page, 'assay_agent_thread').filter(({ value }) => value === 1).length === 3,
  )
  assert.equal(valueAt(all, 'assay_agent_workers', { state: 'departed' }), 0)
  const hub = await hubOf(service, service.ready['pids'] as number[])
  while ((await ask(service, '/x')) !== hub);
  // Workers are served in turn, so this is not the hub.
  assert.notEqual(await ask(service, '/exit'), hub)
  // On a busy machine it may be silent for a scrape before it is gone.
  const page = await until(
    () => service.metrics(),
    (text) => valueAt(text, 'assay_agent_workers', { state: 'departed' }) === 1,
  )
  assert.equal(samplesOf(page, STARTS).length, 2)
  assert.equal(
    samplesOf(page, COUNT, { http_route: '/exit' }).reduce((sum, { value }) => sum + value, 0),
    1,
    'its last request is told, though nobody had scraped it',
  )
  await stop(service)
})

test('two applications that share an address by mistake do not share a page', async () => {
  const port = await freePort()
  await using one = await startService('plain-service.ts', {
    METRICS_PORT: String(port),
    NODE_APP_INSTANCE: '0',
    ASSAY_SERVICE: 'one',
  })
  // The address has changed hands by then: in between it is nobody's.
  await until(
    () => one.metrics(),
    (page) => valueAt(page, 'assay_agent_thread') === 1,
  )
  await using two = await startService('plain-service.ts', {
    METRICS_PORT: String(port),
    NODE_APP_INSTANCE: '1',
    ASSAY_SERVICE: 'two',
  })
  await until(
    async () => two.stderr(),
    (text) => text.includes('ASSAY_AGENT_ADDRESS'),
  )
  assert.deepEqual(
    samplesOf(await one.metrics(), STARTS).map(({ labels }) => labels['worker']),
    ['0'],
  )
})

test('a younger instance with the same label replaces the older one on the page', async () => {
  const port = await freePort()
  const env = { METRICS_PORT: String(port), NODE_APP_INSTANCE: '0', ASSAY_SERVICE: 'one' }
  await using old = await startService('plain-service.ts', env)
  await until(
    () => old.metrics(),
    (page) => page.includes(STARTS),
  )
  const oldStart = valueAt(await old.metrics(), STARTS)
  await using _young = await startService('plain-service.ts', env)
  // Until it has joined, and while the address changes hands, a page may be of one of them alone, or of none.
  const page = await until(
    () => old.metrics(),
    (text) => valueAt(text, 'assay_agent_workers', { state: 'replaced' }) === 1,
  )
  assert.notEqual(valueAt(page, STARTS), oldStart)
  assert.equal(samplesOf(page, STARTS, { worker: '0' }).length, 1)
})

test('a primary that holds the address gives it up when it forks', async () => {
  await using service = await startService('cluster-service.ts', { FORK_WHEN_TOLD: '1' })
  await all(service, 1)
  service.child.stdin?.write('fork\n')
  const page = await all(service, 3)
  assert.deepEqual(
    samplesOf(page, STARTS)
      .map(({ labels }) => labels['worker'])
      .sort(),
    ['1', '2', '3'],
  )
  await stop(service)
})
