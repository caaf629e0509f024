/** Requests through SOCKS5: over a proxy written from the RFCs, and over what pretends to be one. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { createHttpClient } from './client.ts'
import { type SocksAsked, socksServer } from './socks-server.test-support.ts'
import { tunnelAgent } from './tunnel.ts'
import { ask, never, TRUST, World } from './world.test-support.ts'

test('names are resolved at the proxy, addresses go as they are, and TLS is spoken with the target', async () => {
  await using world = new World()
  const http = (await world.http(({ url, headers }, response) => response.end(`${headers.host} ${url}`))).slice(7)
  const https = (await world.https((_, response) => response.end('secret'))).slice(8)
  const asked: SocksAsked[] = []
  const places = {
    'far.example:80': http,
    'far.example:9100': http,
    'server.test:443': https,
    '[2001:db8:0:0:0:0:0:1]:80': http,
  }
  const at = await socksServer(world, asked, { places })
  for (const scheme of ['socks5', 'socks5h']) {
    const proxy = { url: `${scheme}://${at}` }
    assert.equal(await ask('http://far.example/metrics?x=1', { proxy }), '200 far.example /metrics?x=1')
    assert.equal(await ask('http://far.example:9100/', { proxy }), '200 far.example:9100 /')
    assert.equal(await ask('http://[2001:db8::1]/', { proxy }), '200 [2001:db8::1] /')
    assert.equal(await ask(`http://${http}/`, { proxy }), `200 ${http} /`, 'a bare proxy_url is for this machine too')
    // Without a serverName: the certificate is for the name that was asked for.
    assert.equal(await ask('https://server.test/', { proxy, tls: { ca: TRUST.ca } }), '200 secret')
    await assert.rejects(ask('https://server.test/', { proxy }), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
  }
  assert.deepEqual(
    asked.slice(0, 6).map(({ place, type }) => `${place} ${type}`),
    [
      'far.example:80 name',
      'far.example:9100 name',
      '[2001:db8:0:0:0:0:0:1]:80 IPv6',
      `${http} IPv4`,
      'server.test:443 name',
      'server.test:443 name',
    ],
  )
  assert.deepEqual(asked[0]?.methods, [0])
})

test('a name and a password are offered where the URL has them, and never shown', async () => {
  await using world = new World()
  const url = await world.http(({ headers }, response) => response.end(JSON.stringify(headers)))
  const asked: SocksAsked[] = []
  const at = await socksServer(world, asked, { password: 'p@ss:ü' })
  const proxy = { url: `socks5://me:p%40ss%3A%C3%BC@${at}`, connectHeaders: { 'X-A': ['for CONNECT alone'] } }
  assert.deepEqual(JSON.parse((await ask(url, { proxy })).slice(4)), { host: url.slice(7), connection: 'keep-alive' })
  assert.deepEqual(asked, [{ methods: [0, 2], who: 'me:p@ss:ü', place: url.slice(7), type: 'IPv4' }])
  const anyone = await socksServer(world, asked)
  assert.match(await ask(url, { proxy: { url: `socks5://me:hush@${anyone}` } }), /^200/, 'who asks for none gets none')
  assert.equal(asked[1]?.who, undefined)
})

test('a connection through SOCKS is kept for the next request; whom no_proxy names is asked directly', async () => {
  await using world = new World()
  const url = await world.http((_, response) => response.end('ok'))
  const secure = await world.https((_, response) => response.end('ok'))
  const asked: SocksAsked[] = []
  const at = await socksServer(world, asked)
  using client = createHttpClient({ tls: TRUST, proxy: { url: `socks5://${at}` } })
  for (const one of [url, secure, url, secure]) await (await client.request({ url: one }, never)).message.toArray()
  assert.deepEqual(
    asked.map(({ place }) => place),
    [url.slice(7), secure.slice(8)],
  )
  assert.equal(await ask(url, { proxy: { url: `socks5://${at}`, noProxy: '127.0.0.0/8' } }), '200 ok')
  const environment = { HTTP_PROXY: `socks5://${at}`, NO_PROXY: 'x' }
  assert.equal(await ask(url, { proxy: { fromEnvironment: true } }, { environment }), '200 ok')
  assert.equal(asked.length, 2, 'neither of the two went through the proxy')
})

test('the environment names a SOCKS proxy as the configuration does', async () => {
  await using world = new World()
  const url = await world.http((_, response) => response.end('ok'))
  const asked: SocksAsked[] = []
  const at = await socksServer(world, asked, { places: { 'far.example:80': url.slice(7) } })
  const environment = { http_proxy: `socks5://${at}` }
  assert.equal(await ask('http://far.example/', { proxy: { fromEnvironment: true } }, { environment }), '200 ok')
  assert.equal(asked.length, 1)
})

test('tokens of OAuth 2.0 are fetched through a SOCKS proxy of their own', async () => {
  await using world = new World()
  const tokens = await world.http((_, response) => response.end('{"access_token":"t"}'))
  const url = await world.http(({ headers }, response) => response.end(headers.authorization))
  const asked: SocksAsked[] = []
  const proxy = { url: `socks5://${await socksServer(world, asked, { places: { 'id.example:80': tokens.slice(7) } })}` }
  const oauth2 = { clientId: 'me', clientSecret: 's', tokenUrl: 'http://id.example/token', proxy }
  assert.equal(await ask(url, { oauth2 }), '200 Bearer t')
  assert.deepEqual(
    asked.map(({ place }) => place),
    ['id.example:80'],
  )
})

test('what a proxy refuses is told with the proxy, the step and the target, and never with the password', async () => {
  await using world = new World()
  const answering = (bytes: readonly number[]) =>
    world.tcp((socket) => void socket.once('data', () => socket.write(Buffer.from(bytes))))
  const replies = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8, 99].map((reply) => socksServer(world, [], { reply })))
  const asking = await socksServer(world, [], { password: 'other' })
  const cases: readonly (readonly [proxy: string, says: RegExp])[] = [
    [
      '127.0.0.1:1',
      /^the proxy 127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\), on the way to far\.example:9100; check proxy_url, and/,
    ],
    ['me:hush@127.0.0.1:1', /^the proxy 127\.0\.0\.1:1 cannot be reached/],
    [
      asking,
      /asks who we are, on the way to far\.example:9100; write proxy_url as socks5:\/\/name:password@host:port$/,
    ],
    [
      `me:hush@${asking}`,
      /refuses the name and the password, on the way to far\.example:9100; check those in proxy_url$/,
    ],
    [`me:hush@${await answering([5, 255])}`, /takes neither a name with a password nor nobody/],
    [`${'n'.repeat(256)}:hush@${asking}`, /takes no name and no password of more than 255 bytes/],
    [`me:hush%ff@${asking}`, /has a name or a password with a % that begins no character; write %25 for it$/],
    [
      replies[0]!,
      /has not connected to far\.example:9100: it says no more than that it failed; see that the target can/,
    ],
    [replies[1]!, /: its rules forbid it;/],
    [replies[2]!, /: the network is unreachable;/],
    [replies[3]!, /: the host is unreachable, or its name is not known there;/],
    [replies[4]!, /: the connection was refused there;/],
    [replies[5]!, /: it is too far away;/],
    [replies[6]!, /: it makes no connections;/],
    [replies[7]!, /: it does not take this kind of address;/],
    [replies[8]!, /: it gives a reason that SOCKS5 has no word for;/],
    [await answering([5, 1]), /answers, but not in SOCKS5/],
    [await answering([4, 90]), /answers, but not in SOCKS5, .*; a proxy that speaks HTTP is written http:/],
    [await answering([...Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')]), /answers, but not in SOCKS5/],
    [await world.tcp((socket) => void socket.destroy()), /breaks off( \(ECONNRESET\))? before it has connected to far/],
    [
      await world.tcp((socket) => void socket.once('data', () => socket.resetAndDestroy())),
      /breaks off \(ECONNRESET\) before/,
    ],
  ]
  for (const [proxy, says] of cases)
    for (const scheme of ['http', 'https'])
      await assert.rejects(
        ask(`${scheme}://far.example:9100/`, { proxy: { url: `socks5://${proxy}` } }),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, 'ASSAY_HTTP_PROXY', error.message)
          assert.match(error.message, says)
          assert.doesNotMatch(`${error.message} ${JSON.stringify(error.cause ?? '')}`, /hush/)
          return true
        },
      )
  await assert.rejects(ask(`http://${'a.'.repeat(140)}b/`, { proxy: { url: `socks5://${asking}` } }), {
    code: 'ASSAY_HTTP_PROXY',
    message: /takes no host of more than 255 bytes; name the target by a shorter one$/,
  })
})

/** What a proxy sends after each thing that it is sent, whatever that is. */
const says = (world: World, answers: readonly Uint8Array[], then: (socket: Socket) => void) =>
  world.tcp((socket) => {
    let step = 0
    socket.on('data', () => {
      const answer = answers[step++]
      if (answer !== undefined) socket.write(answer)
      if (step >= answers.length) then(socket)
    })
  })

const METHOD = Uint8Array.of(5, 2)
const WELCOME = Uint8Array.of(1, 0)
const GRANTED = Uint8Array.of(5, 0, 0, 3, 3, 97, 98, 99, 0, 80)
const WHOLE = [METHOD, WELCOME, GRANTED]

test('a proxy that breaks off at any byte is told as that', async () => {
  await using world = new World()
  for (const [step, answer] of WHOLE.entries())
    for (let kept = 0; kept < answer.length; kept++) {
      const at = await says(world, [...WHOLE.slice(0, step), answer.subarray(0, kept)], (socket) => socket.end())
      const where = `step ${step}, ${kept} bytes`
      await assert.rejects(
        ask('http://far.example/', { proxy: { url: `socks5://me:x@${at}` } }),
        { code: 'ASSAY_HTTP_PROXY', message: /breaks off before it has connected to far\.example:80/ },
        where,
      )
    }
})

test('a proxy that is silent at any step is let go with the request that waits for it', async () => {
  await using world = new World()
  for (const target of ['http://far.example/', 'https://far.example/'])
    for (let step = 0; step <= WHOLE.length; step++) {
      const giveUp = new AbortController()
      const closed = Promise.withResolvers<void>()
      const enough = new Error('enough')
      const at = await says(world, WHOLE.slice(0, step), (socket) => {
        socket.on('close', () => closed.resolve())
        setImmediate(() => giveUp.abort(enough))
      })
      const asking = ask(target, { proxy: { url: `socks5://me:x@${at}` } }, {}, giveUp.signal)
      await assert.rejects(asking, (error: Error) => error === enough || error.name === 'AbortError', `step ${step}`)
      await closed.promise
    }
})

test('a proxy that takes longer than a connection may is told as that', async () => {
  const proxy = new URL('socks5://p:1080')
  const waits = (_: unknown, signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const agent = tunnelAgent(proxy, waits, { secure: false, connectTimeoutMs: 5 })
  const { promise, reject } = Promise.withResolvers<never>()
  // The limit does not keep a process alive, and nothing else is open here.
  const alive = setInterval(() => undefined, 1000)
  request('http://far.example:9100/', { agent }).on('error', reject).end()
  await assert
    .rejects(promise, {
      code: 'ASSAY_HTTP_PROXY',
      message:
        'the proxy p:1080 has not connected to far.example:9100 within 5 ms; check proxy_url, its credentials and no_proxy',
    })
    .finally(() => clearInterval(alive))
})

test('more than was asked for is not kept: a megabyte of greeting ends as what it is', async () => {
  await using world = new World()
  const flood = Buffer.alloc(1 << 20, 7)
  const floods = [
    [flood],
    [Buffer.concat([METHOD, flood])],
    [METHOD, flood],
    [METHOD, Buffer.concat([WELCOME, flood])],
    [METHOD, WELCOME, flood],
    [METHOD, WELCOME, Buffer.concat([GRANTED, flood])],
  ]
  for (const answers of floods)
    for (const target of ['http://far.example/', 'https://far.example/']) {
      const at = await says(world, answers, (socket) => socket.end())
      await assert.rejects(
        ask(target, { proxy: { url: `socks5://me:x@${at}` } }),
        (error: Error & { code?: string }) => {
          assert.ok(error.code, String(error))
          return true
        },
      )
    }
})

test('whatever a proxy sends, in whatever pieces, a request through it comes to its end', async () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.constantFrom(METHOD, Uint8Array.of(5, 0), Uint8Array.of(5, 255), WELCOME, Uint8Array.of(1, 1), GRANTED),
    fc.uint8Array({ maxLength: 8 }).map((tail) => Uint8Array.from([5, 0, 0, ...tail])),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 5 }), fc.boolean(), async (answers, secure) => {
      await using world = new World()
      const at = await world.tcp(async (socket) => {
        for (const answer of answers) {
          socket.write(answer)
          await nextTurn()
        }
        socket.end()
      })
      const target = `${secure ? 'https' : 'http'}://far.example/`
      await assert.rejects(
        ask(target, { proxy: { url: `socks5://me:x@${at}` } }),
        (error: Error & { code?: string }) => {
          assert.ok(error.code, String(error))
          return true
        },
      )
    }),
    { numRuns: 200 },
  )
})
