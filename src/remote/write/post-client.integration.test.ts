import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { postClient } from './post-client.ts'

const forever = new AbortController().signal

async function serverOf(handle: (request: IncomingMessage, body: string, response: ServerResponse) => void) {
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => {
      body += chunk
    })
    request.on('end', () => handle(request, body, response))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

test('a body arrives whole, with credentials, and the answer is told whatever its status', async () => {
  const seen: unknown[] = []
  await using server = await serverOf((request, body, response) => {
    seen.push([request.method, request.url, request.headers.authorization, request.headers['x-own'], body])
    response.writeHead(418, { 'x-answer': 'yes' }).end('short and stout')
  })
  using client = postClient({ basicAuth: { username: 'me', password: { env: 'SECRET' } } }, (text) =>
    typeof text === 'string' ? text : 'open',
  )
  const answer = await client.post(
    { url: `${server.url}/w`, headers: { 'x-own': '1' }, body: Buffer.from('hello') },
    forever,
  )
  assert.deepEqual(seen, [['POST', '/w', `Basic ${Buffer.from('me:open').toString('base64')}`, '1', 'hello']])
  assert.deepEqual([answer.status, answer.text, answer.headers['x-answer']], [418, 'short and stout', 'yes'])
})

test('a redirect that keeps the method is followed on its host, and only when that is wanted', async () => {
  const paths: string[] = []
  await using server = await serverOf((request, body, response) => {
    paths.push(`${request.url} ${body}`)
    if (request.url === '/a') response.writeHead(308, { location: '/b' }).end()
    else if (request.url === '/away') response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end()
    else if (request.url === '/round') response.writeHead(307, { location: '/round' }).end()
    else if (request.url === '/moved') response.writeHead(302, { location: '/b' }).end()
    else response.writeHead(204).end()
  })
  const status = async (path: string, followRedirects = true) => {
    using client = postClient({ followRedirects }, String)
    return (await client.post({ url: server.url + path, headers: {}, body: Buffer.from('x') }, forever)).status
  }
  assert.equal(await status('/a'), 204)
  assert.deepEqual(paths, ['/a x', '/b x'])
  assert.equal(await status('/a', false), 308)
  assert.equal(await status('/away'), 307, 'our data goes to no host that was not configured')
  assert.equal(await status('/moved'), 302, 'a redirect that would lose the body')
  assert.equal(await status('/round'), 307)
})

test('of a long answer the beginning is read', async () => {
  await using server = await serverOf(
    (_request, _body, response) => void response.writeHead(500).end('x'.repeat(1_000_000)),
  )
  using client = postClient({}, String)
  const answer = await client.post({ url: server.url, headers: {}, body: Buffer.from('x') }, forever)
  assert.deepEqual([answer.status, answer.text.length], [500, 64 * 1024])
})

test('without an answer it rejects: nobody there, or not in time', async () => {
  using client = postClient({}, String)
  await assert.rejects(client.post({ url: 'http://127.0.0.1:1/', headers: {}, body: Buffer.from('x') }, forever))
  await using silent = await serverOf(() => undefined)
  const late = new AbortController()
  const waiting = client.post({ url: silent.url, headers: {}, body: Buffer.from('x') }, late.signal)
  late.abort(new Error('too late'))
  await assert.rejects(waiting, /too late/)
})

test('a status counts also when the body behind it is cut off, or does not end in time', async () => {
  await using server = await serverOf((request, _body, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('part')
    if (request.url === '/cut') setImmediate(() => response.socket?.destroy())
  })
  using client = postClient({}, String)
  const post = (path: string) => ({ url: server.url + path, headers: {}, body: Buffer.from('x') })
  assert.equal((await client.post(post('/cut'), forever)).status, 200)
  const late = new AbortController()
  const waiting = client.post(post('/open'), late.signal)
  setTimeout(() => late.abort(new Error('too late')), 100)
  assert.equal((await waiting).status, 200)
})
