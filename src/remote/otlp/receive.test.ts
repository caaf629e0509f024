import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import {
  AssayError,
  bytesTag,
  isStaleAt,
  type Labels,
  ManualClock,
  matcher,
  ProtoReader,
  unixMs,
  varintTag,
} from '#core'
import { MetadataStore, memoryStore, type Store } from '#storage'
import type { ExemplarSink } from '../write/take.ts'
import type { Attributes, MetricData, ResourceMetrics } from './data.ts'
import { DeltaToCumulative } from './delta-to-cumulative.ts'
import { encodeJson, encodeProto } from './encode.test-support.ts'
import { noOtlp, type OtlpDeps, receiveOtlp } from './receive.ts'
import type { OtlpAnswer } from './response.ts'
import { DEFAULT_OTLP_SETTINGS } from './settings.ts'

const NOW = 1_700_000_000_000
const PROTO = { 'content-type': 'application/x-protobuf' }
const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' }

type Exemplar = readonly [series: Labels, exemplar: Parameters<ExemplarSink['append']>[1]]

function world(more: Partial<OtlpDeps> = {}) {
  const store = memoryStore()
  const metadata = new MetadataStore()
  const exemplars: Exemplar[] = []
  const counts = noOtlp()
  const deps: OtlpDeps = {
    clock: new ManualClock(NOW),
    store,
    metadata,
    exemplars: { append: (series, exemplar) => void exemplars.push([series, exemplar]) },
    settings: () => DEFAULT_OTLP_SETTINGS,
    lookbackMs: 300_000,
    ...more,
  }
  const send = (body: Uint8Array, headers: Readonly<Record<string, string>> = PROTO) =>
    receiveOtlp(deps, { headers, body }, counts)
  return { store: deps.store, metadata, exemplars, counts, send }
}

const point = { attributes: [] as Attributes, startAt: NOW - 60_000, at: NOW - 1000, noValue: false, exemplars: [] }

function request(
  metrics: readonly (readonly [name: string, data: MetricData])[],
  resource: Attributes = [],
): readonly ResourceMetrics[] {
  const scope = { name: '', version: '', schemaUrl: '', attributes: [] }
  return [
    {
      attributes: resource,
      scopes: [{ ...scope, metrics: metrics.map(([name, data]) => ({ name, unit: '', description: 'help', data })) }],
    },
  ]
}

const counter = (value: number, more: object = {}): MetricData => ({
  kind: 'sum',
  temporality: 'cumulative',
  monotonic: true,
  points: [{ ...point, value, ...more }],
})

/** All that the store holds, as text. */
function dump(store: Store): readonly string[] {
  using querier = store.querier(unixMs(0), unixMs(NOW * 2))
  return querier.select([matcher('__name__', '!=', '')]).flatMap(({ labels, samples }) => {
    const { timestamps, values, count, histograms, starts } = samples()
    return Array.from({ length: count }, (_, i) => {
      const value =
        histograms?.[i] === undefined ? (isStaleAt(values, i) ? 'stale' : values[i]) : `h${histograms[i].count}`
      const start = starts?.[i] ?? 0
      return `${labels} ${value} ${timestamps[i]! - NOW}${start === 0 ? '' : ` since ${start - NOW}`}`
    })
  })
}

/** What an answer in protobuf says: the number and the text of its message, or of the partial success in it. */
function told(answer: OtlpAnswer): readonly [number, string] {
  const reader = new ProtoReader(answer.body)
  let number = 0
  let text = ''
  while (!reader.done) {
    const tag = reader.varint()
    // The partial success and the number of a status share the field, not its kind.
    if (tag === bytesTag(1)) reader.block()
    else if (tag === varintTag(1)) number = reader.varint()
    else if (tag === bytesTag(2)) text = reader.text()
    else assert.fail(`tag ${tag}`)
  }
  return [number, text]
}

test('the same request in protobuf and JSON, plain and packed, is taken just so, and answered in kind', async () => {
  const exponential: MetricData = {
    kind: 'exponentialHistogram',
    temporality: 'cumulative',
    points: [
      {
        ...point,
        count: 3,
        sum: 1.5,
        scale: 2,
        zeroCount: 1,
        zeroThreshold: 0,
        positive: { offset: 1, counts: Float64Array.of(2) },
        negative: { offset: 0, counts: new Float64Array(0) },
      },
    ],
  }
  const exemplar = { at: NOW - 2000, value: 4, traceId: 'ab', spanId: '', attributes: [] }
  const given = request(
    [
      ['requests', counter(4, { exemplars: [exemplar] })],
      ['latency', exponential],
      ['gone', counter(0, { noValue: true })],
    ],
    [
      ['service.name', 'shop'],
      ['host', 'h'],
    ],
  )
  const proto = encodeProto(given)
  const json = Buffer.from(encodeJson(given))
  const bodies: readonly (readonly [body: Uint8Array, headers: Readonly<Record<string, string>>, answer: string])[] = [
    [proto, PROTO, ''],
    [json, JSON_TYPE, '{}'],
    [gzipSync(proto), { ...PROTO, 'content-encoding': 'gzip' }, ''],
    [zstdCompressSync(json), { ...JSON_TYPE, 'content-encoding': 'zstd' }, '{}'],
  ]
  for (const [body, headers, expected] of bodies) {
    const { send, store, metadata, exemplars, counts } = world()
    const answer = await send(body, headers)
    assert.deepEqual([answer.status, answer.body.toString()], [200, expected])
    assert.equal(answer.headers['content-type'], headers['content-type']!.split(';')[0])
    assert.deepEqual(dump(store), [
      'latency{job="shop"} h3 -1000 since -60000',
      'requests_total{job="shop"} 4 -1000 since -60000',
      'target_info{host="h", job="shop"} 1 -1000',
    ])
    assert.deepEqual(metadata.get('requests_total'), { type: 'counter', help: 'help', unit: '' })
    assert.equal(metadata.get('target_info')?.help, 'Target metadata')
    assert.deepEqual(
      exemplars.map(([series, one]) => `${series} ${one.labels} ${one.value} ${one.at - NOW}`),
      ['requests_total{job="shop"} {trace_id="ab"} 4 -2000'],
    )
    assert.deepEqual(counts, { requests: 1, samples: 2, exemplars: 1, rejected: 0 })
  }
})

test('what is not taken is a partial success: told once, and the rest is there', async () => {
  const { send, store, counts } = world()
  await send(encodeProto(request([['a', counter(5)]])))
  const given = request([
    ['a', counter(9)],
    ['b', { ...counter(1), temporality: 'delta' } as MetricData],
    ['c', counter(2)],
    ['d', counter(3, { at: NOW + 3_600_000 })],
  ])
  const [points, why] = told(await send(encodeProto(given)))
  assert.equal(points, 3)
  assert.match(why, /metric "b": delta temporality is not taken/)
  assert.match(why, /1 for duplicate samples for their timestamp with another value \(first: a_total at 2023/)
  assert.match(why, /too far in the future/)
  assert.deepEqual(dump(store), ['a_total 5 -1000 since -60000', 'c_total 2 -1000 since -60000'])
  assert.equal(counts.rejected, 3)
  const json = await send(Buffer.from(encodeJson(given)), JSON_TYPE)
  assert.equal(JSON.parse(json.body.toString()).partialSuccess.rejectedDataPoints, '3')
})

test('a histogram that is too far ahead is one point, although it would be many samples', async () => {
  const { send, store, counts } = world()
  const buckets = { bounds: Float64Array.of(1, 2, 3), counts: Float64Array.of(1, 2, 3, 0) }
  const far = { ...point, at: NOW + 3_600_000, count: 6, sum: 7, ...buckets }
  const data: MetricData = { kind: 'histogram', temporality: 'cumulative', points: [far, { ...far, at: NOW }] }
  const [points, why] = told(await send(encodeProto(request([['latency', data]]))))
  assert.equal(points, 1)
  assert.match(why, /^not taken: 1 for latency: samples whose timestamp is too far in the future/)
  assert.equal(counts.rejected, 1)
  assert.equal(dump(store).length, 6)
})

test('a request that comes again, and target_info that is there already, are taken silently', async () => {
  const { send, store } = world()
  const resource: Attributes = [
    ['service.name', 's'],
    ['x', 'y'],
  ]
  const later = encodeProto(request([['a', counter(5)]], resource))
  const earlier = encodeProto(request([['b', counter(5, { at: NOW - 9000 })]], resource))
  for (const body of [later, later, earlier]) {
    const answer = await send(body)
    assert.deepEqual([answer.status, answer.body.length], [200, 0])
  }
  assert.equal(dump(store).length, 3)
})

test('bad bodies are refused with a status of gRPC in the encoding of the request', async () => {
  const { send, counts } = world()
  const check = async (
    body: Uint8Array,
    headers: Readonly<Record<string, string>>,
    status: number,
    code: number,
    message: RegExp,
  ) => {
    const answer = await send(body, headers)
    assert.equal(answer.status, status)
    const isJson = answer.headers['content-type'] === 'application/json'
    const { code: got, message: text } = isJson
      ? JSON.parse(answer.body.toString())
      : { code: told(answer)[0], message: told(answer)[1] }
    assert.equal(got, code)
    assert.match(text, message)
  }
  await check(Buffer.from([0x0a, 0x7f]), PROTO, 400, 3, /makes no sense at byte 2/)
  await check(Buffer.from('{"resourceMetrics":1}'), JSON_TYPE, 400, 3, /^resourceMetrics: it must be a list/)
  await check(Buffer.from('x'), { 'content-type': 'text/plain' }, 415, 12, /unsupported content type: text\/plain/)
  await check(Buffer.from('x'), {}, 415, 12, /supported: \[application\/json, application\/x-protobuf\]/)
  await check(Buffer.from('x'), { ...PROTO, 'content-encoding': 'br' }, 400, 3, /unsupported compression: br/)
  await check(Buffer.from('x'), { ...PROTO, 'content-encoding': 'gzip' }, 400, 3, /not packed with gzip/)
  const bomb = gzipSync(Buffer.alloc(100 * 2 ** 20))
  await check(bomb, { ...PROTO, 'content-encoding': 'gzip' }, 413, 8, /more than 67108864 bytes/)
  await check(bomb, { ...JSON_TYPE, 'content-encoding': 'gzip' }, 413, 8, /more than 16777216 bytes/)
  assert.equal(counts.requests, 0)
})

test('a store that refuses as a whole is 503, which exporters try again', async () => {
  const store = memoryStore()
  const refusing = {
    appender: () =>
      Object.assign(Object.create(store.appender()), {
        append: () => 0,
        commit: () => {
          throw new AssayError('ASSAY_STORE_WRITE', 'the disk is full')
        },
        [Symbol.dispose]: () => {},
      }),
  } as unknown as Store
  const { send } = world({ store: refusing })
  const answer = await send(encodeProto(request([['a', counter(5)]])))
  assert.equal(answer.status, 503)
  assert.deepEqual(told(answer), [14, 'the disk is full'])
})

test('with created-timestamp-zero-ingestion a counter begins with a 0 at its start', async () => {
  const { send, store } = world({ zeroAtStart: true })
  await send(
    encodeProto(
      request([
        ['a', counter(5)],
        ['g', { kind: 'gauge', points: [{ ...point, value: 1 }] }],
      ]),
    ),
  )
  await send(encodeProto(request([['a', counter(6, { at: NOW })]])))
  assert.deepEqual(dump(store), [
    'a_total 0 -60000',
    'a_total 5 -1000 since -60000',
    'a_total 6 0 since -60000',
    'g 1 -1000',
  ])
})

test('with delta to cumulative, deltas are summed up', async () => {
  const { send, store } = world({ deltas: new DeltaToCumulative(new ManualClock(NOW)) })
  const delta = (at: number) =>
    encodeProto(request([['a', { ...counter(5, { at, startAt: at - 1000 }), temporality: 'delta' } as MetricData]]))
  for (const at of [NOW - 2000, NOW - 1000]) assert.equal((await send(delta(at))).body.length, 0)
  assert.deepEqual(dump(store), ['a_total 5 -2000 since -3000', 'a_total 10 -1000 since -3000'])
  assert.match(told(await send(delta(NOW - 1500)))[1], /does not come after the one before it/)
})
