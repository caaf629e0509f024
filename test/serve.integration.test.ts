/**
 * `assay serve` from outside: what it refuses at start, and that one bad part never stops the others.
 */
import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import type { OverviewWire } from '#server'
import { json, until } from './support/demo.ts'
import { directoryOf, refused, serve } from './support/serve.ts'

const LISTEN = ['--listen', '127.0.0.1:0']
const GOOD =
  "import { api, defineSystem } from 'assay'\nexport default defineSystem({ name: 'x', parts: { crm: api({ targets: ['127.0.0.1:1'] }) } })\n"

const page = (response: ServerResponse, text: string) =>
  response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(text)

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const directory = async (files: Record<string, string>) => stack.use(await directoryOf(files))

const definitions = [
  {
    why: 'an unknown measure',
    text: "import { api, defineSystem, email, notify, when } from 'assay'\nconst crm = api({ targets: ['127.0.0.1:1'] })\nconst to = email({ name: 'a', to: 'a@b', from: 'a@b', smtp: 'smtp://127.0.0.1' })\nexport default defineSystem({ name: 'x', parts: { crm }, policies: { a: when(crm.latency.p96).above('5s').do(notify(to)) } })\n",
    says: /assay\.config\.ts:4: api\.latency has no "p96"; write api\.latency\.p90/,
  },
  {
    why: 'a part that is not listed',
    text: "import { api, defineSystem, postgres } from 'assay'\nconst db = postgres({ url: 'postgres://127.0.0.1/x' })\nconst crm = api({ targets: ['127.0.0.1:1'], uses: [db] })\nexport default defineSystem({ name: 'x', parts: { crm } })\n",
    says: /assay\.config\.ts:4: parts\.crm\.uses refers to a part \(postgres\) that is not listed; add it to parts/,
  },
  { why: 'a syntax error', text: 'export default defineSystem({\n  name: \n', says: /assay\.config\.ts:\d+: / },
  { why: 'no default export', text: 'export const x = 1\n', says: /write `export default defineSystem/ },
  {
    why: 'a missing secret',
    text: GOOD.replace('api, ', 'api, env, postgres, ').replace(
      'parts: {',
      "parts: { db: postgres({ url: env('NO_SUCH_URL') }),",
    ),
    says: /NO_SUCH_URL is not set/,
  },
]
for (const { why, text, says } of definitions) {
  test(`a definition with ${why} is refused with its file and line`, async () => {
    const { path } = await directory({ 'assay.config.ts': text })
    const { code, output } = await refused(['--config', `${path}/assay.config.ts`, '--data', `${path}/data`, ...LISTEN])
    assert.equal(code, 2, output)
    assert.match(output, says)
    assert.doesNotMatch(output, /\n\s+at /, 'no stack for the user')
  })
}

test('a rule file with a bad expression is refused with its place', async () => {
  const { path } = await directory({
    'prometheus.yml': 'rule_files: [rules.yml]\n',
    'rules.yml': 'groups:\n  - name: g\n    rules:\n      - alert: A\n        expr: rate(x)\n',
  })
  const { code, output } = await refused(['--config', `${path}/prometheus.yml`, '--data', `${path}/data`, ...LISTEN])
  assert.equal(code, 2, output)
  assert.match(output, /rules\.yml:5:.*range/)
})

test('a port in use is told, and who holds it', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => holder.once('listening', resolve))
  stack.defer(() => void holder.close())
  const { port } = holder.address() as AddressInfo
  const { path } = await directory({ 'assay.config.ts': GOOD })
  const { code, output } = await refused([
    '--config',
    `${path}/assay.config.ts`,
    '--data',
    `${path}/data`,
    '--listen',
    `127.0.0.1:${port}`,
  ])
  assert.equal(code, 2, output)
  assert.match(output, new RegExp(`127\\.0\\.0\\.1:${port}`))
  assert.match(output, /--listen/)
})

test('listening beyond loopback without authentication is refused', async () => {
  const { path } = await directory({ 'assay.config.ts': GOOD })
  const { code, output } = await refused([
    '--config',
    `${path}/assay.config.ts`,
    '--data',
    `${path}/data`,
    '--listen',
    '0.0.0.0:0',
  ])
  assert.equal(code, 2, output)
  assert.match(output, /listen on loopback/)
})

test('a data directory that is not ours is left alone', async () => {
  const { path } = await directory({ 'assay.config.ts': GOOD, 'data/letters.txt': 'mine' })
  const { code, output } = await refused(['--config', `${path}/assay.config.ts`, '--data', `${path}/data`, ...LISTEN])
  assert.equal(code, 2, output)
  assert.match(output, /letters\.txt.*a directory of its own/)
})

test('a data directory that another process holds is refused with its pid', async () => {
  const { path } = await directory({ 'assay.config.ts': GOOD })
  const args = ['--config', `${path}/assay.config.ts`, '--data', `${path}/data`, ...LISTEN]
  await using first = await serve(args)
  const { code, output } = await refused(args)
  assert.equal(code, 2, output)
  assert.match(output, new RegExp(`\\b${first.child.pid}\\b`))
})

test('it ends in order on SIGTERM, and a second start works', async () => {
  const { path } = await directory({ 'assay.config.ts': GOOD })
  const args = ['--config', `${path}/assay.config.ts`, '--data', `${path}/data`, ...LISTEN]
  for (const _ of [1, 2]) {
    const served = await serve(args)
    assert.equal(await served.stop(), 0, served.output())
  }
})

test('a prometheus.yml runs as it is: targets are scraped, rules fire, Prometheus spellings are taken', async () => {
  const target = createServer((_, response) => page(response, 'orders_total 7\n')).listen(0, '127.0.0.1')
  await new Promise((resolve) => target.once('listening', resolve))
  stack.defer(() => void target.close())
  const { port } = target.address() as AddressInfo
  const { path } = await directory({
    'prometheus.yml': `global: { scrape_interval: 1s, evaluation_interval: 1s }\nrule_files: ['rules/*.yml']\nscrape_configs:\n  - job_name: orders\n    static_configs: [{ targets: ['127.0.0.1:${port}'] }]\n`,
    'rules/a.yml':
      'groups:\n  - name: g\n    rules:\n      - record: job:orders:sum\n        expr: sum by (job) (orders_total)\n      - alert: ManyOrders\n        expr: job:orders:sum > 5\n        labels: { severity: info }\n',
  })
  await using served = await serve([
    `--config.file=${path}/prometheus.yml`,
    '--web.listen-address=127.0.0.1:0',
    `--storage.tsdb.path=${path}/data`,
    '--storage.tsdb.retention.time=1d',
  ])
  type Alerts = { data: { alerts: { labels: Record<string, string>; state: string; value: string }[] } }
  const alerts = await until(
    async () => {
      const { data } = await json<Alerts>(`${served.url}/api/v1/alerts`)
      return data.alerts.length > 0 ? data.alerts : undefined
    },
    { what: 'the alert fires', withinMs: 20_000 },
  )
  assert.deepEqual(
    alerts.map(({ labels, state, value }) => [labels['alertname'], labels['job'], state, value]),
    [['ManyOrders', 'orders', 'firing', '7e+00']],
  )
  type Vector = { data: { result: { metric: Record<string, string>; value: [number, string] }[] } }
  const { data } = await json<Vector>(`${served.url}/api/v1/query?query=${encodeURIComponent('ALERTS')}`)
  assert.equal(data.result[0]?.metric['alertstate'], 'firing')
})

test('one bad part never stops the others, and the UI is told which is blind and why', async () => {
  const good = createServer((_, response) =>
    page(response, 'process_resident_memory_bytes 1\nprocess_memory_limit_bytes 2\n'),
  ).listen(0, '127.0.0.1')
  const endless = createServer((_, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4')
    const timer = setInterval(() => response.write('# endless\n'), 5)
    response.on('close', () => clearInterval(timer))
  }).listen(0, '127.0.0.1')
  const denied = createServer((_, response) =>
    response.writeHead(403, { 'content-type': 'application/xml' }).end('<Error><Code>AccessDenied</Code></Error>'),
  ).listen(0, '127.0.0.1')
  const portOf = (server: typeof good) => (server.address() as AddressInfo).port
  for (const server of [good, endless, denied]) {
    if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
    stack.defer(() => void server.closeAllConnections())
    stack.defer(() => void server.close())
  }
  const { path } = await directory({
    'assay.config.ts': `import { api, bucket, defineSystem, postgres, rabbitmq } from 'assay'
export default defineSystem({
  name: 'x', scrapeEvery: '1s',
  parts: {
    good: api({ targets: ['127.0.0.1:${portOf(good)}'] }),
    down: api({ targets: ['127.0.0.1:1'] }),
    endless: api({ targets: ['127.0.0.1:${portOf(endless)}'] }),
    db: postgres({ url: 'postgres://u:sesame@127.0.0.1:1/x' }),
    broker: rabbitmq({ management: 'http://guest:sesame@127.0.0.1:1' }),
    models: bucket({ endpoint: 'http://127.0.0.1:${portOf(denied)}', name: 'models', accessKeyId: 'a', secretAccessKey: 'sesame' }),
  },
})
`,
  })
  await using served = await serve(['--config', `${path}/assay.config.ts`, '--data', `${path}/data`, ...LISTEN])
  const view = () => json<OverviewWire>(`${served.url}/api/assay/v1/overview`)
  const settled = await until(
    async () => {
      const { parts } = await view()
      const known = parts.every(({ state, reason }) => state !== 'pending' && !reason.includes('not been asked yet'))
      return known && parts.filter(({ state }) => state === 'blind').length === 5 ? parts : undefined
    },
    { what: 'five parts are blind', withinMs: 40_000 },
  )
  assert.equal(settled.find(({ id }) => id === 'good')?.state, 'ok')
  for (const { id, reason } of settled.filter(({ state }) => state === 'blind'))
    assert.ok(reason.length > 5, `${id}: ${reason}`)
  const reasons = Object.fromEntries(settled.map(({ id, reason }) => [id, reason]))
  assert.match(reasons['down'] ?? '', /refused/)
  assert.match(reasons['db'] ?? '', /refused/)
  assert.match(reasons['models'] ?? '', /denied/i)
  assert.doesNotMatch(JSON.stringify(settled) + served.output(), /sesame/, 'no secret is shown or logged')
})
