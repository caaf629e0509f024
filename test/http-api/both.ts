/**
 * A real Prometheus and assay with one configuration, scraping one page, given the same samples; and what each answers, with what only
 * a clock decides taken out.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { compressSync } from 'snappy'
import { Labels, type NativeHistogram, NO_BOUNDS, NO_BUCKETS } from '#core'
import { startPrometheus } from '../support/prometheus3.ts'
import { directoryOf, serve } from '../support/serve.ts'
import type { Request } from './requests.ts'
import { encodeWrite } from './write.ts'

const PAGE = `# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{path="/a"} 10 # {trace_id="abc"} 0.5
requests_total{path="/b\\"\\\\"} 20
# HELP temperature_celsius Now.
# TYPE temperature_celsius gauge
# UNIT temperature_celsius celsius
temperature_celsius -1.5
# TYPE "my.metric" gauge
{"my.metric","a.b"="c"} 1e-7
# EOF
`
const RULES = `groups:
  - name: first
    interval: 1s
    rules:
      - record: job:requests:sum
        expr: sum(requests_total)by(job)
        labels: { a: b }
      - alert: AlwaysFiring
        expr: temperature_celsius<0
        keep_firing_for: 1m
        labels: { severity: page }
        annotations: { summary: "it is {{ $value }}" }
      - alert: Pending
        expr: temperature_celsius < 0
        for: 1h
  - name: second
    interval: 1s
    limit: 5
    rules:
      - record: never
        expr: vector(1)
        labels: { c: d }
  - name: empty
    rules: []
`
const HISTOGRAM: NativeHistogram = {
  schema: 1,
  zeroThreshold: 0.001,
  zeroCount: 2,
  count: 9,
  sum: 12.5,
  positive: { indices: Int32Array.of(0, 1, 3), counts: Float64Array.of(1, 2, 3) },
  negative: { indices: Int32Array.of(1), counts: Float64Array.of(1) },
  customBounds: NO_BOUNDS,
  resetHint: 'unknown',
  isInteger: true,
}

/** Both servers, asked alike. `at`: the instant of the samples that were written, Unix seconds. */
export async function openBoth() {
  await using owned = new AsyncDisposableStack()
  const page = createServer((_, response) =>
    response.writeHead(200, { 'content-type': 'application/openmetrics-text; version=1.0.0' }).end(PAGE),
  ).listen(0, '127.0.0.1')
  owned.defer(() => void page.close())
  await new Promise((resolve) => page.once('listening', resolve))
  const { port } = page.address() as AddressInfo
  const config = `global:
  scrape_interval: 1s
  evaluation_interval: 1s
  external_labels: { region: eu }
rule_files: [rules.yml]
scrape_configs:
  - job_name: page
    static_configs:
      - targets: ['127.0.0.1:${port}', 'dropped:1']
    relabel_configs:
      - { source_labels: [__address__], regex: 'dropped.*', action: drop }
  - job_name: nothing
    static_configs: []
`
  const features = ['exemplar-storage', 'native-histograms', 'promql-per-step-stats']
  const args = [
    '--web.cors.origin=.*',
    '--web.external-url=http://outside.example:8080/',
    '--web.route-prefix=/',
    '--query.lookback-delta=1h',
  ]
  const prometheus = owned.use(await startPrometheus({ config, files: { 'rules.yml': RULES }, features, args }))
  const { path } = owned.use(await directoryOf({ 'prometheus.yml': config, 'rules.yml': RULES }))
  const assay = owned.use(
    await serve([
      ...['--config', `${path}/prometheus.yml`, '--data', `${path}/data`, '--listen', '127.0.0.1:0'],
      `--enable-feature=${features.join(',')}`,
      ...args,
    ]),
  )
  const at = Math.floor(Date.now() / 60_000) * 60 - 600
  const body = compressSync(
    encodeWrite(
      [
        { labels: Labels.of({ __name__: 'written', series: 'a' }), samples: [1, 2.5, 1e21, 1e-7, -0, Number.NaN] },
        { labels: Labels.of({ __name__: 'written', series: 'b' }), samples: [Infinity, -Infinity, 0.1 + 0.2] },
        { labels: Labels.of({ __name__: 'with.dots', 'a.b': 'ä' }), samples: [7] },
        {
          labels: Labels.of({ __name__: 'native' }),
          samples: [HISTOGRAM, { ...HISTOGRAM, count: 3, positive: NO_BUCKETS }],
        },
      ],
      at * 1000,
    ),
  )
  for (const { url } of [assay, prometheus]) {
    const response = await fetch(`${url}/api/v1/write`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
      body: new Uint8Array(body),
    })
    assert.ok(response.ok, `${url}: ${response.status} ${await response.text()}`)
    await until(async () => {
      const { body: answer } = await ask(url, { path: '/api/v1/query?query=job:requests:sum' }, at)
      const { body: alerts } = await ask(url, { path: '/api/v1/alerts' }, at)
      return JSON.stringify(answer).includes('"30"') && JSON.stringify(alerts).includes('firing')
    })
  }
  const all = owned.move()
  return { urls: [assay.url, prometheus.url] as const, at, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

export type Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}

export async function ask(
  url: string,
  { path, method = 'GET', headers = {}, body }: Request,
  at: number,
): Promise<Answer> {
  const filled = (text: string) => text.replaceAll(/\{at([+-]\d+)?\}/g, (_, more) => String(at + Number(more ?? 0)))
  const response = await fetch(url + filled(path), {
    method,
    headers,
    ...(body === undefined ? {} : { body: filled(body) }),
    redirect: 'manual',
  })
  // Protocol buffers are compared byte by byte.
  const text = Buffer.from(await response.arrayBuffer()).toString(
    response.headers.get('content-type')?.includes('protobuf') ? 'latin1' : 'utf8',
  )
  const read = Object.fromEntries(
    ['content-type', 'access-control-allow-origin', 'access-control-allow-methods', 'access-control-expose-headers']
      .map((name) => [name, response.headers.get(name) ?? ''] as const)
      .filter(([, value]) => value !== ''),
  )
  const isJson = read['content-type']?.startsWith('application/json') === true
  return { status: response.status, headers: read, body: isJson ? settled(JSON.parse(text), new URL(url).port) : text }
}

/** What a clock or a port decides becomes a word. */
const TIMES =
  /^(?:lastScrape|lastScrapeDuration|lastEvaluation|evaluationTime|activeAt|startTime|serverTime|lastConfigTime|timestamp|.*Time)$/

/** Keys that Prometheus has had since 3.5. */
const NEWER = new Set([
  ...['anchored', 'smoothed', 'fillValues', 'rangeExpr', 'offsetExpr', 'stepExpr'],
  ...['samplesRead', 'samplesReadPerStep'],
])

function settled(value: unknown, port: string): unknown {
  if (Array.isArray(value)) return value.map((one) => settled(one, port))
  if (typeof value === 'string') return value.replaceAll(`:${port}`, ':OWN').replace(/^\/tmp\/[\w-]+\//, '/DIR/')
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, one]) =>
      NEWER.has(name)
        ? []
        : [
            [
              name,
              TIMES.test(name) && (typeof one === 'number' || typeof one === 'string')
                ? typeof one
                : settled(one, port),
            ],
          ],
    ),
  )
}

/** What waits here is another process, which no clock of ours turns. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 150; i++) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('it did not hold within 15 s')
}
