/** Metrics of OpenTelemetry over HTTP, as a real exporter sent them, asked for again with PromQL. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { systemClock, unixMs } from '#core'
import { createEngine } from '#promql'
import { openWorld } from '../src/server/server.test-support.ts'

/** When `src/remote/otlp/testdata` was recorded. */
const RECORDED = 1_795_243_817.824

test('what an exporter sends to either path is found by queries, and counted', async () => {
  const late: { engine?: ReturnType<typeof createEngine> } = {}
  await using world = await openWorld({
    clock: systemClock,
    query: (promql, when, signal) => late.engine!.query(promql, when, signal),
  })
  late.engine = createEngine({ store: (from, to) => world.store.querier(unixMs(from), unixMs(to)), clock: systemClock })
  const send = async (path: string, file: string, headers: Record<string, string>) => {
    const body = await readFile(new URL(`../src/remote/otlp/testdata/${file}`, import.meta.url))
    return await world.get(path, { method: 'POST', headers, body })
  }
  const proto = { 'content-type': 'application/x-protobuf', 'content-encoding': 'gzip' }
  const first = await send('/v1/metrics', 'opentelemetry-js.pb.gz', proto)
  assert.deepEqual([first.status, first.text], [200, ''])
  const again = await send('/api/v1/otlp/v1/metrics', 'opentelemetry-js.pb.gz', proto)
  assert.deepEqual([again.status, again.headers.get('content-type')], [200, 'application/x-protobuf'])
  const bad = await world.get('/v1/metrics', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '[]',
  })
  assert.deepEqual([bad.status, bad.json], [400, { code: 3, message: 'the body: it must be an object' }])

  const value = async (query: string) => {
    const { json } = await world.get(`/api/v1/query?query=${encodeURIComponent(query)}&time=${RECORDED + 1}`)
    assert.equal(json.status, 'success', json.error)
    return json.data.result.map((one: { value: [number, string] }) => one.value[1]).join()
  }
  assert.equal(await value('sum by (job) (http_requests_total{instance="shop-1"})'), '3.5')
  assert.equal(await value('histogram_quantile(0.5, http_server_duration_seconds_bucket)'), '0.325')
  assert.equal(await value('histogram_count(rpc_duration_milliseconds)'), '7')
  assert.equal(await value('load_ratio * on (job, instance) group_left (host_name) target_info'), '0.75')
  const { json } = await world.get('/api/v1/metadata?metric=http_requests_total')
  assert.deepEqual(json.data, { http_requests_total: [{ type: 'counter', help: 'Requests that came.', unit: '' }] })
  assert.match((await world.get('/metrics')).text, /^assay_otlp_requests_total 2$/m)
})
