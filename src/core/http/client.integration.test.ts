/** The client against real servers on this machine: TLS with certificates of our own, proxies, redirects. */
import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, RequestListener } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { createHttpClient } from './client.ts'
import type { HttpClientConfig } from './config.ts'
import { ask, never, pem, TRUST, World } from './world.test-support.ts'

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

test('a proxy that speaks TLS is trusted as the settings say, for both kinds of requests', async () => {
  await using world = new World()
  const seen: IncomingMessage[] = []
  const proxy = { url: `https://me:pass@${await world.proxy(seen, 'pass', true)}` }
  const secure = await world.https((_, response) => response.end('secret'))
  assert.equal(await ask('http://far.example/x', { tls: TRUST, proxy }), '200 proxied http://far.example/x')
  assert.equal(await ask(secure, { tls: TRUST, proxy }), '200 secret')
  assert.deepEqual(
    seen.map(({ method }) => method),
    ['GET', 'CONNECT'],
  )
  await assert.rejects(ask('http://far.example/x', { proxy }), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
  // The name in its certificate is the proxy's own, not that of whoever is asked for behind it.
  await assert.rejects(ask(secure, { tls: { ca: TRUST.ca }, proxy }), {
    code: 'ASSAY_HTTP_PROXY',
    message: /127\.0\.0\.1/,
  })
})

test('who gives up a request through a proxy ends the connection to it', async () => {
  await using world = new World()
  const giveUp = new AbortController()
  const ended = Promise.withResolvers<void>()
  const proxy = await world.tcp((socket) => {
    socket.on('close', () => ended.resolve()).once('data', () => giveUp.abort(new Error('enough')))
  })
  await assert.rejects(ask('https://far.example', { proxy: { url: `http://${proxy}` } }, {}, giveUp.signal))
  await ended.promise
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
