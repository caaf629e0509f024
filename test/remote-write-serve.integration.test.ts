/**
 * `assay serve` with `remote_write`, from a page that is scraped to what a receiver gets: the whole way that Prometheus'
 * compliance suite for senders takes. The receiver is ours, which is held to the suite for receivers.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { isStaleAt, Labels, matcher, systemClock, unixMs } from '#core'
import { ExemplarStore } from '#storage'
import { openWorld } from '../src/server/server.test-support.ts'
import { directoryOf, serve } from './support/serve.ts'

const PATIENCE_MS = 30_000
const PAGE = [
  '# TYPE trips counter',
  '# HELP trips Trips made.',
  'trips_total{kind="b"} 101.13 # {trace_id="abc"} 1.5',
  'trips_created{kind="b"} 1700000000.5',
  '# TYPE load gauge',
  'load NaN',
  '# TYPE wait_seconds histogram',
  'wait_seconds_bucket{le="1"} 3',
  'wait_seconds_bucket{le="+Inf"} 4',
  'wait_seconds_sum 5',
  'wait_seconds_count 4',
  '# EOF',
  '',
].join('\n')

for (const message of ['prometheus.WriteRequest', 'io.prometheus.write.v2.Request']) {
  test(`what assay scrapes reaches the receiver, and a series that ends is ended there: ${message}`, async () => {
    const exemplars = new ExemplarStore()
    await using world = await openWorld({ clock: systemClock, deps: { exemplars } })
    await using target = await pageAt(PAGE)
    await using directory = await directoryOf({
      'prometheus.yml': `
global: { scrape_interval: 1s, external_labels: { region: eu } }
scrape_configs:
  - job_name: shop
    static_configs: [{ targets: ['${target.host}'] }]
remote_write:
  - url: ${world.server.url}/api/v1/write
    name: far
    protobuf_message: ${message}
    send_exemplars: true
    write_relabel_configs:
      - { source_labels: [job], regex: shop, action: keep }
    queue_config: { batch_send_deadline: 100ms }
    metadata_config: { send_interval: 1s }
`,
    })
    const served = await serve([
      '--config',
      join(directory.path, 'prometheus.yml'),
      '--data',
      join(directory.path, 'data'),
      '--listen',
      '127.0.0.1:0',
      '--enable-feature=exemplar-storage,st-storage',
    ])
    await using _ = served
    const find = (name: string) => {
      using querier = world.store.querier(unixMs(0), unixMs(Date.now() * 2))
      return querier.select([matcher('__name__', '=', name)])
    }
    const names = ['up', 'trips_total', 'load', 'wait_seconds_bucket', 'scrape_duration_seconds']
    await until(() => names.every((name) => (find(name)[0]?.samples().count ?? 0) > 1))
    await until(() => world.metadata.get('trips') !== undefined || world.metadata.get('trips_total') !== undefined)
    const expected = { job: 'shop', instance: target.host, region: 'eu' }
    assert.deepEqual(
      find('up').map(({ labels }) => labels.key),
      [Labels.of({ __name__: 'up', ...expected }).key],
    )
    const [trips] = find('trips_total')
    assert.equal(trips?.labels.key, Labels.of({ __name__: 'trips_total', kind: 'b', ...expected }).key)
    const samples = trips.samples()
    assert.equal(samples.values[0], 101.13)
    assert.equal(samples.starts?.[0], message.includes('v2') ? 1_700_000_000_500 : undefined)
    assert.equal(find('prometheus_tsdb_head_series').length, 0, 'dropped by relabelling')
    const found = exemplars.select([[matcher('__name__', '=', 'trips_total')]], unixMs(0), unixMs(Date.now() * 2))
    assert.deepEqual(found[0]?.exemplars.length, 1)
    assert.equal(found[0]?.exemplars[0]?.value, 1.5)
    const page = await (await fetch(`${served.url}/metrics`)).text()
    assert.match(page, /^prometheus_remote_storage_samples_total\{remote_name="far",url="[^"]+"\} [1-9]/m)
    assert.match(page, /^prometheus_remote_storage_samples_failed_total\{remote_name="far",url="[^"]+"\} 0$/m)

    target.page = '# EOF\n'
    await until(() => {
      const last = find('trips_total')[0]!.samples()
      return isStaleAt(last.values, last.count - 1)
    })
    assert.equal(await served.stop(), 0)
  })
}

/** A target whose page can be changed. */
async function pageAt(first: string) {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/openmetrics-text; version=1.0.0; charset=utf-8')
    response.end(target.page)
  })
  const target = {
    page: first,
    host: '',
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  target.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return target
}

/** Looks until it holds, on real time: other processes are at work. */
async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!holds()) {
    assert.ok(performance.now() < end, 'not in time')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
