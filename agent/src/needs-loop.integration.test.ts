/**
 * What a collector writes at a scrape is marked so: the thread that serves the pages leaves it out while the loop stands still. Every collector
 * of the agent runs here over values that nobody would write; what has another value afterwards was written by one of them.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get, Agent as HttpAgent } from 'node:http'
import type { AddressInfo } from 'node:net'
import { before, test } from 'node:test'
import type { Agent } from './agent.ts'
import { Pools } from './libraries/pg-pools.ts'
import { SERIES, StoreReader, SUMMARY } from './store/index.ts'

const NOBODYS = -12_345.678
/** Written in a later turn than what they tell of, not at a scrape. */
const OBSERVED = /^nodejs_(?:heap_size|external_memory)_after_gc_bytes$/

let agent: Agent
let written: Set<string>

before(async () => {
  process.env['ASSAY_AGENT_LISTEN'] = '127.0.0.1:0'
  const { gauge, outboxPending } = await import('./index.ts')
  const { default: client } = await import('./prom-client/index.ts')
  agent = (globalThis as unknown as Record<symbol, Agent>)[Symbol.for('assay.agent.1')]!
  outboxPending('orders', () => 7)
  gauge('set_by_the_application', { help: 'At any time.' }).set(1)
  gauge('collected_from_the_application', { help: 'When it is asked.', collect: (it) => it.set(1) })
  new client.Gauge({ name: 'drop_in_set', help: 'At any time.' }).set(1)
  for (const Kind of [client.Gauge, client.Counter] as const) {
    const name = `drop_in_collected_${Kind === client.Gauge ? 'gauge' : 'total'}`
    new Kind({
      name,
      help: 'When it is asked.',
      collect() {
        this.inc(1)
      },
    })
  }
  new client.Summary({ name: 'drop_in_summary', help: 'Quantiles.', percentiles: [0.5] }).observe(3)
  const pools = new Pools(agent.store)
  pools.see({ totalCount: 3, idleCount: 1, waitingCount: 2, options: { host: 'db', max: 10 } })
  const server = createServer((_request, response) => void response.end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const kept = new HttpAgent({ keepAlive: true })
  await new Promise<void>((resolve) => {
    const { port } = server.address() as AddressInfo
    get({ host: '127.0.0.1', port, agent: kept }, (response) => response.resume().on('end', resolve))
  })
  // The figures of the runtime come with the first scrape.
  await collect()
  assert.ok([...agent.store.families()].some(({ name }) => name === 'nodejs_heap_size_used_bytes'))
  overwrite()
  await collect()
  written = otherThanOverwritten()
  kept.destroy()
  server.close()
  await agent[Symbol.asyncDispose]()
})

async function collect(): Promise<void> {
  for (const one of agent.store.collectors) await one()
}

/** Of all series with one value, and of the quantiles of summaries; histograms are recorded to by many. */
function* places(): Generator<{ readonly name: string; readonly place: number }> {
  const reader = new StoreReader(agent.store.shared)
  reader.read()
  for (const { record, count, series } of reader.families) {
    if (record.kind === 'histogram') continue
    const [more, what] = record.kind === 'summary' ? [SUMMARY.quantiles, '{quantile}'] : [0, '']
    for (let i = 0; i < count; i++) yield { name: `${record.name}${what}`, place: series[i * SERIES.size]! + more }
  }
}

function overwrite(): void {
  const numbers = new Float64Array(agent.store.shared.numbers)
  for (const { place } of places()) numbers[place] = NOBODYS
}

function otherThanOverwritten(): Set<string> {
  const numbers = new Float64Array(agent.store.shared.numbers)
  const names = new Set<string>()
  for (const { name, place } of places()) if (numbers[place] !== NOBODYS) names.add(name)
  return names
}

test('collectors write what they are there for', () => {
  for (const name of [
    'assay_agent_series',
    'collected_from_the_application',
    'db_client_connection_count',
    'db_client_connection_max',
    'db_client_connection_pending_requests',
    'drop_in_collected_gauge',
    'drop_in_collected_total',
    'drop_in_summary{quantile}',
    'http_client_open_connections',
    'messaging_outbox_pending_messages',
    'nodejs_eventloop_active_seconds_total',
    'nodejs_eventloop_lag_seconds',
    'nodejs_heap_size_used_bytes',
  ])
    assert.ok(written.has(name), `${name} was written`)
})

test('what a collector writes needs the loop, and nothing else does', () => {
  const families = [...agent.store.families()].filter(({ size, name }) => size > 0 && !OBSERVED.test(name))
  const quantiles = families.filter(({ kind }) => kind === 'summary').map(({ name }) => `${name}{quantile}`)
  const marked = [...quantiles, ...families.filter(({ needsLoop }) => needsLoop).map(({ name }) => name)]
  assert.deepEqual(marked.toSorted(), [...written].toSorted())
})

test('another thread reads the mark, also of a family that was declared without it', () => {
  const { store } = agent
  const reader = new StoreReader(store.shared)
  const needsLoop = (): boolean | undefined => {
    reader.read()
    return reader.families.find(({ record }) => record.name === 'late')?.needsLoop
  }
  const slot = store.family({ name: 'late', help: 'x', kind: 'gauge' }).series()
  assert.equal(needsLoop(), false)
  store.family({ name: 'late', help: 'x', kind: 'gauge', needsLoop: true })
  assert.equal(needsLoop(), true)
  assert.equal(store.family({ name: 'late', help: 'x', kind: 'gauge' }).series(), slot, 'with the series it had')
  store.family({ name: 'late', help: 'x', kind: 'gauge' })
  assert.equal(needsLoop(), true, 'and keeps it')
})
