/** Callers that send slowly, read slowly, leave, come by the thousand, or speak something else: over sockets to a running server. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { type Clock, Labels, ManualClock, systemClock, unixMs } from '#core'
import { NOW } from '../../src/server/server.test-support.ts'
import { type BadWorld, fill, openBadWorld, whileHealthy } from './bad-world.ts'

const AT = NOW / 1000

function join(world: BadWorld): Socket {
  return connect(world.server.port, '127.0.0.1').on('error', () => undefined)
}

/** All that comes back for these bytes until the server closes. */
async function said(world: BadWorld, bytes: string | Buffer): Promise<string> {
  const socket = join(world)
  socket.write(bytes)
  const parts: Buffer[] = []
  socket.on('data', (part: Buffer) => parts.push(part))
  await closed(socket)
  return Buffer.concat(parts).toString()
}

async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await once(socket, 'close')
}

async function reading(world: BadWorld, name: string): Promise<number> {
  const { text } = await world.get('/metrics')
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}

/** The kernel and another side decide when. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve))
}

const MALFORMED: readonly { readonly why: string; readonly bytes: string | Buffer; readonly is: RegExp }[] = [
  {
    why: 'an address that is not escaped',
    bytes: 'GET /api/v1/query?query=ä HTTP/1.1\r\nHost: x\r\n\r\n',
    is: /^HTTP\/1\.1 400 .*written as %XX/s,
  },
  {
    why: 'a NUL in the address',
    bytes: 'GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n',
    is: /^HTTP\/1\.1 400 .*written as %XX/s,
  },
  {
    why: 'a method that is none',
    bytes: 'ASK / HTTP/1.1\r\nHost: x\r\n\r\n',
    is: /^HTTP\/1\.1 400 .*no request of HTTP\/1\.1/s,
  },
  { why: 'no host', bytes: 'GET / HTTP/1.1\r\n\r\n', is: /^HTTP\/1\.1 400 / },
  {
    why: 'headers without end',
    bytes: `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(300_000)}`,
    is: /^HTTP\/1\.1 431 .*more than 256 KiB; send the parameters in the body of a POST/s,
  },
  { why: 'an address without end', bytes: `GET /?${'x'.repeat(300_000)}`, is: /^HTTP\/1\.1 431 / },
  {
    why: 'two lengths',
    bytes: 'POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    is: /^HTTP\/1\.1 400 .*no request/s,
  },
  {
    why: 'a length and chunks',
    bytes: 'POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    is: /^HTTP\/1\.1 400 .*no request/s,
  },
  {
    why: 'a chunk that is none',
    bytes: 'POST /api/v1/query HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    is: /^HTTP\/1\.1 400 /,
  },
  {
    why: 'a length that is none',
    bytes: 'POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
    is: /^HTTP\/1\.1 400 .*no request/s,
  },
  {
    why: 'a handshake of TLS',
    bytes: Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
    is: /^HTTP\/1\.1 400 .*plain HTTP; write http:/s,
  },
  { why: 'HTTP/2', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', is: /^HTTP\/1\.1 400 .*ask by HTTP\/1\.1/s },
  { why: 'a tunnel', bytes: 'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n', is: /^$/ },
  {
    why: 'noise',
    bytes: Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 256)),
    is: /^HTTP\/1\.1 400 /,
  },
]

test('what is no request is told so, and its connection is closed', async (t) => {
  await using world = await openBadWorld()
  for (const { why, bytes, is } of MALFORMED)
    await t.test(why, async () => {
      const answer = await said(world, bytes)
      assert.match(answer, is)
      const body = answer.split('\r\n\r\n', 2)[1]
      if (body !== undefined && answer.includes('application/json')) assert.equal(JSON.parse(body).status, 'error')
    })
  assert.ok((await reading(world, 'assay_http_malformed_requests_total')) >= MALFORMED.length - 3)
})

for (const { method, path, status, allow } of [
  { method: 'HEAD', path: '/api/v1/query?query=1', status: 200 },
  { method: 'OPTIONS', path: '/api/v1/query', status: 204 },
  { method: 'PUT', path: '/api/v1/query?query=1', status: 405, allow: /GET/ },
  { method: 'DELETE', path: '/api/v1/labels', status: 405, allow: /GET/ },
  { method: 'PATCH', path: '/-/healthy', status: 405, allow: /GET/ },
  { method: 'POST', path: '/metrics', status: 405, allow: /GET/ },
  { method: 'GET', path: '/-/reload', status: 405, allow: /POST/ },
  { method: 'TRACE', path: '/api/v1/query', status: 405, allow: /GET/ },
  { method: 'PROPFIND', path: '/', status: 405, allow: /GET/ },
  { method: 'GET', path: '/api/v1/label/%ff/values', status: 400 },
  { method: 'GET', path: '/api/v1/label/%zz/values', status: 400 },
  { method: 'GET', path: `/api/v1/label/${'x'.repeat(5000)}/values`, status: 200 },
  { method: 'GET', path: `/api/v1/label/${'x'.repeat(70_000)}/values`, status: 400 },
  { method: 'GET', path: '/../../etc/passwd', status: 404 },
  { method: 'GET', path: '/api/v1/../../metrics', status: 404 },
  { method: 'GET', path: '//metrics', status: 404 },
])
  test(`${method} ${path.slice(0, 60)} is answered with ${status}`, async () => {
    await using world = await openBadWorld()
    const answer = await said(world, `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`)
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), answer.slice(0, 300))
    if (allow !== undefined) assert.match(answer, new RegExp(`^allow: .*${allow.source}`, 'im'))
    if (status === 400)
      assert.match(answer, /\r\n\r\n\{"status":"error","errorType":"bad_data","error":"[^"]{10,200}"\}$/)
    if (method === 'HEAD') assert.equal(answer.split('\r\n\r\n', 2)[1], '')
  })

test('a request that does not arrive in time is ended, and others are answered meanwhile', async () => {
  // Long enough that what asks for health meanwhile is in time on a busy machine too.
  await using world = await openBadWorld({}, { server: { readTimeoutMs: 1500 } })
  const starts = [
    'GET /api/v1/query?query=1 HT',
    'GET /api/v1/query?query=1 HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ',
    'POST /api/v1/query HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nquery=',
    'POST /api/v1/write HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc',
  ]
  const answers = await whileHealthy(world, () => Promise.all(starts.map((start) => said(world, start))))
  for (const answer of answers) assert.match(answer, /^HTTP\/1\.1 408 .*did not arrive in time/s)
})

test('a body that ends half-way asks nothing', async () => {
  await using world = await openBadWorld()
  const socket = join(world)
  socket.end(
    'POST /api/v1/query HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nquery=1',
  )
  socket.resume()
  await closed(socket)
  assert.equal((await world.get('/-/healthy')).status, 200)
  assert.equal(await reading(world, 'assay_queries_running'), 0)
})

test('a thousand callers at once are all answered, one after the other', async () => {
  await using world = await openBadWorld({}, { server: { maxConnections: 600 } })
  const before = process.memoryUsage().rss
  const answers = await Promise.all(
    Array.from({ length: 1000 }, () =>
      said(world, 'GET /api/v1/query?query=1 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n'),
    ),
  )
  const good = answers.filter((answer) => /^HTTP\/1\.1 200 .*"success"/s.test(answer))
  // The gate of queries has 20 places and a line of 100: those beyond are told so.
  const busy = answers.filter((answer) => /^HTTP\/1\.1 503 .*try again later/s.test(answer))
  assert.equal(good.length + busy.length, 1000)
  assert.ok(good.length >= 120, `${good.length} were answered`)
  assert.ok(process.memoryUsage().rss - before < 200 * 2 ** 20)
  assert.equal(await reading(world, 'assay_http_connections_refused_total'), 0)
})

test('a thousand callers that say nothing keep nobody out', async () => {
  const clock = new ManualClock(NOW)
  let ahead = 0
  const turned: Clock = {
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs() + ahead,
    sleep: (...a) => clock.sleep(...a),
    ticks: (...a) => clock.ticks(...a),
  }
  await using world = await openBadWorld({}, { clock: turned, server: { maxConnections: 600 } })
  await using silent = new AsyncDisposableStack()
  for (let i = 0; i < 1000; i++) {
    const socket = join(world)
    silent.defer(() => void socket.destroy())
    await once(socket, 'connect')
    if (i % 2 === 0) socket.write('GET / HT')
  }
  ahead = 10_000
  assert.equal((await world.get('/-/healthy')).status, 200)
})

test('requests that come one behind the other are answered in their order, and a flood of them is bounded', async () => {
  await using world = await openBadWorld()
  const many = 2000
  // What runs for the first time is compiled, which is not what is judged.
  for (let i = 0; i < 100; i++) await world.get(`/api/v1/query?query=${i}&time=1`)
  const socket = join(world)
  const texts: string[] = []
  socket.on('data', (part: Buffer) => texts.push(part.toString()))
  const request = (i: number) =>
    `GET /api/v1/query?query=${i}&time=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n${i === many - 1 ? 'Connection: close\r\n' : ''}\r\n`
  socket.write(Array.from({ length: many }, (_, i) => request(i)).join(''))
  await whileHealthy(world, () => closed(socket))
  const statuses = texts.join('').match(/HTTP\/1\.1 \d+/g) ?? []
  assert.equal(statuses.length, many)
  const values = [...texts.join('').matchAll(/"result":\[1,"(\d+)"\]/g)].map(([, value]) => Number(value))
  assert.ok(values.length >= 120, `${values.length} answers`)
  assert.deepEqual(
    values,
    values.toSorted((a, b) => a - b),
  )
  assert.ok(statuses.every((one) => one === 'HTTP/1.1 200' || one === 'HTTP/1.1 503'))
})

/** A million points: about 25 MB of text, far more than the kernel's buffers hold. */
function big(world: BadWorld): string {
  fill(world.db, 200, NOW - 1000)
  const params = new URLSearchParams({
    query: 'm',
    start: String(AT - 1),
    end: String(AT + 99),
    step: '0.02',
    lookback_delta: '1h',
  })
  return `GET /api/v1/query_range?${params} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`
}

test('an answer that nobody reads on is given up, with all that is held for it', async () => {
  await using world = await openBadWorld({}, { server: { stallMs: 300 } })
  const socket = join(world)
  socket.write(big(world))
  await once(socket, 'readable')
  socket.pause()
  await until(async () => (await reading(world, 'assay_long_answers_points')) > 500_000)
  await whileHealthy(world, () => until(async () => (await reading(world, 'assay_long_answers_points')) === 0))
  assert.equal(await reading(world, 'assay_long_answers_sending'), 0)
  socket.destroy()
})

test('a download that is broken off gives its memory back', async () => {
  await using world = await openBadWorld()
  const request = big(world)
  for (let i = 0; i < 3; i++) {
    const socket = join(world)
    socket.write(request)
    await once(socket, 'data')
    socket.destroy()
    await until(async () => (await reading(world, 'assay_long_answers_points')) === 0)
  }
  const before = process.memoryUsage().rss
  const { text } = await whileHealthy(world, () =>
    world.get(`/api/v1/query_range?${request.slice(request.indexOf('?') + 1, request.indexOf(' HTTP'))}`),
  )
  assert.equal(JSON.parse(text).data.result[0].values.length, 5001)
  assert.ok(process.memoryUsage().rss - before < 400 * 2 ** 20)
})

test('long answers wait for their readers within a bound, and those beyond are refused', async () => {
  await using world = await openBadWorld(
    {},
    { deps: { limits: { maxSamples: 1_500_000, queryTimeoutMs: 10_000, maxPoints: 11_000 } } },
  )
  const request = big(world)
  const reader = join(world)
  reader.write(request)
  await once(reader, 'readable')
  await until(async () => (await reading(world, 'assay_long_answers_points')) > 500_000)
  const answer = await said(world, request.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
  assert.match(answer, /^HTTP\/1\.1 503 .*points wait for their readers; try again later/s)
  assert.equal(await reading(world, 'assay_long_answers_refused_total'), 1)
  reader.destroy()
  await until(async () => (await reading(world, 'assay_long_answers_points')) === 0)
  const again = await said(world, request.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
  assert.match(again, /^HTTP\/1\.1 200 /)
})

test('a long answer is packed as it goes, and unpacks to the same', async () => {
  await using world = await openBadWorld()
  const path = /GET (\S+)/.exec(big(world))![1]!
  const plain = await world.get(path, { headers: { 'accept-encoding': 'identity' } })
  for (const encoding of ['gzip', 'zstd']) {
    const packed = await world.get(path, { headers: { 'accept-encoding': encoding } })
    assert.equal(packed.headers.get('content-encoding'), encoding)
    assert.equal(packed.text, plain.text)
  }
})

for (const encoding of ['identity', 'gzip', 'zstd'])
  test(`only the headers of a long answer (${encoding}) are sent when no more is asked for`, async () => {
    await using world = await openBadWorld(
      {},
      { deps: { limits: { maxSamples: 5e6, queryTimeoutMs: 60_000, maxPoints: 11_000 } } },
    )
    const head = big(world).replace('GET', 'HEAD').replace('\r\n\r\n', `\r\nAccept-Encoding: ${encoding}\r\n\r\n`)
    const last = 'GET /-/healthy HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n'
    const answers = (await said(world, `${head}${head}${last}`)).split('\r\n\r\n')
    assert.deepEqual(
      answers.map((one) => one.slice(0, 12)),
      ['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 200', 'assay is hea'],
    )
    await until(async () => (await reading(world, 'assay_long_answers_points')) === 0)
    assert.equal(await reading(world, 'assay_long_answers_sending'), 0)
  })

test('a query whose time has passed while it waited for its turn is told so', async () => {
  await using world = await openBadWorld({}, { clock: systemClock, server: { queries: { running: 1, waiting: 10 } } })
  const busy = new AbortController()
  const endless = world.get(
    `/api/v1/query?${new URLSearchParams({ query: 'sum_over_time(max_over_time(vector(1)[30d:1s])[30d:1s])' })}`,
    { signal: busy.signal },
  )
  endless.catch(() => undefined)
  await until(async () => (await reading(world, 'assay_queries_running')) === 1)
  const { status, json } = await world.get('/api/v1/query?query=1&timeout=200ms')
  assert.deepEqual([status, json.errorType], [503, 'timeout'])
  assert.match(json.error, /timed out/)
  assert.equal(await reading(world, 'assay_queries_waiting'), 0)
  busy.abort()
  await assert.rejects(endless, { name: 'AbortError' })
  await until(async () => (await reading(world, 'assay_queries_running')) === 0)
})

test('labels and names are what was written, whatever bytes they are of', async () => {
  await using world = await openBadWorld()
  using batch = world.db.appender()
  const odd = 'a\0b"\\\n\u2028\u{1f600}<&>'
  batch.append(undefined, Labels.of({ __name__: 'm', i: odd }), unixMs(NOW - 1000), 1)
  batch.commit()
  const selector = `m{i=${JSON.stringify(odd)}}`
  const { json } = await world.ask('query', { query: selector, time: AT })
  assert.equal(json.data.result[0].metric.i, odd)
  const values = await world.get(`/api/v1/label/i/values?${new URLSearchParams({ 'match[]': selector })}`)
  assert.deepEqual(values.json.data, [odd])
})
