/**
 * Prometheus' compliance suite for receivers as it is run: one case after another, each twice, at one server that keeps what it got.
 * The server is the real `assay serve`.
 *
 * Source: prometheus/compliance: remotewrite/receiver, compliance.go.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { compressSync } from 'snappy'
import { RECEIVER_CASES, sentLater } from '../src/remote/write/receiver-cases.test-support.ts'
import { NOW, requestV2, V2_HEADERS } from '../src/remote/write/requests.test-support.ts'
import { directoryOf, type Served, serve } from './support/serve.ts'

/** Cases that share series with samples an hour old: at a server that has newer ones, they are out of order, as in Prometheus. */
const ONCE = ['ExemplarTimestamps', 'EdgeCaseCombinations/mixed_timestamp_data']

describe('the cases of the suite for receivers, one after another at one server', () => {
  const owned = new AsyncDisposableStack()
  let served: Served
  before(async () => {
    const directory = owned.use(await directoryOf({ 'prometheus.yml': 'global: { scrape_interval: 15s }' }))
    const config = ['--config.file', join(directory.path, 'prometheus.yml')]
    served = owned.use(
      await serve([...config, '--storage.tsdb.path', join(directory.path, 'data'), '--listen', '127.0.0.1:0']),
    )
  })
  after(() => owned.disposeAsync())

  let last = 0
  const send = async (series: Parameters<typeof sentLater>[0]) => {
    // The suite has at least 10 ms between two requests, so that a series never gets two samples of one instant.
    last = Math.max(Date.now(), last + 10)
    const body = compressSync(requestV2(sentLater(series, last - NOW)))
    const answer = await fetch(`${served.url}/api/v1/write`, {
      method: 'POST',
      headers: V2_HEADERS,
      body: Uint8Array.from(body),
    })
    const written = ['Samples', 'Histograms', 'Exemplars'].map((kind) =>
      Number(answer.headers.get(`X-Prometheus-Remote-Write-${kind}-Written`) ?? Number.NaN),
    )
    return { status: answer.status, written, text: await answer.text() }
  }

  for (const { name, series, succeeds, written } of RECEIVER_CASES) {
    for (const turn of ONCE.includes(name) ? ['once'] : ['first', 'again']) {
      test(`${turn}: ${name}`, async () => {
        const answer = await send(series)
        assert.equal(answer.status, succeeds ? 204 : 400, answer.text)
        assert.deepEqual(answer.written, written)
      })
    }
  }
})
