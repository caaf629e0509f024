import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { parsePage, samplesOf, valueAt } from '../test-support/parse-page.ts'
import { type Service, startService, until } from '../test-support/service.ts'

const COUNT = 'http_server_request_duration_seconds_count'
const ACTIVE = 'http_server_active_requests'

let web: Service
before(async () => {
  web = await startService('web-service.ts', {
    ASSAY_CHANNELS: '{"open": {"header": "x-api-key"}, "internal": "rest"}',
  })
})
after(async () => await web[Symbol.asyncDispose]())

const get = async (
  kind: 'plain' | 'express' | 'fastify',
  path: string,
  headers: Record<string, string> = {},
): Promise<void> => {
  await (await fetch(`http://127.0.0.1:${String(web.ready[kind])}${path}`, { headers })).text()
}

test('every request has the template of its route, whatever answered it', async () => {
  const cases = [
    {
      kind: 'express',
      path: '/tenants/acme/boom/5',
      route: '/tenants/:tenant/boom/:id',
      status: '500',
      why: 'baseUrl is reset after next(err)',
    },
    {
      kind: 'express',
      path: '/tenants/acme/fine/5',
      route: '/tenants/:tenant/fine/:id',
      status: '200',
      why: 'a parameter in the mount',
    },
    {
      kind: 'express',
      path: '/tenants/acme/two/5',
      route: '/tenants/:tenant/two/:id',
      status: '200',
      why: 'a route with two paths',
    },
    {
      kind: 'express',
      path: '/tenants/acme/deep/7',
      route: '/tenants/:tenant/deep/:floor',
      status: '200',
      why: 'routers in routers',
    },
    { kind: 'express', path: '/first/x/1', route: '/first/x/:id', status: '200', why: 'a router mounted twice' },
    { kind: 'express', path: '/second/x/1', route: '/second/x/:id', status: '200', why: 'its other place' },
    {
      kind: 'express',
      path: '/inner/item/5',
      route: '/inner/item/:id',
      status: '200',
      why: 'an application in an application',
    },
    { kind: 'express', path: '/re12gex', route: '/^\\/re(.*)gex$/', status: '200', why: 'a regular expression' },
    { kind: 'express', path: '/nowhere/5', route: undefined, status: '404', why: 'no route' },
    { kind: 'fastify', path: '/items/5', route: '/items/:id', status: '200', why: 'a parameter' },
    { kind: 'fastify', path: '/fails', route: '/fails', status: '500', why: 'a handler that throws' },
    {
      kind: 'fastify',
      path: '/guarded/secret/5',
      route: '/guarded/secret/:id',
      status: '401',
      why: 'refused by a hook of its plugin',
    },
  ] as const
  for (const { kind, path, route, status, why } of cases) {
    const where = { http_response_status_code: status, ...(route === undefined ? {} : { http_route: route }) }
    const count = async (): Promise<number> =>
      samplesOf(await web.metrics(), COUNT, where)
        .filter(({ labels }) => labels['http_route'] === route)
        .reduce((sum, { value }) => sum + value, 0)
    const earlier = await count()
    await get(kind, path)
    assert.equal(await count(), earlier + 1, `${path}: ${why}`)
  }
  const [failed] = samplesOf(await web.metrics(), COUNT, { http_route: '/fails' })
  assert.equal(failed?.labels['error_type'], '500')
})

test('a channel is told by a header, on the same connection too', async () => {
  const open = { http_route: '/items/:id', channel: 'open' }
  const internal = { http_route: '/items/:id', channel: 'internal' }
  const page = await web.metrics()
  const earlier = [valueAt(page, COUNT, open) ?? 0, valueAt(page, COUNT, internal) ?? 0] as const
  await get('fastify', '/items/1', { 'x-api-key': 'k' })
  await get('fastify', '/items/1')
  const later = await web.metrics()
  assert.equal(valueAt(later, COUNT, open), earlier[0] + 1)
  assert.equal(valueAt(later, COUNT, internal), earlier[1] + 1)
})

test('requests whose client leaves are settled as aborted, and none stays active', async () => {
  const abort = async (port: unknown, path: string, times: number, write: string): Promise<void> => {
    for (let i = 0; i < times; i++) {
      const socket = connect(Number(port), '127.0.0.1')
      await once(socket, 'connect')
      socket.write(write.replaceAll('PATH', path))
      if (path === '/half') await once(socket, 'data')
      else
        await until(
          () => web.metrics(),
          (page) => samplesOf(page, ACTIVE).some(({ value }) => value > 0),
        )
      socket.destroy()
    }
  }
  const one = 'GET PATH HTTP/1.1\r\nHost: a\r\n\r\n'
  await abort(web.ready['plain'], '/never', 5, one)
  await abort(web.ready['plain'], '/half', 3, one)
  await abort(web.ready['express'], '/never', 2, one)
  await abort(web.ready['plain'], '/never', 1, one.repeat(5))
  const page = await until(
    () => web.metrics(),
    (text) => samplesOf(text, ACTIVE).every(({ value }) => value === 0),
  )
  const aborted = samplesOf(page, COUNT, { error_type: 'aborted' })
  const sum = (route: string | undefined, status: string | undefined): number =>
    aborted
      .filter(({ labels }) => labels['http_route'] === route && labels['http_response_status_code'] === status)
      .reduce((total, { value }) => total + value, 0)
  // Of five pipelined requests Node parses on while the first waits: all five had begun.
  assert.equal(sum(undefined, undefined), 5 + 5, 'no head had been sent')
  assert.equal(sum(undefined, '200'), 3, 'a head had been sent')
  assert.equal(sum('/never', undefined), 2, 'the route is known')
})

test('pipelined and kept-alive requests are each counted', async () => {
  const before = samplesOf(await web.metrics(), COUNT).reduce((sum, { value }) => sum + value, 0)
  const socket = connect(Number(web.ready['plain']), '127.0.0.1')
  await once(socket, 'connect')
  let got = ''
  socket.setEncoding('utf8').on('data', (text: string) => {
    got += text
  })
  socket.write('GET /a HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(10))
  await until(
    async () => got.split('HTTP/1.1 200').length - 1,
    (count) => count === 10,
  )
  socket.write('GET /a HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(10))
  await until(
    async () => got.split('HTTP/1.1 200').length - 1,
    (count) => count === 20,
  )
  socket.destroy()
  const page = await web.metrics()
  assert.equal(
    samplesOf(page, COUNT).reduce((sum, { value }) => sum + value, 0),
    before + 20,
  )
})

test('the page is well formed in both formats, compressed when asked, and does not count itself', async () => {
  await get('plain', '/')
  const text = await web.metrics()
  const openmetrics = await web.metrics({ accept: 'application/openmetrics-text; version=1.0.0' })
  const one = parsePage(text, 'text')
  const other = parsePage(openmetrics, 'openmetrics')
  assert.deepEqual(
    [...other.keys()],
    [...one.keys()].map((name) => (one.get(name)?.type === 'counter' ? name.replace(/_total$/, '') : name)),
  )
  for (const name of [
    'process_cpu_seconds_total',
    'process_resident_memory_bytes',
    'nodejs_eventloop_utilization',
    'process_cpu_limit_cores',
    'assay_agent_info',
  ]) {
    assert.ok(one.has(name), name)
  }
  assert.ok(!text.includes('worker="'), 'no worker outside of a cluster')
  assert.deepEqual(
    samplesOf(text, 'assay_agent_faults_total').filter(({ value }) => value > 0),
    [],
  )
  assert.deepEqual(samplesOf(text, COUNT, { http_route: '/metrics' }), [])
  const raw = await fetch(`http://127.0.0.1:${web.metricsPort}/metrics`, { headers: { 'accept-encoding': 'gzip' } })
  assert.equal(raw.headers.get('content-encoding'), 'gzip')
  assert.ok((await raw.text()).includes('process_cpu_seconds_total'))
  assert.equal((await fetch(`http://127.0.0.1:${web.metricsPort}/`, { method: 'POST' })).status, 405)
  assert.throws(() => gunzipSync(Buffer.from(text)), 'the first was not compressed')
})

test('a server without a router has its paths read as templates, and random ones add no series', async () => {
  await using service = await startService('plain-service.ts')
  const base = `http://127.0.0.1:${String(service.ready['port'])}`
  const ask = async (path: string): Promise<void> => void (await (await fetch(base + path)).text())
  await ask('/orders/4711?x=1')
  await ask('/orders/0b34-1')
  assert.equal(valueAt(await service.metrics(), COUNT, { http_route: '/orders/:id' }), 2)
  for (let i = 0; i < 2_000; i++) await ask(`/${Math.random().toString(36).slice(2)}/${i}`)
  for (let i = 0; i < 200; i++) await ask(`/missing/${String.fromCharCode(97 + (i % 26)).repeat(1 + i / 26)}`)
  const series = samplesOf(await service.metrics(), COUNT)
  assert.ok(series.length < 110, `${series.length} series`)
})

test('a taken address is said once, and the application serves on and ends when it wants to', async () => {
  const foreign = createServer((_request, response) => void response.end('mine')).listen(0, '127.0.0.1')
  await once(foreign, 'listening')
  const address = foreign.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  {
    await using service = await startService('plain-service.ts', { METRICS_PORT: String(port) })
    assert.equal((await fetch(`http://127.0.0.1:${String(service.ready['port'])}/`)).status, 200)
    await until(
      async () => service.stderr(),
      (text) => text.includes('ASSAY_AGENT_ADDRESS'),
    )
    assert.equal(service.stderr().split('\n').length, 2, 'one line')
    const gone = once(service.child, 'exit')
    service.child.stdin?.write('end\n')
    assert.deepEqual(await gone, [0, null])
  }
  foreign.close()
  foreign.closeAllConnections()
})

test('the agent does not keep a process alive, and ASSAY_AGENT=off opens nothing', async () => {
  await using service = await startService('plain-service.ts', { ASSAY_AGENT: 'off' })
  await fetch(`http://127.0.0.1:${String(service.ready['port'])}/`)
  await assert.rejects(service.metrics())
  await using other = await startService('plain-service.ts')
  await until(
    () => other.metrics(),
    (page) => page.includes('nodejs_version_info'),
  )
  const gone = once(other.child, 'exit')
  other.child.stdin?.write('end\n')
  assert.deepEqual(await gone, [0, null])
})

test('a wrong setting is named and the application starts', async () => {
  await using service = await startService('plain-service.ts', {
    ASSAY_CHANNELS: '{"internal": ["10.0.0.0/99"]}',
    ASSAY_USERS: 'me',
  })
  assert.equal((await fetch(`http://127.0.0.1:${String(service.ready['port'])}/`)).status, 200)
  assert.match(
    service.stderr(),
    /ASSAY_AGENT_CONFIG: ASSAY_CHANNELS: "10.0.0.0\/99" is not a CIDR; write 10.0.0.0\/8; it is ignored/,
  )
  assert.match(service.stderr(), /ASSAY_AGENT_CONFIG: ASSAY_USERS: "me" is not a source of users/)
})

test('what only the application knows is told, and what fails in it stops nothing', async () => {
  await using service = await startService('own-service.ts')
  const base = `http://127.0.0.1:${String(service.ready['port'])}`
  await until(
    () => service.metrics(),
    (page) => page.includes('nodejs_version_info'),
  )
  for (let i = 0; i < 200; i++) await (await fetch(`${base}/nobody`)).text()
  for (let i = 0; i < 12; i++) await (await fetch(`${base}/users/u${i % 4}`)).text()
  const page = await service.metrics()
  assert.equal(valueAt(page, COUNT, { http_route: '/own/{template}' }), 212)
  assert.equal(valueAt(page, 'shop_orders_total', { kind: 'print' }), 212)
  assert.equal(valueAt(page, 'assay_active_users', { window: '1d' }), 4)
  assert.deepEqual(
    samplesOf(page, 'messaging_outbox_pending_messages').map(({ labels, value }) => [labels['outbox'], value]),
    [['orders', 7]],
  )
  assert.match(service.stderr(), /^assay agent: ASSAY_AGENT_FAULT: identify: Error: nobody; [^\n]*\n$/)
})
