/**
 * `assay serve --remote-engine`, over a real VictoriaMetrics and a real Prometheus: scraping, rules, alerts and their state over `kill -9`,
 * federation, the API, what others write; and an engine that is away for a while.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { compressSync } from 'snappy'
import { Labels } from '#core'
import { encodeWriteV1 } from '#remote'
import { until } from '../support/demo.ts'
import { peersMissing } from '../support/peers.ts'
import { freePort } from '../support/prometheus3.ts'
import { directoryOf, refused, serve } from '../support/serve.ts'
import { type RealStore, startRealPrometheus, startVictoria } from './stores.ts'

const skip = await peersMissing()
const WITHIN = { withinMs: 20_000, everyMs: 100 }

const RULES = `
groups:
  - name: shop
    interval: 1s
    rules:
      - { record: 'job:up:sum', expr: sum by (job) (up) }
      - { alert: Open, expr: 'up{job="shop"} == 1', for: 1s, labels: { severity: info } }
`
const configOf = (target: string) => `
global: { scrape_interval: 1s, external_labels: { site: north } }
rule_files: [rules.yml]
scrape_configs: [{ job_name: shop, static_configs: [{ targets: ['${target}'] }] }]
`

type Row = { readonly metric: Readonly<Record<string, string>>; readonly value: readonly [number, string] }

async function ask(url: string, path: string): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(`${url}${path}`)
  return { status: response.status, text: await response.text() }
}

async function dataOf<T>(url: string, path: string): Promise<T> {
  const { status, text } = await ask(url, `/api/v1${path}`)
  assert.equal(status, 200, text)
  return (JSON.parse(text) as { data: T }).data
}

const query = async (url: string, promql: string) =>
  (await dataOf<{ result: readonly Row[] }>(url, `/query?query=${encodeURIComponent(promql)}`)).result

function postSample(url: string, name: string, value: number): Promise<Response> {
  const labels = Labels.of({ __name__: name, from: 'outside' })
  const body = encodeWriteV1({
    series: [{ labels, from: 0, to: 1, histograms: [], exemplars: [] }],
    timestamps: Float64Array.of(Date.now()),
    values: Float64Array.of(value),
    metadata: [],
  })
  return fetch(`${url}/api/v1/write`, { method: 'POST', body: new Uint8Array(compressSync(body)) })
}

async function pageServer(): Promise<AsyncDisposable & { readonly host: string }> {
  const server = createServer((_request, response) =>
    response
      .setHeader('content-type', 'text/plain; version=0.0.4')
      .end('# TYPE orders_total counter\norders_total 7\n'),
  )
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

const STORES: Readonly<Record<string, () => Promise<RealStore>>> = {
  VictoriaMetrics: () => startVictoria(),
  Prometheus: startRealPrometheus,
}

for (const [name, start] of Object.entries(STORES)) {
  test(
    `${name} as the engine: everything that assay does goes through it, and alerts outlive kill -9`,
    { skip },
    async () => {
      await using store = await start()
      await using target = await pageServer()
      await using directory = await directoryOf({ 'prometheus.yml': configOf(target.host), 'rules.yml': RULES })
      const args = [
        ...['--config', join(directory.path, 'prometheus.yml'), '--data', join(directory.path, 'data')],
        ...['--listen', '127.0.0.1:0', '--remote-engine', store.url],
      ]
      const first = await serve(args)
      await using _first = first
      const seen = (url: string, promql: string) =>
        until(async () => (await query(url, promql))[0], { ...WITHIN, what: () => `${promql}\n${first.output()}` })

      assert.equal((await seen(first.url, 'orders_total')).metric['site'], 'north', 'external labels are written')
      assert.equal((await seen(first.url, 'job:up:sum{job="shop"}')).value[1], '1')
      await seen(first.url, 'ALERTS{alertname="Open", alertstate="firing"}')
      assert.ok((await dataOf<readonly string[]>(first.url, '/label/job/values')).includes('shop'))
      assert.ok((await dataOf<readonly string[]>(first.url, '/labels')).includes('instance'))
      assert.equal((await dataOf<readonly object[]>(first.url, '/series?match[]=orders_total')).length, 1)
      const range = await dataOf<{ resultType: string }>(
        first.url,
        `/query_range?query=up&start=${Date.now() / 1000 - 60}&end=${Date.now() / 1000}&step=1`,
      )
      assert.equal(range.resultType, 'matrix')
      assert.deepEqual(await dataOf(first.url, '/query_exemplars?query=orders_total'), [])
      assert.equal((await postSample(first.url, 'written_total', 5)).status, 204)
      assert.equal((await seen(first.url, 'written_total')).value[1], '5')
      const { text: federated } = await ask(first.url, '/federate?match[]=orders_total')
      assert.match(federated, /^orders_total\{[^}]*job="shop"[^}]*\} 7 \d{13}$/m)
      const { status: overview } = await ask(first.url, '/api/assay/v1/overview')
      assert.equal(overview, 200)
      const { text: page } = await ask(first.url, '/metrics')
      assert.match(page, /^assay_remote_engine_requests_total [1-9]/m)
      assert.match(page, /^prometheus_remote_storage_samples_failed_total\{remote_name="engine"[^}]*\} 0$/m)
      const bad = await ask(first.url, '/api/v1/query?query=sum(')
      assert.ok(bad.status >= 400 && bad.text.includes('"status":"error"'), bad.text)

      type Alerts = { readonly alerts: readonly { readonly activeAt: string; readonly state: string }[] }
      const [before] = (await dataOf<Alerts>(first.url, '/alerts')).alerts
      assert.equal(before?.state, 'firing')
      await first.stop('SIGKILL')
      const second = await serve(args)
      await using _second = second
      const [after] = await until(
        async () => {
          const { alerts } = await dataOf<Alerts>(second.url, '/alerts')
          return alerts.length > 0 ? alerts : undefined
        },
        { ...WITHIN, what: () => `the alert is restored\n${second.output()}` },
      )
      assert.equal(after?.state, 'firing', 'without another wait for its time')
      assert.equal(Math.floor(Date.parse(after?.activeAt ?? '') / 1000), Math.floor(Date.parse(before.activeAt) / 1000))
      assert.equal(await second.stop(), 0)
    },
  )
}

test(
  'an engine that is away: questions say so, what is written waits, over a kill -9 too, and arrives',
  { skip },
  async () => {
    const port = await freePort()
    await using data = await directoryOf({})
    await using target = await pageServer()
    await using directory = await directoryOf({ 'prometheus.yml': configOf(target.host), 'rules.yml': RULES })
    const args = [
      ...['--config', join(directory.path, 'prometheus.yml'), '--data', join(directory.path, 'data')],
      ...['--listen', '127.0.0.1:0', '--storage.remote-engine', `http://127.0.0.1:${port}`],
    ]
    const first = await serve(args)
    await using _first = first
    const refusal = await ask(first.url, '/api/v1/query?query=up')
    assert.equal(refusal.status, 503)
    assert.match(
      refusal.text,
      /the remote engine http:\/\/127\.0\.0\.1:\d+ does not answer: [^"]*ECONNREFUSED[^"]*is it running/,
    )
    for (let i = 1; i <= 20; i++) assert.equal((await postSample(first.url, `kept_${i}`, i)).status, 204)
    await first.stop('SIGKILL')
    const second = await serve(args)
    await using _second = second
    for (let i = 21; i <= 40; i++) assert.equal((await postSample(second.url, `kept_${i}`, i)).status, 204)
    await using _store = await startVictoria([], port, data.path)
    await until(async () => (await query(second.url, 'count({__name__=~"kept_.*"})'))[0]?.value[1] === '40', {
      ...WITHIN,
      what: () => `all arrive\n${second.output()}`,
    })
    assert.equal(
      (await query(second.url, 'sum(sum_over_time({__name__=~"kept_.*"}[10m]))'))[0]?.value[1],
      String((40 * 41) / 2),
    )
  },
)

test('an engine that is none, and one that wants credentials, are told in a sentence', async () => {
  await using target = await pageServer()
  await using directory = await directoryOf({ 'prometheus.yml': configOf(target.host), 'rules.yml': RULES })
  const served = await serve([
    ...['--config', join(directory.path, 'prometheus.yml'), '--data', join(directory.path, 'data')],
    ...['--listen', '127.0.0.1:0', '--remote-engine', `http://${target.host}`],
  ])
  await using _ = served
  const { status, text } = await ask(served.url, '/api/v1/query?query=up')
  assert.ok(status === 503 || text.includes('orders_total'), text)
  const { text: federated } = await ask(served.url, '/federate?match[]=up')
  assert.match(federated, /is not Prometheus' API; write the address that stands before \/api\/v1/)
})

test('credentials in the address, and a file that is none, are refused at the start', async () => {
  await using directory = await directoryOf({ 'engine.yml': 'query: { url: "ftp://x" }\n', 'prometheus.yml': '' })
  const start = (engine: string) =>
    refused([
      '--config',
      join(directory.path, 'prometheus.yml'),
      '--data',
      join(directory.path, 'data'),
      '--remote-engine',
      engine,
    ])
  const cases: readonly (readonly [string, RegExp])[] = [
    ['http://me:secret@127.0.0.1:1', /write credentials as basic_auth/],
    [join(directory.path, 'none.yml'), /can't be read/],
    [join(directory.path, 'engine.yml'), /engine\.yml:1:\d+: query\.url: write an address/],
  ]
  for (const [engine, why] of cases) {
    const { code, output } = await start(engine)
    assert.equal(code, 2, output)
    assert.match(output, why)
    assert.doesNotMatch(output, /secret/)
  }
})
