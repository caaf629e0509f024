/** The client against real servers on this machine: TLS with certificates of our own, proxies, OAuth 2.0, redirects. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer, type ServerOptions } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { createHttpClient, type HttpClientDeps } from './client.ts'
import type { HttpClientConfig } from './config.ts'

const pem = (name: string) => join(import.meta.dirname, 'testdata', `${name}.pem`)
const SERVER = { key: readFileSync(pem('server-key')), cert: readFileSync(pem('server')) }
const TRUST = { ca: { file: pem('ca') }, serverName: 'server.test' }

class World implements AsyncDisposable {
  readonly #servers: Server[] = []
  readonly dir = mkdtempSync(join(tmpdir(), 'assay-http-'))

  async http(listener: RequestListener): Promise<string> {
    return `http://${await this.#listen(createServer(listener))}`
  }

  async https(listener: RequestListener, options: ServerOptions = {}): Promise<string> {
    return `https://${await this.#listen(createSecureServer({ ...SERVER, ...options }, listener))}`
  }

  /** A proxy for both kinds of requests; `seen` gets each head. */
  async proxy(seen: IncomingMessage[], password?: string): Promise<string> {
    const refused = ({ headers }: IncomingMessage) =>
      password !== undefined &&
      headers['proxy-authorization'] !== `Basic ${Buffer.from(`me:${password}`).toString('base64')}`
    const server = createServer((request, response) => {
      seen.push(request)
      if (refused(request)) response.writeHead(407).end()
      else response.end(`proxied ${request.url}`)
    })
    server.on('connect', (request, socket) => {
      seen.push(request)
      if (refused(request)) return socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
      const [host = '', port = ''] = request.url!.split(':')
      const upstream = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        upstream.pipe(socket).pipe(upstream)
      })
      upstream.on('error', () => socket.destroy())
      socket.on('error', () => upstream.destroy())
      return undefined
    })
    return await this.#listen(server)
  }

  async #listen(server: Server): Promise<string> {
    this.#servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections()
      server.close()
    }
    rmSync(this.dir, { recursive: true })
  }
}

const never = new AbortController().signal

/** Asks once, with a client of its own. */
async function ask(url: string, config: HttpClientConfig, deps: HttpClientDeps = {}): Promise<string> {
  using client = createHttpClient(config, deps)
  const { message } = await client.request({ url }, never)
  return `${message.statusCode} ${Buffer.concat(await message.toArray())}`
}

test('a server is trusted for its authority and its name, or not at all', async () => {
  await using world = new World()
  const url = await world.https((_, response) => response.end('hello'))
  assert.equal(await ask(url, { tls: TRUST }), '200 hello')
  assert.equal(await ask(url, { tls: { insecureSkipVerify: true } }), '200 hello')
  await assert.rejects(ask(url, {}), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
  await assert.rejects(ask(url, { tls: { ca: TRUST.ca } }), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  await assert.rejects(ask(url, { tls: { ...TRUST, maxVersion: 'TLS10', minVersion: 'TLS10' } }))
  await assert.rejects(ask(url, { tls: { ...TRUST, ca: { file: join(world.dir, 'none') } } }), {
    code: 'ASSAY_HTTP_FILE',
    message: /none can't be read \(ENOENT\)/,
  })
})

test('a client shows its certificate; a file that is exchanged is taken at the next request', async () => {
  await using world = new World()
  const options = { ca: readFileSync(pem('ca')), requestCert: true, rejectUnauthorized: false }
  const url = await world.https((request, response) => {
    const { socket } = request as IncomingMessage & { socket: TLSSocket }
    response.end(socket.authorized ? socket.getPeerCertificate().subject.CN : 'nobody')
  }, options)
  const [cert, key] = [join(world.dir, 'cert.pem'), join(world.dir, 'key.pem')]
  copyFileSync(pem('client'), cert)
  copyFileSync(pem('client-key'), key)
  assert.equal(await ask(url, { tls: TRUST }), '200 nobody')
  using client = createHttpClient({ tls: { ...TRUST, cert: { file: cert }, key: { file: key } } })
  const who = async () => Buffer.concat(await (await client.request({ url }, never)).message.toArray()).toString()
  assert.equal(await who(), 'client.test')
  copyFileSync(pem('server'), cert)
  copyFileSync(pem('server-key'), key)
  assert.equal(await who(), 'server.test')
})

test('secrets come from texts, the environment and files, which are read anew', async () => {
  await using world = new World()
  const url = await world.http(({ headers }, response) => response.end(`${headers.authorization} ${headers['x-a']}`))
  const file = join(world.dir, 'secret')
  writeFileSync(file, 'one\n')
  using client = createHttpClient({
    authorization: { type: 'Bearer', credentials: { file } },
    headers: { 'X-A': ['b', { file }] },
  })
  const answer = async () => Buffer.concat(await (await client.request({ url }, never)).message.toArray()).toString()
  assert.equal(await answer(), 'Bearer one b, one')
  writeFileSync(file, 'two')
  assert.equal(await answer(), 'Bearer two b, two')
  const basic = { username: 'me', password: { env: 'PASSWORD' } }
  const encoded = Buffer.from('me:hush').toString('base64')
  assert.equal(
    await ask(url, { basicAuth: basic }, { resolve: (text) => (typeof text === 'string' ? text : 'hush') }),
    `200 Basic ${encoded} undefined`,
  )
})

test('plain requests go to the proxy whole; secure ones through it, their credentials unseen', async () => {
  await using world = new World()
  const seen: IncomingMessage[] = []
  const proxy = await world.proxy(seen, 'pass')
  const secure = await world.https(({ headers }, response) => response.end(`secret ${headers.authorization}`))
  const config: HttpClientConfig = {
    tls: TRUST,
    authorization: { type: 'Bearer', credentials: 'token' },
    proxy: { url: `http://me:pass@${proxy}`, connectHeaders: { 'X-Way': ['through'] } },
  }
  assert.equal(await ask('http://far.example/metrics?x=1', config), '200 proxied http://far.example/metrics?x=1')
  assert.equal(seen[0]?.headers.host, 'far.example')
  assert.equal(await ask(secure, config), '200 secret Bearer token')
  assert.deepEqual([seen[1]?.method, seen[1]?.url, seen[1]?.headers['x-way']], ['CONNECT', secure.slice(8), 'through'])
  assert.equal(seen[1]?.headers.authorization, undefined)
  const refused = {
    code: 'ASSAY_HTTP_PROXY',
    message: /answers 407 to CONNECT .*; check proxy_url, its credentials and no_proxy/,
  }
  await assert.rejects(ask(secure, { ...config, proxy: { url: `http://${proxy}` } }), refused)
  const gone = await world.proxy([])
  await assert.rejects(ask(secure, { tls: TRUST, proxy: { url: `http://127.0.0.1:1`, noProxy: '' } }), {
    code: 'ASSAY_HTTP_PROXY',
  })
  assert.equal(
    await ask(secure, { tls: TRUST, proxy: { url: `http://${gone}`, noProxy: 'x' } }),
    '200 secret undefined',
  )
})

test('a connection through a proxy is kept for the next request', async () => {
  await using world = new World()
  const seen: IncomingMessage[] = []
  const proxy = await world.proxy(seen)
  const secure = await world.https((_, response) => response.end('ok'))
  using client = createHttpClient({ tls: TRUST, proxy: { url: `http://${proxy}` } })
  for (let i = 0; i < 3; i++) await (await client.request({ url: secure }, never)).message.toArray()
  assert.equal(seen.length, 1)
})

test('a token of OAuth 2.0 is fetched once, kept until it ends, and asked for in either way', async () => {
  await using world = new World()
  const asked: string[] = []
  let inBodyOnly = false
  const tokenUrl = await world.http(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString()
    asked.push(`${request.headers.authorization ?? '-'} ${body}`)
    if (inBodyOnly && request.headers.authorization !== undefined)
      return void response.writeHead(401).end('{"error":"hush"}')
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ access_token: `t${asked.length}`, token_type: 'bearer', expires_in: 60 }))
  })
  const url = await world.http(({ headers }, response) => response.end(headers.authorization))
  const oauth2 = { clientId: 'me', clientSecret: 's', tokenUrl, scopes: ['a', 'b'], endpointParams: { audience: 'x' } }
  let now = 0
  using client = createHttpClient({ oauth2 }, { monotonicMs: () => now })
  const answer = async () => Buffer.concat(await (await client.request({ url }, never)).message.toArray()).toString()
  assert.deepEqual(await Promise.all([answer(), answer()]), ['Bearer t1', 'Bearer t1'])
  now = 49_000
  assert.equal(await answer(), 'Bearer t1')
  now = 51_000
  assert.equal(await answer(), 'Bearer t2')
  const pair = Buffer.from('me:s').toString('base64')
  assert.equal(asked[0], `Basic ${pair} grant_type=client_credentials&scope=a+b&audience=x`)
  inBodyOnly = true
  assert.equal(await ask(url, { oauth2 }), '200 Bearer t4')
  assert.match(asked[3] ?? '', /^- .*client_id=me&client_secret=s$/)
  const wrong = await world.http((_, response) => response.writeHead(403).end('the secret is s'))
  await assert.rejects(ask(url, { oauth2: { ...oauth2, tokenUrl: wrong } }), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'ASSAY_HTTP_OAUTH2')
    assert.match(error.message, /answers 403; check client_id/)
    assert.doesNotMatch(error.message, /the secret/)
    return true
  })
})

test('redirects are followed with credentials for the same host alone, and not for ever', async () => {
  await using world = new World()
  const show: RequestListener = ({ headers }, response) => response.end(`${headers.authorization} ${headers['x-a']}`)
  const other = await world.http(show)
  const url = await world.http((request, response) => {
    const to = { '/same': '/here', '/other': other, '/loop': '/loop', '/mail': 'mailto:x' }[request.url ?? '']
    if (to === undefined) show(request, response)
    else response.writeHead(302, { location: to }).end()
  })
  const config = { authorization: { type: 'Bearer', credentials: 'token' }, headers: { 'X-A': ['b'] } }
  assert.equal(await ask(`${url}/same`, config), '200 Bearer token b')
  assert.equal(await ask(`${url}/other`, config), '200 undefined undefined')
  assert.equal(await ask(`${url}/same`, { ...config, followRedirects: false }), '302 ')
  await assert.rejects(ask(`${url}/loop`, config), { code: 'ASSAY_HTTP_REDIRECTS', message: /without end/ })
  await assert.rejects(ask(`${url}/mail`, config), { code: 'ASSAY_HTTP_REDIRECTS' })
})

test('a request that is given up ends, at whatever it waits', async () => {
  await using world = new World()
  const silent = await world.http(() => {})
  for (const config of [
    {},
    { oauth2: { clientId: 'a', clientSecret: 'b', tokenUrl: silent } },
  ] satisfies HttpClientConfig[]) {
    using client = createHttpClient(config)
    const giveUp = new AbortController()
    const asking = client.request({ url: silent }, giveUp.signal)
    setImmediate(() => giveUp.abort(new Error('enough')))
    await assert.rejects(asking)
  }
})
