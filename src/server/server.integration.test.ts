import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { connect, createServer as createSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openWorld } from './server.test-support.ts'

const LOOPBACK = '127.0.0.1'

test('health, readiness and our own metrics answer', async () => {
  await using world = await openWorld()
  for (const path of ['/-/healthy', '/-/ready', '/healthz', '/readyz'])
    assert.equal((await world.get(path)).status, 200, path)
  assert.equal((await world.get('/-/healthy', { method: 'HEAD' })).status, 200)
  const page = await world.get('/metrics')
  assert.match(page.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  assert.match(page.text, /^assay_test 1$/m)
  assert.match(page.text, /^prometheus_http_requests_total\{code="200",handler="\/-\/healthy"\} 2$/m)
  assert.match(page.text, /^assay_event_clients 0$/m)
})

test('the handler of a request is its pattern, so that a metric has few series', async () => {
  await using world = await openWorld()
  await world.get('/api/v1/label/anything/values')
  await world.get('/one/of/many/addresses')
  const { text } = await world.get('/metrics')
  assert.match(text, /handler="\/api\/v1\/label\/:name\/values"\} 1/)
  assert.match(text, /code="404",handler="\/\*"\} 1/)
  assert.ok(!text.includes('addresses'))
})

test('a path with a parameter tells which methods it takes', async () => {
  await using world = await openWorld()
  const answer = await world.get('/api/v1/label/job/values', { method: 'POST' })
  assert.equal(answer.status, 405)
  assert.match(answer.headers.get('allow') ?? '', /\bGET\b/)
  for (const path of ['/api/v1/label//values', '/api/v1/label/*/values/more'])
    assert.equal((await world.get(path, { method: 'POST' })).status, 404, path)
})

test('reload and quit are refused unless they are enabled', async () => {
  await using world = await openWorld()
  for (const path of ['/-/reload', '/-/quit']) {
    const answer = await world.get(path, { method: 'POST' })
    assert.equal(answer.status, 403)
    assert.match(answer.json.error, /Lifecycle API is not enabled/)
    const got = await world.get(path)
    assert.deepEqual([got.status, got.headers.get('allow')], [405, 'POST, PUT'])
  }
})

test('reload tells why a configuration is refused; quit answers first and then ends', async () => {
  const quit = Promise.withResolvers<void>()
  let broken = true
  const reload = async () => {
    if (broken) throw new Error('assay.config.ts:3: unknown part')
  }
  await using world = await openWorld({ deps: { reload, quit: () => quit.resolve() } })
  const refused = await world.get('/-/reload', { method: 'POST' })
  assert.deepEqual([refused.status, refused.text], [500, 'failed to reload config: assay.config.ts:3: unknown part\n'])
  broken = false
  assert.equal((await world.get('/-/reload', { method: 'PUT' })).status, 200)
  assert.equal(
    (await world.get('/-/reload', { method: 'POST', headers: { origin: 'https://evil.example' } })).status,
    403,
  )
  assert.equal((await world.get('/-/quit', { method: 'POST' })).text, 'Requesting termination... Goodbye!')
  await quit.promise
})

test('a port in use is named with who holds it and what to do', async () => {
  const holder = createSocket()
  await new Promise<void>((resolve) => holder.listen(0, LOOPBACK, resolve))
  try {
    const address = holder.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await assert.rejects(
      openWorld({ server: { listen: { host: LOOPBACK, port } } }),
      (thrown: Error & { code: string }) => {
        assert.equal(thrown.code, 'ASSAY_LISTEN_IN_USE')
        assert.match(thrown.message, new RegExp(`^127\\.0\\.0\\.1:${port} is in use`))
        assert.match(thrown.message, /choose another port with --listen/)
        if (process.platform === 'linux') assert.match(thrown.message, new RegExp(`by process ${process.pid} `))
        return true
      },
    )
  } finally {
    await new Promise((resolve) => holder.close(resolve))
  }
})

test('listening beyond this machine is refused while nobody is asked who he is', async () => {
  await assert.rejects(openWorld({ server: { listen: { host: '0.0.0.0', port: 0 } } }), { code: 'ASSAY_LISTEN_OPEN' })
  await using world = await openWorld({ server: { listen: { host: '0.0.0.0', port: 0 }, allowOpen: true } })
  assert.equal((await fetch(`http://127.0.0.1:${world.server.port}/-/ready`)).status, 200)
})

test('an address that is not ours to listen on is said', async () => {
  // 192.0.2.0/24 is for documentation: no machine has it.
  const listen = { host: '192.0.2.1', port: 0 }
  await assert.rejects(openWorld({ server: { listen, allowOpen: true } }), { code: 'ASSAY_LISTEN' })
})

/** fetch does not let us write the Host header. */
function statusFor(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request({ host: LOOPBACK, port, path: '/-/ready', headers: { host } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .once('error', reject)
      .end()
  })
}

test('a name that merely resolves to this machine gets no answer', async () => {
  await using world = await openWorld({ server: { externalUrl: 'https://assay.example/' } })
  assert.equal(await statusFor(world.server.port, 'evil.example'), 403)
  assert.equal(await statusFor(world.server.port, `localhost:${world.server.port}`), 200)
  assert.equal(await statusFor(world.server.port, 'assay.example'), 200)
})

test('a request that has neither a body nor its length is answered, whatever it calls the body', async () => {
  await using world = await openWorld({ deps: { reload: async () => {} } })
  const types = [
    'application/x-www-form-urlencoded',
    'application/json',
    'multipart/form-data; boundary=x',
    'text/x',
    '',
  ]
  for (const path of [
    '/api/v1/query?query=up',
    '/api/v1/write',
    '/api/assay/v1/pause',
    '/-/reload',
    '/api/v1/otlp/v1/metrics',
  ])
    for (const type of types) {
      const socket = connect(world.server.port, LOOPBACK)
      const head = type === '' ? '' : `content-type: ${type}\r\n`
      socket.write(`POST ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${head}\r\n`)
      const text = Buffer.concat(await Array.fromAsync(socket)).toString()
      assert.match(text, /^HTTP\/1.1 (200|204|400|415) /, `${path} ${type}`)
    }
})

test('everything is served under a prefix when there is one', async () => {
  await using world = await openWorld({ server: { routePrefix: '/watch/' } })
  assert.match(world.server.url, /\/watch$/)
  for (const path of ['/-/ready', '/api/v1/labels', '/api/assay/v1/overview', '/'])
    assert.equal((await world.get(path)).status, 200, path)
  assert.match((await world.get('/metrics')).text, /handler="\/api\/v1\/labels"/)
  const bare = await fetch(`http://127.0.0.1:${world.server.port}/`, { redirect: 'manual' })
  assert.deepEqual([bare.status, bare.headers.get('location')], [302, '/watch/'])
  assert.equal((await fetch(`http://127.0.0.1:${world.server.port}/api/v1/labels`)).status, 404)
})

test('without a built UI the first page says so and how to build it', async () => {
  await using world = await openWorld()
  const page = await world.get('/')
  assert.match(page.headers.get('content-type') ?? '', /^text\/html/)
  assert.match(page.text, /npm run build -w web/)
})

test('the UI is served with its paths, its caching and its locks', async () => {
  const root = await mkdtemp(join(tmpdir(), 'assay-web-'))
  try {
    await mkdir(join(root, 'assets'))
    await writeFile(join(root, 'index.html'), '<!doctype html><title>ui</title>')
    await writeFile(join(root, 'assets', 'index-B1x9Qz7a.js'), 'export {}')
    await using world = await openWorld({ deps: { webRoot: root } })
    const html = { headers: { accept: 'text/html' } }
    const page = await world.get('/', html)
    assert.match(page.text, /<title>ui/)
    assert.equal(page.headers.get('cache-control'), 'no-cache')
    const policy = page.headers.get('content-security-policy') ?? ''
    assert.match(policy, /default-src 'self'/)
    assert.ok(!/script-src|unsafe-eval/.test(policy))
    assert.equal(page.headers.get('x-content-type-options'), 'nosniff')
    assert.equal(page.headers.get('referrer-policy'), 'same-origin')
    const script = await world.get('/assets/index-B1x9Qz7a.js')
    assert.equal(script.headers.get('cache-control'), 'public, max-age=31536000, immutable')
    const deep = await world.get('/incidents/7?a=b', { ...html, redirect: 'manual' })
    assert.deepEqual([deep.status, deep.headers.get('location')], [302, '/#/incidents/7?a=b'])
    await using prefixed = await openWorld({ deps: { webRoot: root }, server: { routePrefix: 'watch' } })
    const below = await prefixed.get('/incidents/7', { ...html, redirect: 'manual' })
    assert.equal(below.headers.get('location'), '/watch/#/incidents/7')
    assert.match((await prefixed.get('/', html)).text, /<title>ui/)
    assert.equal((await prefixed.get('/-/quit')).status, 405)
    assert.match((await world.get('/metrics')).text, /handler="\/static\/\*"/)
    assert.equal((await world.get('/assets/gone-B1x9Qz7a.js')).status, 404)
    assert.equal((await world.get('/api/assay/v1/gone', html)).status, 404)
    assert.equal((await world.get('/api/v1/gone', html)).status, 404)
    for (const path of ['/../package.json', '/%2e%2e/package.json', '/assets/..%2f..%2fetc/passwd'])
      assert.ok(!(await world.get(path)).text.includes('"name"'), path)
  } finally {
    await rm(root, { recursive: true, force: true })
  }
})
