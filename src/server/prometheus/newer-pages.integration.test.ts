/** What Prometheus' API got since 3.5, which is what the comparison with a real one cannot show. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { Labels, unixMs } from '#core'
import type { Plan } from '#model'
import type { RelabelConfig } from '#scrape'
import { emptyPlan, NOW, openWorld, type World } from '../server.test-support.ts'

const DEFAULT_STEP: RelabelConfig = {
  action: 'replace',
  sourceLabels: [],
  separator: ';',
  regex: '(.*)',
  modulus: 0,
  targetLabel: '',
  replacement: '$1',
}

function planWith(relabelConfigs: readonly RelabelConfig[]): Plan {
  return {
    ...emptyPlan,
    scrapes: [
      {
        jobName: 'shop',
        intervalMs: 15_000,
        timeoutMs: 10_000,
        scheme: 'http',
        metricsPath: '/metrics',
        params: {},
        honorLabels: false,
        honorTimestamps: true,
        staticConfigs: [],
        fileSdConfigs: [],
        relabelConfigs,
        metricRelabelConfigs: [],
        limits: {},
      },
    ],
  }
}

const refusal = async (world: World, path: string) => {
  const { status, json } = await world.get(`/api/v1/${path}`)
  return [status, json.errorType, json.error]
}

test('what relabelling makes of a target is shown step by step, and nothing after it was dropped', async () => {
  await using world = await openWorld()
  world.plan = planWith([
    { ...DEFAULT_STEP, sourceLabels: ['__address__'], regex: '(.*):.*', targetLabel: 'host' },
    { ...DEFAULT_STEP, action: 'drop', sourceLabels: ['host', 'job'], regex: 'a;.*' },
    { ...DEFAULT_STEP, action: 'hashmod', sourceLabels: ['host'], targetLabel: 'shard', modulus: 2 },
  ])
  const steps = async (labels: Record<string, string>) => {
    const query = new URLSearchParams({ scrapePool: 'shop', labels: JSON.stringify(labels) })
    return (await world.get(`/api/v1/targets/relabel_steps?${query}`)).json.data.steps
  }
  const rules = [
    {
      source_labels: ['__address__'],
      separator: ';',
      regex: '(.*):.*',
      target_label: 'host',
      replacement: '$1',
      action: 'replace',
    },
    { source_labels: ['host', 'job'], separator: ';', regex: 'a;.*', replacement: '$1', action: 'drop' },
    {
      source_labels: ['host'],
      separator: ';',
      regex: '(.*)',
      modulus: 2,
      target_label: 'shard',
      replacement: '$1',
      action: 'hashmod',
    },
  ]
  const host = { __address__: 'b:80', host: 'b' }
  assert.deepEqual(await steps({ __address__: 'b:80' }), [
    { rule: rules[0], output: host, keep: true },
    { rule: rules[1], output: host, keep: true },
    { rule: rules[2], output: { ...host, shard: '1' }, keep: true },
  ])
  assert.deepEqual(
    (await steps({ __address__: 'a:80' })).map(({ output, keep }: { output: unknown; keep: boolean }) => [
      output,
      keep,
    ]),
    [
      [{ __address__: 'a:80', host: 'a' }, true],
      [{}, false],
      [{}, false],
    ],
  )
})

for (const { why, query, error } of [
  { why: 'no pool', query: 'labels={}', error: /^no scrapePool parameter provided$/ },
  { why: 'no labels', query: 'scrapePool=shop', error: /^no labels parameter provided$/ },
  { why: 'labels that are no JSON', query: 'scrapePool=shop&labels={a', error: /^error parsing labels: / },
  { why: 'a list', query: 'scrapePool=shop&labels=[]', error: /^error parsing labels: an object was expected; write / },
  { why: 'a number', query: 'scrapePool=shop&labels={"a":1}', error: /^error parsing labels: .* write it in quotes/ },
  {
    why: 'an unknown pool',
    query: 'scrapePool=x&labels={}',
    error: /^error retrieving scrape config: scrape pool "x"/,
  },
])
  test(`relabelling is not shown for ${why}`, async () => {
    await using world = await openWorld()
    world.plan = planWith([])
    const [status, type, said] = await refusal(world, `targets/relabel_steps?${query}`)
    assert.deepEqual([status, type], [400, 'bad_data'])
    assert.match(said, error)
  })

test('features are told by category, on or off', async () => {
  await using off = await openWorld()
  const { data } = (await off.get('/api/v1/features')).json
  assert.deepEqual(
    [data.promql.at_modifier, data.promql.fill, data.promql_functions.rate, data.promql_functions.info],
    [true, false, true, false],
  )
  assert.deepEqual([data.promql_operators.sum, data.promql_operators.limitk], [true, false])
  assert.deepEqual([data.api.admin, data.api.lifecycle, data.tsdb.exemplar_storage], [false, false, false])
  assert.deepEqual(data.service_discovery_providers, { dns: true, file: true, http: true, static: true })
  assert.equal(data.templating_functions.reReplaceAll, true)
  for (const flags of Object.values(data)) assert.deepEqual(Object.keys(flags!), Object.keys(flags!).sort())

  const features = new Set([
    'promql-experimental-functions',
    'promql-binop-fill-modifiers',
    'exemplar-storage',
  ] as const)
  await using on = await openWorld({ deps: { features, reload: async () => {} } })
  const { data: more } = (await on.get('/api/v1/features')).json
  assert.deepEqual(
    [more.promql.fill, more.promql_functions.info, more.promql_operators.limitk, more.tsdb.exemplar_storage],
    [true, true, true, true],
  )
  assert.equal(more.api.lifecycle, true)
  assert.ok(!('features' in (await on.get('/api/v1/status/buildinfo')).json.data), 'Grafana would take us for Mimir')
})

test('our own metrics come as JSON too, those whose name matches', async () => {
  const page = `# HELP a_total Said "twice".
# TYPE a_total counter
a_total{x="1"} 5
a_total{x="2"} 1e+300
# TYPE b gauge
b NaN
# TYPE c histogram
c_bucket{y="z",le="0.5"} 1
c_bucket{y="z",le="+Inf"} 3
c_sum{y="z"} 2.5
c_count{y="z"} 3
# TYPE d summary
d{quantile="0.9"} +Inf
d_sum 4
d_count 2
`
  await using world = await openWorld({ deps: { ownMetrics: () => page } })
  const asked = async (pattern: string) =>
    (await world.get(`/api/v1/status/self_metrics?metric_name_pattern=${encodeURIComponent(pattern)}`)).json.data
  assert.deepEqual(await asked('[a-d](_total)?'), [
    {
      name: 'a_total',
      help: 'Said "twice".',
      type: 'COUNTER',
      metric: [
        { label: [{ name: 'x', value: '1' }], counter: { value: 5 } },
        { label: [{ name: 'x', value: '2' }], counter: { value: 1e300 } },
      ],
    },
    { name: 'b', help: '', type: 'GAUGE', metric: [{ gauge: { value: 'NaN' } }] },
    {
      name: 'c',
      help: '',
      type: 'HISTOGRAM',
      metric: [
        {
          label: [{ name: 'y', value: 'z' }],
          histogram: { sampleCount: '3', sampleSum: 2.5, bucket: [{ cumulativeCount: '1', upperBound: 0.5 }] },
        },
      ],
    },
    {
      name: 'd',
      help: '',
      type: 'SUMMARY',
      metric: [{ summary: { sampleCount: '2', sampleSum: 4, quantile: [{ quantile: 0.9, value: 'Infinity' }] } }],
    },
  ])
  assert.deepEqual(await asked('b.+'), [])
  const all = (await world.get('/api/v1/status/self_metrics')).json.data
  assert.ok(all.some(({ name }: { name: string }) => name === 'prometheus_http_requests_total'))
  assert.deepEqual((await refusal(world, 'status/self_metrics?metric_name_pattern=('))[0], 400)
})

test('blocks on disk are listed, and a store without any has none', async () => {
  const block = { name: '0_7200000', start: 0, end: 7_200_000, series: 3, samples: 12, merged: 2 }
  await using world = await openWorld({ deps: { blocks: () => [block] } })
  assert.deepEqual((await world.get('/api/v1/status/tsdb/blocks')).json.data, {
    blocks: [
      {
        ulid: '0_7200000',
        minTime: 0,
        maxTime: 7_200_000,
        stats: { numSamples: 12, numSeries: 3 },
        compaction: { level: 2, sources: ['0_7200000'] },
        version: 1,
      },
    ],
  })
  await using empty = await openWorld()
  assert.deepEqual((await empty.get('/api/v1/status/tsdb/blocks')).json.data, { blocks: [] })
})

test('a search answers as where it is switched off, by either method', async () => {
  await using world = await openWorld()
  for (const path of ['metric_names', 'label_names', 'label_values'])
    for (const method of ['GET', 'POST']) {
      const { status, json } = await world.get(`/api/v1/search/${path}`, { method })
      assert.deepEqual([status, json.errorType, json.error], [500, 'unavailable', 'search API disabled'])
    }
})

test('the version stands without an envelope too', async () => {
  await using world = await openWorld()
  const { text } = await world.get('/version')
  assert.deepEqual(JSON.parse(text), (await world.get('/api/v1/status/buildinfo')).json.data)
})

test('a value of stats that Prometheus will refuse one day is answered with a warning', async () => {
  await using world = await openWorld()
  const warnings = async (stats: string) => (await world.get(`/api/v1/query?query=1&stats=${stats}`)).json.warnings
  for (const stats of ['', 'true', 'all']) assert.equal(await warnings(stats), undefined)
  assert.deepEqual(await warnings('foo'), [
    'value "foo" for parameter "stats" is deprecated and will be rejected in the next major release, use "true" or "all"',
  ])
})

test('an alert that is only kept firing says since when, and pages of rules go on by their token', async () => {
  await using world = await openWorld()
  const rule = {
    kind: 'alert',
    alert: 'Down',
    expr: 'up == 0',
    forMs: 0,
    keepFiringForMs: 60_000,
    labels: {},
    annotations: {},
  } as const
  const alert = {
    fingerprint: 'x',
    rule: 'Down',
    group: 'g',
    state: 'firing',
    labels: Labels.of({ alertname: 'Down' }),
    annotations: {},
    value: 0,
    activeAt: unixMs(NOW - 60_000),
    firedAt: unixMs(NOW - 60_000),
    resolvedAt: undefined,
  } as const
  const group = (name: string, more: object) => ({
    group: { name, file: 'f.yml', intervalMs: 15_000, limit: 0, queryOffsetMs: 0, rules: [rule] },
    lastEvaluation: unixMs(NOW),
    evaluationTimeMs: 1,
    rules: [
      {
        health: 'ok' as const,
        lastError: '',
        lastEvaluation: unixMs(NOW),
        evaluationTimeMs: 1,
        alerts: [{ ...alert, ...more }],
      },
    ],
  })
  world.groups.push(group('a', {}), group('b', { keepFiringSince: unixMs(NOW - 1000) }))
  const { alerts } = (await world.get('/api/v1/alerts')).json.data
  assert.deepEqual(
    alerts.map(({ keepFiringSince }: { keepFiringSince?: string }) => keepFiringSince),
    [undefined, new Date(NOW - 1000).toISOString()],
  )
  const { groupNextToken } = (await world.get('/api/v1/rules?group_limit=1')).json.data
  assert.equal(groupNextToken, createHash('sha256').update('f.yml;b').digest('hex'))
})
