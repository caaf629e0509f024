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

test('outboxes are counted; one that cannot be takes nothing with it, and its caveat says what to do', async () => {
  const root = await connect({ port, password: 'root', database: 'shop' })
  await root.query('create table outbox (id int, sent_at timestamptz)')
  await root.query('insert into outbox values (1, null), (2, null), (3, now())')
  await root.query('create table hidden (id int)')
  await root.query('grant select on outbox to monitor')
  const outboxes = [
    { name: 'hidden', sql: 'select count(*) from hidden' },
    { name: 'orders', sql: 'select count(*) from outbox where sent_at is null -- what waits' },
    { name: 'gone', sql: 'select count(*) from no_such_table' },
    { name: 'slow', sql: 'select count(*) from pg_sleep(30)' },
    { name: 'words', sql: 'select null::int' },
    { name: 'writes', sql: 'with gone as (delete from outbox returning id) select count(*) from gone' },
  ]
  await using collector = await createCollector(
    { kind: 'postgres', part: 'shopDb', url: { env: 'SHOP_DB_URL' }, outboxes },
    collectorDeps({ SHOP_DB_URL: postgresUrl(port, 'monitor', 'monitor', 'shop') }),
  )
  const page = await collector.read(signal)
  assert.equal(lineValue(page, 'messaging_outbox_pending_messages{outbox="orders"}'), 2)
  assert.equal(page.match(/^messaging_outbox_pending_messages\{/gm)?.length, 1)
  assert.equal(lineValue(page, 'pg_up'), 1)
  assert.ok(parseExposition(page, { format: 'text' }).count >= 45)
  const caveats = collector.caveats()
  assert.equal(caveats.length, 5)
  assert.match(caveats[0] ?? '', /outbox hidden cannot be counted: user monitor may not read it .*GRANT SELECT/)
  assert.match(caveats[1] ?? '', /outbox gone cannot be counted: relation "no_such_table" does not exist/)
  assert.match(caveats[2] ?? '', /outbox slow cannot be counted: it took longer than 2s/)
  assert.match(caveats[3] ?? '', /outbox words: the query gives no number/)
  assert.match(caveats[4] ?? '', /outbox writes cannot be counted/)
  await root.query('update outbox set sent_at = now()')
  assert.equal(lineValue(await collector.read(signal), 'messaging_outbox_pending_messages{outbox="orders"}'), 0)
  await root.query('drop table outbox, hidden')
  await root.end()
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
