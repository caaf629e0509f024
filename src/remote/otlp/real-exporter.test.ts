/** What a real exporter sends (testdata/README.md), as series. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { ManualClock, matcher, unixMs } from '#core'
import { MetadataStore, memoryStore } from '#storage'
import { noOtlp, receiveOtlp } from './receive.ts'
import { DEFAULT_OTLP_SETTINGS } from './settings.ts'

/** After the recording. */
const NOW = Date.UTC(2026, 10, 22)

const BODIES = [
  ['opentelemetry-js.pb.gz', { 'content-type': 'application/x-protobuf', 'content-encoding': 'gzip' }],
  ['opentelemetry-js.json', { 'content-type': 'application/json' }],
] as const

for (const [file, headers] of BODIES) {
  test(`${file}: every instrument becomes the series that Prometheus makes of it`, async () => {
    const store = memoryStore()
    const metadata = new MetadataStore()
    const deps = {
      clock: new ManualClock(NOW),
      store,
      metadata,
      settings: () => DEFAULT_OTLP_SETTINGS,
      lookbackMs: 300_000,
    }
    const body = await readFile(new URL(`testdata/${file}`, import.meta.url))
    const answer = await receiveOtlp(deps, { headers, body }, noOtlp())
    assert.equal(answer.status, 200)
    assert.equal(answer.body.toString(), file.endsWith('.json') ? '{}' : '')

    using querier = store.querier(unixMs(0), unixMs(NOW))
    const series = querier.select([matcher('__name__', '!=', '')])
    const own = { instance: 'shop-1', job: 'workshop/shop' }
    const told = series.map(({ labels, samples }) => {
      const { values, histograms, count } = samples()
      assert.equal(count, 1)
      assert.deepEqual([labels.get('instance'), labels.get('job')], [own.instance, own.job])
      const value = histograms?.[0] === undefined ? values[0] : `histogram of ${histograms[0].count}`
      return `${labels.without('instance', 'job')} ${value}`
    })
    assert.deepEqual(told, [
      'http_requests_total{http_method="GET", ok="true"} 3',
      'http_requests_total{http_method="POST", status="200"} 0.5',
      'http_server_duration_seconds_bucket{http_route="/orders", le="+Inf"} 5',
      'http_server_duration_seconds_bucket{http_route="/orders", le="0.01"} 1',
      'http_server_duration_seconds_bucket{http_route="/orders", le="0.1"} 2',
      'http_server_duration_seconds_bucket{http_route="/orders", le="1"} 4',
      'http_server_duration_seconds_count{http_route="/orders"} 5',
      'http_server_duration_seconds_sum{http_route="/orders"} 6.055',
      'io_bytes_total{d="in"} 10',
      'io_bytes_total{d="out"} 20',
      'load_ratio 0.75',
      'memory_usage_bytes 123456789',
      'queue_size -2',
      'rpc_duration_milliseconds histogram of 7',
      'target_info{host_name="h1", process_command_args="[\\"node\\",\\"shop\\"]"} 1',
    ])

    const rpc = series.find(({ labels }) => labels.name === 'rpc_duration_milliseconds')!.samples().histograms![0]!
    assert.deepEqual([rpc.schema, rpc.zeroCount, rpc.sum], [3, 1, 1110.5])
    // 1, 2, 3, 4, 100 and 1000.5 each lie in (2^((i-1)/8), 2^(i/8)].
    const filled = [...rpc.positive.indices].filter((_, i) => rpc.positive.counts[i]! > 0)
    assert.deepEqual(
      filled,
      [1, 2, 3, 4, 100, 1000.5].map((value) => Math.ceil(Math.log2(value) * 8)),
    )
    assert.deepEqual(metadata.get('http_requests_total'), { type: 'counter', help: 'Requests that came.', unit: '' })
    assert.equal(metadata.get('rpc_duration_milliseconds')?.unit, 'milliseconds')
  })
}
