import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request as ask, createServer, type RequestListener, type Server } from 'node:http'
import * as http2 from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { WebSocket, WebSocketServer } from 'ws'
import { until } from '../test-support/service.ts'
import { type Measured, measure } from './served.test-support.ts'

const pem = (name: string): Buffer =>
  readFileSync(new URL(`../../../src/core/http/testdata/${name}.pem`, import.meta.url))
const TLS = { key: pem('server-key'), cert: pem('server') }

type AnyServer = Server | http2.Http2Server | http2.Http2SecureServer
type Served<S> = AsyncDisposable & { readonly server: S; readonly port: number }

async function serve<S extends AnyServer>(server: S): Promise<Served<S>> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => void sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  return {
    server,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

async function raw(port: number, text: string): Promise<Socket & { readonly got: () => string }> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  let got = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    got += chunk
  })
  socket.on('error', () => {})
  socket.write(text)
  return Object.assign(socket, { got: () => got })
}

const GET = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
const settled = (measured: Measured, wanted: Record<string, number>): Promise<unknown> =>
  until(
    async () => JSON.stringify([sorted(await measured.requests()), await measured.active(), measured.said]),
    (now) => now === JSON.stringify([sorted(wanted), 0, []]),
    5_000,
  )
const sorted = (counts: Record<string, number>): unknown => Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1))

test('a WebSocket is a request that ends with 101, and is not active afterwards', async () => {
  using measured = measure()
  await using web = await serve(createServer((_request, response) => void response.end('ok')))
  const sockets = new WebSocketServer({ server: web.server, path: '/live' })
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)))
  const client = new WebSocket(`ws://127.0.0.1:${web.port}/live`)
  await once(client, 'open')
  await settled(measured, { 'GET /live 101 -': 1 })
  client.send('still works')
  const [answer] = (await once(client, 'message')) as [Buffer]
  assert.equal(String(answer), 'still works')
  client.close()
  await once(client, 'close')
  const refused = new WebSocket(`ws://127.0.0.1:${web.port}/elsewhere`)
  await once(refused, 'error')
  await settled(measured, { 'GET /live 101 -': 1, 'GET /elsewhere 400 -': 1 })
  sockets.close()
  assert.deepEqual(measured.said, [])
})

test('an upgrade that nobody answers is aborted when its client leaves', async () => {
  using measured = measure()
  await using web = await serve(
    createServer().on('upgrade', (_request, socket) => socket.resume().on('end', () => socket.destroy())),
  )
  const socket = await raw(web.port, 'GET /live HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')
  await until(
    () => measured.active(),
    (active) => active === 1,
  )
  socket.destroy()
  await settled(measured, { 'GET - - aborted': 1 })
})

test('without a listener of the application an upgrade stays a request, and our listener goes with the last of its own', async () => {
  using measured = measure()
  await using web = await serve(createServer((_request, response) => void response.end('plain')))
  const upgrade = 'GET /live HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'
  const listener = (_request: unknown, socket: Socket): void => void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
  for (let round = 0; round < 2; round++) {
    const plain = await raw(web.port, upgrade)
    await once(plain, 'data')
    assert.match(plain.got(), /^HTTP\/1.1 200 /, 'no listener: answered as a request')
    plain.destroy()
    web.server.on('upgrade', listener)
    const refused = await raw(web.port, upgrade)
    await once(refused, 'close')
    assert.match(refused.got(), /^HTTP\/1.1 403 /)
    web.server.removeListener('upgrade', listener)
    assert.equal(web.server.listenerCount('upgrade'), 0)
  }
  await settled(measured, { 'GET /live 200 -': 2, 'GET /live 403 -': 2 })
})

test('CONNECT ends with the head that is written', async () => {
  using measured = measure()
  await using web = await serve(
    createServer().on('connect', (_request, socket: Socket) => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      socket.pipe(socket)
    }),
  )
  const socket = await raw(web.port, 'CONNECT example:443 HTTP/1.1\r\nHost: example:443\r\n\r\n')
  await once(socket, 'data')
  await settled(measured, { 'CONNECT - 200 -': 1 })
  socket.write('echo')
  await until(
    async () => socket.got(),
    (got) => got.endsWith('echo'),
  )
  socket.destroy()
})

test('kept-alive, pipelined and expecting requests are each counted, as is a body that is refused', async () => {
  using measured = measure()
  await using web = await serve(
    createServer((request, response) => {
      request.resume().on('end', () => response.end('ok'))
    }),
  )
  const socket = await raw(web.port, GET('/a').repeat(5))
  await until(
    async () => socket.got().split('200 OK').length,
    (count) => count === 6,
  )
  socket.write('POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n')
  await until(
    async () => socket.got(),
    (got) => got.includes('100 Continue'),
  )
  socket.write('hi')
  await until(
    async () => socket.got().split('200 OK').length,
    (count) => count === 7,
  )
  socket.write('GET /a HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n')
  await until(
    async () => socket.got(),
    (got) => got.includes('417'),
  )
  await settled(measured, { 'GET /a 200 -': 5, 'POST /a 200 -': 1, 'GET /a 417 -': 1 })
  socket.destroy()
})

test('what Node refuses is counted by what was wrong, on new connections and used ones', async () => {
  using measured = measure()
  await using web = await serve(createServer({ maxHeaderSize: 1_024 }, (_request, response) => void response.end('ok')))
  const cases = [
    ['NONSENSE\r\n\r\n', /^HTTP\/1.1 400 /],
    [`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(2_000)}\r\n\r\n`, /^HTTP\/1.1 431 /],
    ['GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', /^HTTP\/1.1 400 /],
  ] as const
  for (const [text, answer] of cases) {
    const socket = await raw(web.port, text)
    await once(socket, 'close')
    assert.match(socket.got(), answer)
  }
  const rejected = 'http_server_rejected_requests_total'
  await until(
    () => measured.value(rejected),
    (count) => count === 3,
  )
  assert.equal(
    await measured.value(rejected, { http_response_status_code: '431', error_type: 'HPE_HEADER_OVERFLOW' }),
    1,
  )
  const used = await raw(web.port, GET('/a'))
  await once(used, 'data')
  used.write('GET bad\r\n\r\n')
  await once(used, 'close')
  assert.match(used.got(), /HTTP\/1.1 400 /)
  await until(
    () => measured.value(rejected, { http_response_status_code: '400' }),
    (count) => count === 3,
  )
  await settled(measured, { 'GET /a 200 -': 1 })
  // The application answers such requests itself: then it is told once, and its answer is not ours to know.
  web.server.on('clientError', (_error, socket) => socket.end('HTTP/1.1 418 Teapot\r\n\r\n'))
  const socket = await raw(web.port, 'NONSENSE\r\n\r\n')
  await once(socket, 'close')
  assert.match(socket.got(), /^HTTP\/1.1 418 /)
  assert.equal(await measured.value(rejected), 5)
  assert.equal(await measured.value(rejected, { http_response_status_code: '400' }), 3)
})

test('clients that leave, servers that close and handlers that never answer leave nothing active', async () => {
  using measured = measure()
  const held: Parameters<RequestListener>[1][] = []
  const web = await serve(
    createServer((request, response) => {
      if (request.url === '/half') response.writeHead(200).write('half')
      held.push(response)
    }),
  )
  const gone = await raw(web.port, GET('/never'))
  await until(
    async () => held.length,
    (count) => count === 1,
  )
  const closed = once(held[0]!, 'close')
  gone.destroy()
  await closed
  held[0]!.end('too late')
  await settled(measured, { 'GET - - aborted': 1 })
  const half = await raw(web.port, GET('/half'))
  await once(half, 'data')
  const pipelined = await raw(web.port, GET('/never').repeat(4))
  await until(
    async () => held.length,
    (count) => count === 6,
  )
  assert.equal(await measured.active(), 5)
  const ended = new Promise<void>((resolve) => web.server.close(() => resolve()))
  web.server.closeAllConnections()
  await ended
  await settled(measured, { 'GET - - aborted': 5, 'GET /half 200 aborted': 1 })
  pipelined.destroy()
})

test('TLS is https, and a handshake that fails is nobody', async () => {
  using measured = measure()
  await using web = await serve(createHttpsServer(TLS, (_request, response) => void response.end('ok')))
  const socket = connectTls({ port: web.port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  socket.write(GET('/a'))
  await once(socket, 'data')
  await settled(measured, { 'GET /a 200 -': 1 })
  assert.equal(await measured.value('http_server_request_duration_seconds_count', { url_scheme: 'https' }), 1)
  socket.end('NONSENSE\r\n\r\n')
  await until(
    () => measured.value('http_server_rejected_requests_total'),
    (count) => count === 1,
  )
  const plain = await raw(web.port, GET('/'))
  await once(plain, 'close')
  await settled(measured, { 'GET /a 200 -': 1 })
})

test('HTTP/2 streams are requests: answered, reset, pushed, left open, and tunnels', async () => {
  using measured = measure()
  await using web = await serve(http2.createServer())
  web.server.on('stream', (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
    stream.on('error', () => {})
    switch (headers[':path']) {
      case '/open':
        return
      case '/half':
        stream.respond({ ':status': 200 })
        stream.write('half')
        return
      case '/pushes':
        stream.pushStream({ ':path': '/pushed' }, (_error, pushed) => {
          pushed.respond({ ':status': 200 })
          pushed.end('pushed')
        })
        break
    }
    stream.respond({ ':status': headers[':path'] === '/missing' ? 404 : 200 })
    if (headers[':method'] !== 'CONNECT') stream.end('ok')
  })
  const session = http2.connect(`http://127.0.0.1:${web.port}`)
  session.on('error', () => {})
  const open = async (headers: http2.OutgoingHttpHeaders, event: string): Promise<http2.ClientHttp2Stream> => {
    const stream = session.request(headers)
    stream.on('error', () => {})
    if (event !== '') await once(stream, event)
    stream.resume()
    return stream
  }
  await once(await open({ ':path': '/a' }, 'response'), 'close')
  await once(await open({ ':path': '/missing' }, 'response'), 'close')
  await once(await open({ ':path': '/a', ':method': 'HEAD' }, 'response'), 'close')
  await once(await open({ ':path': '/pushes' }, 'response'), 'close')
  const counted = { 'GET /a 200 -': 1, 'GET - 404 -': 1, 'HEAD /a 200 -': 1, 'GET /pushes 200 -': 1 }
  await settled(measured, counted)
  const half = await open({ ':path': '/half' }, 'response')
  half.close(http2.constants.NGHTTP2_CANCEL)
  await settled(measured, { ...counted, 'GET /half 200 aborted': 1 })
  const tunnel = await open({ ':method': 'CONNECT', ':authority': 'example:443' }, 'response')
  await settled(measured, { ...counted, 'GET /half 200 aborted': 1, 'CONNECT - 200 -': 1 })
  await open({ ':path': '/open' }, '')
  await open({ ':path': '/open' }, '')
  await until(
    () => measured.active(),
    (active) => active === 2,
  )
  tunnel.close()
  session.destroy()
  await settled(measured, { ...counted, 'GET /half 200 aborted': 1, 'CONNECT - 200 -': 1, 'GET - - aborted': 2 })
  assert.ok((await measured.value('http_server_request_duration_seconds_count', { network_protocol_version: '2' })) > 0)
  assert.deepEqual(measured.said, [])
})

test('a server of both protocols counts each as what it was', async () => {
  using measured = measure()
  await using web = await serve(
    http2.createSecureServer({ ...TLS, allowHTTP1: true }, (_request, response) => void response.end('ok')),
  )
  const session = http2.connect(`https://127.0.0.1:${web.port}`, { rejectUnauthorized: false })
  const stream = session.request({ ':path': '/a' })
  stream.resume()
  await once(stream, 'close')
  session.close()
  await once(session, 'close')
  const socket = connectTls({
    port: web.port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
  })
  await once(socket, 'secureConnect')
  socket.write(GET('/a'))
  await once(socket, 'data')
  await settled(measured, { 'GET /a 200 -': 2 })
  const name = 'http_server_request_duration_seconds_count'
  assert.equal(await measured.value(name, { url_scheme: 'https', network_protocol_version: '2' }), 1)
  const closed = once(socket, 'close')
  socket.destroy()
  await closed
})

test('the route that the application tells holds, over both protocols', async () => {
  using measured = measure()
  const told = measured.metrics.routes.of('/own/{id}')
  await using one = await serve(
    createServer((request, response) => {
      measured.metrics.setRoute(request, told)
      response.end()
    }),
  )
  await using two = await serve(
    http2.createServer((request, response) => {
      measured.metrics.setRoute(request as never, told)
      response.end()
    }),
  )
  const response = await new Promise<NodeJS.ReadableStream>((resolve) =>
    ask({ port: one.port, path: '/x/1' }, resolve).end(),
  )
  await once(response.resume(), 'end')
  const session = http2.connect(`http://127.0.0.1:${two.port}`)
  const stream = session.request({ ':path': '/x/1' })
  stream.resume()
  await once(stream, 'close')
  session.close()
  await settled(measured, { 'GET /own/{id} 200 -': 2 })
})

test('visits tell what is known of a request, and nothing is kept between them', async () => {
  using measured = measure()
  const seen: unknown[] = []
  measured.metrics.visitsWithBytes = true
  measured.metrics.visitor = ({ request, status, aborted, channel, route, address, bytesOut, nowMs, memory }) => {
    memory.userText += '.'
    const recent = Math.abs(nowMs - Date.now()) < 1_000
    seen.push([request.url, status, aborted, channel, route, address, bytesOut, recent, memory.userText])
  }
  await using web = await serve(createServer((_request, response) => void response.end('ok')))
  const socket = await raw(web.port, GET('/a'))
  await once(socket, 'data')
  const first = socket.got().length
  socket.write(GET('/b'))
  await until(
    async () => seen.length,
    (count) => count === 2,
  )
  socket.destroy()
  assert.deepEqual(seen, [
    ['/a', 200, false, -1, '/a', '127.0.0.1', first, true, '.'],
    ['/b', 200, false, -1, '/b', '127.0.0.1', first, true, '..'],
  ])
})
