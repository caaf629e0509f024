import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { samplesOf, valueAt } from '../test-support/parse-page.ts'
import { freePort, until } from '../test-support/service.ts'
import { expressPatch } from './routes/express.ts'
import { instrumentFastify } from './routes/fastify.ts'
import { honoPatch } from './routes/hono.ts'
import { koaPatch } from './routes/koa.ts'
import { measure } from './served.test-support.ts'

const COUNT = 'http_server_request_duration_seconds_count'
const HERE = fileURLToPath(new URL('..', import.meta.url))

/** Packages by names we know, in shapes we do not. Called fakes because they are. */
const FAKES: Readonly<Record<string, string>> = {
  'router/index.js': `class Route {}; class Router { use() { return this } handle() {} }
    Object.freeze(Router.prototype); module.exports = { Route, Router, answer: () => 'router ' + new Router().use().constructor.name }`,
  'koa/lib/context.js': `module.exports = Object.freeze({ onerror() {}, frozen: true })`,
  'koa/lib/application.js': `const context = require('./context'); module.exports = { answer: () => 'koa ' + Object.keys(context) }`,
  'koa/package.json': `{"main": "lib/application.js"}`,
  'express/lib/router/route.js': `module.exports = { no: 'prototype' }`,
  'express/lib/router/index.js': `const route = require('./route'); module.exports = Object.freeze({ route, use: 5 })`,
  'express/lib/express.js': `const router = require('./router'); module.exports = { answer: () => 'express ' + router.use }`,
  'express/package.json': `{"main": "lib/express.js"}`,
  'hono/dist/cjs/router/smart-router/router.js': `module.exports = { get SmartRouter() { throw new Error('not yours') } }`,
  'hono/dist/cjs/index.js': `require('./router/smart-router/router.js'); module.exports = { answer: () => 'hono' }`,
  'hono/package.json': `{"main": "dist/cjs/index.js"}`,
  'fastify/index.js': `const { channel } = require('node:diagnostics_channel')
    for (const fastify of [undefined, {}, { addHook() { throw new Error('no hooks') } }]) channel('fastify.initialization').publish({ fastify })
    module.exports = { answer: () => 'fastify' }`,
}

type Running = AsyncDisposable & {
  readonly child: ChildProcess
  readonly ready: Record<string, unknown>
  readonly stderr: () => string
}

async function run(flags: readonly string[], env: Readonly<Record<string, string>>): Promise<Running> {
  const child = spawn(
    process.execPath,
    ['--conditions=assay-src', ...flags, join(HERE, 'test-support/odd-service.cts')],
    {
      env: { ...process.env, NODE_APP_INSTANCE: '', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  )
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    once(child, 'exit').then(() => [`{"exited": ${JSON.stringify(said)}}`]),
  ])
  return {
    child,
    ready: JSON.parse(String(line[0])) as Record<string, unknown>,
    stderr: () => said,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}

/** All bytes that come for a request, without the time of day. */
async function answer(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let got = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    got += chunk
  })
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(text)
  await once(socket, 'close')
  return got.replace(/^Date: .*\r\n/gm, '')
}

const get = (path: string, headers = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${headers}\r\n`
const REQUESTS = [
  ['express', get('/items/5')],
  ['express', get('/throwing/5')],
  ['express', get('/early/5')],
  ['express', get('/boom/5')],
  ['express', get('/nowhere')],
  ['plain', get('/')],
  ['plain', get('/throwing')],
  ['plain', get('/', `X-Big: ${'x'.repeat(1024 * 1024)}\r\n`)],
  ['plain', get(`/${'y'.repeat(100_000)}`)],
  ['plain', 'NONSENSE\r\n\r\n'],
  ['plain', 'GET / HTTP/1.1\r\n\r\n'],
  ['plain', 'GET / HTTP/1.0\r\n\r\n'],
] as const

test('an application that does what nobody expects answers the same bytes with the agent, with two, and beside another tool', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'assay-odd-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const [file, text] of Object.entries(FAKES)) {
    mkdirSync(dirname(join(folder, 'node_modules', file)), { recursive: true })
    writeFileSync(join(folder, 'node_modules', file), text)
  }
  cpSync(HERE, join(folder, 'second'), { recursive: true })
  writeFileSync(
    join(folder, 'apm.cjs'),
    `const http = require('node:http'); const emit = http.Server.prototype.emit
    http.Server.prototype.emit = function (...given) { return emit.apply(this, given) }
    const end = http.ServerResponse.prototype.end
    http.ServerResponse.prototype.end = function (...given) { return end.apply(this, given) }`,
  )
  const metricsPort = await freePort()
  const env = {
    ODD_PACKAGES: join(folder, 'app.js'),
    ASSAY_AGENT_LISTEN: `127.0.0.1:${metricsPort}`,
    // Whatever reads headers reads the one of a megabyte.
    ASSAY_USERS: 'header:x-big',
    ASSAY_CHANNELS:
      '{"big": [{"header": "x-big", "is": "x"}], "keyed": {"key": ["k1"], "in": "x-big"}, "open": "rest"}',
    ASSAY_CLIENTS: 'on',
    ASSAY_CLIENTS_KEY_HEADER: 'x-big',
  }
  const agent = ['--import', join(HERE, 'index.ts')]
  const ways: Readonly<Record<string, readonly string[]>> = {
    'without the agent': [],
    'with the agent': agent,
    'with two copies of it': [...agent, '--import', join(folder, 'second/index.ts')],
    'beside a tool that came first': ['--require', join(folder, 'apm.cjs'), ...agent],
    'beside a tool that came after': [...agent, '--import', join(folder, 'apm.cjs')],
  }
  let expected: unknown
  for (const [way, flags] of Object.entries(ways)) {
    await using service = await run(flags, env)
    const got = []
    for (const [kind, text] of REQUESTS) got.push(await answer(Number(service.ready[kind]), text))
    const told = [service.ready['odd'], got]
    expected ??= told
    assert.deepEqual(told, expected, way)
    if (flags.length === 0) {
      assert.equal(service.stderr(), '')
      continue
    }
    const page = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
    assert.equal(valueAt(page, COUNT, { http_route: '/boom/:id', http_response_status_code: '500' }), 1, way)
    assert.equal(valueAt(page, COUNT, { http_route: '/items/:id' }), 1, way)
    assert.equal(
      samplesOf(page, 'http_server_active_requests').reduce((sum, { value }) => sum + value, 0),
      0,
      way,
    )
    // A hook that met what it does not know says so, by its name.
    const aside = new Set(samplesOf(page, 'assay_agent_hooks_stepped_aside').map(({ labels }) => labels['part']))
    const faulty = samplesOf(page, 'assay_agent_faults_total').filter(({ value }) => value > 0)
    assert.ok(
      faulty.some(({ labels }) => labels['part'] === 'express'),
      `${way}: the getter that threw is counted`,
    )
    const named = new Set([...aside, ...faulty.map(({ labels }) => labels['part'])])
    for (const part of ['express', 'koa', 'hono', 'fastify'])
      assert.ok(named.has(part), `${way}: ${part} in ${[...named]}`)
  }
})

test('messages of any shape on our channels reach nothing, and are counted', async () => {
  using measured = measure()
  instrumentFastify(measured.metrics, measured.guard)
  const throwing = new Proxy(
    {},
    {
      get() {
        throw new Error('not yours')
      },
    },
  )
  const messages = [
    undefined,
    null,
    5,
    {},
    throwing,
    { socket: {} },
    { request: throwing, response: {}, socket: {}, server: {} },
    { stream: {} },
    { stream: { session: throwing, id: 1 } },
    { server: throwing },
    { fastify: throwing },
  ]
  const names = [
    'http.server.request.start',
    'http.server.response.finish',
    'http2.server.stream.start',
    'http2.server.stream.finish',
    'http2.server.stream.close',
    'tracing:net.server.listen:asyncStart',
    'fastify.initialization',
  ]
  for (const name of names) for (const message of messages) channel(name).publish(message)
  assert.ok((await measured.value('assay_agent_faults_total', { part: 'http_server' })) > 0)
  assert.ok((await measured.value('assay_agent_faults_total', { part: 'fastify' })) > 0)
  const patches = [expressPatch, koaPatch, honoPatch].map((make) => make(measured.metrics, measured.guard))
  for (const patch of patches) {
    for (const exports of [Object.freeze({}), () => {}, Object.freeze(class {})]) {
      for (const id of ['router', './route', './router', './context', './router.js']) {
        patch({ id, parentFilename: '/x/node_modules/koa/lib/application.js', exports })
        patch({ id, parentFilename: '/x/node_modules/express/lib/router/index.js', exports })
        patch({ id, parentFilename: '/x/node_modules/hono/dist/cjs/hono.js', exports })
      }
    }
  }
  assert.equal(await measured.active(), 0)
})

test('a Fastify that makes its requests another way tells routes by a hook, and says so', async () => {
  using measured = measure()
  instrumentFastify(measured.metrics, measured.guard)
  type Hook = (request: object, reply: unknown, done: () => void) => void
  const hooks: Hook[] = []
  const fake = {
    [Symbol('fastify.Request')]: class {},
    addHook: (name: string, hook: Hook) => void (name === 'onRequest' && hooks.push(hook)),
  }
  channel('fastify.initialization').publish({ fastify: fake })
  const server = createServer((raw, response) => {
    hooks[0]!({ raw, routeOptions: { config: { url: '/fake/:id' } } }, {}, () => response.end('ok'))
  })
  const port = await listen(server)
  assert.match(await answer(port, get('/fake/5')), /200 OK/)
  await until(
    () => measured.requests(),
    (requests) => requests['GET /fake/:id 200 -'] === 1,
  )
  assert.equal(await measured.value('assay_agent_hooks_stepped_aside', { part: 'fastify' }), 1)
  server.close()
})

test('a part that keeps failing is switched off, and what had begun still ends', async () => {
  using measured = measure()
  const held: { end(): void }[] = []
  const server = createServer((_request, response) => void held.push(response))
  const port = await listen(server)
  const socket = connect(port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await until(
    () => measured.active(),
    (active) => active === 1,
  )
  for (let i = 0; i < 200; i++) channel('http.server.request.start').publish(undefined)
  held[0]!.end()
  await once(socket, 'data')
  assert.equal(await measured.active(), 0)
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await until(
    async () => held.length,
    (count) => count === 2,
  )
  assert.equal(await measured.active(), 0, 'it is off')
  assert.equal(measured.said.length, 1, 'said once')
  socket.destroy()
  server.close()
  server.closeAllConnections()
})

test('a connection over which nothing comes is no request, however it ends', async () => {
  using measured = measure()
  const server = createServer((_request, response) => void response.end('ok'))
  const port = await listen(server)
  for (const end of ['end', 'destroy', 'resetAndDestroy'] as const) {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    const closed = once(socket.resume(), 'close')
    socket[end]()
    await closed
  }
  assert.match(await answer(port, get('/')), /200 OK/)
  await until(
    () => measured.requests(),
    (requests) => Object.keys(requests).length > 0,
  )
  assert.deepEqual(await measured.requests(), { 'GET / 200 -': 1 })
  assert.equal(await measured.active(), 0)
  assert.equal(await measured.value('http_server_rejected_requests_total'), 0)
  assert.deepEqual(measured.said, [])
  server.close()
})

test('a connection that is no socket is served and counted', async () => {
  using measured = measure()
  const server = createServer((_request, response) => void response.end('ok'))
  let got = ''
  const connection = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      got += chunk.toString()
      done()
    },
  })
  server.emit('connection', connection)
  connection.push('GET /a HTTP/1.1\r\nHost: a\r\n\r\n')
  await until(
    () => measured.value(COUNT, { http_route: '/a' }),
    (count) => count === 1,
  )
  assert.match(got, /200 OK/)
  connection.destroy()
  assert.deepEqual(measured.said, [])
})

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
