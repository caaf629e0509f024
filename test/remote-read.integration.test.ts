/**
 * Remote read with a real Prometheus as the reader: it has no samples of its own, asks us for ours, and must answer every question
 * as we do. Both response types: it asks for chunks first, and a go-between asks for samples in its place.
 */
import assert from 'node:assert/strict'
import { createServer, request as httpRequest } from 'node:http'
import { test } from 'node:test'
import { compressSync, uncompressSync } from 'snappy'
import {
  CUSTOM_SCHEMA,
  isStaleAt,
  Labels,
  matcher,
  type NativeHistogram,
  NO_BOUNDS,
  NO_BUCKETS,
  ProtoWriter,
  systemClock,
  unixMs,
} from '#core'
import { createEngine } from '#promql'
import {
  decodeChunk,
  decodeChunkedFrame,
  decodeFrames,
  decodeReadResponse,
  encodeReadRequest,
  type ResponseType,
} from '#remote'
import { type Store, sampleHistogram } from '#storage'
import { decodeReadRequest, writeSeries } from '../src/remote/read/messages.ts'
import { openWorld, type World } from '../src/server/server.test-support.ts'
import { peersMissing, startPrometheus } from './support/prometheus3.ts'

const skip = await peersMissing()
const STEP_MS = 15_000
/** Long enough for several chunks of each series. */
const STEPS = 600
const END = Math.floor(Date.now() / 60_000) * 60_000 - 3_600_000
const START = END - STEPS * STEP_MS

// None with logarithms: their last digit is each library's own.
const QUERIES = [
  'requests_total',
  'rate(requests_total[5m])',
  'sum by (job) (increase(requests_total[10m]))',
  'temperature',
  'max_over_time(temperature[5m]) - min_over_time(temperature[5m])',
  'count_over_time(flapping[2m])',
  'flapping',
  'latency',
  'rate(latency[5m])',
  'histogram_count(increase(latency[7m]))',
  'sizes',
  'histogram_sum(rate(sizes[5m]))',
  'custom',
  'histogram_fraction(0, 2, custom)',
  'rate(custom[5m])',
  'rebounded',
  'level',
  'sum(level) + sum(sizes)',
  'mixed',
  'count_over_time(mixed[3m])',
  '{job="shop", code=~"2.."}',
  '{"name with.dots"!=""}',
]

/**
 * With samples in lists Prometheus 3.5 forgets the bounds of custom buckets, written and read, panics when it is asked for the sum of
 * float histograms, and passes over the first float between histograms. By itself it asks for chunks.
 */
const ONLY_BY_CHUNKS = /histogram_sum\(rate\(sizes|custom|rebounded|\(mixed/

test('a Prometheus that reads from us answers as we do, by chunks and by samples', { skip }, async () => {
  await using world = await openReader()
  await using between = await askForSamples(world.server.port)
  for (const url of [`${world.server.url}/api/v1/read`, `${between.url}/api/v1/read`]) {
    await using prometheus = await startPrometheus({
      features: ['native-histograms'],
      config: `global:\n  external_labels: { region: eu }\nremote_read:\n  - url: ${url}\n    read_recent: true\n    remote_timeout: 20s\n`,
    })
    for (const query of QUERIES) {
      if (url.startsWith(between.url) && ONLY_BY_CHUNKS.test(query)) continue
      const parameters = `query=${encodeURIComponent(query)}&start=${START / 1000}&end=${END / 1000}&step=60`
      const [theirs, ours] = await Promise.all(
        [prometheus.url, world.server.url].map(async (server) => {
          const response = await fetch(`${server}/api/v1/query_range?${parameters}`)
          return (await response.json()) as { status: string; error?: string; data: { result: unknown[] } }
        }),
      )
      assert.equal(theirs!.status, 'success', `${query} by ${url}: ${theirs!.error}`)
      assert.ok(theirs!.data.result.length > 0, `${query} finds something`)
      assert.deepEqual(ours!.data.result, theirs!.data.result, query)
    }
  }
  assert.ok(between.asked > 0, 'the go-between was asked')
})

test(
  'a Prometheus that holds the same answers the same, sample by sample, in both response types',
  { skip },
  async () => {
    await using world = await openReader()
    world.plan = { ...world.plan, externalLabels: {} }
    await using prometheus = await startPrometheus({ features: ['native-histograms'] })
    const all = [{ name: '__name__', op: '!=' as const, value: 'mixed' }]
    await write(prometheus.url, world.store)
    const queries = [{ start: START, end: END, matchers: [{ name: 'job', op: '=' as const, value: 'shop' }, ...all] }]
    const ask = async (server: string, accepted: ResponseType) => {
      const body = Buffer.from(compressSync(encodeReadRequest({ queries, accepted: [accepted] })))
      const response = await fetch(`${server}/api/v1/read`, { method: 'POST', body })
      assert.equal(response.status, 200, await (response.ok ? '' : response.text()))
      return response
    }
    const samples = async (server: string) => {
      const response = await ask(server, 'samples')
      const [result] = decodeReadResponse(uncompressSync(Buffer.from(await response.arrayBuffer())) as Buffer)
      const kept = result!.filter(({ labels }) => !ONLY_BY_CHUNKS.test(labels.name))
      return kept.map(({ labels, timestamps, values, histograms }) => ({
        labels: labels.flat,
        floats: [...timestamps].map((at, i) => [at, isStaleAt(values, i) ? 'stale' : values[i]]),
        histograms: histograms.map((one) =>
          one.kind === 'histogram' ? [one.at, shown(one.histogram)] : [one.at, one.kind],
        ),
      }))
    }
    const chunks = async (server: string) => {
      const found = new Map<string, { labels: readonly string[]; samples: unknown[] }>()
      for await (const frame of decodeFrames((await ask(server, 'streamedXorChunks')).body!)) {
        for (const { labels, chunks } of decodeChunkedFrame(frame).series) {
          const one = found.get(labels.key) ?? { labels: labels.flat, samples: [] }
          found.set(labels.key, one)
          for (const chunk of chunks) {
            const { timestamps, values, histograms } = decodeChunk(chunk)
            for (const [i, at] of timestamps.entries()) {
              const histogram = histograms?.[i]
              one.samples.push([
                at,
                histogram === undefined ? (isStaleAt(values, i) ? 'stale' : values[i]) : shown(histogram),
              ])
            }
          }
        }
      }
      return [...found.values()]
    }
    for (const read of [samples, chunks]) {
      const [ours, theirs] = [await read(world.server.url), await read(prometheus.url)]
      // Line by line: a difference of all of it would take minutes to show.
      const lines = (all: typeof ours) =>
        all.flatMap((one) =>
          Object.values(one)
            .flat()
            .map((sample) => JSON.stringify(sample)),
        )
      const [mine, yours] = [lines(ours), lines(theirs)]
      assert.ok(mine.length > 4000)
      const first = mine.findIndex((line, i) => line !== yours[i])
      assert.equal(mine[first], yours[first])
      assert.equal(mine.length, yours.length)
    }
  },
)

/** Without hints, which tell where a store cut its chunks, and without empty buckets, which it adds to fit a histogram in. */
function shown({ resetHint: _, positive, negative, ...rest }: NativeHistogram) {
  const filled = ({ indices, counts }: NativeHistogram['positive']) =>
    [...indices].flatMap((index, i) => (counts[i] === 0 ? [] : [[index, counts[i]]]))
  return { ...rest, customBounds: [...rest.customBounds], positive: filled(positive), negative: filled(negative) }
}

/** All that the store holds; series that change between floats and histograms Prometheus would take out of order. */
async function write(url: string, store: Store): Promise<void> {
  using querier = store.querier(unixMs(START), unixMs(END + STEP_MS))
  const writer = new ProtoWriter()
  for (const { labels, samples } of querier.select([matcher('__name__', '!=', 'mixed')]))
    writeSeries(writer, 1, labels, samples())
  const response = await fetch(`${url}/api/v1/write`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
    body: Buffer.from(compressSync(writer.take())),
  })
  assert.equal(response.status, 204, await response.text())
}

test('one that goes in the middle of a stream gives its place to the next', async () => {
  await using world = await openReader({ concurrent: 1 })
  const body = compressSync(
    encodeReadRequest({
      queries: Array.from({ length: 300 }, () => ({
        start: START,
        end: END,
        matchers: [{ name: '__name__', op: '=~' as const, value: '.+' }],
      })),
      accepted: ['streamedXorChunks'],
    }),
  )
  const url = `${world.server.url}/api/v1/read`
  const first = httpRequest(url, { method: 'POST' })
  first.on('error', () => {})
  first.end(body)
  // Its answer is far more than the buffers of the way hold, and nobody reads it.
  const status = await new Promise((resolve) => first.once('response', (response) => resolve(response.statusCode)))
  assert.equal(status, 200)
  let isServed = false
  const small = compressSync(encodeReadRequest({ queries: [], accepted: [] }))
  const second = fetch(url, { method: 'POST', body: Buffer.from(small) }).then((response) => {
    isServed = true
    return response
  })
  assert.equal((await fetch(`${world.server.url}/-/ready`)).status, 200)
  assert.equal(isServed, false, 'the one place is taken')
  first.destroy()
  assert.equal((await second).status, 200)
})

async function openReader(limits: { readonly concurrent: number } = { concurrent: 10 }): Promise<World> {
  const late: { engine?: ReturnType<typeof createEngine> } = {}
  const world = await openWorld({
    clock: systemClock,
    query: (promql, when, signal) => late.engine!.query(promql, when, signal),
    server: { remoteRead: { samples: 50_000_000, frameBytes: 1_048_576, ...limits } },
  })
  late.engine = createEngine({
    store: (from, to) => world.store.querier(unixMs(from), unixMs(to)),
    limits: { maxSamples: 50_000_000 },
    clock: systemClock,
  })
  // Also theirs: they ask for it, and take it off again.
  world.plan = { ...world.plan, externalLabels: { region: 'eu' } }
  fill(world.store)
  return world
}

/** Passes a Prometheus' questions on, and asks for samples where it would rather have chunks. */
async function askForSamples(port: number) {
  const counts = { asked: 0 }
  const server = createServer(async (incoming, outgoing) => {
    const given = decodeReadRequest(uncompressSync(Buffer.concat(await Array.fromAsync(incoming))) as Buffer)
    counts.asked++
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/read`, {
      method: 'POST',
      body: Buffer.from(compressSync(encodeReadRequest({ ...given, accepted: ['samples'] }))),
    })
    outgoing.writeHead(response.status, {
      'content-type': response.headers.get('content-type') ?? '',
      'content-encoding': response.headers.get('content-encoding') ?? '',
    })
    outgoing.end(Buffer.from(await response.arrayBuffer()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const bound = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${bound}`,
    get asked() {
      return counts.asked
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Counters that reset, gauges, gaps, stale series, and native histograms of every kind. */
function fill(store: Store): void {
  using batch = store.appender()
  const series = (name: string, record: Record<string, string> = {}) =>
    Labels.of({ __name__: name, job: 'shop', ...record })
  for (let i = 0; i <= STEPS; i++) {
    const at = unixMs(START + i * STEP_MS + (i % 7))
    // Far from 0: since 3.5, the rate of a native histogram is no longer extrapolated below it.
    const sinceReset = 1000 + (i % 250)
    for (const code of ['200', '500'])
      batch.append(undefined, series('requests_total', { code }), at, sinceReset * (code === '200' ? 10 : 0.1))
    batch.append(undefined, series('temperature'), at, Math.sin(i / 10) * 1e3 - 0.1)
    batch.append(undefined, series('odd', { 'name with.dots': 'täst' }), at, i % 5 === 0 ? Number.NaN : 1 / (i - 3))
    if (i % 40 === 30) batch.appendStale(undefined, series('flapping'), at)
    else if (i % 40 < 30) batch.append(undefined, series('flapping'), at, i)
    const exponential = sampleHistogram([1, 0, 2, i % 3].map((one) => one * sinceReset))
    batch.appendHistogram(undefined, series('latency'), at, exponential)
    batch.appendHistogram(
      undefined,
      series('sizes'),
      at,
      floats([0.5 * sinceReset, 1.25 * sinceReset], sinceReset * 0.3),
    )
    const counts = [1, 2, 3, 1].map((one) => one * sinceReset)
    batch.appendHistogram(undefined, series('custom'), at, custom(counts, [0.005, 1, 2.5]))
    // Not to be calculated with: since 3.5, bounds that differ are brought together.
    batch.appendHistogram(
      undefined,
      series('rebounded'),
      at,
      custom(counts, [0.005, 1, i < STEPS / 2 ? 2.5 : 1e-7 + 2]),
    )
    batch.appendHistogram(undefined, series('level'), at, { ...exponential, resetHint: 'gauge' })
    if (i % 6 === 5) batch.append(undefined, series('mixed'), at, i)
    else batch.appendHistogram(undefined, series('mixed'), at, exponential)
  }
  const report = batch.commit()
  assert.deepEqual(report.rejected, [])
}

function floats(counts: readonly number[], sum: number): NativeHistogram {
  return {
    schema: 3,
    zeroThreshold: 2 ** -128,
    zeroCount: 0.5,
    count: counts.reduce((all, one) => all + one, 0.5),
    sum,
    positive: { indices: Int32Array.from(counts, (_, i) => i * 5 - 3), counts: Float64Array.from(counts) },
    negative: NO_BUCKETS,
    customBounds: NO_BOUNDS,
    resetHint: 'unknown',
    isInteger: false,
  }
}

function custom(counts: readonly number[], bounds: readonly number[]): NativeHistogram {
  return {
    ...floats(counts, 7),
    schema: CUSTOM_SCHEMA,
    zeroThreshold: 0,
    zeroCount: 0,
    count: counts.reduce((all, one) => all + one, 0),
    positive: { indices: Int32Array.from(counts, (_, i) => i), counts: Float64Array.from(counts) },
    customBounds: Float64Array.from(bounds),
    isInteger: true,
  }
}
