/**
 * What Grafana's data source for Prometheus sends, GET and POST, answered by assay and by a real Prometheus that hold the same
 * data: both answers must be the same, byte for byte where Prometheus' own are reproducible.
 *
 * Source of the calls: grafana: packages/grafana-prometheus and pkg/promlib, of version 13.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { peersMissing } from '../support/prometheus3.ts'
import { SPAN_MS, START_MS } from './data-set.ts'
import { openServers } from './differential.ts'

const skip = await peersMissing()
const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
let opened: ReturnType<typeof openServers> | undefined
const servers = () => (opened ??= openServers(7).then((both) => stack.use(both)))

const start = START_MS / 1000
const end = (START_MS + SPAN_MS) / 1000
const SPAN = { start: String(start), end: String(end) }
const middle = String(start + 1234.5)

type Call = {
  readonly why: string
  readonly path: string
  readonly parameters?: Readonly<Record<string, string | readonly string[]>>
  /** What the data source knows to be read-only is sent by GET alone. */
  readonly getOnly?: boolean
}

const CALLS: readonly Call[] = [
  { why: 'the health check', path: 'query', parameters: { query: '1+1', time: '4' } },
  { why: 'a table', path: 'query', parameters: { query: 'up', time: middle } },
  { why: 'a table with a timeout', path: 'query', parameters: { query: 'up', time: middle, timeout: '60' } },
  { why: 'an empty answer', path: 'query', parameters: { query: 'none', time: middle } },
  { why: 'a scalar', path: 'query', parameters: { query: 'scalar(odd{kind="constant"})', time: middle } },
  { why: 'a text', path: 'query', parameters: { query: '"a\\u00e4"', time: middle } },
  { why: 'raw samples', path: 'query', parameters: { query: 'odd{kind="mixed"}[2m]', time: middle } },
  {
    why: 'numbers that are hard to spell',
    path: 'query',
    parameters: { query: 'sort_desc(odd)', time: String(start + 930) },
  },
  { why: 'native histograms', path: 'query', parameters: { query: 'rpc_seconds', time: middle } },
  { why: 'custom buckets', path: 'query', parameters: { query: 'size_bytes', time: middle } },
  {
    why: 'a panel',
    path: 'query_range',
    parameters: { query: 'sum by (job) (rate(http_requests_total[2m]))', ...SPAN, step: '60' },
  },
  {
    why: 'a panel with a step that is no whole second',
    path: 'query_range',
    parameters: { query: 'temperature', start: `${start}.25`, end: `${end}.75`, step: '37.5' },
  },
  {
    why: 'a heat map',
    path: 'query_range',
    parameters: { query: 'sum by (le) (increase(latency_seconds_bucket{job="shop"}[2m]))', ...SPAN, step: '120' },
  },
  {
    why: 'a panel of native histograms',
    path: 'query_range',
    parameters: { query: 'load_distribution', ...SPAN, step: '300' },
  },
  {
    why: 'a quantile',
    path: 'query_range',
    parameters: { query: 'histogram_quantile(0.9, latency_seconds_bucket{job="shop"})', ...SPAN, step: '60' },
  },
  { why: 'too many points', path: 'query_range', parameters: { query: 'up', start: '0', end: '20000', step: '1' } },
  { why: 'an end before its start', path: 'query_range', parameters: { query: 'up', start: '9', end: '5', step: '1' } },
  { why: 'no step', path: 'query_range', parameters: { query: 'up', start: '1', end: '5' } },
  { why: 'exemplars', path: 'query_exemplars', parameters: { query: 'http_requests_total', ...SPAN } },
  {
    why: 'the probe for exemplars, in milliseconds',
    path: 'query_exemplars',
    parameters: { query: 'test', start: String(START_MS), end: String(START_MS + SPAN_MS) },
  },
  { why: 'series of a variable', path: 'series', parameters: { 'match[]': 'up', ...SPAN } },
  {
    why: 'series of two selectors',
    path: 'series',
    parameters: { 'match[]': ['twin_a', '{__name__="odd",kind=~"n.*"}'], ...SPAN },
  },
  { why: 'a few series', path: 'series', parameters: { 'match[]': 'odd', ...SPAN, limit: '3' } },
  { why: 'all label names', path: 'labels', parameters: { ...SPAN, limit: '40000' } },
  { why: 'label names of a metric', path: 'labels', parameters: { 'match[]': 'temperature', ...SPAN, limit: '40000' } },
  { why: 'a few label names', path: 'labels', parameters: { ...SPAN, limit: '2' } },
  { why: 'metric names', path: 'label/__name__/values', parameters: { ...SPAN, limit: '40000' }, getOnly: true },
  { why: 'values of a label', path: 'label/job/values', parameters: { 'match[]': 'up', ...SPAN }, getOnly: true },
  {
    why: 'values of a label that is escaped',
    path: 'label/U__st_e4_dte_2e_name/values',
    parameters: SPAN,
    getOnly: true,
  },
  { why: 'values of a label that nobody has', path: 'label/nobody/values', parameters: SPAN, getOnly: true },
  { why: 'metadata', path: 'metadata', parameters: { limit: '10000' }, getOnly: true },
  { why: 'rules', path: 'rules', getOnly: true },
  { why: 'alerts', path: 'alerts', getOnly: true },
]

for (const { why, path, parameters = {}, getOnly } of CALLS)
  for (const method of getOnly === true ? ['GET'] : ['GET', 'POST'])
    test(`${method} ${path}: ${why}`, { skip }, async () => {
      const { ours, theirs } = await servers()
      assert.deepEqual(await send(ours, method, path, parameters), await send(theirs, method, path, parameters))
    })

test(
  'what is sent by POST where GET alone is known is refused alike, and then sent again by GET',
  { skip },
  async () => {
    const { ours, theirs } = await servers()
    for (const path of ['label/job/values', 'metadata', 'rules']) {
      const status = async (url: string) => (await fetch(`${url}/api/v1/${path}`, { method: 'POST' })).status
      assert.equal(await status(ours), await status(theirs), path)
    }
  },
)

test('the search of newer data sources is refused, so that the older calls are made', { skip }, async () => {
  const { ours, theirs } = await servers()
  for (const path of ['metric_names', 'label_names', 'label_values']) {
    const status = async (url: string) => (await fetch(`${url}/api/v1/search/${path}?search[]=up`)).status
    // Prometheus 3.14 has it, and switched off; 3.5 does not know it.
    assert.deepEqual([await status(ours), await status(theirs)], [500, 404], path)
  }
})

test('buildinfo tells Grafana that this is a Prometheus of a version it knows', { skip }, async () => {
  const { ours, theirs } = await servers()
  const read = async (url: string) =>
    ((await (await fetch(`${url}/api/v1/status/buildinfo`)).json()) as { data: Record<string, unknown> }).data
  const [a, b] = [await read(ours), await read(theirs)]
  assert.deepEqual(Object.keys(a).toSorted(), Object.keys(b).toSorted())
  assert.match(String(a['version']), /^\d+\.\d+\.\d+/)
})

async function send(url: string, method: string, path: string, parameters: NonNullable<Call['parameters']>) {
  const form = new URLSearchParams()
  for (const [name, values] of Object.entries(parameters)) for (const value of [values].flat()) form.append(name, value)
  const response =
    method === 'POST'
      ? await fetch(`${url}/api/v1/${path}`, { method, body: form })
      : await fetch(`${url}/api/v1/${path}?${form}`)
  const type = response.headers.get('content-type')
  const text = await response.text()
  return {
    status: response.status,
    type,
    body: type?.startsWith('application/json') ? ordered(JSON.parse(text)) : text,
  }
}

/** Prometheus answers with series in the order of its maps where none is defined. */
function ordered(body: unknown): unknown {
  const { data } = body as { data?: { resultType?: string; result?: { metric: unknown }[] } }
  if (data?.resultType !== 'vector') return body
  const sorted = data.result?.toSorted((a, b) => (JSON.stringify(a.metric) < JSON.stringify(b.metric) ? -1 : 1))
  return { ...(body as object), data: { ...data, result: sorted } }
}
