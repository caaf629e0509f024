import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compressSync } from 'snappy'
import { Labels, unixMs } from '#core'
import { encodeWriteV1, WRITE_LIMITS } from '#remote'
import { ExemplarStore } from '#storage'
import { NOW, openWorld, type World } from './server.test-support.ts'

async function readings(world: World): Promise<ReadonlyMap<string, number>> {
  const { text } = await world.get('/metrics')
  return new Map([...text.matchAll(/^(\w+) (\S+)$/gm)].map(([, name = '', value]) => [name, Number(value)]))
}

test('every bounded thing says how full it is, and what it turned away', async () => {
  const exemplars = new ExemplarStore({ capacity: 10 })
  await using world = await openWorld({ deps: { exemplars, features: new Set(['otlp-deltatocumulative']) } })
  const before = await readings(world)
  for (const gate of ['queries', 'remote_writes', 'remote_reads', 'otlp_writes'])
    for (const what of ['running', 'waiting', 'refused_total'])
      assert.equal(before.get(`assay_${gate}_${what}`), 0, gate)
  for (const name of [
    'assay_http_connections_waiting',
    'assay_http_connections_refused_total',
    'assay_http_pipelined_requests_refused_total',
    'assay_http_malformed_requests_total',
    'assay_long_answers_sending',
    'assay_long_answers_points',
    'assay_long_answers_refused_total',
    'assay_event_clients',
    'assay_event_clients_dropped_total',
    'assay_metadata_families',
    'assay_metadata_characters',
    'assay_metadata_evicted_total',
    'assay_remote_write_known_series',
    'assay_remote_write_known_series_forgotten_total',
    'assay_remote_write_known_series_refused_total',
    'assay_otlp_delta_streams',
    'prometheus_api_notification_active_subscribers',
    'prometheus_api_notification_updates_dropped_total',
    'prometheus_tsdb_exemplar_exemplars_in_storage',
    'prometheus_tsdb_exemplar_series_with_exemplars_in_storage',
  ])
    assert.equal(before.get(name), 0, name)
  assert.equal(before.get('prometheus_tsdb_exemplar_max_exemplars'), 10)
  assert.ok((before.get('assay_http_connections') ?? 0) >= 1)

  world.metadata.set('m', { type: 'counter', help: 'four', unit: '' })
  exemplars.append(Labels.of({ __name__: 'm' }), { labels: Labels.of({ id: 'x' }), value: 1, at: unixMs(NOW) })
  const after = await readings(world)
  assert.deepEqual([after.get('assay_metadata_families'), after.get('assay_metadata_characters')], [1, 5])
  assert.equal(after.get('prometheus_tsdb_exemplar_exemplars_in_storage'), 1)
})

test('a remote write over a limit is told which flag raises it, and is counted with its reason', async () => {
  const writeLimits = { ...WRITE_LIMITS, bodyBytes: 100, labelsPerSeries: 1 }
  await using world = await openWorld({ server: { writeLimits } })
  const post = (body: Buffer) =>
    world.get('/api/v1/write', { method: 'POST', body, headers: { 'content-type': 'application/x-protobuf' } })
  const large = await post(Buffer.alloc(101))
  assert.equal(large.status, 413)
  assert.match(
    large.text,
    /^the body has more than 100 bytes; .*, or raise --storage\.remote\.write-body-size-limit\n$/,
  )
  const labels = Labels.of({ __name__: 'm', job: 'shop' })
  const message = encodeWriteV1({
    series: [{ labels, from: 0, to: 1, histograms: [], exemplars: [] }],
    timestamps: Float64Array.of(NOW),
    values: Float64Array.of(1),
    metadata: [],
  })
  const wide = await post(Buffer.from(compressSync(message)))
  assert.equal(wide.status, 400)
  assert.match(wide.text, /^not taken: 1 for label_limit exceeded/)
  const { text } = await world.get('/metrics')
  assert.match(text, /^assay_remote_write_refused_requests_total\{reason="body-size"\} 1$/m)
  assert.match(text, /^assay_remote_write_refused_requests_total\{reason="snappy"\} 0$/m)
  assert.match(text, /^assay_remote_write_rejected_samples_total\{reason="label-limit"\} 1$/m)
  assert.match(text, /^prometheus_api_remote_write_invalid_labels_samples_total 1$/m)
})
