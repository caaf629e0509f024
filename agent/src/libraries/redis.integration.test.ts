/** ioredis and redis (node-redis) against a real redis-server. */
import assert from 'node:assert/strict'
import { tracingChannel } from 'node:diagnostics_channel'
import { after, before, test } from 'node:test'
import type * as IoRedis from 'ioredis'
import type * as NodeRedis from 'redis'
import { Guard } from '../guard.ts'
import { Store } from '../store/index.ts'
import { freshRequire } from '../test-support/fresh-require.ts'
import { pageOf } from '../test-support/page-of.ts'
import { samplesOf, valueAt } from '../test-support/parse-page.ts'
import { type RedisServer, startRedis } from '../test-support/redis-server.ts'
import { freePort, until } from '../test-support/service.ts'
import { ioredisPatch } from './ioredis.ts'
import { redisPatch } from './redis.ts'
import { onRequire } from './require-hook.ts'

const COUNT = 'db_client_operation_duration_seconds_count'
let server: RedisServer

before(async () => {
  server = await startRedis()
})

after(async () => {
  await server?.[Symbol.asyncDispose]()
})

class Bench implements Disposable {
  readonly store = new Store()
  readonly guard = new Guard(this.store, () => {})

  constructor() {
    for (const patch of [ioredisPatch(this.store, this.guard), redisPatch(this.store, this.guard)])
      onRequire(this.guard, patch)
  }

  async count(operation: string, labels: Record<string, string> = {}): Promise<number> {
    const found = samplesOf(await pageOf(this.store), COUNT, {
      db_system_name: 'redis',
      db_operation_name: operation,
      ...labels,
    })
    return found.reduce((sum, { value }) => sum + value, 0)
  }

  async faults(): Promise<number> {
    return samplesOf(await pageOf(this.store), 'assay_agent_faults_total').reduce((sum, { value }) => sum + value, 0)
  }

  [Symbol.dispose](): void {
    this.guard[Symbol.dispose]()
  }
}

test('ioredis: each command is one operation, alone, in a pipeline and in a transaction, with its database and its error', async () => {
  using b = new Bench()
  const { Redis } = freshRequire<typeof IoRedis>('ioredis')
  const client = new Redis({ port: server.port, db: 3 })
  await client.set('key', 'text')
  assert.equal(await client.get('key'), 'text')
  await assert.rejects(client.incr('key'), /not an integer/)
  await client.pipeline().get('key').get('key').exec()
  await client.multi().get('key').set('key', 'other').exec()
  await new Promise((resolve) => client.get('key', resolve))
  await client.call('NoSuchCommand').catch(() => {})
  assert.equal(await b.count('GET', { db_namespace: '3' }), 5)
  assert.equal(await b.count('SET', { db_namespace: '3' }), 2)
  assert.equal(await b.count('MULTI'), 1)
  assert.equal(await b.count('EXEC'), 1)
  assert.equal(await b.count('INCR', { error_type: 'ERR' }), 1)
  assert.equal(await b.count('NOSUCHCOMMAND', { error_type: 'ERR' }), 1)
  client.disconnect()
  assert.equal(await b.faults(), 0)
})

test('ioredis: commands that wait for a connection, or lose it, are each told once', async () => {
  using b = new Bench()
  const { Redis } = freshRequire<typeof IoRedis>('ioredis')
  const client = new Redis({ port: server.port, lazyConnect: true })
  const early = client.get('key')
  assert.equal(await b.count('GET'), 0)
  await early
  assert.equal(await b.count('GET'), 1)
  const waiting = assert.rejects(client.blpop('nothing', 0))
  client.disconnect()
  await waiting
  assert.equal(await b.count('BLPOP', { error_type: 'Error' }), 1)
})

test('ioredis: messages received are no operations, subscribing is one', async () => {
  using b = new Bench()
  const { Redis } = freshRequire<typeof IoRedis>('ioredis')
  const subscriber = new Redis(server.port)
  const publisher = new Redis(server.port)
  const got = new Promise<unknown>((resolve) => {
    let seen = 0
    subscriber.on('message', () => void (++seen === 100 && resolve(seen)))
  })
  await subscriber.subscribe('news')
  for (let i = 0; i < 100; i++) await publisher.publish('news', 'x')
  assert.equal(await got, 100)
  assert.equal(await b.count('SUBSCRIBE'), 1)
  assert.equal(await b.count('PUBLISH'), 100)
  subscriber.disconnect()
  publisher.disconnect()
  assert.equal(await b.faults(), 0)
})

test('ioredis: the promise of a command is the one the library made, so a forgotten rejection stays one', async () => {
  using b = new Bench()
  const { Redis, Command } = freshRequire<typeof IoRedis>('ioredis')
  const client = new Redis(server.port)
  const command = new Command('get', ['key'])
  assert.equal(client.sendCommand(command), command.promise)
  await command.promise
  client.disconnect()
  assert.equal(await b.count('GET'), 1)
})

test('ioredis: a command to a cluster is one operation, whichever of its nodes it ends at', async () => {
  using b = new Bench()
  await using node = await startRedis([
    '--cluster-enabled',
    'yes',
    '--cluster-port',
    String(await freePort()),
    '--cluster-announce-ip',
    '127.0.0.1',
  ])
  const { Cluster, Redis } = freshRequire<typeof IoRedis>('ioredis')
  const admin = new Redis(node.port)
  await admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  await until(
    async () => String(await admin.call('CLUSTER', 'INFO')),
    (info) => info.includes('cluster_state:ok'),
  )
  admin.disconnect()
  const cluster = new Cluster([{ host: '127.0.0.1', port: node.port }])
  await cluster.set('key', 'text')
  assert.equal(await cluster.get('key'), 'text')
  await assert.rejects(cluster.incr('key'), /not an integer/)
  assert.equal(await b.count('GET'), 1)
  assert.equal(await b.count('SET'), 1)
  assert.equal(await b.count('INCR', { error_type: 'ERR' }), 1)
  cluster.disconnect()
  assert.equal(await b.faults(), 0)
})

test('redis: each command is one operation, alone, in a transaction and in a pipeline, with its database and its error', async () => {
  using b = new Bench()
  const { createClient } = freshRequire<typeof NodeRedis>('redis', ['redis', '@redis/client'])
  const client = createClient({ url: `redis://127.0.0.1:${server.port}/2` })
  client.on('error', () => {})
  await client.connect()
  await client.set('key', 'text')
  assert.equal(await client.get('key'), 'text')
  await assert.rejects(client.incr('key'), /not an integer/)
  await client.multi().get('key').set('key', 'other').exec()
  await client.multi().get('key').get('key').execAsPipeline()
  await Promise.all([client.get('key'), client.sendCommand(['GET', 'key'])])
  assert.equal(await b.count('GET', { db_namespace: '2' }), 6)
  assert.equal(await b.count('SET', { db_namespace: '2' }), 2)
  assert.equal(await b.count('MULTI'), 1)
  assert.equal(await b.count('EXEC'), 1)
  assert.equal(await b.count('INCR', { error_type: 'ERR' }), 1)
  client.destroy()
  await assert.rejects(client.get('key'))
  assert.equal(await b.faults(), 0)
})

test('redis: subscriptions leave nothing behind', async () => {
  using b = new Bench()
  const { createClient } = freshRequire<typeof NodeRedis>('redis', ['redis', '@redis/client'])
  const subscriber = createClient({ url: `redis://127.0.0.1:${server.port}` })
  const publisher = createClient({ url: `redis://127.0.0.1:${server.port}` })
  await Promise.all([subscriber.connect(), publisher.connect()])
  const got = Promise.withResolvers<void>()
  let seen = 0
  await subscriber.subscribe('news', () => void (++seen === 50 && got.resolve()))
  for (let i = 0; i < 50; i++) await publisher.publish('news', 'x')
  await got.promise
  assert.equal(await b.count('PUBLISH'), 50)
  subscriber.destroy()
  publisher.destroy()
  assert.equal(await b.faults(), 0)
})

test('redis: a fake version without its queue is counted from its channels, and only then', async () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  const command = tracingChannel('node-redis:command')
  const batch = tracingChannel('node-redis:batch')
  const patch = redisPatch(store, guard)
  assert.equal(command.start.hasSubscribers, false)
  patch({ id: '@redis/client', parentFilename: '/app/node_modules/redis/dist/index.js', exports: {} })
  await command.tracePromise(async () => 'reply', { command: 'GET', database: 1 })
  await batch.tracePromise(async () => 'reply', { batchMode: 'MULTI', database: 1 })
  await batch.tracePromise(async () => 'reply', { batchMode: 'PIPELINE', database: 1 })
  await assert.rejects(
    command.tracePromise(() => Promise.reject(new Error('WRONGTYPE of a thing')), { command: 'INCR', database: 1 }),
  )
  const page = await pageOf(store)
  assert.equal(valueAt(page, COUNT, { db_operation_name: 'GET', db_namespace: '1' }), 1)
  assert.equal(valueAt(page, COUNT, { db_operation_name: 'MULTI', db_namespace: '1' }), 1)
  assert.equal(valueAt(page, COUNT, { db_operation_name: 'INCR', error_type: 'WRONGTYPE' }), 1)
  assert.equal(samplesOf(page, COUNT).length, 3)
})

test('what fakes of other versions do goes through as it is', async () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  const io = ioredisPatch(store, guard)
  const node = redisPatch(store, guard)
  class FakeClient {
    sendCommand(command: unknown): unknown {
      return command
    }
  }
  io({ id: 'ioredis', parentFilename: '/app.js', exports: FakeClient })
  const client = new FakeClient()
  const throwing = {
    get resolve(): never {
      throw new Error('not for you')
    },
  }
  for (const given of [undefined, null, 7, {}, throwing, Object.freeze({ resolve() {}, reject() {}, name: 'get' })])
    assert.equal(client.sendCommand(given), given)
  class Frozen {
    sendCommand(): string {
      return 'as it was'
    }
  }
  Object.freeze(Frozen.prototype)
  io({ id: 'ioredis', parentFilename: '/app.js', exports: { default: Frozen } })
  assert.equal(new Frozen().sendCommand(), 'as it was')

  const place = { id: './commands-queue', parentFilename: '/app/node_modules/@redis/client/dist/lib/client/index.js' }
  node({ ...place, exports: { default: class {} } })
  class FakeQueue {
    addCommand(args: readonly unknown[]): unknown {
      return args[0] === 'bad' ? Promise.reject(new Error('WRONGTYPE of a thing')) : Promise.resolve('reply')
    }
  }
  node({ ...place, exports: { default: FakeQueue } })
  assert.equal(await new FakeQueue().addCommand(['GET', 'x']), 'reply')
  await assert.rejects(new FakeQueue().addCommand(['bad']) as Promise<unknown>, /WRONGTYPE/)
  const page = await pageOf(store)
  assert.equal(valueAt(page, COUNT, { db_operation_name: 'GET' }), 1)
  assert.equal(valueAt(page, COUNT, { db_operation_name: 'BAD', error_type: 'WRONGTYPE' }), 1)
  assert.ok(samplesOf(page, 'assay_agent_hooks_stepped_aside').length >= 3)
})
