/**
 * Servers that are not ours and run beside us unchanged: a Prometheus that federates from assay, reads from it and writes to it;
 * vmagent, which scrapes us and writes to us; vmalert, which evaluates rules on us.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { systemClock } from '#core'
import { freePort, peersMissing, startPrometheus } from '../support/prometheus3.ts'
import { startVmagent, startVmalert } from '../support/victoria.ts'
import { startAssay } from './assay-server.ts'

const skip = await peersMissing()
const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
let started: ReturnType<typeof startAssay> | undefined
const assay = () => (started ??= startAssay('process', []).then((one) => stack.use(one)))

type Row = { readonly metric: Readonly<Record<string, string>>; readonly value: readonly [number, string] }

async function query(url: string, expression: string): Promise<readonly Row[]> {
  const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: expression })}`)
  const { data } = (await response.json()) as { data: { result: readonly Row[] } }
  return data.result
}

/** Asks again until there is something; what is waited for is another process, which no clock of ours turns. */
async function eventually(url: string, expression: string): Promise<readonly Row[]> {
  for (let i = 0; i < 200; i++) {
    const rows = await query(url, expression)
    if (rows.length > 0) return rows
    await systemClock.sleep(150)
  }
  throw new Error(`${url} has no ${expression} within 30 s`)
}

test('a Prometheus writes to us what it scrapes, with the metadata', { skip }, async () => {
  const { url } = await assay()
  const port = await freePort()
  await using prometheus = await startPrometheus({
    port,
    config: `
global: { scrape_interval: 1s, external_labels: { site: north } }
scrape_configs: [{ job_name: itself, static_configs: [{ targets: ['127.0.0.1:${port}'] }] }]
remote_write:
  - url: ${url}/api/v1/write
    queue_config: { batch_send_deadline: 200ms }
    metadata_config: { send: true, send_interval: 1s }
`,
  })
  const rows = await eventually(url, 'count_over_time(up{job="itself"}[1m]) >= 2')
  assert.equal(rows[0]?.metric['site'], 'north')
  const path = '/api/v1/metadata?metric=prometheus_build_info'
  for (let i = 0; i < 50; i++) {
    const { data } = (await (await fetch(`${url}${path}`)).json()) as { data: object }
    if (Object.keys(data).length > 0) break
    await systemClock.sleep(200)
  }
  const of = async (server: string) => ((await (await fetch(`${server}${path}`)).json()) as { data: unknown }).data
  assert.deepEqual(await of(url), await of(prometheus.url))
})

test('a Prometheus federates from us', { skip }, async () => {
  const { url } = await assay()
  await eventually(url, 'up{job="itself"}')
  await using prometheus = await startPrometheus({
    config: `
scrape_configs:
  - job_name: from-assay
    scrape_interval: 1s
    honor_labels: true
    metrics_path: /federate
    params: { 'match[]': ['prometheus_build_info', '{__name__="up"}'] }
    static_configs: [{ targets: ['${url.replace('http://', '')}'] }]
`,
  })
  const [build] = await eventually(prometheus.url, 'prometheus_build_info{job="itself"}')
  const [here] = await query(url, 'last_over_time(prometheus_build_info{job="itself"}[1h])')
  assert.deepEqual(build?.metric, { ...here?.metric, __name__: 'prometheus_build_info' })
  assert.equal((await eventually(prometheus.url, 'up{job="from-assay"}'))[0]?.value[1], '1')
})

test('a Prometheus reads from us what it never had', { skip }, async () => {
  const { url } = await assay()
  await eventually(url, 'up{job="itself"}')
  await using prometheus = await startPrometheus({
    config: `remote_read: [{ url: '${url}/api/v1/read', read_recent: true }]\n`,
  })
  const at = String((await query(url, 'max(timestamp(up{job="itself"}))'))[0]?.value[1])
  const range = async (server: string) => {
    const parameters = new URLSearchParams({ query: 'prometheus_build_info{job="itself"}[1m]', time: at })
    return ((await (await fetch(`${server}/api/v1/query?${parameters}`)).json()) as { data: { result: unknown[] } })
      .data
  }
  const theirs = await range(prometheus.url)
  assert.equal(theirs.result.length, 1)
  assert.deepEqual(theirs, await range(url))
})

test('vmagent scrapes us, and writes to us', { skip }, async () => {
  const { url } = await assay()
  await using _agent = await startVmagent({
    config: `
scrape_configs:
  - job_name: by-vmagent
    scrape_interval: 1s
    static_configs: [{ targets: ['${url.replace('http://', '')}'] }]
`,
    writeTo: `${url}/api/v1/write`,
  })
  await eventually(url, 'sum_over_time(up{job="by-vmagent"}[1m]) >= 2')
  const [resident] = await eventually(url, 'process_resident_memory_bytes{job="by-vmagent"} > 1e6')
  assert.equal(resident?.metric['instance'], url.replace('http://', ''))
})

test('vmalert evaluates rules on us, writes what they yield, and an alert fires', { skip }, async () => {
  const { url } = await assay()
  await eventually(url, 'up{job="itself"}')
  await using alert = await startVmalert({
    datasource: url,
    rules: `
groups:
  - name: shop
    interval: 1s
    rules:
      - record: job:up:max
        expr: max by (job) (max_over_time(up[10m]))
      - alert: SeenItself
        expr: job:up:max{job="itself"} == 1
        labels: { severity: info }
`,
    args: ['-rule.evalDelay=0s'],
  })
  const [recorded] = await eventually(url, 'job:up:max{job="itself"}')
  assert.equal(recorded?.value[1], '1')
  const [firing] = await eventually(url, 'ALERTS{alertname="SeenItself",alertstate="firing"}')
  assert.equal(firing?.metric['severity'], 'info')
  const { data } = (await (await fetch(`${alert.url}/api/v1/rules`)).json()) as {
    data: { groups: { rules: { name: string; health: string; lastError: string }[] }[] }
  }
  assert.deepEqual(
    data.groups[0]?.rules.map(({ name, health, lastError }) => [name, health, lastError]),
    [
      ['job:up:max', 'ok', ''],
      ['SeenItself', 'ok', ''],
    ],
  )
})
