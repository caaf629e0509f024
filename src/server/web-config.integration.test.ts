/** The listener as `--web.config.file` says: TLS, certificates of clients, passwords, headers, a rate; and what changes while it runs. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent, type RequestOptions, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { hashSync } from 'bcryptjs'
import { type Clock, ManualClock, silentLog } from '#core'
import { LOOK_MS, WebConfigFile } from './http/web-config-file.ts'
import { NOW, openWorld } from './server.test-support.ts'
import type { ServerOptions } from './server.ts'

const pem = (name: string) => join(import.meta.dirname, '../core/http/testdata', `${name}.pem`)
const own = (name: string) => join(import.meta.dirname, 'testdata', `${name}.pem`)
const CA = readFileSync(pem('ca'))
const CLIENT = { cert: readFileSync(pem('client')), key: readFileSync(pem('client-key')) }
const hash = (password: string) => hashSync(password, 4)
const TLS = 'tls_server_config: { cert_file: server.pem, key_file: server-key.pem'

async function open(text: string, server: Partial<ServerOptions> = {}) {
  await using owned = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'assay-web-'))
  owned.defer(() => rm(directory, { recursive: true, force: true }))
  await copyFile(pem('server'), join(directory, 'server.pem'))
  await copyFile(pem('server-key'), join(directory, 'server-key.pem'))
  await copyFile(pem('ca'), join(directory, 'ca.pem'))
  const file = join(directory, 'web.yml')
  await writeFile(file, text)
  const clock = new ManualClock(NOW)
  let ahead = 0
  // Turned without waiting for what sleeps: the server's own timers stay where they are.
  const turned: Clock = {
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs() + ahead,
    sleep: (...args) => clock.sleep(...args),
    ticks: (...args) => clock.ticks(...args),
  }
  const errors: string[] = []
  const log = {
    ...silentLog,
    error: (fields: object, message: string) => void errors.push(`${message}: ${Object(fields).err}`),
  }
  const web = new WebConfigFile(file, { clock: turned, log })
  const world = owned.use(await openWorld({ clock: turned, server: { web, ...server } }))
  const all = owned.move()
  return {
    world,
    errors,
    directory,
    /** Another content, which is looked at with the next caller. */
    async change(next: string, name = 'web.yml') {
      await writeFile(join(directory, name), next)
      ahead += LOOK_MS
    },
    wait: (ms: number) => void (ahead += ms),
    ask: (options: RequestOptions = {}, path = '/-/healthy') => ask(world.server.port, path, options),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

type Told = {
  readonly status: number | undefined
  readonly text: string
  readonly headers: Readonly<Record<string, unknown>>
  readonly subject: string
}

function ask(port: number, path: string, options: RequestOptions): Promise<Told> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, path, ca: CA, servername: 'server.test', agent: false, ...options },
      (answer) => {
        const subject = String((answer.socket as TLSSocket).getPeerCertificate().subject.CN)
        let text = ''
        answer
          .on('data', (part) => (text += part))
          .on('end', () => resolve({ status: answer.statusCode, text, headers: answer.headers, subject }))
        answer.on('error', reject)
      },
    )
    asked.on('error', reject).end()
  })
}

const basic = (name: string, password: string) => ({
  headers: { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` },
})

test('it speaks TLS, and says so in its address', async () => {
  await using it = await open(`${TLS} }`)
  assert.match(it.world.server.url, /^https:/)
  const { status, subject } = await it.ask()
  assert.deepEqual([status, subject], [200, 'server.test'])
  await assert.rejects(fetch(it.world.server.url.replace('https', 'http')))
  await assert.rejects(it.ask({ maxVersion: 'TLSv1.1' }))
  assert.equal((await it.ask({}, '/api/v1/query?query=1')).status, 200)
})

test('a connection that waits for its place is served over TLS too, and idle ones make room for it', async () => {
  await using it = await open(`${TLS} }`, { maxConnections: 1 })
  const agent = new Agent({ keepAlive: true })
  try {
    assert.equal((await it.ask({ agent })).status, 200)
    const answers = await Promise.all(Array.from({ length: 2 }, () => it.ask({ agent: false })))
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200],
    )
  } finally {
    agent.destroy()
  }
})

test('versions and ciphers are those it names', async () => {
  await using it = await open(
    `${TLS}, min_version: TLS12, max_version: TLS12, cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384] }`,
  )
  await assert.rejects(it.ask({ minVersion: 'TLSv1.3' }))
  await assert.rejects(it.ask({ ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }))
  assert.equal((await it.ask({ ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' })).status, 200)
})

const CLIENTS: readonly {
  readonly auth: string
  readonly more?: string
  readonly none: boolean
  readonly known: boolean
  readonly foreign: boolean
}[] = [
  { auth: 'RequestClientCert', none: true, known: true, foreign: true },
  { auth: 'RequireAnyClientCert', none: false, known: true, foreign: true },
  { auth: 'VerifyClientCertIfGiven', more: ', client_ca_file: ca.pem', none: true, known: true, foreign: false },
  { auth: 'RequireAndVerifyClientCert', more: ', client_ca_file: ca.pem', none: false, known: true, foreign: false },
  {
    auth: 'RequireAndVerifyClientCert',
    more: ', client_ca_file: ca.pem, client_allowed_sans: [client.test]',
    none: false,
    known: true,
    foreign: false,
  },
  {
    auth: 'RequireAndVerifyClientCert',
    more: ', client_ca_file: ca.pem, client_allowed_sans: [other.test]',
    none: false,
    known: false,
    foreign: false,
  },
]

/** Signed by itself, so by nobody that is trusted. */
const FOREIGN = { cert: readFileSync(own('foreign')), key: readFileSync(own('foreign-key')) }

for (const { auth, more = '', none, known, foreign } of CLIENTS)
  test(`${auth}${more} lets in whom it means`, async () => {
    await using it = await open(`${TLS}, client_auth_type: ${auth}${more} }`)
    const comesIn = async (options: RequestOptions) =>
      (await it.ask(options).catch(() => ({ status: 0 }))).status === 200
    assert.deepEqual([await comesIn({}), await comesIn(CLIENT), await comesIn(FOREIGN)], [none, known, foreign])
  })

test('another certificate, and another trust, hold for whoever comes next', async () => {
  await using it = await open(`${TLS} }`)
  assert.equal((await it.ask()).subject, 'server.test')
  await it.change(readFileSync(pem('client'), 'utf8'), 'server.pem')
  await it.change(readFileSync(pem('client-key'), 'utf8'), 'server-key.pem')
  assert.equal((await it.ask({ servername: 'client.test' })).subject, 'client.test')
  await it.change(`${TLS}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem }`)
  await assert.rejects(it.ask({ servername: 'client.test' }))
  assert.equal((await it.ask({ servername: 'client.test', ...CLIENT })).status, 200)
})

test('what is wrong later is logged once, and what was right holds on', async () => {
  await using it = await open(`${TLS} }\nbasic_auth_users: { alice: ${hash('one')} }`)
  await it.change('basic_auth_users: { alice: secret }')
  for (let i = 0; i < 2; i++) {
    it.wait(LOOK_MS)
    assert.equal((await it.ask(basic('alice', 'one'))).status, 200)
  }
  assert.equal(it.errors.length, 1)
  assert.match(it.errors[0]!, /the old one stays: .*web\.yml:1:\d+: basic_auth_users\.alice: no bcrypt hash/)
  await it.change('{}')
  assert.equal((await it.ask()).status, 401)
  assert.match(it.errors[1]!, /TLS is switched on or off at the start alone/)
  await it.change('no certificate', 'server.pem')
  await it.change(`${TLS} }\nbasic_auth_users: { alice: ${hash('two')} }`)
  assert.equal((await it.ask(basic('alice', 'one'))).status, 200)
  assert.match(it.errors[2]!, /TLS can't be spoken with .*server\.pem/)
})

test('without name and password nobody learns anything, and with them all is as ever', async () => {
  await using it = await open(`basic_auth_users:\n  alice: ${hash('pass:word ä')}\n  bob: ${hash('other')}`)
  const { server } = it.world
  const get = (path: string, headers: Readonly<Record<string, string>> = {}) => it.world.get(path, { headers })
  for (const path of [
    '/',
    '/metrics',
    '/-/healthy',
    '/api/v1/query?query=1',
    '/nothing',
    '/api/assay/v1/overview',
    '/federate',
  ])
    assert.equal((await get(path)).status, 401, path)
  const refused = await get('/api/v1/query?query=1')
  assert.match(refused.headers.get('www-authenticate') ?? '', /^Basic /)
  assert.equal(refused.json.errorType, 'unauthorized')
  for (const wrong of [
    basic('alice', 'wrong').headers,
    basic('carol', 'pass:word ä').headers,
    basic('bob', 'pass:word ä').headers,
    basic('', '').headers,
    { authorization: 'Basic !!' },
    { authorization: 'Bearer x' },
    { authorization: `Basic ${'x'.repeat(5000)}` },
  ])
    assert.equal((await get('/-/healthy', wrong)).status, 401, JSON.stringify(wrong))
  for (let i = 0; i < 2; i++)
    assert.equal((await get('/api/v1/query?query=1', basic('alice', 'pass:word ä').headers)).status, 200)
  assert.equal((await fetch(`${server.url}/api/v1/write`, { method: 'POST', body: 'x' })).status, 401)
  const { text } = await get('/metrics', basic('bob', 'other').headers)
  assert.match(text, /^assay_http_unauthorized_total 16$/m)
  await it.change(`basic_auth_users:\n  alice: ${hash('new')}`)
  assert.equal((await get('/-/healthy', basic('bob', 'other').headers)).status, 401, 'whoever is taken out is out')
  assert.equal((await get('/-/healthy', basic('alice', 'new').headers)).status, 200)
})

test('guesses by the hundred hold up nobody who is known', async () => {
  await using it = await open(`basic_auth_users: { alice: ${hashSync('one', 6)} }`)
  const get = (password: string) => it.world.get('/-/healthy', basic('alice', password))
  assert.equal((await get('one')).status, 200)
  const guesses = Array.from({ length: 300 }, (_, i) => get(`guess ${i}`))
  for (let i = 0; i < 5; i++) assert.equal((await get('one')).status, 200)
  const statuses = (await Promise.all(guesses)).map(({ status }) => status)
  assert.ok(statuses.every((status) => status === 401 || status === 503))
  assert.ok(statuses.filter((status) => status === 503).length >= 100, 'those beyond the line are refused at once')
})

test('headers are those it names, and blank ones are as without it', async () => {
  await using it = await open(
    'http_server_config: { headers: { X-Frame-Options: deny, Strict-Transport-Security: max-age=5, X-Content-Type-Options: "" } }',
  )
  const { headers } = await it.world.get('/-/healthy')
  assert.deepEqual(
    ['x-frame-options', 'strict-transport-security', 'x-content-type-options'].map((name) => headers.get(name)),
    ['deny', 'max-age=5', 'nosniff'],
  )
})

test('who asks too quickly is told so, and may ask again when time has passed', async () => {
  await using it = await open('rate_limit: { interval: 1s, burst: 2 }')
  const statuses = async (count: number) => {
    const all: number[] = []
    for (let i = 0; i < count; i++) all.push((await it.world.get('/-/healthy')).status)
    return all
  }
  assert.deepEqual(await statuses(4), [200, 200, 429, 429])
  it.wait(1000)
  assert.deepEqual(await statuses(2), [200, 429])
  it.wait(60_000)
  assert.deepEqual(await statuses(3), [200, 200, 429])
})

test('others may reach it when somebody asks who they are, and that stays so', async () => {
  const users = `basic_auth_users: { alice: ${hash('one')} }`
  await using it = await open(users, { listen: { host: '0.0.0.0', port: 0 } })
  const healthy = (init: RequestInit = {}) => fetch(`http://127.0.0.1:${it.world.server.port}/-/healthy`, init)
  assert.equal((await healthy()).status, 401)
  await it.change('{}')
  assert.equal((await healthy()).status, 401)
  assert.match(it.errors[0]!, /nobody would be asked who he is; keep basic_auth_users/)
  assert.equal((await healthy(basic('alice', 'one'))).status, 200)
})

for (const text of ['{}', `${TLS} }`, `${TLS}, client_auth_type: RequireAnyClientCert }`])
  test(`others may not reach it with ${text}`, async () => {
    await assert.rejects(open(text, { listen: { host: '0.0.0.0', port: 0 } }), {
      code: 'ASSAY_LISTEN_OPEN',
      message: /basic_auth_users/,
    })
  })

test('it does not start with a file that is not there, or a key that does not fit', async () => {
  const deps = { clock: new ManualClock(NOW), log: silentLog }
  assert.throws(() => new WebConfigFile('/nothing/web.yml', deps), {
    code: 'ASSAY_WEB_CONFIG',
    message: /^\/nothing\/web\.yml: can't be read/,
  })
  await assert.rejects(open(`tls_server_config: { cert_file: server.pem, key_file: nothing.pem }`), {
    message: /nothing\.pem: can't be read/,
  })
  await assert.rejects(open(`tls_server_config: { cert_file: ca.pem, key_file: server-key.pem }`), {
    message: /TLS can't be spoken with .*ca\.pem/,
  })
})
