import assert from 'node:assert/strict'
import { tracingChannel } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import fc from 'fast-check'
import { Guard } from '../guard.ts'
import { Store } from '../store/index.ts'
import { pageOf } from '../test-support/page-of.ts'
import { samplesOf, valueAt } from '../test-support/parse-page.ts'
import { pgPatch } from './pg.ts'
import { operationOf } from './pg-operation.ts'

const COUNT = 'db_client_operation_duration_seconds_count'
const ASIDE = 'assay_agent_hooks_stepped_aside'
const INNER = { id: './client', parentFilename: '/app/node_modules/pg/lib/index.js' }

/** Fakes: versions and shapes of pg that are not at hand. Each class is made anew, as a patch changes it. */
function fakeClient(): new () => { database: string; query(...given: unknown[]): unknown } {
  return class Client {
    database = 'shop'
    query(config: unknown): unknown {
      return config
    }
  }
}

test('a fake pg that publishes pg:query is counted from its channel, and not twice, from the very first query', async () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  const channel = tracingChannel('pg:query')
  class Client {
    database = 'shop'
    query(text: string): Promise<unknown> {
      const context = { query: { text }, client: { database: 'shop' } }
      const work = async (): Promise<string> => {
        if (text.includes('bad')) throw Object.assign(new Error('bad'), { code: '23505' })
        return 'rows'
      }
      return channel.tracePromise(work, context)
    }
  }
  pgPatch(store, guard)({ ...INNER, exports: Client })
  const client = new Client()
  assert.equal(await client.query('select 1'), 'rows')
  assert.equal(await client.query('select 2'), 'rows')
  await assert.rejects(client.query('update bad'), { code: '23505' })
  const page = await pageOf(store)
  const labels = { db_namespace: 'shop', db_system_name: 'postgresql' }
  assert.equal(valueAt(page, COUNT, { ...labels, db_operation_name: 'SELECT' }), 2)
  assert.equal(valueAt(page, COUNT, { ...labels, db_operation_name: 'UPDATE', error_type: '23505' }), 1)
  assert.equal(samplesOf(page, COUNT).length, 2)
})

test('a promise of another class keeps its class, its value and its rejection', async () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  class OtherPromise<T> extends Promise<T> {}
  class Client {
    database = 'shop'
    query(text: string): Promise<unknown> {
      return text === 'bad' ? OtherPromise.reject(new Error('refused')) : OtherPromise.resolve('rows')
    }
  }
  pgPatch(store, guard)({ ...INNER, exports: Client })
  const client = new Client()
  const answer = client.query('select 1')
  assert.ok(answer instanceof OtherPromise)
  assert.equal(await answer, 'rows')
  await assert.rejects(client.query('bad'), /refused/)
})

test('a fake cursor is one operation until the server is ready again, or until it fails', async () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  const Client = fakeClient()
  pgPatch(store, guard)({ ...INNER, exports: Client })
  class Cursor {
    text = 'select * from orders'
    told: unknown[] = []
    submit(): void {}
    handleReadyForQuery(connection: unknown): void {
      this.told.push(connection)
    }
    handleError(error: unknown): void {
      this.told.push(error)
    }
  }
  const cursor = new Cursor()
  assert.equal(new Client().query(cursor), cursor)
  assert.equal(samplesOf(await pageOf(store), COUNT).length, 0)
  cursor.handleReadyForQuery('the connection')
  assert.deepEqual(cursor.told, ['the connection'])
  assert.equal(valueAt(await pageOf(store), COUNT, { db_operation_name: 'SELECT' }), 1)

  const failing = new Cursor()
  new Client().query(failing)
  const error = Object.assign(new Error('gone'), { code: '57014' })
  failing.handleError(error)
  failing.handleReadyForQuery('the connection')
  assert.deepEqual(failing.told, [error, 'the connection'])
  assert.equal(valueAt(await pageOf(store), COUNT, { error_type: '57014' }), 1)

  const frozen = Object.freeze(new Cursor())
  assert.equal(new Client().query(frozen), frozen)
  assert.equal(valueAt(await pageOf(store), ASIDE, { part: 'pg' }), 1)
})

test('a fake native query that is submitted is one operation, with the code that its error has once it is handled', async () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  const Client = fakeClient()
  pgPatch(store, guard)({ id: './client', parentFilename: '/app/node_modules/pg/lib/native/index.js', exports: Client })
  class NativeQuery extends EventEmitter {
    readonly text = 'delete from orders'
    submit(): void {}
    handleError(error: Error): void {
      this.emit('error', Object.assign(error, { code: '42P01' }))
    }
  }
  const query = new NativeQuery()
  new Client().query(query)
  assert.equal(samplesOf(await pageOf(store), COUNT).length, 0)
  query.emit('end', [])
  query.emit('end', [])
  assert.equal(valueAt(await pageOf(store), COUNT, { db_operation_name: 'DELETE' }), 1)
  const failing = new NativeQuery()
  new Client().query(failing)
  // Nobody listens: as without the agent, it is thrown.
  assert.throws(() => failing.handleError(new Error('no such table')), /no such table/)
  assert.equal(valueAt(await pageOf(store), COUNT, { error_type: '42P01' }), 1)
  assert.equal(samplesOf(await pageOf(store), ASIDE).length, 0)
})

test('what is not what pg documents goes through as it is', async () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  const Client = fakeClient()
  const patch = pgPatch(store, guard)
  patch({ ...INNER, exports: Client })
  const client = new Client()
  const strange = {
    get text(): never {
      throw new Error('not for you')
    },
  }
  for (const given of [undefined, null, 7, strange, 'x'.repeat(1_000_000)]) assert.equal(client.query(given), given)
  patch({ ...INNER, exports: class {} })
  patch({ ...INNER, exports: undefined })
  patch({ id: 'pg-pool', parentFilename: '/app/x.js', exports: {} })
  const page = await pageOf(store)
  assert.ok(samplesOf(page, ASIDE, { part: 'pg' }).length >= 2)
  assert.equal(valueAt(page, 'assay_agent_faults_total', { part: 'pg' }), 1)
})

test('a frozen prototype is left alone, and two agents measure once', async () => {
  const [first, second] = [new Store(), new Store()]
  using one = new Guard(first, () => {})
  using two = new Guard(second, () => {})
  const Frozen = fakeClient()
  Object.freeze(Frozen.prototype)
  pgPatch(first, one)({ ...INNER, exports: Frozen })
  assert.equal(new Frozen().query('select 1'), 'select 1')
  assert.equal(valueAt(await pageOf(first), ASIDE, { part: 'pg' }), 1)

  class Client {
    database = 'shop'
    query(): Promise<string> {
      return Promise.resolve('rows')
    }
  }
  pgPatch(first, one)({ ...INNER, exports: Client })
  pgPatch(second, two)({ ...INNER, exports: Client })
  await new Client().query()
  assert.equal(samplesOf(await pageOf(first), COUNT).length, 1)
  assert.equal(samplesOf(await pageOf(second), COUNT).length, 0)
})

test('namespaces and operations are bounded', async () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  class Client {
    database = ''
    query(): Promise<string> {
      return Promise.resolve('rows')
    }
  }
  pgPatch(store, guard)({ ...INNER, exports: Client })
  for (let i = 0; i < 300; i++) {
    const client = new Client()
    client.database = `tenant${i}`
    await client.query()
  }
  const counts = samplesOf(await pageOf(store), COUNT)
  assert.ok(counts.length <= 101, `${counts.length}`)
  assert.equal(
    counts.reduce((sum, { value }) => sum + value, 0),
    300,
  )
})

test('an operation is the first word of a statement, from a closed list', () => {
  const cases = [
    ['select 1', 'SELECT'],
    ['  -- why\n /* and */ (SELECT 1)', 'SELECT'],
    ['Update x set y = 1', 'UPDATE'],
    ['\ufeffselect 1', 'SELECT'],
    ['WITH x AS (SELECT 1) INSERT', 'WITH'],
    ['my_secret_thing', 'OTHER'],
    ['', 'OTHER'],
    [`/*${' '.repeat(5_000)}`, 'OTHER'],
  ] as const
  for (const [text, operation] of cases) assert.equal(operationOf(text), operation)
})

test('the fast way to the first word and a regular expression agree on any text', () => {
  const words = ['select', 'SELECT', 'Insert', 'with', 'nonsense', 'selected', 'do', '1', '']
  const before = ['', ' ', '\n\t', '(', '-- why\n', '/* and */ ', ';', '\u00a0']
  const after = ['', ' 1', '(', ';', '1', '_x', '\u00e9']
  const text = fc
    .tuple(fc.constantFrom(...before), fc.constantFrom(...words), fc.constantFrom(...after))
    .map((parts) => parts.join(''))
  const plain = (given: string): string => {
    const [, word = ''] = /^(?:\s+|--[^\n]*\n|\/\*[\s\S]*?\*\/|\()*([A-Za-z]+)/.exec(given) ?? []
    return operationOf(word)
  }
  fc.assert(
    fc.property(fc.oneof(text, fc.string({ maxLength: 40 })), (given) =>
      assert.equal(operationOf(given), plain(given)),
    ),
  )
})
