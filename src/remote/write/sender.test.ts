/**
 * The sender, held to the specification and to the cases of Prometheus' compliance suite for senders (named in brackets).
 *
 * Source: prometheus/compliance: remotewrite/sender.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CUSTOM_SCHEMA, isStaleAt, Labels } from '#core'
import { histogramOf } from '../histograms.test-support.ts'
import { configOf, openSender, START } from './sender.test-support.ts'
import { senderPage } from './sender-metrics.ts'
import { MAX_WAITING_BUCKETS } from './shards.ts'

const DEADLINE = 5000
const forever = new AbortController().signal

test('2.0 is sent with its headers, and own headers cannot take their place [protocol, headers]', async () => {
  const { clock, write, received } = openSender(
    configOf({ headers: { 'X-Scope-OrgID': { env: 'TENANT' }, 'Content-Type': 'text/plain' } }),
  )
  write('up', [1])
  await clock.advance(DEADLINE)
  assert.deepEqual(received[0]?.post.headers, {
    'x-scope-orgid': '$TENANT',
    'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
    'content-encoding': 'snappy',
    'x-prometheus-remote-write-version': '2.0.0',
    'user-agent': 'assay/1.2.3',
  })
})

test('1.0 is sent with the headers of 1.0, and without start timestamps [rw1_compat]', async () => {
  const { clock, write, received } = openSender(configOf({ version: 'v1' }))
  write('up', [1], { startAt: 5 })
  await clock.advance(DEADLINE)
  const { headers } = received[0]!.post
  assert.equal(headers['content-type'], 'application/x-protobuf')
  assert.equal(headers['x-prometheus-remote-write-version'], '0.1.0')
  assert.equal(received[0]!.request.starts, undefined)
})

test('values, stale markers, start timestamps and histograms arrive as they were kept [samples, histograms, staleness]', async () => {
  const { clock, write, received, seen } = openSender()
  const h = histogramOf({ counts: [1, 2], sum: 3 })
  write('c', [1, Number.NaN, Number.POSITIVE_INFINITY, -0, null], { startAt: START - 60_000 })
  write('h', [h, { ...h, count: 4, positive: { ...h.positive, counts: Float64Array.of(1, 3) } }, null])
  await clock.advance(DEADLINE)
  assert.deepEqual(seen(), ['c@0=1', 'c@1=NaN', 'c@2=Infinity', 'c@3=0', 'c@4=NaN', 'h@0=h3', 'h@1=h4', 'h@2=NaN'])
  const { values, starts, series } = received[0]!.request
  assert.deepEqual([isStaleAt(values, 1), isStaleAt(values, 4), Object.is(values[3], -0)], [false, true, true])
  assert.equal(starts?.[0], START - 60_000)
  assert.ok(series.flatMap(({ histograms }) => histograms).every(({ histogram }) => histogram?.resetHint === 'unknown'))
})

test('what the store refused is not sent', async () => {
  const { clock, write, seen } = openSender()
  write('c', [1], { from: 10 })
  write('c', [1], { from: 5 })
  await clock.advance(DEADLINE)
  assert.deepEqual(seen(), ['c@10=1'])
})

test('external labels go on series that have none of that name, before relabelling drops some [labels]', async () => {
  const config = configOf({ writeRelabelConfigs: [{ drop: 'secret' }] })
  const { clock, store, sender, received } = openSender(config, undefined, { region: 'eu', job: 'outer' })
  using batch = store.appender()
  for (const labels of [{ __name__: 'a' }, { __name__: 'b', job: 'own' }, { __name__: 'c', secret: 'x' }])
    batch.append(undefined, Labels.of(labels), START as never, 1)
  batch.commit()
  await clock.advance(DEADLINE)
  assert.deepEqual(
    received[0]?.request.series.map(({ labels }) => String(labels)),
    ['a{job="outer", region="eu"}', 'b{job="own", region="eu"}'],
  )
  assert.equal(sender.totals.dropped.samples.get('dropped_series'), 1)
})

test('a full batch goes at once, the rest after the deadline, samples of a series in order [batching]', async () => {
  const { clock, write, received, seen } = openSender(configOf({}, { maxSamplesPerSend: 3 }))
  write('c', [1, 2, 3, 4])
  await clock.advance(0)
  assert.equal(received.length, 1)
  await clock.advance(DEADLINE - 1)
  assert.equal(received.length, 1)
  await clock.advance(1)
  assert.deepEqual(seen(), ['c@0=1', 'c@1=2', 'c@2=3', 'c@3=4'])
})

for (const status of [500, 502, 503, 504]) {
  test(`${status} is tried again with growing waits, and in order [retries, backoff]`, async () => {
    const { clock, write, received, seen, sender } = openSender(configOf({}, { maxSamplesPerSend: 1 }), (n) =>
      n < 3 ? { status } : undefined,
    )
    write('c', [1, 2])
    await clock.advance(1000)
    assert.deepEqual(
      received.slice(0, 4).map(({ at }) => at - START),
      [0, 30, 90, 210],
    )
    assert.deepEqual(seen(), ['c@0=1', 'c@0=1', 'c@0=1', 'c@0=1', 'c@1=2'])
    assert.equal(sender.totals.samplesRetried, 3)
    assert.equal(sender.totals.samplesFailed, 0)
  })
}

for (const status of [400, 401, 403, 404, 409, 413, 422, 429, 301]) {
  test(`${status} is not tried again: the batch is counted as failed and the next one goes [retries]`, async () => {
    const { clock, write, received, sender } = openSender(configOf({}, { maxSamplesPerSend: 1 }), (n) =>
      n === 0 ? { status, text: 'no' } : undefined,
    )
    write('c', [1, 2])
    await clock.advance(60_000)
    assert.equal(received.length, 2)
    assert.equal(sender.totals.samplesFailed, 1)
    assert.equal(sender.totals.samples, 2)
  })
}

test('429 is tried again where that is asked for, and not before Retry-After says [retry_on_http_429, retry_after]', async () => {
  const headers = { 'retry-after': '7' }
  const { clock, write, received } = openSender(configOf({}, { maxSamplesPerSend: 1, retryOnHttp429: true }), (n) =>
    n === 0 ? { status: 429, headers } : undefined,
  )
  write('c', [1])
  await clock.advance(6999)
  assert.equal(received.length, 1)
  await clock.advance(1)
  assert.equal(received.length, 2)
})

test('Retry-After may be a date', async () => {
  const headers = { 'retry-after': new Date(START + 9000).toUTCString() }
  const { clock, write, received } = openSender(configOf({}, { maxSamplesPerSend: 1 }), (n) =>
    n === 0 ? { status: 503, headers } : undefined,
  )
  write('c', [1])
  await clock.advance(8000)
  assert.equal(received.length, 1)
  await clock.advance(1000)
  assert.equal(received.length, 2)
})

test('no answer is tried again [error_handling]', async () => {
  const { clock, write, received, sender } = openSender(configOf({}, { maxSamplesPerSend: 1 }), (n) =>
    n === 0 ? new Error('connect ECONNREFUSED') : undefined,
  )
  write('c', [1])
  await clock.advance(30)
  assert.equal(received.length, 2)
  assert.equal(sender.totals.samplesFailed, 0)
})

test('of a partial write what was not written is counted as failed [response]', async () => {
  const headers = {
    'x-prometheus-remote-write-samples-written': '1',
    'x-prometheus-remote-write-histograms-written': '0',
  }
  const { clock, write, sender } = openSender(configOf({}, { maxSamplesPerSend: 4 }), () => ({ status: 400, headers }))
  write('c', [1, 2, 3])
  write('h', [histogramOf({ counts: [1] })])
  await clock.advance(0)
  assert.deepEqual([sender.totals.samplesFailed, sender.totals.histogramsFailed], [2, 1])
})

test('a 2xx that has not written all counts the rest as failed, and sends nothing again [response]', async () => {
  const headers = { 'x-prometheus-remote-write-samples-written': '1' }
  const { clock, write, sender, received } = openSender(configOf({}, { maxSamplesPerSend: 3 }), () => ({ headers }))
  write('c', [1, 2])
  write('h', [histogramOf({ counts: [1] })])
  await clock.advance(60_000)
  assert.equal(received.length, 1)
  assert.deepEqual([sender.totals.samplesFailed, sender.totals.histogramsFailed], [1, 1])
  assert.match(
    sender.totals.lastError,
    /204, but not all was written: missing are 1 samples, 1 histograms, 0 exemplars/,
  )
})

test('what becomes too old while it is tried again is dropped, the rest goes on', async () => {
  const { clock, write, sender, seen } = openSender(
    configOf({}, { maxSamplesPerSend: 2, sampleAgeLimitMs: 1000 }),
    (n) => (n < 7 ? { status: 503 } : undefined),
  )
  write('c', [1])
  write('c', [2], { from: 5000 })
  await clock.advance(20_000)
  assert.equal(sender.totals.dropped.samples.get('too_old'), 1)
  assert.equal(seen().at(-1), 'c@5000=2')
  assert.equal(seen().filter((one) => one === 'c@5000=2').length, 8)
  assert.ok(seen().filter((one) => one === 'c@0=1').length < 7)
})

test('what waits is bounded over all shards; the oldest go and are counted', async () => {
  const config = configOf({}, { capacity: 5, maxShards: 2, maxSamplesPerSend: 2 })
  const { clock, write, sender, seen } = openSender(config, (n) => (n === 0 ? { status: 500 } : undefined))
  write('c', [1, 2])
  await clock.advance(0)
  write(
    'c',
    Array.from({ length: 15 }, (_, i) => i + 3),
    { from: 2 },
  )
  assert.equal(sender.totals.dropped.samples.get('queue_full'), 5)
  assert.equal(sender.shards.pending, 12, 'ten that wait, two that are under way')
  await clock.advance(10_000)
  assert.deepEqual(
    seen()
      .slice(2)
      .map((one) => Number(one.split('=')[1])),
    [1, 2, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17],
  )
})

test('what waits is bounded in buckets too: a few large histograms are many samples', async () => {
  const { clock, write, sender, seen } = openSender(configOf({}, { maxSamplesPerSend: 1 }), () => ({ status: 503 }))
  write('first', [1])
  await clock.advance(0)
  const size = MAX_WAITING_BUCKETS / 4
  const large = {
    ...histogramOf({ counts: [] }),
    positive: { indices: Int32Array.from({ length: size }, (_, i) => i), counts: new Float64Array(size) },
  }
  for (let i = 0; i < 6; i++) write('h', [large], { from: i })
  write('c', [1], { from: 10 })
  assert.equal(sender.totals.dropped.histograms.get('queue_full'), 2)
  assert.equal(sender.totals.dropped.samples.get('queue_full'), undefined)
  assert.equal(sender.shards.pending, 1 + 4 + 1)
  assert.deepEqual(seen(), ['first@0=1'])
  const late = new AbortController()
  late.abort()
  const ended = sender.end(late.signal)
  await clock.advance(10_000)
  await ended
  assert.equal(sender.shards.pending, 0)
})

test('samples older than sample_age_limit are dropped and counted', async () => {
  const { clock, write, sender, received } = openSender(configOf({}, { sampleAgeLimitMs: 1000 }))
  write('c', [1, 2])
  await clock.advance(DEADLINE)
  assert.equal(received.length, 0)
  assert.equal(sender.totals.dropped.samples.get('too_old'), 2)
})

test('1.0 sends histograms only where that is asked for, and custom buckets never', async () => {
  const h = histogramOf({ counts: [1] })
  const custom = histogramOf({ counts: [1], schema: CUSTOM_SCHEMA, customBounds: [1] })
  for (const sendNativeHistograms of [false, true]) {
    const { clock, write, seen, sender } = openSender(configOf({ version: 'v1', sendNativeHistograms }))
    write('h', [h, custom])
    write('c', [1])
    await clock.advance(DEADLINE)
    assert.deepEqual(seen(), sendNativeHistograms ? ['h@0=h1', 'c@0=1'] : ['c@0=1'])
    assert.equal(
      sender.totals.dropped.histograms.get('nhcb_in_rw1_not_supported'),
      sendNativeHistograms ? 1 : undefined,
    )
  }
})

test('exemplars travel with the next sample of their series, each once [exemplars]', async () => {
  const { clock, write, sender, received } = openSender(configOf({}, { maxSamplesPerSend: 1 }), (n) =>
    n === 0 ? { status: 500 } : undefined,
  )
  const labels = Labels.of({ trace_id: 'abc' })
  sender.exemplar(Labels.of({ __name__: 'c' }), { labels, value: 5, at: START })
  write('c', [1])
  await clock.advance(1000)
  write('c', [2], { from: 1 })
  await clock.advance(1000)
  assert.deepEqual(
    received.map(({ request }) => request.series[0]?.exemplars.length),
    [1, 1, 0],
  )
  assert.deepEqual(received[1]?.request.series[0]?.exemplars, [{ labels, value: 5, at: START }])
  assert.equal(sender.totals.exemplars, 1)
})

test('1.0 tells metadata by itself, in parts; 2.0 with each series [metadata]', async () => {
  const one = openSender(configOf({ version: 'v1' }))
  for (const family of ['a', 'b', 'c']) one.metadata.set(family, { type: 'counter', help: family, unit: '' })
  await one.clock.advance(60_000)
  assert.deepEqual(
    one.received.map(({ request }) => request.metadata.map(({ family }) => family)),
    [['a', 'b'], ['c']],
  )
  const two = openSender()
  two.metadata.set('h', { type: 'histogram', help: 'Help.', unit: 's' })
  two.write('h_bucket', [1])
  await two.clock.advance(60_000)
  assert.deepEqual(two.received[0]?.request.metadata, [{ family: 'h', type: 'histogram', help: 'Help.', unit: 's' }])
})

test('the end sends what waits, without waiting for the deadline of a batch', async () => {
  const { clock, write, sender, seen } = openSender()
  write('c', [1, 2])
  await clock.advance(0)
  await sender.end(forever)
  assert.deepEqual(seen(), ['c@0=1', 'c@1=2'])
})

test('the end gives up when its time is over, and counts what was not sent', async () => {
  const { clock, write, sender } = openSender(configOf({}, { maxSamplesPerSend: 2 }), () => ({ status: 503 }))
  write('c', [1, 2, 3])
  await clock.advance(1000)
  const late = new AbortController()
  const ended = sender.end(late.signal)
  await clock.advance(1000)
  late.abort()
  await clock.advance(10_000)
  await ended
  assert.equal(sender.totals.dropped.samples.get('shutdown'), 3)
  assert.equal(sender.shards.pending, 0)
})

test('slow sending opens lanes, and each series keeps its order across the change', async () => {
  const config = configOf({}, { maxSamplesPerSend: 10, maxShards: 8 })
  const bench = openSender(config)
  // A clock that each request turns on by two seconds: sending is slow.
  let slow = 0
  bench.clock.monotonicMs = () => (slow += 2000)
  for (let round = 0; round < 40; round++) {
    for (const name of ['a', 'b', 'c', 'd']) bench.write(name, [1, 2, 3, 4, 5], { from: round * 5 })
    await bench.clock.advance(1000)
  }
  assert.ok(bench.sender.shards.now > 1, `${bench.sender.shards.now} lanes`)
  assert.ok(bench.sender.shards.now <= 8)
  await bench.clock.advance(20_000)
  for (const name of ['a', 'b', 'c', 'd']) {
    const instants = bench
      .seen()
      .filter((one) => one.startsWith(`${name}@`))
      .map((one) => Number(/@(\d+)=/.exec(one)?.[1]))
    assert.deepEqual(
      instants,
      Array.from({ length: 200 }, (_, i) => i),
    )
  }
})

test('what it says of itself carries Prometheus names', async () => {
  const { clock, write, sender } = openSender()
  write('c', [1])
  await clock.advance(DEADLINE)
  const { name, url, queue } = sender.config
  const arrived = { samples: 1, histograms: 0, exemplars: 0, highestAt: START }
  const page = senderPage(
    [
      {
        name,
        url,
        queue,
        totals: sender.totals,
        shards: sender.shards,
        fellBack: sender.fellBack,
        spooled: sender.spooled,
      },
    ],
    arrived,
  )
  const labels = '{remote_name="far",url="http://far.example/api/v1/write"}'
  for (const line of [
    'prometheus_remote_storage_samples_in_total 1',
    `prometheus_remote_storage_highest_timestamp_in_seconds ${START / 1000}`,
    `prometheus_remote_storage_samples_total${labels} 1`,
    `prometheus_remote_storage_samples_pending${labels} 0`,
    `prometheus_remote_storage_shards${labels} 1`,
    `prometheus_remote_storage_queue_highest_sent_timestamp_seconds${labels} ${START / 1000}`,
  ])
    assert.ok(page.includes(`${line}\n`), `${line}\n${page}`)
  assert.equal(senderPage([], arrived), '')
})
