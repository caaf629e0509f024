/** The short way of a question and the framework's, side by side. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { hashSync } from 'bcryptjs'
import fc from 'fast-check'
import { type BodyFn, bodiesOf, Labels, ManualClock, type Piece, type QueryFn, silentLog, systemClock } from '#core'
import { createEngine } from '#promql'
import { memoryStore } from '#storage'
import { WebConfigFile } from '../http/web-config-file.ts'
import { openWorld, type World, type WorldOptions, write } from '../server.test-support.ts'

const NOW_S = Date.UTC(2026, 0, 2, 3, 4, 5) / 1000

async function openBoth(options: WorldOptions = {}) {
  const store = memoryStore()
  const { query } = createEngine({ store: (start, end) => store.querier(start as never, end as never) })
  for (let i = 0; i < 60; i++)
    write({ store }, { __name__: 'up', job: `shop ${i}`, instance: 'ä"\\' }, [
      [(NOW_S - 60) * 1000, i / 7],
      [NOW_S * 1000, i],
    ])
  const deps = { store, ...options.deps }
  const short = await openWorld({ query, ...options, deps })
  const long = await openWorld({ query, ...options, deps, server: { ...options.server, shortWay: false } })
  return {
    short,
    long,
    [Symbol.asyncDispose]: async () => void (await Promise.all([short, long].map((one) => one[Symbol.asyncDispose]()))),
  }
}

type Asked = {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: string
}
type Told = { readonly status: number | undefined; readonly headers: IncomingHttpHeaders; readonly text: string }

/** By a connection of its own, so that nothing is left from the request before. */
async function ask(world: World, { method, path, headers, body }: Asked): Promise<Told> {
  const { promise, resolve, reject } = Promise.withResolvers<Told>()
  const sent = request(
    { host: '127.0.0.1', port: world.server.port, method, path, headers, agent: false },
    (response) => {
      Array.fromAsync(response).then((pieces) => {
        const bytes = Buffer.concat(pieces)
        const encoding = bytes.length === 0 ? undefined : response.headers['content-encoding']
        const plain = encoding === 'gzip' ? gunzipSync(bytes) : encoding === 'zstd' ? zstdDecompressSync(bytes) : bytes
        const { date: _date, ...told } = response.headers
        resolve({ status: response.statusCode, headers: told, text: plain.toString() })
      }, reject)
    },
  )
  sent.once('error', reject).end(body)
  return promise
}

const value = fc.constantFrom(
  'up',
  'up{job="shop 1"}',
  'rate(up[5m])',
  'up{',
  '1',
  '"é"',
  '',
  'x',
  '60',
  '0.001',
  '-1',
  String(NOW_S),
  String(NOW_S - 300),
  '2026-01-02T03:04:05Z',
  'all',
)
const name = fc.constantFrom(
  'query',
  'time',
  'start',
  'end',
  'step',
  'timeout',
  'limit',
  'match[]',
  'stats',
  'lookback_delta',
)
const good = fc.constantFrom(
  `query=up&time=${NOW_S}`,
  `query=up&time=${NOW_S}&limit=1&stats=x`,
  `query=up&start=${NOW_S - 300}&end=${NOW_S}&step=15`,
  `match[]=up&start=${NOW_S - 300}`,
  `match%5B%5D=up&match[]=%7Bjob%3D%22shop+1%22%7D`,
)
const pairs = fc.oneof(
  good,
  good,
  good,
  fc
    .array(fc.tuple(name, value), { maxLength: 4 })
    .map((all) => all.map(([key, one]) => `${encodeURIComponent(key)}=${encodeURIComponent(one)}`).join('&')),
  fc.constantFrom('query=%', 'query=%ff', 'a=%EF%BF%BD', '?query=up', 'query=1&query=2'),
)
const asked: fc.Arbitrary<Asked> = fc
  .record({
    path: fc.constantFrom(
      '/api/v1/query',
      '/api/v1/query_range',
      '/api/v1/labels',
      '/api/v1/series',
      '/api/v1/label/job/values',
      '/api/v1/label/U__a_2e_b/values',
      '/api/v1/label//values',
      '/api/v1/label/%6aob/values',
      '/api/v1/label/job/values/',
      '/api/v1/metadata',
      '/api/v1/rules',
      '/api/v1/alerts',
      '/api/v1/targets',
      '/api/v1/labels/',
    ),
    method: fc.constantFrom('GET', 'GET', 'POST', 'POST', 'HEAD', 'PUT'),
    address: fc.option(pairs, { nil: undefined }),
    form: pairs,
    headers: fc.record(
      {
        'accept-encoding': fc.constantFrom('gzip', 'gzip, zstd', 'br', 'gzip;q=0'),
        origin: fc.constantFrom('http://elsewhere.example', ''),
        host: fc.constantFrom('127.0.0.1', 'localhost:1', 'elsewhere.example'),
        'content-encoding': fc.constantFrom('gzip', 'identity'),
      },
      { requiredKeys: [] },
    ),
    type: fc.constantFrom('application/x-www-form-urlencoded', 'application/x-www-form-urlencoded', 'text/plain'),
    chunked: fc.boolean(),
  })
  .map(({ path, method, address, form, headers, type, chunked }) => {
    const body = method === 'POST' ? form : ''
    return {
      method,
      path: address === undefined ? path : `${path}?${address}`,
      headers: {
        ...headers,
        ...(method === 'POST' ? { 'content-type': type } : {}),
        ...(method === 'POST' && !chunked ? { 'content-length': String(Buffer.byteLength(body)) } : {}),
      } as Record<string, string>,
      body,
    }
  })

/** Times differ from run to run. */
const untimed = (told: Told): Told => {
  const text = told.text.replace(/"timings":\{[^}]*\}/, '"timings":{}')
  const headers = text === told.text ? told.headers : { ...told.headers, 'content-length': 'of times' }
  return { ...told, headers, text }
}

test('both ways answer the same, in status, headers and body', async () => {
  await using both = await openBoth()
  let taken = 0
  await fc.assert(
    fc.asyncProperty(asked, async (one) => {
      const short = await ask(both.short, one)
      if (short.status === 200) taken++
      assert.deepEqual(untimed(short), untimed(await ask(both.long, one)))
    }),
    { numRuns: 400 },
  )
  assert.ok(taken > 20, `${taken} were answered`)
  const page = async (world: World) =>
    (await world.get('/metrics')).text.split('\n').filter((line) => line.startsWith('prometheus_http_requests_total'))
  assert.deepEqual((await page(both.short)).sort(), (await page(both.long)).sort())
})

test('a long answer is packed by either way as its caller likes it', async () => {
  await using both = await openBoth()
  for (const accepts of ['gzip', 'gzip, zstd', 'br', ''])
    for (const question of ['query=up', `query=up&start=${NOW_S - 3600}&end=${NOW_S}&step=1`]) {
      const path = `/api/v1/query${question.includes('step') ? '_range' : ''}?${question}`
      const one = { method: 'GET', path, headers: { 'accept-encoding': accepts }, body: '' }
      const short = await ask(both.short, one)
      assert.ok(
        short.text.length > 1024 &&
          short.headers['content-encoding'] ===
            (accepts.includes('zstd') ? 'zstd' : accepts === 'gzip' ? 'gzip' : undefined),
      )
      assert.deepEqual(short, await ask(both.long, one))
    }
})

test('passwords, a rate and headers of the configuration stand before either way', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'assay-lane-'))
  try {
    const file = join(directory, 'web.yml')
    const lines = [
      `basic_auth_users: { ada: '${hashSync('secret', 4)}' }`,
      'http_server_config: { headers: { X-Frame-Options: deny, Content-Security-Policy: "default-src none" } }',
      'rate_limit: { burst: 6, interval: 1h }',
    ]
    await writeFile(file, lines.join('\n'))
    const clock = new ManualClock(NOW_S * 1000)
    const web = () => new WebConfigFile(file, { clock, log: silentLog })
    const [first, second] = [web(), web()]
    await using short = await openWorld({ clock, server: { web: first } })
    await using long = await openWorld({ clock, server: { web: second, shortWay: false } })
    const basic = (password: string) => ({
      authorization: `Basic ${Buffer.from(`ada:${password}`).toString('base64')}`,
    })
    const statuses: unknown[] = []
    for (const headers of [
      {},
      basic('wrong'),
      basic('secret'),
      basic('secret'),
      {},
      basic('secret'),
      basic('secret'),
    ]) {
      const one = { method: 'GET', path: '/api/v1/query?query=up', headers, body: '' }
      const told = await ask(short, one)
      statuses.push(told.status)
      assert.deepEqual(told, await ask(long, one))
      assert.equal(told.headers['x-frame-options'], 'deny')
    }
    assert.deepEqual(statuses, [401, 401, 200, 200, 401, 200, 429])
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})

test('under a prefix, too', async () => {
  await using both = await openBoth({ server: { routePrefix: '/watch' } })
  for (const path of ['/watch/api/v1/query?query=up', '/api/v1/query?query=up', '/watch/api/v1/label/job/values']) {
    const one = { method: 'GET', path, headers: {}, body: '' }
    assert.deepEqual(await ask(both.short, one), await ask(both.long, one))
  }
})

test('requests sent ahead on one connection are answered in their order, whichever way each takes', async () => {
  await using world = await openWorld()
  const socket = connect(world.server.port, '127.0.0.1')
  const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n${more}\r\n`
  const close = 'connection: close\r\n'
  socket.write(get('/-/ready') + get('/api/v1/query?query=up') + get('/healthz') + get('/api/v1/labels', close))
  const text = Buffer.concat(await Array.fromAsync(socket)).toString()
  const places = ['assay is ready', '"resultType"', 'assay is healthy', '"data":[]'].map((part) => text.indexOf(part))
  assert.ok(
    places.every((place, i) => place > (places[i - 1] ?? 0)),
    `${places}: ${text}`,
  )
})

test('a caller who goes ends his question; one that lasts too long is refused', async () => {
  const reasons: unknown[] = []
  const began = Promise.withResolvers<void>()
  const query: QueryFn = (_promql, _when, signal) => {
    began.resolve()
    const { promise, reject } = Promise.withResolvers<never>()
    signal?.addEventListener('abort', () => {
      reasons.push(signal.reason)
      reject(signal.reason)
    })
    return promise
  }
  await using world = await openWorld({ query })
  const gone = connect(world.server.port, '127.0.0.1')
  gone.write('GET /api/v1/query?query=up HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await began.promise
  gone.destroy()
  while (reasons.length === 0) await new Promise((resolve) => setImmediate(resolve))
  assert.match(String(reasons[0]), /the caller has gone/)
  const late = world.get('/api/v1/query?query=up&timeout=5')
  while (reasons.length < 2) await world.clock.advance(1000)
  assert.deepEqual([(await late).status, (await late).json.errorType], [503, 'timeout'])
})

const endless =
  (points: number, told: (what: 'made' | 'left') => void, isAlone = false): BodyFn =>
  async () => ({
    points,
    isAlone,
    async *pieces() {
      try {
        for (let i = 0; i < points; i++) {
          told('made')
          yield new Uint8Array(100_000).fill(0x20) as Piece
        }
      } finally {
        told('left')
      }
    },
  })

for (const isAlone of [false, true])
  test(`a body that another thread makes is sent as it comes, and left when its reader goes${isAlone ? ', with its memory' : ''}`, async () => {
    let made = 0
    const left = Promise.withResolvers<void>()
    const bodies = endless(1e6, (what) => void (what === 'made' ? made++ : left.resolve()), isAlone)
    await using world = await openWorld({ deps: { bodies } })
    const socket = connect(world.server.port, '127.0.0.1')
    socket.write('GET /api/v1/query?query=up HTTP/1.1\r\nhost: localhost\r\n\r\n')
    const [first] = await once(socket, 'data')
    assert.match(String(first), /^HTTP\/1\.1 200 OK\r\n.*transfer-encoding: chunked/is)
    socket.destroy()
    await left.promise
    assert.ok(made < 1000, `${made} pieces were made for a reader that took one`)
  })

/** As text, whether or not its pieces are given back once they are sent. */
async function bodyText(points: number, isAlone: boolean): Promise<string> {
  const pieces = Array.from({ length: 9 }, (_, i) => Buffer.from(`"${i}"`.padEnd(60_000 + i)) as Piece)
  // Of its own, as what came from another thread.
  const own = pieces.map((piece) => new Uint8Array(piece))
  await using world = await openWorld({ deps: { bodies: async () => ({ points, isAlone, pieces: () => own }) } })
  const headers = { 'accept-encoding': 'identity' }
  const text = await (await fetch(`http://127.0.0.1:${world.server.port}/api/v1/query?query=up`, { headers })).text()
  assert.equal(text, Buffer.concat(pieces).toString())
  // The end of the answer is here before the one who sent it hears that it is through.
  for (let i = 0; isAlone && own.some(({ length }) => length > 0) && i < 1000; i++)
    await new Promise((resolve) => setImmediate(resolve))
  assert.ok(own.every(({ length }) => length > 0 === !isAlone))
  return text
}

for (const points of [9, 1e6])
  test(`memory of pieces that nobody else has is given back when ${points === 9 ? 'a whole' : 'a streamed'} answer is sent`, async () => {
    assert.equal(await bodyText(points, true), await bodyText(points, false))
  })

test('what breaks off while it is sent ends the connection, and the next question has its answer', async () => {
  const labels = Labels.of({ a: 'b' })
  const good = bodiesOf(
    async () => ({ kind: 'vector', samples: [{ labels, at: 0 as never, value: 1 }], warnings: [], infos: [] }),
    systemClock,
  )
  const bodies: BodyFn = async (promql, ...rest) =>
    promql === 'good'
      ? good(promql, ...rest)
      : {
          points: 1e6,
          *pieces() {
            yield new Uint8Array(10).fill(0x20) as Piece
            throw new Error('the thread has ended')
          },
        }
  await using world = await openWorld({ deps: { bodies } })
  await assert.rejects(world.get('/api/v1/query?query=bad'))
  assert.equal((await world.get('/api/v1/query?query=good')).status, 200)
})
