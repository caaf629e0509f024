/** pg against a real PostgreSQL. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import type { Readable } from 'node:stream'
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
const require = createRequire(import.meta.url)
/** As much of them as is used here: pg-cursor has no types of its own. */
type CursorLike = Pg.Submittable & {
  read(rows: number): Promise<readonly Record<string, unknown>[]>
  close(): Promise<void>
}
const Cursor = require('pg-cursor') as new (text: string, values?: readonly unknown[]) => CursorLike
const QueryStream = require('pg-query-stream') as new (
  text: string,
  values?: readonly unknown[],
  options?: { readonly batchSize: number },
) => Readable & Pg.Submittable
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
    onRequire(this.guard, pgPatch(this.store, this.guard))
    this.pg = freshRequire<typeof Pg>('pg', ['pg', 'pg-pool'])
  }

  async value(name: string, labels: Record<string, string> = {}): Promise<number | undefined> {
    return valueAt(await pageOf(this.store), name, labels)
  }

  /** All operations so far: `SELECT`, or with what went wrong `SELECT 42P01`. */
  async operations(): Promise<Readonly<Record<string, number>>> {
    const page = await pageOf(this.store)
    if (!page.includes(COUNT)) return {}
    return Object.fromEntries(
      samplesOf(page, COUNT).map(({ labels, value }) => {
        const { db_operation_name: name, error_type: error } = labels
        return [error === undefined ? name : `${name} ${error}`, value]
      }),
    )
  }

  /** Connections of the pool by state. */
  async pool(): Promise<{ readonly used: number | undefined; readonly idle: number | undefined }> {
    const of = (state: string): Promise<number | undefined> => this.value('db_client_connection_count', { state })
    return { used: await of('used'), idle: await of('idle') }
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

test('a cursor is one operation, over when the server is ready again, however it was read', async () => {
  using b = new Bench()
  const pool = new b.pg.Pool({ ...b.options, max: 1 })
  const client = await pool.connect()
  const whole = client.query(new Cursor('select n from generate_series(1, $1::int) n', [250]))
  let rows = 0
  for (let read = [{}] as readonly unknown[]; read.length > 0; rows += read.length) read = await whole.read(100)
  assert.equal(rows, 250)
  await until(
    () => b.operations(),
    ({ SELECT }) => SELECT === 1,
  )
  const begun = client.query(new Cursor('select n from generate_series(1, 250) n'))
  assert.equal((await begun.read(10)).length, 10)
  assert.deepEqual(await b.operations(), { SELECT: 1 }, 'the second one is still open')
  assert.deepEqual(await b.pool(), { used: 1, idle: 0 })
  await begun.close()
  await begun.close()
  assert.deepEqual((await client.query('values (7)')).rows, [{ column1: 7 }], 'the connection goes on')
  client.release()
  assert.deepEqual(await b.operations(), { SELECT: 2, VALUES: 1 })
  assert.deepEqual(await b.pool(), { used: 0, idle: 1 })
  await pool.end()
  assert.deepEqual(await b.operations(), { SELECT: 2, VALUES: 1 })
})

test('a cursor that fails is an operation with its SQLSTATE, at its start and in the middle', async () => {
  using b = new Bench()
  const client = new b.pg.Client(b.options)
  await client.connect()
  const missing = client.query(new Cursor('select * from nowhere'))
  await assert.rejects(missing.read(1), { code: '42P01' })
  const dividing = client.query(new Cursor('select 1 / (5 - n) as q from generate_series(1, 10) n'))
  assert.equal((await dividing.read(2)).length, 2)
  await assert.rejects(dividing.read(8), { code: '22012' })
  await client.query('select 1')
  await client.end()
  assert.deepEqual(await b.operations(), { 'SELECT 42P01': 1, 'SELECT 22012': 1, SELECT: 1 })
  assert.equal((await b.value('assay_agent_faults_total', { part: 'pg' })) ?? 0, 0)
})

test('a stream of rows is one operation: read to its end, destroyed early, or failed', async () => {
  using b = new Bench()
  const pool = new b.pg.Pool({ ...b.options, max: 1 })
  const client = await pool.connect()
  let rows = 0
  for await (const _ of client.query(new QueryStream('select n from generate_series(1, $1::int) n', [1_000]))) rows++
  assert.equal(rows, 1_000)
  // The loop that is left destroys the stream.
  for await (const _ of client.query(
    new QueryStream('select n from generate_series(1, 100000) n', [], { batchSize: 10 }),
  )) {
    assert.deepEqual(await b.pool(), { used: 1, idle: 0 })
    break
  }
  assert.deepEqual((await client.query('values (7)')).rows, [{ column1: 7 }], 'the connection goes on')
  assert.deepEqual(await b.operations(), { SELECT: 2, VALUES: 1 })
  const failing = client.query(new QueryStream('delete from nowhere returning *'))
  const [error] = (await once(failing.resume(), 'error')) as [Error & { code?: string }]
  assert.equal(error.code, '42P01')
  await client.query('select 1')
  client.release()
  assert.deepEqual(await b.operations(), { SELECT: 3, VALUES: 1, 'DELETE 42P01': 1 })
  assert.deepEqual(await b.pool(), { used: 0, idle: 1 })
  await pool.end()
  assert.equal((await b.value('assay_agent_faults_total', { part: 'pg' })) ?? 0, 0)
})

test('a stream whose connection is ended by the server is an operation that failed, once', async () => {
  using b = new Bench()
  const client = new b.pg.Client(b.options)
  client.on('error', () => {})
  await client.connect()
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  const stream = client.query(new QueryStream('values (1), (2), (3)', [], { batchSize: 1 }))
  stream.on('error', () => {})
  await once(stream, 'readable')
  const admin = new b.pg.Client({ ...b.options, user: 'postgres', database: 'postgres' })
  await admin.connect()
  await admin.query('select pg_terminate_backend($1)', [rows[0]?.pid])
  await admin.end()
  await until(
    () => b.operations(),
    (operations) => operations['VALUES 57P01'] === 1,
  )
  stream.destroy()
  await client.end()
  assert.deepEqual(await b.operations(), { SELECT: 1, 'VALUES 57P01': 1 })
})
