/**
 * What the drop-in for prom-client measures, on the agent's page: summaries and exemplars in each of the three formats, of one process and of several,
 * of threads, and while the event loop stands still.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ExpositionFormat, parseExposition } from '#scrape'
import { freePort, type Service, startService, until } from '../../agent/src/test-support/service.ts'

const ACCEPT = {
  text: 'text/plain;version=0.0.4',
  openmetrics: 'application/openmetrics-text;version=1.0.0',
  protobuf: 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
} as const
const FORMATS = Object.keys(ACCEPT) as (keyof typeof ACCEPT)[]

type Page = {
  readonly value: (series: string) => number | undefined
  /** Labels and value of the exemplar of a series. */
  readonly exemplar: (series: string) => readonly [Readonly<Record<string, string>>, number] | undefined
}

async function scrape(service: Service, format: ExpositionFormat): Promise<Page> {
  const headers = { accept: ACCEPT[format as keyof typeof ACCEPT] }
  const response = await fetch(`http://127.0.0.1:${service.metricsPort}/metrics`, { headers })
  const page = parseExposition(Buffer.from(await response.arrayBuffer()), { format })
  const indices = new Map<string, number>()
  for (let i = 0; i < page.count; i++) {
    const { __name__: name, ...labels } = page.labels(i).toJSON() as Record<string, string>
    indices.set([name, ...Object.entries(labels).flat()].join(' '), i)
  }
  return {
    value: (series) => page.values[indices.get(series) ?? Number.NaN],
    exemplar: (series) => {
      const [found] = page.exemplars.get(indices.get(series) ?? -1) ?? []
      return found === undefined ? undefined : [found.labels.toJSON(), found.value]
    },
  }
}

const get = async (service: Service, path: string): Promise<string> =>
  await (await fetch(`http://127.0.0.1:${String(service.ready['port'])}${path}`)).text()

/** A machine with much to do may keep the loop from answering in time now and then. */
const scraped = (service: Service, format: ExpositionFormat, isWanted: (page: Page) => boolean): Promise<Page> =>
  until(() => scrape(service, format), isWanted)

for (const format of FORMATS) {
  test(`summaries and exemplars of the drop-in are on the page (${format})`, async () => {
    await using service = await startService('../../../test/agent/drop-in-service.ts')
    const page = await scraped(service, format, ({ value }) => value('queue_length') === 4)
    assert.equal(page.value('wait_seconds kind print quantile 0.5'), 2)
    assert.ok((page.value('wait_seconds kind print quantile 0.9') ?? 0) > 2)
    assert.equal(page.value('wait_seconds_sum kind print'), 6)
    assert.equal(page.value('wait_seconds_count kind print'), 3)
    assert.equal(page.value('jobs_total kind print'), 2)
    const exemplars = ['jobs_total kind print', 'price_seconds_bucket le 1.0', 'price_seconds_bucket le +Inf'].map(
      (series) => page.exemplar(series),
    )
    if (format === 'text') assert.deepEqual(exemplars, [undefined, undefined, undefined])
    else {
      assert.deepEqual(exemplars, [
        [{ trace_id: 'tr"1', thread: 'true' }, 2],
        [{ trace_id: 'x'.repeat(120) }, 0.5],
        [{ trace_id: 'above' }, 9],
      ])
    }
    assert.equal(page.exemplar('price_seconds_bucket le 5.0'), undefined)
  })

  test(`while the event loop stands still a summary has no quantiles, and goes on (${format})`, async () => {
    await using service = await startService('../../../test/agent/drop-in-service.ts', {
      ASSAY_AGENT_THREAD: 'start',
    })
    await scraped(service, format, ({ value }) => value('assay_agent_thread') === 1)
    await get(service, '/block')
    const page = await scraped(service, format, ({ value }) => (value('nodejs_eventloop_blocked_seconds') ?? 0) > 0)
    assert.equal(page.value('wait_seconds kind print quantile 0.5'), undefined)
    assert.equal(page.value('queue_length'), undefined)
    assert.equal(page.value('wait_seconds_sum kind print'), 6)
    assert.equal(page.value('wait_seconds_count kind print'), 3)
    assert.equal(page.value('jobs_total kind print'), 2)
    if (format !== 'text') assert.deepEqual(page.exemplar('price_seconds_bucket le +Inf')?.[0], { trace_id: 'above' })
    service.child.stdin?.write('go on\n')
    await scraped(service, format, ({ value }) => value('wait_seconds kind print quantile 0.5') === 2)
  })

  test(`what a thread measures with the drop-in is in the sum, with the newest exemplar (${format})`, async () => {
    await using service = await startService('../../../test/agent/drop-in-service.ts')
    await get(service, '/thread')
    const page = await scraped(service, format, ({ value }) => value('queue_length') === 8)
    assert.equal(page.value('wait_seconds_sum kind print'), 12)
    assert.equal(page.value('wait_seconds kind print quantile 0.5'), 2)
    if (format !== 'text') assert.deepEqual(page.exemplar('jobs_total kind print')?.[0]['thread'], 'false')
  })

  test(`in a cluster each worker has its own summary (${format})`, async () => {
    const METRICS_PORT = String(await freePort())
    const start = (worker: string): Promise<Service> =>
      startService('../../../test/agent/drop-in-service.ts', { METRICS_PORT, NODE_APP_INSTANCE: worker })
    await using hub = await start('1')
    await using _other = await start('2')
    const quantile = (worker: string) => `wait_seconds kind print quantile 0.5 worker ${worker}`
    const page = await scraped(hub, format, ({ value }) => value(quantile('1')) === 2 && value(quantile('2')) === 2)
    assert.equal(page.value('wait_seconds_count kind print worker 2'), 3)
    if (format !== 'text') assert.deepEqual(page.exemplar('price_seconds_bucket le +Inf worker 2')?.[1], 9)
  })
}
