/**
 * Several assay processes over one store: targets are shared by hashed shards, and a pair that does the same work twice is deduplicated
 * by the store.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '../support/demo.ts'
import { peersMissing } from '../support/peers.ts'
import { freePort } from '../support/prometheus3.ts'
import { directoryOf, type Served, serve } from '../support/serve.ts'
import { startVictoria } from './stores.ts'

const skip = await peersMissing()
const WITHIN = { withinMs: 30_000, everyMs: 200 }
const TARGETS = 8

/** Each path is a target of its own. */
async function pages(): Promise<AsyncDisposable & { readonly host: string; readonly scraped: Map<string, number> }> {
  const scraped = new Map<string, number>()
  const server = createServer(({ url = '' }, response) => {
    scraped.set(url, (scraped.get(url) ?? 0) + 1)
    response.setHeader('content-type', 'text/plain; version=0.0.4').end(`orders_total ${scraped.get(url)}\n`)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    scraped,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

const jobs = (host: string, interval: string) => `
global: { scrape_interval: ${interval} }
rule_files: [rules.yml]
scrape_configs:
${Array.from({ length: TARGETS }, (_, i) => `  - { job_name: job-${i}, metrics_path: /${i}, static_configs: [{ targets: ['${host}'] }] }`).join('\n')}
`
const RULES = `groups: [{ name: all, interval: 1s, rules: [{ record: 'jobs:up', expr: 'count(up == 1)' }] }]\n`

async function start(config: string, engine: string, ...more: readonly string[]): Promise<Served & AsyncDisposable> {
  await using owned = new AsyncDisposableStack()
  const directory = owned.use(await directoryOf({ 'prometheus.yml': config, 'rules.yml': RULES }))
  const served = owned.use(
    await serve([
      ...['--config', join(directory.path, 'prometheus.yml'), '--data', join(directory.path, 'data')],
      ...['--listen', `127.0.0.1:${await freePort()}`, '--remote-engine', engine, ...more],
    ]),
  )
  const all = owned.move()
  return { ...served, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

async function value(url: string, promql: string): Promise<number | undefined> {
  const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(promql)}`)
  const { data } = (await response.json()) as { data: { result: readonly { value: readonly [number, string] }[] } }
  const text = data.result[0]?.value[1]
  return text === undefined ? undefined : Number(text)
}

type Targets = {
  readonly data: {
    readonly activeTargets: readonly {
      readonly scrapePool: string
      readonly discoveredLabels: Readonly<Record<string, string>>
    }[]
    readonly droppedTargets: readonly { readonly discoveredLabels: Readonly<Record<string, string>> }[]
  }
}

test(
  'two shards scrape every target once, each shows its share, and rules are evaluated by the first',
  { skip },
  async () => {
    await using store = await startVictoria()
    await using target = await pages()
    await using first = await start(jobs(target.host, '1s'), store.url, '--scrape-shard', '0/2')
    await using second = await start(jobs(target.host, '1s'), store.url, '--scrape-shard=1/2')
    const both = [first, second]
    await until(async () => (await value(first.url, 'count(up == 1)')) === TARGETS, { ...WITHIN, what: 'all are up' })
    assert.equal(await value(second.url, 'count(up == 1)'), TARGETS, 'each sees what the other scraped')
    const shares = await Promise.all(
      both.map(async ({ url }) => ((await (await fetch(`${url}/api/v1/targets`)).json()) as Targets).data),
    )
    const pools = shares.map(({ activeTargets }) => activeTargets.map(({ scrapePool }) => scrapePool))
    assert.deepEqual(
      pools.flat().sort(),
      Array.from({ length: TARGETS }, (_, i) => `job-${i}`),
    )
    for (const [i, { activeTargets, droppedTargets }] of shares.entries()) {
      assert.ok(activeTargets.every(({ discoveredLabels }) => discoveredLabels['__shard__'] === `${i}/2`))
      assert.equal(activeTargets.length + droppedTargets.length, TARGETS)
    }
    await until(async () => (await value(first.url, 'jobs:up')) === TARGETS, {
      ...WITHIN,
      what: 'the rule is evaluated',
    })
    const groups = await Promise.all(
      both.map(
        async ({ url }) =>
          ((await (await fetch(`${url}/api/v1/rules`)).json()) as { data: { groups: readonly object[] } }).data.groups
            .length,
      ),
    )
    assert.deepEqual(groups, [1, 0])
    const flags = (await (await fetch(`${second.url}/api/v1/status/flags`)).json()) as { data: Record<string, string> }
    assert.equal(flags.data['scrape.shard'], '1/2')
  },
)

test('a pair that scrapes the same is deduplicated by VictoriaMetrics, and one of it may die', { skip }, async () => {
  await using store = await startVictoria(['-dedup.minScrapeInterval=2s'])
  await using target = await pages()
  const config = jobs(target.host, '2s')
  const first = await start(config, store.url)
  await using _first = first
  await using second = await start(config, store.url)
  // Both have scraped each target often enough that without deduplication there would be twice as many samples as intervals.
  await until(() => (target.scraped.get('/0') ?? 0) >= 12, { ...WITHIN, what: 'six rounds of two' })
  const counted = async (url: string) => await value(url, 'count_over_time(orders_total{job="job-0"}[10s])')
  await until(async () => ((await counted(second.url)) ?? 0) >= 4, { ...WITHIN, what: '10 s of both' })
  const kept = (await counted(second.url)) ?? 0
  assert.ok(kept <= 6, `${kept} samples of 10 s at one each 2 s`)
  await first.stop('SIGKILL')
  const scraped = target.scraped.get('/0') ?? 0
  await until(() => (target.scraped.get('/0') ?? 0) >= scraped + 6, { ...WITHIN, what: 'the other goes on' })
  // The last samples are still on their way through the spool and the store's own buffers: they must arrive, and only once.
  let most = 0
  const arrived = async () => {
    const alone = (await counted(second.url)) ?? 0
    most = Math.max(most, alone)
    return alone >= 4
  }
  await until(arrived, { ...WITHIN, what: 'one alone fills 10 s' })
  assert.ok(most <= 6, `${most} samples of 10 s by one alone`)
})
