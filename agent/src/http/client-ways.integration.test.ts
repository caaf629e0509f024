/** Every way in which a service asks over HTTP, and every way in which that ends: each request on the wire is counted once. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, createServer, type RequestOptions, request as requestOf, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import * as undici from 'undici'
import { WebSocketServer } from 'ws'
import { Guard } from '../guard.ts'
import { Store } from '../store/index.ts'
import { pageOf } from '../test-support/page-of.ts'
import { samplesOf } from '../test-support/parse-page.ts'
import { freePort } from '../test-support/service.ts'
import { instrumentHttpClient } from './client.ts'
import { CERTIFICATE } from './testdata/certificate.ts'

const COUNT = 'http_client_request_duration_seconds_count'
/** Ms after which a caller has had enough. */
const LATER = 50

/** The server of all cases, by path. */
let server: Server
let secure: Server
let websockets: WebSocketServer
let origin: string
let secureOrigin: string
/** Answers nothing and closes as soon as something came. */
let cutting: ReturnType<typeof createTcpServer>
let cuttingOrigin: string
let flaky = 0

before(async () => {
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://x')
    switch (pathname) {
      case '/never':
        return
      case '/half':
        return void response.writeHead(200, { 'content-length': '100' }).write('half', () => response.destroy())
      case '/moved':
        return void response.writeHead(302, { location: '/fine' }).end()
      case '/moved-whole':
        return void response.writeHead(307, { location: '/echo' }).end()
      case '/loop':
        return void response.writeHead(302, { location: '/loop' }).end()
      case '/echo':
        return void request.pipe(response)
      case '/flaky':
        return void response.writeHead(flaky++ === 0 ? 503 : 200).end('ok')
      case '/dies':
        return void request.socket.destroy()
      default:
        return void response.end('ok')
    }
  })
  websockets = new WebSocketServer({ server, path: '/socket' })
  secure = createTlsServer(CERTIFICATE, (_request, response) => void response.end('ok')) as unknown as Server
  cutting = createTcpServer((socket) => void socket.on('error', () => {}).once('data', () => socket.destroy()))
  for (const one of [server, secure, cutting]) await once(one.listen(0, '127.0.0.1'), 'listening')
  const at = (one: { address(): unknown }): string => `127.0.0.1:${(one.address() as AddressInfo).port}`
  origin = `http://${at(server)}`
  secureOrigin = `https://${at(secure)}`
  cuttingOrigin = `http://${at(cutting)}`
})

after(async () => {
  websockets.close()
  for (const one of [server, secure]) one.closeAllConnections()
  for (const one of [server, secure, cutting]) await new Promise((resolve) => one.close(resolve))
})

const failing = new Readable({ read: () => failing.destroy(new Error('the file is gone')) })

type Case = {
  /** What is done; what it throws is the caller's affair. */
  readonly ask: () => unknown
  /** `METHOD status-or-error`, each with how often. */
  readonly counted: Readonly<Record<string, number>>
}

const CASES: Readonly<Record<string, Case>> = {
  // fetch
  'fetch, its body read': { ask: async () => await (await fetch(`${origin}/fine`)).text(), counted: { 'GET 200': 1 } },
  'fetch, its body never read': {
    ask: async () => await (await fetch(`${origin}/fine`)).body?.cancel(),
    counted: { 'GET 200': 1 },
  },
  'fetch with a signal that is aborted before': {
    ask: () => fetch(`${origin}/fine`, { signal: AbortSignal.abort() }),
    counted: {},
  },
  'fetch with a signal that aborts while it waits': {
    ask: () => aborting((signal) => fetch(`${origin}/never`, { signal })),
    counted: { 'GET aborted': 1 },
  },
  'fetch with a reason of its own': {
    ask: () => aborting((signal) => fetch(`${origin}/never`, { signal }), new RangeError('enough')),
    counted: { 'GET RangeError': 1 },
  },
  'fetch with a signal of time': {
    ask: () => fetch(`${origin}/never`, { signal: AbortSignal.timeout(LATER) }),
    counted: { 'GET TimeoutError': 1 },
  },
  'fetch over a redirect': { ask: () => fetched('/moved'), counted: { 'GET 302': 1, 'GET 200': 1 } },
  'fetch over a redirect that keeps method and body': {
    ask: () => fetched('/moved-whole', { method: 'POST', body: 'x' }),
    counted: { 'POST 307': 1, 'POST 200': 1 },
  },
  'fetch that refuses redirects': { ask: () => fetched('/moved', { redirect: 'error' }), counted: { 'GET 302': 1 } },
  'fetch round and round': { ask: () => fetched('/loop'), counted: { 'GET 302': 21 } },
  'fetch of a body that breaks off': { ask: () => fetched('/half'), counted: { 'GET 200': 1 } },
  'fetch whose own body fails': {
    ask: () => fetched('/echo', { method: 'POST', body: Readable.toWeb(failing), duplex: 'half' } as RequestInit),
    counted: { 'POST Error': 1 },
  },
  'fetch of a name that nobody has': { ask: () => fetch('http://nobody.invalid/'), counted: { 'GET ENOTFOUND': 1 } },
  'fetch of a port where nobody listens': {
    ask: async () => fetch(`http://127.0.0.1:${await freePort()}/`),
    counted: { 'GET ECONNREFUSED': 1 },
  },
  'fetch of a server that closes': { ask: () => fetch(cuttingOrigin), counted: { 'GET UND_ERR_SOCKET': 1 } },
  'fetch of a certificate that is not known': {
    ask: () => fetch(secureOrigin),
    counted: { 'GET DEPTH_ZERO_SELF_SIGNED_CERT': 1 },
  },
  'fetch of data': { ask: async () => await (await fetch('data:,x')).text(), counted: {} },

  // undici
  'undici request': {
    ask: async () => await (await undici.request(`${origin}/fine`)).body.text(),
    counted: { 'GET 200': 1 },
  },
  'undici request, given up while it waits': {
    ask: () => aborting((signal) => undici.request(`${origin}/never`, { signal })),
    counted: { 'GET aborted': 1 },
  },
  'undici request, too slow for its own limit': {
    ask: () =>
      undici.request(`${origin}/never`, {
        headersTimeout: LATER,
        dispatcher: owned(new undici.Agent({ headersTimeout: LATER })),
      }),
    counted: { 'GET UND_ERR_HEADERS_TIMEOUT': 1 },
  },
  'undici request that is refused before it is one': {
    ask: () => undici.request(`${origin}/fine`, { method: 'GET POST' as 'GET' }),
    counted: {},
  },
  'undici stream': {
    ask: () => undici.stream(`${origin}/fine`, { method: 'GET' }, () => new PassThrough().resume()),
    counted: { 'GET 200': 1 },
  },
  'undici stream whose target fails': {
    ask: () =>
      undici.stream(`${origin}/fine`, { method: 'GET' }, () => {
        throw new Error('no target')
      }),
    counted: { 'GET 200': 1 },
  },
  'undici pipeline': {
    ask: async () => {
      const through = undici.pipeline(`${origin}/echo`, { method: 'PUT' }, ({ body }) => body)
      through.end('there and back')
      assert.equal(await text(through), 'there and back')
    },
    counted: { 'PUT 200': 1 },
  },
  'an undici Pool': {
    ask: async () => {
      const pool = owned(new undici.Pool(origin, { connections: 2 }))
      await Promise.all(
        Array.from({ length: 5 }, async () => (await pool.request({ method: 'GET', path: '/fine' })).body.text()),
      )
    },
    counted: { 'GET 200': 5 },
  },
  'an undici Client that is destroyed with requests waiting': {
    ask: async () => {
      const client = owned(new undici.Client(origin, { pipelining: 1 }))
      const asked = Promise.allSettled(
        Array.from({ length: 3 }, () => client.request({ method: 'GET', path: '/never' })),
      )
      await once(server, 'request')
      await client.destroy()
      await asked
    },
    counted: { 'GET UND_ERR_DESTROYED': 3 },
  },
  'undici that tries again': {
    ask: async () => {
      flaky = 0
      const agent = owned(new undici.RetryAgent(owned(new undici.Agent()), { minTimeout: 1, maxRetries: 2 }))
      await (await agent.request({ origin, method: 'GET', path: '/flaky' })).body.text()
    },
    counted: { 'GET 503': 1, 'GET 200': 1 },
  },
  'undici that follows redirects': {
    ask: async () => {
      const agent = owned(new undici.Agent()).compose(undici.interceptors.redirect({ maxRedirections: 3 }))
      await (await agent.request({ origin, method: 'GET', path: '/moved' })).body.text()
    },
    counted: { 'GET 302': 1, 'GET 200': 1 },
  },
  "undici's own fetch": {
    ask: async () => await (await undici.fetch(`${origin}/fine`)).text(),
    counted: { 'GET 200': 1 },
  },
  "undici's own WebSocket": { ask: socket, counted: { 'GET 101': 1 } },
  'undici upgrade': {
    ask: async () => {
      const { socket } = await owned(new undici.Client(origin)).upgrade({
        path: '/socket',
        headers: { 'sec-websocket-key': Buffer.alloc(16).toString('base64'), 'sec-websocket-version': '13' },
        protocol: 'websocket',
      })
      socket.destroy()
    },
    counted: { 'GET 101': 1 },
  },

  // node:http
  'http.request': { ask: () => asked({ path: '/fine' }), counted: { 'GET 200': 1 } },
  'http.request with a signal that is aborted before': {
    ask: () => asked({ path: '/fine', signal: AbortSignal.abort() }),
    counted: { 'GET aborted': 1 },
  },
  'http.request, destroyed when its time is over': {
    ask: () => asked({ path: '/never', timeout: LATER }, (request) => request.on('timeout', () => request.destroy())),
    counted: { 'GET ECONNRESET': 1 },
  },
  'http.request, destroyed with an error of its own': {
    ask: () =>
      asked({ path: '/never', timeout: LATER }, (request) =>
        request.on('timeout', () => request.destroy(new RangeError('enough'))),
      ),
    counted: { 'GET RangeError': 1 },
  },
  'http.request of a name that nobody has': {
    ask: () => asked({ host: 'nobody.invalid' }),
    counted: { 'GET ENOTFOUND': 1 },
  },
  'http.request whose look-up fails': {
    ask: () =>
      asked({
        host: 'somebody.test',
        lookup: (_name, _options, done) => done(Object.assign(new Error('no'), { code: 'EAI_AGAIN' }), '', 4),
      }),
    counted: { 'GET EAI_AGAIN': 1 },
  },
  'http.request whose agent gives no connection': {
    ask: () => {
      const agent = owned(new Agent())
      Reflect.set(agent, 'createConnection', (_options: unknown, done: (error: Error) => void) => {
        setImmediate(done, Object.assign(new Error('none left'), { code: 'EMFILE' }))
      })
      return asked({ path: '/fine', agent })
    },
    counted: { 'GET EMFILE': 1 },
  },
  'http.request whose agent throws': {
    ask: () => {
      const agent = owned(new Agent())
      Reflect.set(agent, 'createConnection', () => {
        throw Object.assign(new Error('none left'), { code: 'EMFILE' })
      })
      return asked({ path: '/fine', agent })
    },
    counted: {},
  },
  'http.request of a server that closes': {
    ask: () => asked({ ...hostOf(cuttingOrigin), path: '/' }),
    counted: { 'GET ECONNRESET': 1 },
  },
  'http.request that continues when it may': {
    ask: () =>
      asked({ method: 'PUT', path: '/echo', headers: { expect: '100-continue' } }, (request) =>
        request.on('continue', () => request.end('x')),
      ),
    counted: { 'PUT 200': 1 },
  },
  'http.request of a body that breaks off': { ask: () => asked({ path: '/half' }), counted: { 'GET 200': 1 } },
  'http.request that is upgraded': {
    ask: async () => {
      const request = requestOf({
        ...hostOf(origin),
        path: '/socket',
        headers: {
          ...{ connection: 'upgrade', upgrade: 'websocket' },
          ...{ 'sec-websocket-key': Buffer.alloc(16).toString('base64'), 'sec-websocket-version': '13' },
        },
      }).end()
      const [, socket] = (await once(request, 'upgrade')) as [unknown, { destroy(): void }]
      socket.destroy()
    },
    counted: {},
  },
  'a kept connection that dies with the next request on it': {
    ask: async () => {
      const agent = owned(new Agent({ keepAlive: true, maxSockets: 1 }))
      await asked({ path: '/fine', agent })
      await asked({ path: '/dies', agent })
      await asked({ path: '/fine', agent })
    },
    counted: { 'GET 200': 2, 'GET ECONNRESET': 1 },
  },
  'a kept connection that has died while it was idle': {
    ask: async () => {
      const agent = owned(new Agent({ keepAlive: true, maxSockets: 1 }))
      await asked({ path: '/fine', agent })
      const [idle] = Object.values(agent.freeSockets).flat()
      // The server's end is gone; ours does not know it yet when it is used again.
      server.closeIdleConnections()
      await asked({ path: '/fine', agent })
      assert.equal(idle?.destroyed, true)
      await asked({ path: '/fine', agent })
    },
    counted: { 'GET 200': 2, 'GET ECONNRESET': 1 },
  },
}

for (const [name, { ask, counted }] of Object.entries(CASES)) {
  test(`${name}: ${Object.keys(counted).length === 0 ? 'no request' : JSON.stringify(counted)}`, async () => {
    const store = new Store()
    using guard = new Guard(store, () => {})
    instrumentHttpClient(store, guard)
    await (async () => await ask())().catch((cause: unknown) => {
      if (cause instanceof assert.AssertionError) throw cause
    })
    const page = await pageOf(store)
    const told: Record<string, number> = {}
    for (const { labels, value } of page.includes(COUNT) ? samplesOf(page, COUNT) : []) {
      const { http_request_method: method, http_response_status_code: status, error_type: error } = labels
      const key = `${method} ${status ?? error}`
      told[key] = (told[key] ?? 0) + value
      if (status !== undefined) assert.equal(error, Number(status) >= 400 ? status : undefined)
    }
    for (const one of opened.splice(0)) await one.destroy()
    assert.deepEqual(told, counted)
    assert.equal(
      samplesOf(page, 'assay_agent_faults_total').reduce((sum, { value }) => sum + value, 0),
      0,
    )
  })
}

const opened: { destroy(): unknown }[] = []

/** Ended after its case. */
function owned<T extends { destroy(): unknown }>(one: T): T {
  opened.push(one)
  return one
}

async function fetched(path: string, init: RequestInit = {}): Promise<string> {
  return await (await fetch(origin + path, init)).text()
}

/** Aborts when the server has the request. */
async function aborting(ask: (signal: AbortSignal) => Promise<unknown>, reason?: Error): Promise<void> {
  const stop = new AbortController()
  const asked = assert.rejects(ask(stop.signal))
  await once(server, 'request')
  stop.abort(reason)
  await asked
}

function hostOf(url: string): { readonly host: string; readonly port: string } {
  const { hostname, port } = new URL(url)
  return { host: hostname, port }
}

/** Sent, and its answer read; what fails is passed over. */
async function asked(
  options: RequestOptions,
  prepare?: (request: ReturnType<typeof requestOf>) => void,
): Promise<void> {
  const request = requestOf({ ...hostOf(origin), ...options })
  const failed = once(request, 'error').then(() => undefined)
  prepare?.(request)
  if (options.headers === undefined) request.end()
  const response = await Promise.race([once(request, 'response').then(([one]) => one as Readable), failed])
  if (response !== undefined) await buffer(response).catch(() => {})
  // A kept connection is given back in the next turn.
  await new Promise((resolve) => setImmediate(resolve))
}

/** Through a dispatcher of its own: the one built into Node 26.10 does not tell the head of an upgrade yet. */
async function socket(): Promise<void> {
  const ours = new undici.WebSocket(`${origin.replace('http', 'ws')}/socket`, { dispatcher: owned(new undici.Agent()) })
  await once(ours, 'open')
  ours.close()
  await once(ours, 'close')
}
