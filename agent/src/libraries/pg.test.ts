import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assemble, render } from '../exposition/exposition.ts'
import { Guard } from '../guard.ts'
import { Store } from '../store/index.ts'
import { samplesOf, valueAt } from '../test-support/parse-page.ts'
import { operationOf, pgPatch } from './pg.ts'

/** As pg answers: with a promise, by a callback, or the submitted object. `bad` fails. */
class StandInClient {
  database = 'shop'
  query(config: string | { text?: string; submit?: unknown }, ...more: unknown[]): unknown {
    if (typeof config === 'object' && config.submit !== undefined) return config
    const text = typeof config === 'string' ? config : config.text
    const error = text?.includes('bad') === true ? Object.assign(new Error('bad'), { code: '23505' }) : null
    const callback = more.find((one) => typeof one === 'function') as
      | ((error: unknown, result?: unknown) => void)
      | undefined
    if (callback !== undefined) return void callback(error, 'rows')
    return error === null ? Promise.resolve('rows') : Promise.reject(error)
  }
}

class StandInPool {
  options = { connectionString: 'postgres://user:secret@db:5433/shop', max: 7 }
  totalCount = 3
  idleCount = 1
  waitingCount = 4
  ended = false
  connect(done?: (error: unknown, client?: string) => void): unknown {
    const error = this.ended ? Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) : undefined
    if (done !== undefined) return void done(error, 'client')
    return error === undefined ? Promise.resolve('client') : Promise.reject(error)
  }
}

test('answers pass through as they were, and each is measured', async () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  const patch = pgPatch(store, guard)
  patch({ id: './client', parentFilename: '/app/node_modules/pg/lib/index.js', exports: StandInClient })
  const client = new StandInClient()
  assert.equal(await client.query('select 1'), 'rows')
  await assert.rejects(client.query({ text: 'INSERT bad' }) as Promise<unknown>, { code: '23505' })
  const answered: unknown[] = []
  client.query('UPDATE x', [1], (...answer: unknown[]) => void answered.push(answer))
  assert.deepEqual(answered, [[null, 'rows']])
  const cursor = { submit: () => {} }
  assert.equal(client.query(cursor), cursor)
  const page = assemble([render(store, 'text')], 'text')
  const count = 'db_client_operation_duration_seconds_count'
  assert.equal(
    valueAt(page, count, { db_operation_name: 'SELECT', db_namespace: 'shop', db_system_name: 'postgresql' }),
    1,
  )
  assert.equal(valueAt(page, count, { db_operation_name: 'INSERT', error_type: '23505' }), 1)
  assert.equal(samplesOf(page, count).length, 3)
})

test('a pool is told by state, without its password, until it ends', async () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  pgPatch(store, guard)({ id: 'pg-pool', parentFilename: '/app/node_modules/pg/lib/index.js', exports: StandInPool })
  const pool = new StandInPool()
  assert.equal(await pool.connect(), 'client')
  pool.connect((error, client) => assert.deepEqual([error, client], [undefined, 'client']))
  const page = async (): Promise<string> => {
    for (const collect of store.collectors) await collect()
    return assemble([render(store, 'text')], 'text')
  }
  const text = await page()
  const name = { db_client_connection_pool_name: 'db:5433/shop' }
  assert.equal(valueAt(text, 'db_client_connection_count', { ...name, state: 'used' }), 2)
  assert.equal(valueAt(text, 'db_client_connection_count', { ...name, state: 'idle' }), 1)
  assert.equal(valueAt(text, 'db_client_connection_pending_requests', name), 4)
  assert.equal(valueAt(text, 'db_client_connection_max', name), 7)
  assert.ok(!text.includes('secret'))
  pool.ended = true
  await assert.rejects(pool.connect() as Promise<unknown>, { code: 'ECONNREFUSED' })
  pool.connect((error) => assert.ok(error instanceof Error))
  assert.deepEqual(samplesOf(await page(), 'db_client_connection_count'), [])
  assert.equal(valueAt(await page(), 'db_client_connection_errors_total', { ...name, error_type: 'ECONNREFUSED' }), 2)
})

test('an operation is the first word of a statement, from a closed list', () => {
  const cases = [
    ['select 1', 'SELECT'],
    ['  -- why\n /* and */ (SELECT 1)', 'SELECT'],
    ['WITH x AS (SELECT 1) INSERT', 'WITH'],
    ['my_secret_thing', 'OTHER'],
    ['', 'OTHER'],
    [`/*${' '.repeat(5_000)}`, 'OTHER'],
  ] as const
  for (const [text, operation] of cases) assert.equal(operationOf(text), operation)
})
