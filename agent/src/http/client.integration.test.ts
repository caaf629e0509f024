import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  Agent,
  createServer,
  get,
  type IncomingMessage,
  type RequestOptions,
  request as requestOf,
  type Server,
} from 'node:http'
import { createServer as createTlsServer, get as getTls, Agent as TlsAgent } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { Client, Agent as UndiciAgent, request as undiciRequest } from 'undici'
import { Guard } from '../guard.ts'
import { Store } from '../store/index.ts'
import { pageOf } from '../test-support/page-of.ts'
import { samplesOf, valueAt } from '../test-support/parse-page.ts'
import { freePort } from '../test-support/service.ts'
import { instrumentHttpClient, MAX_SERVERS } from './client.ts'
import { CERTIFICATE } from './testdata/certificate.ts'

const COUNT = 'http_client_request_duration_seconds_count'
const OPEN = 'http_client_open_connections'

class Bench implements AsyncDisposable {
  readonly store = new Store()
  readonly guard = new Guard(this.store, () => {})
  readonly server: Server
  port = 0

  constructor(server: Server) {
    this.server = server
    instrumentHttpClient(this.store, this.guard)
  }

  get here(): { server_address: string; server_port: string } {
    return { server_address: '127.0.0.1', server_port: String(this.port) }
  }

  async value(name: string, labels: Record<string, string> = {}): Promise<number | undefined> {
    return valueAt(await pageOf(this.store), name, labels)
  }

  /** A connection ends some turns of the loop after it was told to. */
  async reaches(name: string, labels: Record<string, string>, wanted: number): Promise<void> {
    for (let turns = 0; turns < 1_000 && (await this.value(name, labels)) !== wanted; turns++)
      await new Promise<void>((resolve) => setImmediate(resolve))
    assert.equal(await this.value(name, labels), wanted)
  }

  async faults(): Promise<number> {
    return samplesOf(await pageOf(this.store), 'assay_agent_faults_total').reduce((sum, { value }) => sum + value, 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.guard[Symbol.dispose]()
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }
}

async function bench(
  listener: Parameters<typeof createServer>[1] = (_request, response) => void response.end('x'),
): Promise<Bench> {
  const server = createServer(listener as () => void).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const made = new Bench(server)
  made.port = (server.address() as AddressInfo).port
  return made
}

async function answer(options: RequestOptions): Promise<number | undefined> {
  const [response] = (await once(get(options), 'response')) as [IncomingMessage]
  response.resume()
  await once(response, 'end')
  return response.statusCode
}

test('requests by http and by fetch are each counted once, with what came of them', async () => {
  await using b = await bench((request, response) => {
    response.statusCode = request.url === '/bad' ? 404 : 200
    response.end('x')
  })
  const base = `http://127.0.0.1:${b.port}`
  await (await fetch(`${base}/good`)).text()
  await (await fetch(`${base}/bad`, { method: 'POST' })).text()
  await answer({ host: '127.0.0.1', port: b.port })
  const refused = await freePort()
  await assert.rejects(fetch(`http://127.0.0.1:${refused}/`))
  await once(get(`http://127.0.0.1:${refused}/`), 'error')

  assert.equal(await b.value(COUNT, { ...b.here, http_request_method: 'GET', http_response_status_code: '200' }), 2)
  assert.equal(await b.value(COUNT, { ...b.here, http_request_method: 'POST', error_type: '404' }), 1)
  assert.equal(await b.value(COUNT, { server_port: String(refused), error_type: 'ECONNREFUSED' }), 2)
  assert.equal(samplesOf(await pageOf(b.store), COUNT).length, 3)
})

test('undici from npm is counted as the built-in one is, by its own way or through fetch', async () => {
  await using b = await bench()
  using own = disposable(new UndiciAgent())
  const origin = `http://127.0.0.1:${b.port}`
  await (await undiciRequest(origin, { dispatcher: own.agent })).body.text()
  using client = disposable(new Client(origin))
  await (await client.agent.request({ method: 'PURGE' as 'GET', path: '/' })).body.text()
  assert.equal(await b.value(COUNT, { ...b.here, http_request_method: 'GET' }), 1)
  assert.equal(await b.value(COUNT, { ...b.here, http_request_method: '_OTHER' }), 1)
  assert.equal(await b.faults(), 0)
})

test('what the caller gives up is an aborted request, once, before and after the head', async () => {
  await using b = await bench((request, response) => {
    if (request.url === '/never') return
    response.write('the beginning')
  })
  const options = { host: '127.0.0.1', port: b.port, path: '/never' }
  const early = new AbortController()
  const late = new AbortController()
  const failed = once(get({ ...options, signal: early.signal }), 'error')
  const fetched = assert.rejects(fetch(`http://127.0.0.1:${b.port}/never`, { signal: early.signal }))
  await once(b.server, 'request')
  early.abort()
  await Promise.all([failed, fetched])
  assert.equal(await b.value(COUNT, { error_type: 'aborted' }), 2)

  const response = await fetch(`http://127.0.0.1:${b.port}/begun`, { signal: late.signal })
  late.abort()
  await assert.rejects(response.text())
  assert.equal(await b.value(COUNT, { http_response_status_code: '200' }), 1, 'the head was there')
  assert.equal(await b.value(COUNT, { error_type: 'aborted' }), 2, 'and it is not another request')

  const destroyed = get(options)
  const ended = once(destroyed, 'error')
  destroyed.destroy()
  await ended
  assert.equal(await b.value(COUNT, { error_type: 'ECONNRESET' }), 1, 'destroyed before it had a connection')
})

test('an answer that comes before the body has been sent is counted', async () => {
  await using b = await bench((_request, response) => {
    response.statusCode = 413
    response.end()
  })
  const upload = requestOf({ host: '127.0.0.1', port: b.port, method: 'PUT' })
  upload.on('error', () => {})
  upload.write('a part')
  const [response] = (await once(upload, 'response')) as [IncomingMessage]
  response.resume()
  upload.end()
  assert.equal(await b.value(COUNT, { ...b.here, http_request_method: 'PUT', error_type: '413' }), 1)
})

test('each hop of a redirect is a request of its own; an informational answer is none', async () => {
  await using b = await bench((request, response) => {
    if (request.url === '/old') return void response.writeHead(302, { location: '/new' }).end()
    response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
    response.end('x')
  })
  await (await fetch(`http://127.0.0.1:${b.port}/old`)).text()
  assert.equal(await b.value(COUNT, { http_response_status_code: '302' }), 1)
  assert.equal(await b.value(COUNT, { http_response_status_code: '200' }), 1)
  assert.equal(samplesOf(await pageOf(b.store), COUNT).length, 2)
})

test('addresses are bounded, and one that is absurd is not kept', async () => {
  await using b = await bench()
  const host = { host: '127.0.0.1', port: b.port }
  for (let i = 0; i < MAX_SERVERS + 20; i++) await answer({ ...host, headers: { host: `tenant-${i}.example` } })
  await answer({ ...host, headers: { host: 'x'.repeat(10_000) } })
  await answer({ ...host, headers: { host: 'not a host' } })
  const page = await pageOf(b.store)
  assert.ok(samplesOf(page, COUNT).length <= MAX_SERVERS + 1)
  assert.equal(valueAt(page, COUNT, { server_address: '_other' }), 22)
  assert.equal(valueAt(page, COUNT, { server_address: 'tenant-0.example', server_port: '80' }), 1)
  assert.equal(await b.faults(), 0)
})

test('pools are told by state while they hold connections, node:http and undici alike', async () => {
  const held: (() => void)[] = []
  await using b = await bench((request, response) => {
    if (request.url === '/hold') held.push(() => response.end('x'))
    else response.end('x')
  })
  using pool = disposable(new Agent({ keepAlive: true }))
  using undici = disposable(new UndiciAgent())
  const to = { host: '127.0.0.1', port: b.port, agent: pool.agent }
  await Promise.all([answer(to), answer(to)])
  assert.equal(await b.value(OPEN, { ...b.here, http_connection_state: 'idle' }), 2)
  const waiting = answer({ ...to, path: '/hold' })
  const origin = `http://127.0.0.1:${b.port}`
  const fetched = undiciRequest(`${origin}/hold`, { dispatcher: undici.agent }).then(({ body }) => body.text())
  while (held.length < 2) await once(b.server, 'request')
  assert.equal(await b.value(OPEN, { ...b.here, http_connection_state: 'active' }), 2, 'one of each')
  assert.equal(await b.value(OPEN, { ...b.here, http_connection_state: 'idle' }), 1)
  for (const go of held) go()
  await Promise.all([waiting, fetched])
  await undici.agent.close()
  pool.agent.destroy()
  await b.reaches(OPEN, { ...b.here, http_connection_state: 'idle' }, 0)
  await b.reaches(OPEN, { ...b.here, http_connection_state: 'active' }, 0)
})

test('https has its own port, and idle connections over TLS are told', async () => {
  const server = createTlsServer(CERTIFICATE, (_request, response) => void response.end('x')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  await using b = new Bench(server as unknown as Server)
  b.port = (server.address() as AddressInfo).port
  using pool = disposable(
    new TlsAgent({ keepAlive: true, ca: CERTIFICATE.cert, servername: 'localhost', rejectUnauthorized: false }),
  )
  const [response] = (await once(getTls({ host: '127.0.0.1', port: b.port, agent: pool.agent }), 'response')) as [
    IncomingMessage,
  ]
  response.resume()
  await once(response, 'end')
  using undici = disposable(new UndiciAgent({ connect: { rejectUnauthorized: false } }))
  await (await undiciRequest(`https://127.0.0.1:${b.port}/`, { dispatcher: undici.agent })).body.text()
  assert.equal(await b.value(COUNT, { ...b.here, http_response_status_code: '200' }), 2)
  await b.reaches(OPEN, { ...b.here, http_connection_state: 'idle' }, 2)
})

test('messages that are not what Node documents are faults of ours, and the application goes on', async () => {
  await using b = await bench()
  const { channel } = await import('node:diagnostics_channel')
  for (const name of [
    'http.client.response.finish',
    'undici:request:headers',
    'undici:request:create',
    'undici:client:connected',
  ]) {
    channel(name).publish({})
    channel(name).publish({ request: null, response: null, socket: 7 })
    channel(name).publish({ request: Object.freeze({}), response: { statusCode: -5 } })
  }
  await (await fetch(`http://127.0.0.1:${b.port}/`)).text()
  assert.equal(await b.value(COUNT, b.here), 1)
  assert.ok((await b.faults()) > 0)
})

/** Ended with its test; what is still open is cut off. */
function disposable<T extends { destroy(): unknown }>(agent: T): Disposable & { readonly agent: T } {
  return { agent, [Symbol.dispose]: () => void agent.destroy() }
}
