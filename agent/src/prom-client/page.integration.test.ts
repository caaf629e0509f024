/** The drop-in in a service of its own: the agent's page, the service's page, and packages of others that ask for prom-client. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startService, until } from '../test-support/service.ts'

const REGISTER = fileURLToPath(new URL('./register.ts', import.meta.url))

test('metrics of the drop-in stand on the agent’s page, beside the service’s own page', async () => {
  await using service = await startService('prom-client-service.ts')
  const agentPage = await service.metrics()
  const ownPage = await (await fetch(`http://127.0.0.1:${String(service.ready['port'])}/metrics`)).text()
  for (const page of [agentPage, ownPage]) {
    assert.match(page, /^orders_total\{kind="print"\} 3$/m)
    assert.match(page, /^queue_length 7$/m)
    assert.match(page, /^price_seconds_bucket\{le="0\.5"\} 1$/m)
    assert.match(page, /^wait_seconds\{quantile="0\.5"\} 4$/m)
    assert.match(page, /^wait_seconds_count 1$/m)
    assert.match(page, /^of_a_registry 1$/m)
  }
  // Of two metrics with one name in two registries the first has the agent's page.
  assert.match(agentPage, /^twice 1$/m)
  // A name of the agent's stays the agent's.
  assert.match(agentPage, /^process_resident_memory_bytes \d{7,}$/m)
  // Default metrics are views of the agent's.
  assert.match(ownPage, /^app_process_resident_memory_bytes\{zone="b"\} \d{7,}$/m)
  assert.match(ownPage, /^app_nodejs_gc_duration_seconds_bucket\{le="0\.001",zone="b",kind="\w+"\} \d+$/m)
  assert.doesNotMatch(ownPage, /http_server_request/)
})

test('a label that runs wild ends in one series on both pages, and no sum is lost', async () => {
  await using service = await startService('prom-client-service.ts', { ASSAY_AGENT_MAX_SERIES: '30' })
  const agentPage = await service.metrics()
  const ownPage = await (await fetch(`http://127.0.0.1:${String(service.ready['port'])}/metrics`)).text()
  for (const page of [agentPage, ownPage]) {
    assert.equal(page.match(/^wild_total\{path="\/\d+"\} 1$/gm)?.length, 30)
    assert.match(page, /^wild_total\{otel_metric_overflow="true"\} 10$/m)
  }
  assert.match(agentPage, /^assay_agent_series_refused_total\{family="wild_total"\} 10$/m)
})

test('a gauge’s collect is called when the agent is scraped', async () => {
  await using service = await startService('prom-client-service.ts')
  const read = async (): Promise<number> => Number(/^collected (\d+)$/m.exec(await service.metrics())?.[1])
  const first = await read()
  assert.ok((await read()) > first)
})

test('prom-client is answered with the drop-in, for import, require and packages of others', async () => {
  await using service = await startService('prom-client-register-service.ts', {
    NODE_OPTIONS: `--import ${REGISTER}`,
  })
  assert.deepEqual(service.ready, { imported: true, required: true, namespace: true, port: service.ready['port'] })
  const page = await until(
    () => service.metrics(),
    (text) => text.includes('by_require_total 1'),
  )
  assert.match(page, /^by_import_total 1$/m)
})
