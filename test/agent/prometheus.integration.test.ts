/**
 * All that the agent exposes, read by the real ones: promtool's linter, a Prometheus 3 over each of its three formats, and assay beside it.
 *
 * - One service with every hook that needs no other program (signals-service.ts). It rests while it is scraped, so that what is compared
 *   stands still; what moves by being scraped is left out by name.
 * - Prometheus reads one format a job: its own answers for the three must be the same, and what was observed.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { isStaleAt, matcher, silentLog, systemClock, unixMs } from '#core'
import { parsePrometheusConfig } from '#model'
import { createScraper, discover } from '#scrape'
import { MetadataStore, memoryStore } from '#storage'
import { type Service, startService, until } from '../../agent/src/test-support/service.ts'
import { type Prometheus, peersMissing, startPrometheus } from '../support/prometheus3.ts'
import { lintPage } from './lint-page.ts'

const FORMATS = {
  text: 'PrometheusText0.0.4',
  openmetrics: 'OpenMetricsText1.0.0',
  protobuf: 'PrometheusProto',
} as const
type FormatName = keyof typeof FORMATS

/** Moves while nothing happens, or is made by the scraper. */
const MOVES = /^(assay_agent_|process_|nodejs_|v8js_|scrape_|http_client_open|up$|assay_active_users)/

async function startSignals(): Promise<Service> {
  return await startService('../../../test/agent/signals-service.ts', {
    ASSAY_USERS: 'header:x-user-id',
    ASSAY_CHANNELS: '{"internal": ["127.0.0.0/8"], "open": "rest"}',
  })
}

test('promtool finds nothing to say of the page', { skip: await peersMissing() }, async () => {
  await using service = await startSignals()
  const page = await service.metrics()
  assert.match(page, /^http_server_request_duration_seconds_count\{.*http_route="\/orders\/:id"/m)
  assert.deepEqual(await lintPage(page), [])
})

test('promtool finds nothing to say of the page of a cluster', { skip: await peersMissing() }, async () => {
  await using service = await startService('cluster-service.ts', { ASSAY_USERS: 'header:x-user-id' })
  const url = `http://127.0.0.1:${String(service.ready['port'])}/x`
  for (let i = 0; i < 6; i++) await (await fetch(url, { headers: { 'x-user-id': String(i) } })).text()
  const page = await until(
    () => service.metrics(),
    (text) => /^assay_agent_workers\{state="answered"\} 3$/m.test(text),
  )
  assert.match(page, /^http_server_request_duration_seconds_count\{.*worker="\d"\}/m)
  assert.match(page, /^assay_active_users\{window="1d"\} 6$/m)
  assert.deepEqual(await lintPage(page), [])
  const gone = once(service.child, 'exit')
  service.child.kill('SIGTERM')
  await gone
})

test(
  'Prometheus reads the same over its three formats, and what was observed',
  { skip: await peersMissing() },
  async () => {
    await using service = await startSignals()
    const features = ['native-histograms', 'exemplar-storage']
    await using prometheus = await startPrometheus({ config: configOf(service), features })
    await scraped(prometheus)
    const seen = new Map<FormatName, Map<string, string>>()
    for (const format of Object.keys(FORMATS) as FormatName[])
      seen.set(format, await whole(() => seriesOf(prometheus, format)))
    const text = seen.get('text')!
    assert.ok(text.size > 100, `${text.size} series`)
    assert.deepEqual(seen.get('openmetrics'), text)
    const classic = new Map([...seen.get('protobuf')!].filter(([, value]) => value !== 'native'))
    assert.deepEqual(classic, text)

    const { seconds, odd } = service.ready as { seconds: number[]; odd: string[] }
    for (const [i, value] of odd.entries()) {
      // Values are cut at 256 characters.
      const query = `test_odd_total{job="text",value=${JSON.stringify(value.slice(0, 256))}}`
      assert.equal(await number(prometheus, query), i + 1, query)
    }
    const sum = seconds.reduce((all, one) => all + one, 0)
    for (const name of ['test_classic_seconds', 'test_native_seconds', 'test_drop_in_seconds']) {
      for (const [le, bound] of [
        ['0.005', 0.005],
        ['0.3', 0.3],
        ['1.0', 1],
        ['10.0', 10],
        ['+Inf', Infinity],
      ] as const) {
        const count = seconds.filter((one) => one <= bound).length
        assert.equal(await number(prometheus, `${name}_bucket{job="text",le="${le}"}`), count, `${name} ${le}`)
      }
      assert.equal(await number(prometheus, `${name}_sum{job="text"}`), sum)
    }
    assert.equal(await number(prometheus, 'test_waits_seconds_sum{job="text"}'), sum)
    assert.equal(await number(prometheus, 'test_waits_seconds_count{job="protobuf"}'), seconds.length)
    assert.equal(
      await number(prometheus, 'last_over_time(test_waits_seconds{job="openmetrics",quantile="0.99"}[1m])'),
      70,
    )
    assert.equal(await number(prometheus, 'last_over_time(test_collected{job="text"}[1m])'), 5)
    const traced = [
      ['test_traced_seconds_bucket', '+Inf', 'ä'.repeat(100), '20'],
      ['test_traced_seconds_bucket', '1.0', 'below', '0.5'],
      // Nothing in it is escaped: Prometheus reads the labels of exemplars in OpenMetrics as they stand there.
      ['test_traced_total', undefined, 'a {b}, c', '2'],
    ]
    for (const format of ['openmetrics', 'protobuf']) assert.deepEqual(await exemplars(prometheus, format), traced)
    assert.deepEqual(await exemplars(prometheus, 'text'), [])
    const native = 'test_native_seconds{job="protobuf"}'
    assert.equal(await number(prometheus, `histogram_count(${native})`), seconds.length)
    assert.equal(await number(prometheus, `histogram_sum(${native})`), sum)
    assert.equal(await number(prometheus, `histogram_fraction(0, +Inf, ${native})`), 1)
    // Between two bounds of schema 3 lies no observation: the share below is exact.
    const below = seconds.filter((one) => one <= 0.31).length / seconds.length
    assert.equal(await number(prometheus, `histogram_fraction(-1, ${2 ** (-13 / 8)}, ${native})`), below)
    const requests = 'http_server_request_duration_seconds'
    const both = `sum(histogram_count(${requests}{job="protobuf"})) == sum(${requests}_count{job="protobuf"})`
    assert.ok((await number(prometheus, both)) >= 7)
  },
)

test('assay reads what Prometheus reads', { skip: await peersMissing() }, async () => {
  await using service = await startSignals()
  await using prometheus = await startPrometheus({ config: configOf(service), features: ['native-histograms'] })
  const store = memoryStore()
  await using owned = new AsyncDisposableStack()
  const metadata = new MetadataStore()
  const scraper = owned.use(createScraper({ clock: systemClock, log: silentLog, store, metadata }))
  owned.use(
    await discover(parsePrometheusConfig(configOf(service, true), 'prometheus.yml').scrapes, {
      clock: systemClock,
      log: silentLog,
      resolve: String,
      onChange: ({ targets }) => scraper.apply(targets),
    }),
  )
  await scraped(prometheus)
  for (let turn = 0; !scraper.status().every(({ lastScrape }) => lastScrape !== undefined); turn++) {
    assert.ok(turn < 100, 'assay has not scraped in time')
    await systemClock.sleep(100)
  }
  const read = async (format: FormatName): Promise<Map<string, string>> => {
    const ours = new Map<string, string>()
    const now = systemClock.now()
    using querier = store.querier(unixMs(now - 60_000), unixMs(now + 60_000))
    for (const { labels, samples } of querier.select([matcher('job', '=', format)])) {
      const { values, histograms, count } = samples()
      const { __name__: name = '', ...rest } = labels.toJSON() as Record<string, string>
      if (MOVES.test(name) || isStaleAt(values, count - 1)) continue
      const isNative = histograms?.[count - 1] !== undefined
      ours.set(keyOf(name, rest), isNative ? 'native' : shown(values[count - 1]!))
    }
    return ours
  }
  for (const format of Object.keys(FORMATS) as FormatName[])
    assert.deepEqual(await whole(() => read(format)), await whole(() => seriesOf(prometheus, format)), format)
})

function configOf(service: Service, isOurs = false): string {
  const jobs = Object.entries(FORMATS).map(
    ([name, protocol]) => `  - job_name: ${name}
    scrape_protocols: [${protocol}]
    always_scrape_classic_histograms: true
    ${isOurs ? 'scrape_native_histograms: true' : ''}
    static_configs: [{ targets: ['127.0.0.1:${service.metricsPort}'], labels: { instance: one } }]
`,
  )
  return `global: { scrape_interval: 1s, scrape_timeout: 1s }\nscrape_configs:\n${jobs.join('')}`
}

type Result = { readonly metric: Record<string, string>; readonly value?: readonly [number, string] }

async function ask(prometheus: Prometheus, query: string): Promise<readonly Result[]> {
  const response = await fetch(`${prometheus.url}/api/v1/query?${new URLSearchParams({ query })}`)
  const { data, error } = (await response.json()) as { data?: { result: Result[] }; error?: string }
  assert.equal(error, undefined, query)
  return data?.result ?? []
}

async function number(prometheus: Prometheus, query: string): Promise<number> {
  const found = await ask(prometheus, query)
  assert.equal(found.length, 1, `${query} finds one series`)
  return numberOf(found[0]?.value?.[1] ?? '')
}

type Exemplars = {
  readonly seriesLabels: Readonly<Record<string, string>>
  readonly exemplars: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: string }[]
}

/** Name, bound, trace and value of each that a job has told of the drop-in. */
async function exemplars(prometheus: Prometheus, job: string): Promise<readonly (string | undefined)[][]> {
  const asked = new URLSearchParams({
    query: `{__name__=~"test_traced.*",job="${job}"}`,
    start: String(systemClock.now() / 1_000 - 600),
    end: String(systemClock.now() / 1_000 + 60),
  })
  const response = await fetch(`${prometheus.url}/api/v1/query_exemplars?${asked}`)
  const { data } = (await response.json()) as { data: readonly Exemplars[] }
  const rows = data.flatMap(({ seriesLabels: { __name__: name, le }, exemplars: found }) =>
    found.map(({ labels, value }) => [name, le, labels['trace_id'], value]),
  )
  return rows.sort()
}

/** Every job is up, and has been for two scrapes. */
async function scraped(prometheus: Prometheus): Promise<void> {
  for (let turn = 0; ; turn++) {
    const up = await ask(prometheus, 'sum_over_time(up[1m]) >= 2')
    if (up.length === Object.keys(FORMATS).length) return
    if (turn === 60) {
      const targets = await (await fetch(`${prometheus.url}/api/v1/targets`)).text()
      assert.fail(`not everything was scraped in time: ${targets}`)
    }
    await systemClock.sleep(250)
  }
}

/** The series of a whole page: on a busy machine one may come without what needs the event loop of the service. */
async function whole(read: () => Promise<Map<string, string>>): Promise<Map<string, string>> {
  for (let turn = 0; ; turn++) {
    const series = await read()
    if (turn === 60 || series.has(keyOf('test_collected', { instance: 'one' }))) return series
    await systemClock.sleep(250)
  }
}

/** Series of a job that stand still, by name and labels; `native` where the value is a native histogram. */
async function seriesOf(prometheus: Prometheus, job: string): Promise<Map<string, string>> {
  const series = new Map<string, string>()
  for (const { metric, value } of await ask(prometheus, `{job="${job}"}`)) {
    const { __name__: name = '', ...labels } = metric
    if (!MOVES.test(name)) series.set(keyOf(name, labels), value === undefined ? 'native' : shown(numberOf(value[1])))
  }
  return new Map([...series].sort())
}

function keyOf(name: string, { job: _job, ...labels }: Readonly<Record<string, string>>): string {
  return JSON.stringify([name, Object.entries(labels).sort()])
}

function numberOf(text: string): number {
  return Number(text.replace('Inf', 'Infinity'))
}

function shown(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}
