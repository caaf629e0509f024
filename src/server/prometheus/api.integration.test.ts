/** Prometheus' API over HTTP, one endpoint after the other. Longer than 400 lines because they share one world and one vocabulary. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssayError, Labels, type QueryFn, unixMs } from '#core'
import { createEngine } from '#promql'
import { ExemplarStore, memoryStore } from '#storage'
import { NOW, openWorld, targetStatus, write } from '../server.test-support.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

/** Answers with what it was asked, so that a test sees how the request was understood. */
const echo: QueryFn = async (promql, when) => ({
  kind: 'string',
  at: unixMs(0),
  value: JSON.stringify([promql, when]),
  warnings: ['w'],
  infos: ['i'],
})

test('query takes an address or a form, seconds or RFC 3339, and now when there is no time', async () => {
  await using world = await openWorld({ query: echo })
  const asked = async (path: string, init?: RequestInit) => {
    const [promql, { origin, ...when }] = JSON.parse((await world.get(path, init)).json.data.result[1])
    const { clientIP, method, path: told } = origin.httpRequest
    assert.deepEqual([clientIP, method, told], ['127.0.0.1', init?.method ?? 'GET', path.split('?')[0]])
    return [promql, when]
  }
  assert.deepEqual(await asked('/api/v1/query?query=up&time=10.5'), ['up', { at: 10_500 }])
  assert.deepEqual(await asked('/api/v1/query?query=up'), ['up', { at: NOW }])
  const post = { method: 'POST', headers: FORM, body: 'query=up%7Ba%3D%22b%22%7D&time=1970-01-01T00:00:01Z' }
  assert.deepEqual(await asked('/api/v1/query', post), ['up{a="b"}', { at: 1000 }])
  assert.deepEqual(await asked('/api/v1/query_range?query=up&start=0&end=60&step=15s'), [
    'up',
    { start: 0, end: 60_000, stepMs: 15_000 },
  ])
  const { json } = await world.get('/api/v1/query?query=up')
  assert.deepEqual([json.status, json.warnings, json.infos], ['success', ['w'], ['i']])
})

const refused: readonly { path: string; status: number; type: string; error: RegExp }[] = [
  {
    path: 'query?query=up&time=x',
    status: 400,
    type: 'bad_data',
    error: /invalid parameter "time": .*cannot parse "x" to a valid timestamp/,
  },
  {
    path: 'query?query=up&timeout=x',
    status: 400,
    type: 'bad_data',
    error: /invalid parameter "timeout": cannot parse "x"/,
  },
  {
    path: 'query_range?query=up&start=0&end=1',
    status: 400,
    type: 'bad_data',
    error: /invalid parameter "step": cannot parse ""/,
  },
  {
    path: 'query_range?query=up&start=0&end=1&step=0',
    status: 400,
    type: 'bad_data',
    error: /zero or negative query resolution/,
  },
  {
    path: 'query_range?query=up&start=2&end=1&step=1',
    status: 400,
    type: 'bad_data',
    error: /end timestamp must not be before start time/,
  },
  {
    path: 'query_range?query=up&start=0&end=11001&step=1',
    status: 400,
    type: 'bad_data',
    error:
      /^exceeded maximum resolution of 11,000 points per timeseries\. Try decreasing the query resolution \(\?step=XX\)$/,
  },
  { path: 'series', status: 400, type: 'bad_data', error: /no match\[\] parameter provided/ },
  {
    path: 'series?match[]={job=~".*"}',
    status: 400,
    type: 'bad_data',
    error: /^invalid parameter "match\[\]": .*at least one non-empty matcher/,
  },
  {
    path: 'labels?match[]={job=~".*"}',
    status: 400,
    type: 'bad_data',
    error: /^(?!invalid).*at least one non-empty matcher/,
  },
  { path: 'labels?match[]=up{', status: 400, type: 'bad_data', error: /^1:/ },
  { path: 'status/tsdb?limit=0', status: 400, type: 'bad_data', error: /^limit must be a positive number$/ },
  { path: 'status/tsdb?limit=10001', status: 400, type: 'bad_data', error: /^limit must not exceed 10000$/ },
  {
    path: 'rules?group_next_token=x',
    status: 400,
    type: 'bad_data',
    error: /^invalid parameter "group_next_token": group_limit needs to be present/,
  },
  {
    path: 'query?query=up&lookback_delta=x',
    status: 400,
    type: 'bad_data',
    error: /^error parsing lookback delta duration: cannot parse "x"/,
  },
  { path: 'query?query=%ff', status: 400, type: 'bad_data', error: /no UTF-8/ },
  { path: 'metadata?limit=x', status: 400, type: 'bad_data', error: /limit must be a number/ },
  { path: 'rules?type=x', status: 400, type: 'bad_data', error: /not supported value "x"/ },
  { path: 'format_query?query=foo(', status: 400, type: 'bad_data', error: /invalid parameter "query": 1:/ },
  { path: 'nothing', status: 404, type: 'not_found', error: /nothing at GET/ },
]
for (const { path, status, type, error } of refused) {
  test(`/api/v1/${path} is refused with ${status}`, async () => {
    await using world = await openWorld({ query: echo })
    const answer = await world.get(`/api/v1/${path}`)
    assert.equal(answer.status, status, answer.text)
    assert.equal(answer.json.errorType, type)
    assert.match(answer.json.error, error)
  })
}

test('exactly 11,000 steps are answered', async () => {
  await using world = await openWorld({ query: echo })
  assert.equal((await world.get('/api/v1/query_range?query=up&start=0&end=11000&step=1')).status, 200)
})

const failures = [
  {
    why: 'no PromQL',
    thrown: new AssayError('ASSAY_PROMQL_PARSE', '1:3: unexpected end'),
    status: 400,
    type: 'bad_data',
  },
  { why: 'no answer', thrown: new AssayError('ASSAY_PROMQL_EVAL', 'many-to-many'), status: 422, type: 'execution' },
  { why: 'a bug', thrown: new TypeError('secret'), status: 500, type: 'internal' },
]
for (const { why, thrown, status, type } of failures) {
  test(`an engine that says ${why} becomes ${status}`, async () => {
    await using world = await openWorld({ query: () => Promise.reject(thrown) })
    const answer = await world.get('/api/v1/query?query=up')
    assert.deepEqual([answer.status, answer.json.errorType], [status, type])
    assert.ok(!answer.text.includes('secret'))
  })
}

/** Runs until its signal aborts, and tells when it started and how it ended. */
function endless() {
  const started = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<unknown>()
  const query: QueryFn = (_promql, _when, signal) =>
    new Promise((_, reject) => {
      started.resolve()
      signal?.addEventListener('abort', () => {
        ended.resolve(signal.reason)
        reject(signal.reason)
      })
    })
  return { query, started: started.promise, ended: ended.promise }
}

test('a query that takes longer than its timeout is ended and answered with 503', async () => {
  const { query, started } = endless()
  await using world = await openWorld({ query })
  const pending = world.get('/api/v1/query?query=up&timeout=2s')
  await started
  await world.clock.advance(2000)
  const answer = await pending
  assert.deepEqual([answer.status, answer.json.errorType], [503, 'timeout'])
})

test('a caller that goes takes its query along', async () => {
  const { query, started, ended } = endless()
  await using world = await openWorld({ query })
  const controller = new AbortController()
  const pending = world.get('/api/v1/query?query=up', { signal: controller.signal })
  await started
  controller.abort()
  await assert.rejects(pending)
  assert.match(String(await ended), /the caller has gone/)
})

test('queries beyond places and line are refused with 503', async () => {
  const { query, started } = endless()
  await using world = await openWorld({ query, server: { queries: { running: 1, waiting: 0 } } })
  const controller = new AbortController()
  const first = world.get('/api/v1/query?query=up', { signal: controller.signal }).catch(() => undefined)
  await started
  const answer = await world.get('/api/v1/query?query=up')
  assert.deepEqual([answer.status, answer.json.errorType], [503, 'unavailable'])
  controller.abort()
  await first
})

test('a server that stops ends the queries that run', async () => {
  const { query, started, ended } = endless()
  const world = await openWorld({ query })
  const pending = world.get('/api/v1/query?query=up').catch(() => undefined)
  await started
  await world[Symbol.asyncDispose]()
  assert.match(String(await ended), /the server stops/)
  await pending
})

test('series, labels and values are found, merged, limited', async () => {
  await using world = await openWorld()
  write(world, { __name__: 'up', job: 'shop' }, [[NOW - 1000, 1]])
  write(world, { __name__: 'up', job: 'crm' }, [[NOW - 1000, 1]])
  write(world, { __name__: 'my.metric', 'my label': 'ä' }, [[NOW - 1000, 1]])
  const data = async (path: string) => (await world.get(`/api/v1/${path}`)).json.data
  assert.deepEqual(await data('series?match[]=up&match[]={job="shop"}'), [
    { __name__: 'up', job: 'crm' },
    { __name__: 'up', job: 'shop' },
  ])
  assert.deepEqual(await data('labels'), ['__name__', 'job', 'my label'])
  assert.deepEqual(await data('labels?match[]=up'), ['__name__', 'job'])
  assert.deepEqual(await data('label/__name__/values'), ['my.metric', 'up'])
  assert.deepEqual(await data('label/job/values?match[]={job="crm"}'), ['crm'])
  assert.deepEqual(await data('label/U__my_20_label/values'), ['ä'])
  assert.deepEqual(await data(`series?match[]=up&start=${(NOW + 1) / 1000}`), [])
  const limited = (await world.get('/api/v1/label/job/values?limit=1')).json
  assert.deepEqual([limited.data, limited.warnings], [['crm'], ['results truncated due to limit']])
})

test('metadata is listed, by metric and by target', async () => {
  await using world = await openWorld()
  const counter = { type: 'counter', help: 'Requests.', unit: '' } as const
  const other = { type: 'unknown', help: '', unit: 's' } as const
  world.metadata.set('http_requests_total', { ...counter, help: 'What a target said that is gone.' })
  world.metadata.set('other', other)
  world.targets.push(
    targetStatus('shop', { metadata: new Map([['http_requests_total', counter]]) }),
    targetStatus('mes', { metadata: new Map([['http_requests_total', { ...counter }]]) }),
    targetStatus('crm', { metadata: new Map([['http_requests_total', { ...counter, help: 'Calls.' }]]) }),
  )
  const data = async (path: string) => (await world.get(`/api/v1/${path}`)).json.data
  assert.deepEqual(await data('metadata'), {
    http_requests_total: [counter, { ...counter, help: 'Calls.' }],
    other: [other],
  })
  assert.deepEqual(await data('metadata?limit_per_metric=1'), { http_requests_total: [counter], other: [other] })
  assert.deepEqual(await data('metadata?metric=other'), { other: [other] })
  assert.equal(Object.keys(await data('metadata?limit=1')).length, 1)
  assert.deepEqual(await data('targets/metadata?match_target={job="shop"}'), [
    { target: { instance: '127.0.0.1:2431', job: 'shop' }, metric: 'http_requests_total', ...counter },
  ])
  assert.deepEqual(await data('targets/metadata?match_target={job="db"}'), [])
})

test('targets are shown with their health, filtered by state and pool', async () => {
  await using world = await openWorld({ server: { externalUrl: 'https://assay.example/x' } })
  world.targets.push(
    targetStatus('shop'),
    targetStatus('crm', { health: 'down', lastError: 'refused', lastScrape: undefined }),
  )
  const { data } = (await world.get('/api/v1/targets')).json
  assert.deepEqual(
    data.activeTargets.map((one: { scrapePool: string }) => one.scrapePool),
    ['crm', 'shop'],
  )
  assert.deepEqual(data.activeTargets[1], {
    discoveredLabels: { __address__: '127.0.0.1:2431' },
    labels: { instance: '127.0.0.1:2431', job: 'shop' },
    scrapePool: 'shop',
    scrapeUrl: 'http://127.0.0.1:2431/metrics',
    globalUrl: 'http://assay.example:2431/metrics',
    lastError: '',
    lastScrape: new Date(NOW - 1000).toISOString(),
    lastScrapeDuration: 0.012,
    health: 'up',
    scrapeInterval: '15s',
    scrapeTimeout: '10s',
  })
  assert.equal(data.activeTargets[0].lastScrape, '0001-01-01T00:00:00Z')
  assert.deepEqual(data.droppedTargetCounts, { crm: 0, shop: 1 })
  const dropped = (await world.get('/api/v1/targets?state=dropped')).json.data
  assert.deepEqual([dropped.activeTargets.length, dropped.droppedTargets.length], [0, 1])
  const active = (await world.get('/api/v1/targets?state=active')).json.data
  assert.deepEqual([active.droppedTargets, active.droppedTargetCounts], [[], null])
  assert.equal((await world.get('/api/v1/targets?scrapePool=crm')).json.data.activeTargets.length, 1)
  assert.deepEqual((await world.get('/api/v1/scrape_pools')).json.data, { scrapePools: ['crm', 'shop'] })
})

test('rules and alerts are shown as Prometheus shows them', async () => {
  await using world = await openWorld()
  const evaluated = { health: 'ok', lastError: '', lastEvaluation: unixMs(NOW), evaluationTimeMs: 2 } as const
  world.groups.push({
    group: {
      name: 'g',
      file: 'f.yml',
      intervalMs: 15_000,
      limit: 0,
      queryOffsetMs: 0,
      rules: [
        { kind: 'record', record: 'r', expr: 'up', labels: {} },
        {
          kind: 'alert',
          alert: 'Down',
          expr: 'up == 0',
          forMs: 60_000,
          keepFiringForMs: 0,
          labels: { severity: 'page' },
          annotations: {},
        },
      ],
    },
    lastEvaluation: unixMs(NOW),
    evaluationTimeMs: 4,
    rules: [
      { ...evaluated, alerts: [] },
      {
        ...evaluated,
        alerts: [
          {
            fingerprint: 'x',
            rule: 'Down',
            group: 'g',
            state: 'pending',
            labels: Labels.of({ alertname: 'Down', job: 'shop' }),
            annotations: {},
            value: 0.125,
            activeAt: unixMs(NOW - 1000),
            firedAt: undefined,
            resolvedAt: undefined,
          },
        ],
      },
    ],
  })
  const { groups } = (await world.get('/api/v1/rules')).json.data
  const alert = {
    labels: { alertname: 'Down', job: 'shop' },
    annotations: {},
    state: 'pending',
    activeAt: new Date(NOW - 1000).toISOString(),
    value: '1.25e-01',
  }
  const evaluation = { health: 'ok', evaluationTime: 0.002, lastEvaluation: new Date(NOW).toISOString() }
  assert.deepEqual(groups, [
    {
      name: 'g',
      file: 'f.yml',
      rules: [
        { name: 'r', query: 'up', labels: {}, ...evaluation, type: 'recording' },
        {
          state: 'pending',
          name: 'Down',
          query: 'up == 0',
          duration: 60,
          keepFiringFor: 0,
          labels: { severity: 'page' },
          annotations: {},
          alerts: [alert],
          ...evaluation,
          type: 'alerting',
        },
      ],
      interval: 15,
      limit: 0,
      evaluationTime: 0.004,
      lastEvaluation: new Date(NOW).toISOString(),
    },
  ])
  assert.deepEqual((await world.get('/api/v1/alerts')).json.data, { alerts: [alert] })
  const count = async (filter: string) =>
    (await world.get(`/api/v1/rules?${filter}`)).json.data.groups.flatMap((one: { rules: unknown[] }) => one.rules)
      .length
  assert.deepEqual(
    await Promise.all(
      ['type=alert', 'rule_name[]=r', 'rule_group[]=x', 'file[]=f.yml', 'match[]={severity="page"}'].map(count),
    ),
    [1, 1, 0, 2, 1],
  )
})

test('rules come in pages, and a page is continued where it ended', async () => {
  await using world = await openWorld()
  const group = (name: string) => ({
    group: {
      name,
      file: 'f.yml',
      intervalMs: 1000,
      limit: 0,
      queryOffsetMs: 0,
      rules: [{ kind: 'record', record: `r:${name}`, expr: 'sum( up )', labels: {} } as const],
    },
    lastEvaluation: undefined,
    evaluationTimeMs: 0,
    rules: [{ health: 'unknown', lastError: '', lastEvaluation: undefined, evaluationTimeMs: 0, alerts: [] } as const],
  })
  world.groups.push(...['a', 'b', 'c'].map(group))
  const page = async (query: string) => {
    const { data } = (await world.get(`/api/v1/rules?${query}`)).json
    return { names: data.groups.map((one: { name: string }) => one.name), next: data.groupNextToken }
  }
  const first = await page('group_limit=2')
  assert.deepEqual(first.names, ['a', 'b'])
  assert.deepEqual(await page(`group_limit=2&group_next_token=${first.next}`), { names: ['c'], next: undefined })
  assert.deepEqual((await page('group_limit=3')).next, undefined, 'nothing is left')
  assert.match((await world.get('/api/v1/rules')).text, /"query":"sum\(up\)"/)
})

test('notifications are listed and followed', async () => {
  await using world = await openWorld()
  const { notifications } = world
  notifications.add('it burns')
  assert.deepEqual((await world.get('/api/v1/notifications')).json.data, [
    { text: 'it burns', date: new Date(NOW).toISOString(), active: true },
  ])
  const response = await fetch(`${world.server.url}/api/v1/notifications/live`)
  assert.equal(response.headers.get('content-type'), 'text/event-stream')
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const said = async (count: number) => {
    while (text.split('\n\n').length <= count) text += (await reader.read()).value
    return text
      .split('\n\n')
      .slice(0, count)
      .map((event) => JSON.parse(event.replace(/^data: /, '')).active)
  }
  assert.deepEqual(await said(1), [true])
  notifications.remove('it burns')
  assert.deepEqual(await said(2), [true, false])
  await reader.cancel()
})

test('a page of another origin may read when it was named, and only then', async () => {
  await using closed = await openWorld()
  await using open = await openWorld({ server: { cors: (origin) => origin === 'http://friend' } })
  const allowed = async (world: typeof open, origin: string, method = 'GET') => {
    const { status, headers } = await world.get('/api/v1/query?query=1', { method, headers: { origin } })
    return [status, headers.get('access-control-allow-origin'), headers.get('vary')]
  }
  assert.deepEqual(await allowed(closed, 'http://friend'), [200, null, null])
  assert.deepEqual(await allowed(open, 'http://friend'), [200, 'http://friend', 'Origin'])
  assert.deepEqual(await allowed(open, 'http://friend', 'OPTIONS'), [204, 'http://friend', 'Origin'])
  assert.deepEqual(await allowed(open, 'http://other'), [200, null, 'Origin'])
})

test('exemplars are found by the series that an expression names', async () => {
  const exemplars = new ExemplarStore()
  await using world = await openWorld({ deps: { exemplars } })
  const at = unixMs(NOW + 5)
  exemplars.append(Labels.of({ __name__: 'a', job: 'x' }), { labels: Labels.of({ trace_id: 't' }), value: 0.1, at })
  exemplars.append(Labels.of({ __name__: 'b' }), { labels: Labels.empty, value: 2, at })
  const { text } = await world.get('/api/v1/query_exemplars?query=rate(a[5m])/a')
  assert.equal(
    text,
    `{"status":"success","data":[{"seriesLabels":{"__name__":"a","job":"x"},"exemplars":[{"labels":{"trace_id":"t"},"value":"0.1","timestamp":${(NOW + 5) / 1000}}]}]}`,
  )
  assert.deepEqual((await world.get(`/api/v1/query_exemplars?query=a&end=${NOW / 1000}`)).json.data, [])
  assert.equal((await world.get('/api/v1/query_exemplars?query=1')).status, 204)
})

test('what a query took is told to those who ask', async () => {
  const counted: QueryFn = async (_, when) => ({
    kind: 'scalar',
    at: unixMs(0),
    value: when.lookbackMs ?? 0,
    warnings: [],
    infos: [],
    stats: {
      total: 3,
      read: 2,
      peak: 2,
      ...(when.perStepStats ? { perStep: [[1500, 3]], readPerStep: [[1500, 2]] } : {}),
    },
  })
  await using world = await openWorld({ query: counted })
  const samples = { totalQueryableSamples: 3, samplesRead: 2, peakSamples: 2 }
  const stats = async (query: string) => (await world.get(`/api/v1/query?query=1${query}`)).json.data.stats
  assert.equal(await stats(''), undefined)
  assert.deepEqual((await stats('&stats=1')).samples, samples)
  assert.deepEqual((await stats('&stats=all')).samples, {
    totalQueryableSamplesPerStep: [[1.5, 3]],
    samplesReadPerStep: [[1.5, 2]],
    ...samples,
  })
  assert.equal((await stats('&stats=all')).timings.execTotalTime, 0, 'the clock stood still')
  assert.deepEqual((await world.get('/api/v1/query?query=1&lookback_delta=10')).json.data.result, [0, '10000'])
})

test('a caller that goes ends a real query that would take long', async () => {
  const store = memoryStore()
  const { query } = createEngine({ store: (start, end) => store.querier(unixMs(start), unixMs(end)) })
  const ended = Promise.withResolvers<unknown>()
  const started = Promise.withResolvers<void>()
  const watched: QueryFn = (promql, when, signal) => {
    started.resolve()
    const answer = query(promql, when, signal)
    answer.then(
      () => ended.resolve('answered'),
      (reason: unknown) => ended.resolve(reason),
    )
    return answer
  }
  await using world = await openWorld({ query: watched, deps: { store } })
  for (let i = 0; i < 100; i++)
    write(
      { store },
      { __name__: 'up', i: String(i) },
      Array.from({ length: 1000 }, (_, k) => [NOW - k * 1000, k] as const).toReversed(),
    )
  const controller = new AbortController()
  // Some 400 million comparisons.
  const expression = encodeURIComponent('sum(quantile_over_time(0.5, rate(up[1m])[10m:100ms]))')
  const range = `start=${NOW / 1000 - 1000}&end=${NOW / 1000}&step=1`
  const pending = world.get(`/api/v1/query_range?query=${expression}&${range}`, { signal: controller.signal })
  await started.promise
  controller.abort()
  await assert.rejects(pending)
  assert.match(String(await ended.promise), /the caller has gone/)
})

test('the status pages answer, and buildinfo has no features', async () => {
  await using world = await openWorld()
  const data = async (path: string) => (await world.get(`/api/v1/status/${path}`)).json.data
  const build = await data('buildinfo')
  assert.equal(build.version, '3.14.0')
  assert.ok(!('features' in build))
  assert.deepEqual(await data('flags'), { 'web.listen-address': '127.0.0.1:2424' })
  assert.deepEqual(await data('config'), { yaml: 'name: workshop\n' })
  assert.equal((await data('runtimeinfo')).startTime, new Date(NOW - 3600_000).toISOString())
  write(world, { __name__: 'up', job: 'shop' }, [[NOW, 1]])
  const tsdb = await data('tsdb')
  assert.deepEqual([tsdb.headStats.numSeries, tsdb.seriesCountByMetricName], [1, [{ name: 'up', value: 1 }]])
})

test('long answers are packed for those who take it, and only for them', async () => {
  await using world = await openWorld({ deps: { configText: () => 'x'.repeat(5000) } })
  const packed = await fetch(`${world.server.url}/api/v1/status/config`, { headers: { 'accept-encoding': 'gzip' } })
  assert.equal(packed.headers.get('content-encoding'), 'gzip')
  assert.equal((await packed.text()).length > 5000, true)
  const plain = await world.get('/api/v1/status/config', { headers: { 'accept-encoding': 'identity' } })
  assert.equal(plain.headers.get('content-encoding'), null)
  assert.equal(plain.json.data.yaml.length, 5000)
  const zstd = await fetch(`${world.server.url}/api/v1/status/config`, { headers: { 'accept-encoding': 'zstd, gzip' } })
  assert.equal(zstd.headers.get('content-encoding'), 'zstd')
  assert.equal((await zstd.text()).length > 5000, true)
})
