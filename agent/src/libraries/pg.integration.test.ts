/** pg against a real PostgreSQL. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type Pg from 'pg'
import { type Postgres, startPostgres } from '../../../example/parts/postgres.ts'
import { freePorts, type TestPlace, testPlace } from '../../../test/collectors/workplace.ts'
import { Guard } from '../guard.ts'
import { Store } from '../store/index.ts'
import { freshRequire } from '../test-support/fresh-require.ts'
import { pageOf } from '../test-support/page-of.ts'
import { samplesOf, valueAt } from '../test-support/parse-page.ts'
import { until } from '../test-support/service.ts'
import { pgPatch } from './pg.ts'
import { onRequire } from './require-hook.ts'

const COUNT = 'db_client_operation_duration_seconds_count'
let place: TestPlace
let server: Postgres
let port = 0

before(async () => {
  place = testPlace()
  const [free = 0] = await freePorts(1)
  port = free
  server = await startPostgres({
    name: 'postgres',
    place,
    dir: place.dir('postgres'),
    port,
    password: 'secret',
    databases: [{ name: 'shop', password: 'secret' }],
    monitor: { name: 'monitor', password: 'secret' },
    maxConnections: 20,
    signal: AbortSignal.timeout(60_000),
  })
})

after(async () => {
  await server?.[Symbol.asyncDispose]()
  place[Symbol.dispose]()
})

class Bench implements Disposable {
  readonly store = new Store()
  readonly guard = new Guard(this.store, () => {})
  readonly pg: typeof Pg
  readonly options = { host: '127.0.0.1', user: 'shop', password: 'secret', database: 'shop', port }

  constructor() {
    onRequire(this.guard, [pgPatch(this.store, this.guard)])
    this.pg = freshRequire<typeof Pg>('pg', ['pg', 'pg-pool'])
  }

  async value(name: string, labels: Record<string, string> = {}): Promise<number | undefined> {
    return valueAt(await pageOf(this.store), name, labels)
  }

  [Symbol.dispose](): void {
    this.guard[Symbol.dispose]()
  }
}

test('each way of asking is one operation: text, parameters, prepared, callback, submitted', async () => {
  using b = new Bench()
  const client = new b.pg.Client(b.options)
  await client.connect()
  await client.query('create table orders (id int primary key)')
  await client.query('insert into orders values ($1)', [1])
  await client.query({ name: 'again', text: 'insert into orders values ($1)', values: [2] })
  await client.query({ name: 'again', text: 'insert into orders values ($1)', values: [3] })
  const counted = await new Promise((resolve, reject) =>
    client.query('select count(*)::int as n from orders', (error, result) =>
      error ? reject(error) : resolve(result.rows[0]),
    ),
  )
  assert.deepEqual(counted, { n: 3 })
  const submitted = new b.pg.Query('delete from orders where id = 3')
  const ended = new Promise((resolve) => submitted.on('end', resolve))
  client.query(submitted)
  await ended
  await assert.rejects(client.query('insert into orders values (1)'), { code: '23505' })
  await client.end()
  const at = (operation: string): Promise<number | undefined> =>
    b.value(COUNT, { db_operation_name: operation, db_namespace: 'shop' })
  assert.equal(await at('CREATE'), 1)
  assert.equal(await at('SELECT'), 1)
  assert.equal(await at('DELETE'), 1)
  assert.equal(await b.value(COUNT, { db_operation_name: 'INSERT', error_type: '23505' }), 1)
  const inserts = samplesOf(await pageOf(b.store), COUNT, { db_operation_name: 'INSERT' })
  assert.equal(
    inserts.reduce((sum, { value }) => sum + value, 0),
    4,
  )
  assert.equal((await b.value('assay_agent_faults_total', { part: 'pg' })) ?? 0, 0)
})

test('a pool is told by state, how long it was waited for, and no more once it has ended', async () => {
  using b = new Bench()
  const pool = new b.pg.Pool({ ...b.options, max: 2 })
  const name = { db_client_connection_pool_name: `127.0.0.1:${port}/shop` }
  const first = await pool.connect()
  const second = await pool.connect()
  const third = pool.query('select 3 as n')
  assert.equal(await b.value('db_client_connection_count', { ...name, state: 'used' }), 2)
  assert.equal(await b.value('db_client_connection_pending_requests', name), 1)
  assert.equal(await b.value('db_client_connection_max', name), 2)
  first.release()
  assert.deepEqual((await third).rows, [{ n: 3 }])
  second.release()
  assert.equal(await b.value('db_client_connection_count', { ...name, state: 'idle' }), 2)
  assert.equal(await b.value('db_client_connection_wait_time_seconds_count', name), 3)
  assert.equal(await b.value(COUNT, { db_operation_name: 'SELECT' }), 1)
  assert.ok(!(await pageOf(b.store)).includes('secret'))
  await pool.end()
  assert.equal(await b.value('db_client_connection_count', { ...name, state: 'idle' }), undefined)
})

test('connections that a pool cannot give are told by why', async () => {
  using b = new Bench()
  const wrong = new b.pg.Pool({ ...b.options, password: 'wrong' })
  await assert.rejects(wrong.query('select 1'), { code: '28P01' })
  await wrong.end()
  const small = new b.pg.Pool({ ...b.options, max: 1 })
  const held = await small.connect()
  // Only now: to connect may take longer than that on a machine that is busy.
  small.options.connectionTimeoutMillis = 30
  await assert.rejects(small.connect(), /timeout/)
  held.release()
  await small.end()
  const errors = samplesOf(await pageOf(b.store), 'db_client_connection_errors_total').map(
    ({ labels }) => labels['error_type'],
  )
  assert.deepEqual(errors.sort(), ['28P01', 'timeout'])
})

test('a query whose connection is ended by the server is an operation that failed', async () => {
  using b = new Bench()
  const client = new b.pg.Client(b.options)
  client.on('error', () => {})
  await client.connect()
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  const sleeping = assert.rejects(client.query('select pg_sleep(60)'))
  const admin = new b.pg.Client({ ...b.options, user: 'postgres', database: 'postgres' })
  await admin.connect()
  await until(
    async () => (await admin.query('select pg_terminate_backend($1) as done', [rows[0]?.pid])).rows,
    ([row]) => (row as { done: boolean }).done,
  )
  await sleeping
  await admin.end()
  assert.equal(await b.value(COUNT, { db_namespace: 'shop', error_type: '57P01' }), 1)
})
