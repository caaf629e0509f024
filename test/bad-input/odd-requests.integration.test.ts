/** Parameters at the ends of what can be written, long labels, and time that runs backwards, over a running server. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compressSync } from 'snappy'
import { type Clock, Labels, ManualClock, METRIC_NAME, type UnixMs, unixMs } from '#core'
import { parseExposition } from '#scrape'
import { encodeWriteRequest } from '../../src/remote/write/encode-write-request.test-support.ts'
import { NOW } from '../../src/server/server.test-support.ts'
import { type BadWorld, openBadWorld, whileHealthy } from './bad-world.ts'

const AT = NOW / 1000
const START = { query: 'm', start: AT - 60, end: AT, step: 15 }

const ODD: readonly {
  readonly path: string
  readonly params: Record<string, string | number>
  readonly status: number
}[] = [
  ...['0', '-1', 'NaN', 'Inf', '-Inf', '1e300', '-5m', '', 'x', '0.0001', '1y1y'].map((step) => ({
    path: 'query_range',
    params: { ...START, step },
    status: 400,
  })),
  { path: 'query_range', params: { ...START, step: '9e9' }, status: 200 },
  { path: 'query_range', params: { ...START, start: AT + 61, end: AT }, status: 400 },
  { path: 'query_range', params: { ...START, start: '-1e300', end: '1e300' }, status: 400 },
  { path: 'query_range', params: { ...START, start: '8.64e12', end: '8.64e12' }, status: 200 },
  ...['NaN', 'Inf', '-Inf', 'x', '2026-02-30T00:00:00Z'].map((time) => ({
    path: 'query',
    params: { query: 'm', time },
    status: 400,
  })),
  ...['1e300', '-1e300', '-292273086-05-16T16:47:06Z', '292277025-08-18T07:12:54.999999999Z', '8.64e12'].map(
    (time) => ({
      path: 'query',
      params: { query: 'm offset 290y or m offset -290y or m', time },
      status: 200,
    }),
  ),
  ...[
    '@ NaN',
    '@ Inf',
    '@ -Inf',
    '@ 1e300',
    'offset 1e300',
    '[0s]',
    '[-5m]',
    '[NaN]',
    '[5m:0s]',
    '[5m:-1s]',
    '[300y]',
  ].map((text) => ({
    path: 'query',
    params: { query: `m${text}` },
    status: 400,
  })),
  ...['-1', 'x', '1e3', '9223372036854775808', '0.5'].map((limit) => ({
    path: 'query',
    params: { query: 'm', limit },
    status: 400,
  })),
  ...['0', '1', '9223372036854775807'].map((limit) => ({ path: 'query', params: { query: 'm', limit }, status: 200 })),
  ...['0', '-1', '1e300', 'NaN', 'x'].map((timeout) => ({
    path: 'query',
    params: { query: 'm', timeout },
    status: timeout === '0' || timeout === '-1' ? 503 : 400,
  })),
  ...['-5m', 'NaN', '1e300'].map((lookback_delta) => ({
    path: 'query',
    params: { query: 'm', lookback_delta },
    status: 400,
  })),
]

test('parameters at the ends of what can be written are taken or refused, never more than that', async () => {
  await using world = await openBadWorld()
  write(world, [['m', NOW - 1000, 1]])
  const found: string[] = []
  for (const { path, params, status } of ODD) {
    const answer = await whileHealthy(world, () => world.ask(path, params))
    if (answer.status !== status)
      found.push(
        `${answer.status} instead of ${status}: ${path} ${JSON.stringify(params)} ${answer.text.slice(0, 200)}`,
      )
    if (answer.status !== 200) assert.ok(answer.json.error.length > 0)
  }
  assert.deepEqual(found, [])
})

test('of a parameter that is given twice the first counts, and a form before the address', async () => {
  await using world = await openBadWorld()
  const value = async (path: string, init?: RequestInit) =>
    (await world.get(`/api/v1/query${path}`, init)).json.data.result[1]
  assert.equal(await value('?query=1&query=2'), '1')
  assert.equal(await value('?query=1', { method: 'POST', body: new URLSearchParams({ query: '3' }) }), '3')
})

test('a label of a megabyte is written, scraped and asked for', async () => {
  await using world = await openBadWorld()
  const long = 'x'.repeat(2 ** 20)
  const { status } = await whileHealthy(world, () => send(world, { __name__: 'm', long }, [NOW - 1000], [1]))
  assert.equal(status, 204)
  for (const query of [
    'm{long=~"x+"}',
    'm{long=~"(?i)X+y?"}',
    'label_replace(m, "to", "$1", "long", "(x+)x")',
    'count by (long) (m)',
  ]) {
    const answer = await whileHealthy(world, () => world.ask('query', { query, time: AT }))
    assert.equal(answer.status, 200)
    assert.equal(answer.json.data.result.length, 1, query)
  }
  for (const format of ['text', 'openmetrics'] as const) {
    const page = parseExposition(`m{long="${long}"} 1\n# EOF\n`, { format })
    assert.equal(page.labels(0).get('long').length, long.length)
    assert.equal(page.labels(0).get(METRIC_NAME), 'm')
  }
})

test('samples that come back in time are refused one by one, and what was there stays', async () => {
  await using world = await openBadWorld()
  assert.equal((await send(world, { __name__: 'm' }, [NOW - 5000, NOW - 1000], [1, 2])).status, 204)
  const late = await send(world, { __name__: 'm' }, [NOW - 3000, NOW - 1000, NOW], [9, 9, 3])
  assert.equal(late.status, 400)
  assert.match(late.text, /out of order|duplicate/)
  const ends = await send(world, { __name__: 'm' }, [-(2 ** 52), 2 ** 52, 8.64e15, NOW + 1], [9, 9, 9, 4])
  assert.equal(ends.status, 400)
  const { json } = await world.ask('query', { query: 'm[1h]', time: AT + 1 })
  assert.deepEqual(
    json.data.result[0].values.map(([, value]: [number, string]) => value),
    ['1', '2', '3', '4'],
  )
})

test('a clock that is set back asks of the past, and nothing else', async () => {
  const clock = new ManualClock(NOW)
  let shift = 0
  const turned: Clock = {
    now: () => unixMs(clock.now() + shift) as UnixMs,
    monotonicMs: () => clock.monotonicMs(),
    sleep: (ms, signal) => clock.sleep(ms, signal),
    ticks: (...args) => clock.ticks(...args),
  }
  await using world = await openBadWorld({}, { clock: turned })
  write(world, [
    ['m', NOW - 3_600_000, 1],
    ['m', NOW - 1000, 2],
  ])
  const asked = async () => (await world.ask('query', { query: 'm' })).json.data.result[0]?.value[1]
  assert.equal(await asked(), '2')
  shift = -3_599_000
  assert.equal(await asked(), '1')
  shift = -86_400_000
  assert.equal(await asked(), undefined)
  assert.equal((await world.get('/-/healthy')).status, 200)
})

function write({ db }: BadWorld, samples: readonly (readonly [name: string, at: number, value: number])[]): void {
  using batch = db.appender()
  for (const [name, at, value] of samples) batch.append(undefined, Labels.of({ __name__: name }), unixMs(at), value)
  batch.commit()
}

function send(world: BadWorld, labels: Record<string, string>, at: readonly number[], values: readonly number[]) {
  const message = encodeWriteRequest({
    series: [{ labels: Labels.of(labels), timestamps: Float64Array.from(at), values: Float64Array.from(values) }],
    metadata: [],
  })
  return world.get('/api/v1/write', {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
    body: Uint8Array.from(compressSync(message)),
  })
}
