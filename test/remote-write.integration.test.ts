/**
 * Remote write with a real Prometheus in the middle: we write to it, it writes what it kept back to us, and both ends hold the same.
 * 1.0 and 2.0, both ways: floats by their bits, stale markers, native histograms, exemplars, metadata.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Labels, matcher, type NativeHistogram, silentLog, systemClock, unixMs } from '#core'
import { createRemoteWriter, type RemoteWriteConfig } from '#remote'
import { dump, ExemplarStore, MetadataStore, memoryStore, type Store } from '#storage'
import { openWorld } from '../src/server/server.test-support.ts'
import { peersMissing, startPrometheus } from './support/prometheus3.ts'

const skip = await peersMissing()
const FEATURES = ['exemplar-storage', 'native-histograms', 'metadata-wal-records']
const PATIENCE_MS = 30_000

const VERSIONS = [
  { version: 'v1', message: 'prometheus.WriteRequest' },
  { version: 'v2', message: 'io.prometheus.write.v2.Request' },
] as const

for (const { version, message } of VERSIONS) {
  test(
    `what we write to a Prometheus and it writes back to us is the same at both ends: ${message}`,
    { skip },
    async () => {
      const exemplars = new ExemplarStore()
      await using world = await openWorld({ clock: systemClock, deps: { exemplars } })
      await using prometheus = await startPrometheus({
        features: FEATURES,
        config: [
          'remote_write:',
          `  - url: ${world.server.url}/api/v1/write`,
          `    protobuf_message: ${message}`,
          '    send_exemplars: true',
          '    send_native_histograms: true',
          '    queue_config: { batch_send_deadline: 100ms }',
          '    metadata_config: { send_interval: 1s }',
        ].join('\n'),
      })
      const metadata = new MetadataStore()
      metadata.set('round_trip_total', { type: 'counter', help: 'Round trips.', unit: '' })
      await using writer = createRemoteWriter<never>({
        clock: systemClock,
        log: silentLog,
        metadata,
        relabel: (labels) => labels,
        resolve: String,
        version: '0',
      })
      await writer.apply([config(version, `${prometheus.url}/api/v1/write`)], {})
      const store = memoryStore({ onCommit: writer.commit })

      // A Prometheus passes on what is newer than its own start.
      const now = Date.now() + 1000
      const trace = Labels.of({ trace_id: 'abc' })
      const kept = new ExemplarStore({ onTaken: writer.exemplar })
      kept.append(Labels.of({ __name__: 'round_trip_total', job: 'x' }), {
        labels: trace,
        value: 2,
        at: unixMs(now + 1000),
      })
      fill(store, now, version)

      const mine = contents(store)
      await until(
        () => sampleCount(world.store) === sampleCount(store),
        () => `${sampleCount(world.store)} samples of ${sampleCount(store)}\n${writer.metrics()}`,
      )
      assert.deepEqual(contents(world.store), mine)
      const [found] = exemplars.select([[matcher('__name__', '=', 'round_trip_total')]], unixMs(0), unixMs(now * 2))
      assert.deepEqual(
        found?.exemplars.map(({ labels, value, at }) => [labels.flat, value, at]),
        [[trace.flat, 2, now + 1000]],
      )
      if (version === 'v2') assert.equal(world.metadata.get('round_trip_total')?.type, 'counter')
      const answer = await fetch(`${prometheus.url}/api/v1/query?query=round_trip_total&time=${(now + 2000) / 1000}`)
      const body = (await answer.json()) as { data: { result: { value: [number, string] }[] } }
      assert.equal(body.data.result[0]?.value[1], '3')
      assert.match(writer.metrics(), /prometheus_remote_storage_samples_failed_total\{[^}]*\} 0\n/)
      assert.match(writer.metrics(), /prometheus_remote_storage_histograms_failed_total\{[^}]*\} 0\n/)
    },
  )
}

function config(version: 'v1' | 'v2', url: string): RemoteWriteConfig<never> {
  return {
    name: 'peer',
    url,
    version,
    timeoutMs: 10_000,
    headers: {},
    writeRelabelConfigs: [],
    sendExemplars: true,
    sendNativeHistograms: true,
    http: {},
    queue: {
      capacity: 10_000,
      minShards: 1,
      maxShards: 4,
      maxSamplesPerSend: 2000,
      batchSendDeadlineMs: 100,
      minBackoffMs: 30,
      maxBackoffMs: 1000,
      retryOnHttp429: true,
      sampleAgeLimitMs: 0,
    },
    metadata: { send: true, sendIntervalMs: 1000, maxSamplesPerSend: 500 },
  }
}

function fill(store: Store, now: number, version: 'v1' | 'v2'): void {
  using batch = store.appender()
  const at = (seconds: number) => unixMs(now + seconds * 1000)
  const series = (record: Record<string, string>) => Labels.of(record)
  const counter = series({ __name__: 'round_trip_total', job: 'x' })
  for (const [i, value] of [1, 2, 3].entries()) batch.append(undefined, counter, at(i), value)
  // Not -0: Prometheus leaves a value that equals 0 out of its message, and it arrives as 0.
  const odd = series({ __name__: 'odd', 'name with.dots': 'täst\n"' })
  for (const [i, value] of [Number.NaN, Number.POSITIVE_INFINITY, 5e-324, 0.1].entries())
    batch.append(undefined, odd, at(i), value)
  batch.append(undefined, series({ __name__: 'ended' }), at(0), 1)
  batch.appendStale(undefined, series({ __name__: 'ended' }), at(1))
  const histogram = series({ __name__: 'latency' })
  for (let i = 1; i <= 4; i++) batch.appendHistogram(undefined, histogram, at(i), grown(ONE, i))
  const floats = series({ __name__: 'latency_float' })
  for (let i = 1; i <= 4; i++)
    batch.appendHistogram(undefined, floats, at(i), { ...grown(ONE, i + 0.5), isInteger: false })
  if (version === 'v2') batch.appendHistogram(undefined, series({ __name__: 'custom' }), at(1), CUSTOM)
  batch.commit()
}

/** One of each kind of bucket. */
const ONE: NativeHistogram = {
  schema: 1,
  zeroThreshold: 0.001,
  zeroCount: 2,
  count: 14,
  sum: -1.5,
  positive: { indices: Int32Array.of(-3, -2, 4), counts: Float64Array.of(1, 2, 3) },
  negative: { indices: Int32Array.of(0, 7), counts: Float64Array.of(5, 1) },
  customBounds: new Float64Array(0),
  resetHint: 'unknown',
  isInteger: true,
}
const CUSTOM: NativeHistogram = {
  ...ONE,
  schema: -53,
  zeroThreshold: 0,
  zeroCount: 0,
  count: 6,
  positive: { indices: Int32Array.of(0, 1, 3), counts: Float64Array.of(1, 2, 3) },
  negative: { indices: new Int32Array(0), counts: new Float64Array(0) },
  customBounds: Float64Array.of(0.1, 1, 10),
}

/** The histogram after `times` as many observations. */
function grown(h: NativeHistogram, times: number): NativeHistogram {
  const more = (counts: Float64Array) => counts.map((count) => count * times)
  return {
    ...h,
    count: h.count * times,
    zeroCount: h.zeroCount * times,
    sum: h.sum * times,
    positive: { ...h.positive, counts: more(h.positive.counts) },
    negative: { ...h.negative, counts: more(h.negative.counts) },
  }
}

/** All of the store, without what a way through another store may settle anew: hints of resets. */
function contents(store: Store): readonly unknown[] {
  return JSON.parse(
    JSON.stringify(dump(store, [matcher('__name__', '=~', '.+')], 0, Date.now() * 2), (key, value: unknown) =>
      key === 'resetHint' ? undefined : value,
    ),
  ) as readonly unknown[]
}

function sampleCount(store: Store): number {
  return store.stats().samples
}

/** Looks until it holds, on real time: another process is at work. */
async function until(holds: () => boolean, state: () => string): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!holds()) {
    assert.ok(performance.now() < end, `not in time: ${state()}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
