import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { samplesOf, valueAt } from '../test-support/parse-page.ts'
import { type Service, startService, until } from '../test-support/service.ts'

const COUNT = 'http_server_request_duration_seconds_count'
const isServedByThread = (page: string): boolean => valueAt(page, 'assay_agent_thread') === 1

const get = async (service: Service, path: string): Promise<string> =>
  await (await fetch(`http://127.0.0.1:${String(service.ready['port'])}${path}`)).text()

const taken = (service: Service): Promise<string> => until(() => service.metrics(), isServedByThread)

test('the first scrape is answered by the main thread, later ones by a thread, and nothing is counted twice or lost', async () => {
  await using service = await startService('blocking-service.ts')
  await get(service, '/x')
  const first = await service.metrics()
  assert.equal(valueAt(first, 'assay_agent_thread'), 0)
  assert.equal(valueAt(first, COUNT, { http_route: '/x' }), 1)
  await get(service, '/x')
  const later = await taken(service)
  assert.equal(valueAt(later, COUNT, { http_route: '/x' }), 2)
  assert.equal(valueAt(later, 'process_start_time_seconds'), valueAt(first, 'process_start_time_seconds'))
  assert.ok((valueAt(later, 'nodejs_heap_size_used_bytes') ?? 0) > 0)
  assert.equal(service.stderr(), '')
})

test('a scrape is answered while the event loop is blocked, and tells that it is', async () => {
  await using service = await startService('blocking-service.ts', { ASSAY_AGENT_THREAD: 'start' })
  await get(service, '/x')
  await taken(service)
  // It answers, and a moment later it blocks until it is told otherwise.
  await get(service, '/block')
  const page = await until(
    () => service.pageAsItComes(),
    (text) => (valueAt(text, 'nodejs_eventloop_blocked_seconds') ?? 0) > 0,
  )
  assert.equal(valueAt(page, COUNT, { http_route: '/x' }), 1)
  assert.ok((valueAt(page, 'process_cpu_seconds_total') ?? 0) > 0, 'read by the thread itself')
  assert.equal(
    samplesOf(page, 'nodejs_heap_size_used_bytes').length,
    0,
    'an old figure is not shown as if it were fresh',
  )
  assert.equal(samplesOf(page, 'nodejs_eventloop_active_seconds_total').length, 0, 'nor an old sum')
  assert.equal(samplesOf(page, 'nodejs_version_info').length, 1, 'what does not change is told')
  service.child.stdin?.write('go on\n')
  const after = await service.metrics()
  assert.ok((valueAt(after, 'nodejs_heap_size_used_bytes') ?? 0) > 0)
})

const IN_ROW = 8

test('a loop that is busy, turn after turn, keeps its gauges once it has been seen how long its turns take', async () => {
  await using service = await startService('blocking-service.ts', { ASSAY_AGENT_THREAD: 'start' })
  await taken(service)
  await get(service, '/busy')
  const isWhole = (page: string): boolean =>
    valueAt(page, 'nodejs_eventloop_blocked_seconds') === 0 && (valueAt(page, 'nodejs_heap_size_used_bytes') ?? 0) > 0
  // A machine with much to do may break the row: then there is another. Of pages that wait 6 ms for a turn of 20, three in ten are whole:
  // eight in a row would take hours.
  let inRow = 0
  await until(
    () => service.pageAsItComes(),
    (page) => {
      inRow = isWhole(page) ? inRow + 1 : 0
      return inRow === IN_ROW
    },
    30_000,
  )
})

test('a process ends when it has nothing more to do, with a thread that serves', async () => {
  await using service = await startService('blocking-service.ts', { ASSAY_AGENT_THREAD: 'start' })
  await taken(service)
  const gone = once(service.child, 'exit')
  await get(service, '/close')
  assert.deepEqual(await gone, [0, null])
})

test('with the thread off the main thread serves', async () => {
  await using service = await startService('blocking-service.ts', { ASSAY_AGENT_THREAD: 'off' })
  for (let i = 0; i < 3; i++) assert.equal(isServedByThread(await service.metrics()), false)
})

test('a thread that dies is replaced by the main thread, which says so once', async () => {
  await using service = await startService('blocking-service.ts', { ASSAY_AGENT_THREAD: 'start' })
  await taken(service)
  await get(service, '/kill-thread')
  const page = await until(
    () => service.metrics(),
    (text) => valueAt(text, 'assay_agent_thread') === 0,
  )
  assert.ok((valueAt(page, COUNT, { http_route: '/kill-thread' }) ?? 0) === 1)
  for (let i = 0; i < 3; i++) assert.equal(isServedByThread(await service.metrics()), false)
  assert.equal(service.stderr().match(/ASSAY_AGENT_THREAD_GONE/g)?.length, 1)
})

test('all three formats, both compressions, HEAD and families by name are answered by the thread', async () => {
  await using service = await startService('blocking-service.ts', { ASSAY_AGENT_THREAD: 'start' })
  await get(service, '/x')
  await taken(service)
  const ask = (headers: Record<string, string>, method = 'GET', query = ''): Promise<Response> =>
    fetch(`http://127.0.0.1:${service.metricsPort}/metrics${query}`, { method, headers })
  const openmetrics = await ask({ accept: 'application/openmetrics-text;version=1.0.0' })
  assert.match(openmetrics.headers.get('content-type') ?? '', /openmetrics-text; version=1\.0\.0/)
  assert.match(await openmetrics.text(), /# EOF\n$/)
  const proto = await ask({
    accept: 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
  })
  assert.match(proto.headers.get('content-type') ?? '', /protobuf/)
  assert.ok((await proto.bytes()).length > 1_000)
  for (const encoding of ['gzip', 'zstd']) {
    const packed = await ask({ 'accept-encoding': encoding })
    assert.equal(packed.headers.get('content-encoding'), encoding)
    assert.equal(packed.headers.get('vary'), 'accept, accept-encoding')
    await packed.body?.cancel()
  }
  const head = await ask({}, 'HEAD')
  assert.ok(Number(head.headers.get('content-length')) > 1_000)
  assert.equal(await head.text(), '')
  const named = await (await ask({}, 'GET', '?name[]=process_cpu_seconds_total&name[]=nodejs_version_info')).text()
  assert.deepEqual(named.match(/(?<=^# TYPE )\S+/gm)?.toSorted(), ['nodejs_version_info', 'process_cpu_seconds_total'])
  assert.equal((await ask({}, 'POST')).status, 405)
  const users = await fetch(`http://127.0.0.1:${service.metricsPort}/-/assay/users`)
  assert.equal(users.status, 404)
  assert.match(await users.text(), /ASSAY_USERS/)
  const clients = await fetch(`http://127.0.0.1:${service.metricsPort}/-/assay/clients`)
  assert.equal(clients.status, 403)
  assert.match(await clients.text(), /ASSAY_AGENT_TOKEN/)
})

test('a token is asked for by the thread as by the main thread', async () => {
  await using service = await startService('blocking-service.ts', { ASSAY_AGENT_TOKEN: 'secret' })
  const headers = { authorization: 'Bearer secret' }
  await until(() => service.metrics(headers), isServedByThread)
  for (const wrong of [{}, { authorization: 'Bearer other' }]) {
    const response = await fetch(`http://127.0.0.1:${service.metricsPort}/metrics`, { headers: wrong })
    assert.equal(response.status, 401)
  }
})
