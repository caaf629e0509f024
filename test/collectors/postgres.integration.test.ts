/** The PostgreSQL collector against a real server. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Collector, createCollector } from '#collectors'
import { parseExposition } from '#scrape'
import { connect, type Postgres, postgresUrl, startPostgres } from '../../example/parts/postgres.ts'
import { collectorDeps, freePorts, lineValue, type TestPlace, testPlace } from './workplace.ts'

const signal = AbortSignal.timeout(120_000)
let place: TestPlace
let server: Postgres
let port = 0

async function start(): Promise<Postgres> {
  return startPostgres({
    name: 'postgres',
    place,
    dir: place.dir('postgres'),
    port,
    password: 'root',
    databases: [{ name: 'shop', password: 'shop' }],
    monitor: { name: 'monitor', password: 'monitor' },
    maxConnections: 12,
    signal,
  })
}

before(async () => {
  place = testPlace()
  port = (await freePorts(1))[0]!
  server = await start()
})

after(async () => {
  await server?.[Symbol.asyncDispose]()
  place[Symbol.dispose]()
})

const collectorAt = (url: string): Promise<Collector> =>
  createCollector(
    { kind: 'postgres', part: 'shopDb', url: { env: 'SHOP_DB_URL' } },
    collectorDeps({ SHOP_DB_URL: url }),
  )

test('the page tells connections by state, the limit, the size and the work done', async () => {
  await using collector = await collectorAt(postgresUrl(port, 'monitor', 'monitor', 'shop'))
  const idle = await connect({ port, password: 'root', database: 'shop' })
  const busy = await connect({ port, password: 'root', database: 'shop' })
  await busy.query('begin')
  await busy.query('create table if not exists orders (id int)')
  const page = await collector.read(signal)
  assert.equal(lineValue(page, 'pg_up'), 1)
  assert.equal(lineValue(page, 'pg_stat_activity_count{datname="shop",state="idle"}'), 1)
  assert.equal(lineValue(page, 'pg_stat_activity_count{datname="shop",state="idle in transaction"}'), 1)
  assert.equal(lineValue(page, 'pg_stat_activity_count{datname="shop",state="active"}'), 1, 'our own connection counts')
  assert.equal(lineValue(page, 'pg_stat_activity_count{datname="shop",state="disabled"}'), 0)
  assert.equal(lineValue(page, 'pg_settings_max_connections'), 12)
  assert.equal(lineValue(page, 'pg_locks_count{datname="shop",mode="accessexclusivelock"}'), 1)
  assert.ok((lineValue(page, 'pg_database_size_bytes{datname="shop"}') ?? 0) > 1e6)
  assert.ok((lineValue(page, 'pg_stat_database_xact_commit{datname="shop"}') ?? 0) > 0)
  assert.equal(lineValue(page, 'pg_replication_is_replica'), 0)
  await busy.end()
  await idle.end()
  assert.ok(parseExposition(page, { format: 'text' }).count >= 45)
})

test('one connection serves all reads', async () => {
  await using collector = await collectorAt(postgresUrl(port, 'monitor', 'monitor', 'shop'))
  await collector.read(signal)
  await collector.read(signal)
  const page = await collector.read(signal)
  assert.equal(lineValue(page, 'assay_postgres_server_connections'), 1)
})

test('each way of being refused has its sentence, which names the variable and never the password', async () => {
  const cases = [
    {
      url: postgresUrl(port, 'monitor', 'wrong-secret', 'shop'),
      says: `password refused for user monitor at 127.0.0.1:${port}/shop; check SHOP_DB_URL`,
    },
    {
      url: postgresUrl(port, 'monitor', 'monitor', 'nowhere'),
      says: `there is no database nowhere at 127.0.0.1:${port}; check SHOP_DB_URL`,
    },
    {
      url: `postgres://monitor@127.0.0.1:${port}/shop`,
      says: `127.0.0.1:${port}/shop asks for a password and there is none; add it to SHOP_DB_URL`,
    },
    {
      url: 'postgres://monitor:secret@127.0.0.1:1/shop',
      says: 'connection refused at 127.0.0.1:1; is it running, and is this its port?',
    },
  ]
  for (const { url, says } of cases) {
    await using collector = await collectorAt(url)
    await assert.rejects(collector.read(signal), (error: Error & { code?: string }) => {
      assert.equal(error.message, says)
      assert.equal(error.code, 'ASSAY_COLLECTOR_POSTGRES')
      return true
    })
    assert.ok(!collector.address.includes('secret'))
  }
})

test('a server whose connections are used up says so', async () => {
  const all = await Promise.all(
    Array.from({ length: 12 }, () => connect({ port, password: 'root', database: 'shop' }).catch(() => undefined)),
  )
  const hogs = all.filter((client) => client !== undefined)
  await using collector = await collectorAt(postgresUrl(port, 'shop', 'shop', 'shop'))
  await assert.rejects(collector.read(signal), /too many connections at 127\.0\.0\.1/)
  await Promise.all(hogs.map((client) => client.end()))
})

test('a collector outlives a restart of its server', async () => {
  await using collector = await collectorAt(postgresUrl(port, 'monitor', 'monitor', 'shop'))
  await collector.read(signal)
  await server[Symbol.asyncDispose]()
  await assert.rejects(collector.read(signal), /connection refused|closed the connection|ended the connection/)
  server = await start()
  assert.equal(lineValue(await collector.read(signal), 'pg_up'), 1)
})

test('an aborted read gives up and the next one works', async () => {
  await using collector = await collectorAt(postgresUrl(port, 'monitor', 'monitor', 'shop'))
  await assert.rejects(collector.read(AbortSignal.abort(new Error('stopped'))), /stopped/)
  assert.equal(lineValue(await collector.read(signal), 'pg_up'), 1)
})
