/** A remote engine that is down, slow, busy, foreign or talks nonsense: each with its sentence. */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { AssayError, matcher, systemClock, unixMs } from '#core'
import { EngineClient, type EngineClientConfig } from './engine-client.ts'
import { remoteReading, selectorOf } from './remote-reading.ts'

async function open(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  over: Partial<EngineClientConfig> = {},
) {
  const server = createServer(answer)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = new EngineClient(
    { url, http: {}, headers: {}, timeoutMs: 5000, ...over },
    { clock: systemClock, resolve: String, version: 'test' },
  )
  return {
    url,
    client,
    reading: remoteReading(client),
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]()
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

const at = unixMs(1.7e12)
const json = (status: number, body: unknown) => (_request: IncomingMessage, response: ServerResponse) =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
const text = (status: number, body: string) => (_request: IncomingMessage, response: ServerResponse) =>
  void response.writeHead(status, { 'content-type': 'text/html' }).end(body)
const failure = (status: number, errorType: string, error: string) =>
  json(status, { status: 'error', errorType, error })

const CASES: readonly (readonly [why: string, answer: Parameters<typeof open>[0], code: string, message: RegExp])[] = [
  [
    'a refusal of the API',
    failure(422, 'execution', 'too many series'),
    'ASSAY_ENGINE_REFUSED',
    /refuses with 422 execution: too many series/,
  ],
  [
    'no credentials',
    text(401, 'who are you'),
    'ASSAY_ENGINE_REFUSED',
    /lets us not in: 401 "who are you"; write its credentials into the file/,
  ],
  ['busy', text(429, 'later'), 'ASSAY_ENGINE_UNREACHABLE', /cannot answer now: 429 "later"/],
  [
    'a gateway whose server is down',
    text(502, '<html>Bad Gateway'),
    'ASSAY_ENGINE_UNREACHABLE',
    /cannot answer now: 502/,
  ],
  [
    'another server',
    text(200, '<html>hello'),
    'ASSAY_ENGINE_ANSWER',
    /is not Prometheus' API; write the address that stands before \/api\/v1/,
  ],
  ['no such path', text(404, 'not found'), 'ASSAY_ENGINE_ANSWER', /answers 404 "not found"/],
  ['JSON of another kind', json(200, { took: 3 }), 'ASSAY_ENGINE_ANSWER', /not Prometheus' API/],
  [
    'a result of no kind',
    json(200, { status: 'success', data: { resultType: 'vector', result: [{ metric: { a: 1 } }] } }),
    'ASSAY_ENGINE_ANSWER',
    /none of Prometheus' API; is a proxy between/,
  ],
  [
    'a body that is cut',
    (_request, response) =>
      void response.writeHead(200, { 'content-length': '100' }).write('{"sta', () => response.destroy()),
    'ASSAY_ENGINE_UNREACHABLE',
    /does not answer/,
  ],
  [
    'a connection that is closed',
    (request) => void request.socket.destroy(),
    'ASSAY_ENGINE_UNREACHABLE',
    /does not answer: [\s\S]*is it running/,
  ],
]
for (const [why, answer, code, message] of CASES) {
  test(`${why} is ${code}, with the engine's address`, async () => {
    await using engine = await open(answer)
    await assert.rejects(engine.reading.query('up', { at }), (error: unknown) => {
      assert.ok(error instanceof AssayError)
      assert.equal(error.code, code)
      assert.match(error.message, message)
      assert.ok(error.message.includes(engine.url))
      return true
    })
    assert.deepEqual(engine.client.counts.requests, 1)
  })
}

test('an engine that gives no whole answer in time is left', async () => {
  await using engine = await open((_request, response) => void response.writeHead(200).write('{"status":'), {
    timeoutMs: 50,
  })
  await assert.rejects(engine.reading.query('up', { at }), { code: 'ASSAY_ENGINE_TIMEOUT', message: /within 0.05 s/ })
})

test('an answer beyond the limit is refused', async () => {
  const large = (_request: IncomingMessage, response: ServerResponse) =>
    void response.writeHead(200).end('x'.repeat(1_000_000))
  await using engine = await open(large, { maxAnswerBytes: 100_000 })
  await assert.rejects(engine.reading.query('up', { at }), { code: 'ASSAY_ENGINE_TOO_LARGE' })
})

test('who asks and goes takes his reason with him, and the engine is told', async () => {
  const closed = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  await using engine = await open((request) => {
    request.socket.on('close', () => closed.resolve())
    asked.resolve()
  })
  const gone = new AbortController()
  const reason = new Error('gone')
  const query = engine.reading.query('up', { at }, gone.signal)
  await asked.promise
  gone.abort(reason)
  await assert.rejects(query, (error) => error === reason)
  await closed.promise
  assert.equal(engine.client.counts.failures, 0)
})

test('an answer is handed on as it comes, a refusal in JSON too, and one that is no API is told', async () => {
  await using engine = await open((request, response) => {
    if (request.url?.includes('status/tsdb')) failure(400, 'bad_data', 'no')(request, response)
    else if (request.url?.includes('read')) text(404, 'none here')(request, response)
    else response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"success","data":[1]}')
  })
  const { signal } = new AbortController()
  const bodyOf = async (body: AsyncIterable<Uint8Array>) => Buffer.concat(await Array.fromAsync(body)).toString()
  const whole = await engine.client.forward({ path: '/query', params: new URLSearchParams({ query: 'up' }) }, signal)
  assert.deepEqual([whole.status, await bodyOf(whole.body)], [200, '{"status":"success","data":[1]}'])
  const refused = await engine.client.forward({ path: '/status/tsdb', get: true }, signal)
  assert.deepEqual([refused.status, JSON.parse(await bodyOf(refused.body)).error], [400, 'no'])
  await assert.rejects(engine.client.forward({ path: '/read', body: Buffer.from('x') }, signal), {
    code: 'ASSAY_ENGINE_ANSWER',
  })
})

test('headers and credentials go with every question, and are in no message', async () => {
  const seen: IncomingMessage['headers'][] = []
  await using engine = await open(
    (request, response) => {
      seen.push(request.headers)
      failure(500, 'internal', 'no')(request, response)
    },
    { headers: { 'X-Scope-OrgID': 'shop' }, http: { basicAuth: { username: 'me', password: 'secret' } } },
  )
  await assert.rejects(
    engine.reading.query('up', { at }),
    (error: unknown) => error instanceof Error && !error.message.includes('secret'),
  )
  assert.deepEqual(
    [seen[0]?.['x-scope-orgid'], seen[0]?.authorization, seen[0]?.['user-agent']],
    ['shop', `Basic ${Buffer.from('me:secret').toString('base64')}`, 'assay/test'],
  )
})

test('a selector is spelled so that every version reads it', () => {
  assert.equal(
    selectorOf([matcher('__name__', '=', 'up'), matcher('http.route', '!=', 'a"b\\')]),
    '{__name__="up","http.route"!="a\\"b\\\\"}',
  )
})
