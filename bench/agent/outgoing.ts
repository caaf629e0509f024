/**
 * What the agent adds to what a service calls: HTTP clients, pg, amqplib, Redis. With and without, in pairs inside one process.
 *
 *     node --conditions=assay-src bench/agent/outgoing.ts [http|http-empty|fetch|pg|amqplib|ioredis|ioredis-channel|redis|redis-channel ...] [--pairs=20]
 *
 * - A window is a fixed number of operations; windows come as with, without, without, with (ABBA), because the machine drifts. CPU is
 *   this thread's own (`process.threadCpuUsage`), the servers run in another thread or process. Medians over pairs, quartiles beside them.
 * - pg and amqplib are measured on their own code with nothing behind it: a query that is answered at once, a confirm channel whose
 *   broker acks at once. A real one takes some 20 us and more, in which the agent's share would be lost.
 * - `http-empty` is what Node itself takes to tell two subscribers that do nothing.
 * - `ioredis-channel` and `redis-channel` are not what the agent does: they are what it costs to subscribe to the libraries' own channels, by
 *   a listener that does nothing. A redis-server must be installed.
 */
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'
import { getHeapStatistics } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { Guard } from '../../agent/src/guard.ts'
import { instrumentHttpClient } from '../../agent/src/http/client.ts'
import { amqplibPatch } from '../../agent/src/libraries/amqplib.ts'
import { ioredisPatch } from '../../agent/src/libraries/ioredis.ts'
import { pgPatch } from '../../agent/src/libraries/pg.ts'
import { redisPatch } from '../../agent/src/libraries/redis.ts'
import { onRequire } from '../../agent/src/libraries/require-hook.ts'
import { Store } from '../../agent/src/store/index.ts'
import { freshRequire } from '../../agent/src/test-support/fresh-require.ts'
import { startRedis } from '../../agent/src/test-support/redis-server.ts'

/** `operations` are done with the agent or without it, one after the other; `batch` may do them at once. */
type Subject = AsyncDisposable & {
  readonly operations: number
  readonly set: (attached: boolean) => void
  readonly run: (operations: number) => Promise<void> | void
}

const WARM_UP = 6
const AT_ONCE = 16
const require = createRequire(new URL('../../agent/package.json', import.meta.url))

async function inBatches(operations: number, one: () => Promise<unknown>): Promise<void> {
  for (let done = 0; done < operations; done += AT_ONCE) {
    const batch: Promise<unknown>[] = []
    for (let i = 0; i < AT_ONCE; i++) batch.push(one())
    await Promise.all(batch)
  }
}

/** A server in another thread: its CPU is not this thread's. */
async function server(): Promise<AsyncDisposable & { readonly port: number }> {
  const worker = new Worker(
    `const server = require('node:http').createServer((request, response) => response.end('ok'))
     server.keepAliveTimeout = 0
     server.listen(0, '127.0.0.1', () => require('node:worker_threads').parentPort.postMessage(server.address().port))`,
    { eval: true },
  )
  const [port] = (await once(worker, 'message')) as [number]
  return { port, [Symbol.asyncDispose]: async () => void (await worker.terminate()) }
}

/** What is subscribed can be taken away: the guard is made anew for each window. */
function subscribed(instrument: (guard: Guard) => void): (attached: boolean) => void {
  let guard: Guard | undefined
  return (attached) => {
    guard?.[Symbol.dispose]()
    guard = undefined
    if (!attached) return
    guard = new Guard(new Store(), () => {})
    instrument(guard)
  }
}

const SUBJECTS: Readonly<Record<string, () => Promise<Subject>>> = {
  async http() {
    const to = await server()
    const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })
    const store = new Store()
    const one = (): Promise<void> =>
      new Promise((resolve, reject) => {
        get({ host: '127.0.0.1', port: to.port, path: '/orders', agent }, (response) => {
          response.resume()
          response.once('end', resolve)
        }).once('error', reject)
      })
    return {
      operations: 8_000,
      set: subscribed((guard) => instrumentHttpClient(store, guard)),
      run: (operations) => inBatches(operations, one),
      async [Symbol.asyncDispose]() {
        agent.destroy()
        await to[Symbol.asyncDispose]()
      },
    }
  },

  async 'http-empty'() {
    const subject = await SUBJECTS['http']!()
    const listener = (): void => {}
    const names = ['http.client.request.created', 'http.client.response.finish', 'http.client.request.error']
    return {
      operations: subject.operations,
      set: (attached) => {
        for (const name of names) unsubscribe(name, listener)
        if (attached) for (const name of names) subscribe(name, listener)
      },
      run: subject.run,
      [Symbol.asyncDispose]: () => subject[Symbol.asyncDispose](),
    }
  },

  async fetch() {
    const to = await server()
    const store = new Store()
    const url = `http://127.0.0.1:${to.port}/orders`
    return {
      operations: 5_000,
      set: subscribed((guard) => instrumentHttpClient(store, guard)),
      run: (operations) => inBatches(operations, async () => (await fetch(url)).text()),
      [Symbol.asyncDispose]: () => to[Symbol.asyncDispose](),
    }
  },

  async pg() {
    const make = () =>
      class Client {
        database = 'shop'
        query(_text: string): Promise<unknown> {
          return Promise.resolve(undefined)
        }
      }
    const [Plain, Patched] = [make(), make()]
    const store = new Store()
    pgPatch(store, new Guard(store, () => {}))({ id: './client', parentFilename: '/pg/lib/index.js', exports: Patched })
    let client = new Plain()
    return {
      operations: 200_000,
      set: (attached) => {
        client = attached ? new Patched() : new Plain()
      },
      run: (operations) =>
        inBatches(operations, () => client.query('select id, total from orders where customer = $1')),
      async [Symbol.asyncDispose]() {},
    }
  },

  async amqplib() {
    type Model = { ConfirmChannel: new (connection: object) => Publisher }
    type Publisher = {
      publish(exchange: string, key: string, body: Buffer): boolean
      emit(event: string, fields: object): void
    }
    const load = (): Model => {
      for (const path of Object.keys(require.cache)) if (path.includes('/amqplib/')) delete require.cache[path]
      return require('../node_modules/amqplib/lib/channel_model.js') as Model
    }
    const [plain, patched] = [load(), load()]
    const store = new Store()
    const place = { id: './lib/channel_model', parentFilename: '/node_modules/amqplib/channel_api.js' }
    amqplibPatch(store, new Guard(store, () => {}))({ ...place, exports: patched })
    const connection = { sendMessage: () => true, on() {} }
    const body = Buffer.from('an order')
    let channel = new plain.ConfirmChannel(connection)
    let tag = 0
    return {
      operations: 100_000,
      set: (attached) => {
        channel = new (attached ? patched : plain).ConfirmChannel(connection)
        tag = 0
      },
      run: (operations) => {
        for (let i = 0; i < operations; i++) {
          channel.publish('orders', 'placed', body)
          channel.emit('ack', { deliveryTag: ++tag, multiple: false })
        }
      },
      async [Symbol.asyncDispose]() {},
    }
  },

  ioredis: () =>
    ioredis((patched) => {
      const store = new Store()
      const exports = { default: patched }
      ioredisPatch(store, new Guard(store, () => {}))({ id: 'ioredis', parentFilename: '/app.js', exports })
      return () => {}
    }),

  'ioredis-channel': () =>
    ioredis(() => {
      const { start } = tracingChannel('ioredis:command')
      const listener = (): void => {}
      return (attached) => {
        start.unsubscribe(listener)
        if (attached) start.subscribe(listener)
      }
    }),

  async redis() {
    const redis = await startRedis()
    type Module = typeof import('redis')
    const load = (): Module => freshRequire<Module>('redis', ['redis', '@redis/client'])
    const plain = load()
    const store = new Store()
    const guard = new Guard(store, () => {})
    onRequire(guard, redisPatch(store, guard))
    const patched = load()
    guard[Symbol.dispose]()
    const url = `redis://127.0.0.1:${redis.port}`
    const clients = [plain.createClient({ url }), patched.createClient({ url })] as const
    await Promise.all(clients.map((one) => one.connect()))
    let client = clients[0]
    return {
      operations: 20_000,
      set: (attached) => {
        client = clients[attached ? 1 : 0]
      },
      run: (operations) => inBatches(operations, () => client.get('key')),
      async [Symbol.asyncDispose]() {
        for (const one of clients) one.destroy()
        await redis[Symbol.asyncDispose]()
      },
    }
  },

  async 'redis-channel'() {
    const redis = await startRedis()
    const { createClient } = freshRequire<typeof import('redis')>('redis', ['redis', '@redis/client'])
    const client = createClient({ url: `redis://127.0.0.1:${redis.port}` })
    await client.connect()
    const { start } = tracingChannel('node-redis:command')
    const listener = (): void => {}
    return {
      operations: 20_000,
      set: (attached) => {
        start.unsubscribe(listener)
        if (attached) start.subscribe(listener)
      },
      run: (operations) => inBatches(operations, () => client.get('key')),
      async [Symbol.asyncDispose]() {
        start.unsubscribe(listener)
        client.destroy()
        await redis[Symbol.asyncDispose]()
      },
    }
  },
}

/** Two copies of ioredis, of which `prepare` changes the second; it answers what attaches and detaches besides. */
async function ioredis(prepare: (patched: unknown) => (attached: boolean) => void): Promise<Subject> {
  const redis = await startRedis()
  type Module = typeof import('ioredis')
  const [plain, patched] = [freshRequire<Module>('ioredis'), freshRequire<Module>('ioredis')]
  const attach = prepare(patched.Redis)
  const clients = [new plain.Redis(redis.port), new patched.Redis(redis.port)] as const
  let client = clients[0]
  return {
    operations: 20_000,
    set: (attached) => {
      attach(attached)
      client = clients[attached ? 1 : 0]
    },
    run: (operations) => inBatches(operations, () => client.get('key')),
    async [Symbol.asyncDispose]() {
      attach(false)
      for (const one of clients) one.disconnect()
      await redis[Symbol.asyncDispose]()
    },
  }
}

const { values, positionals } = parseArgs({
  options: { pairs: { type: 'string', default: '20' } },
  allowPositionals: true,
})
const chosen = positionals.length > 0 ? positionals : Object.keys(SUBJECTS)

for (const name of chosen) {
  const make = SUBJECTS[name]
  if (make === undefined) throw new Error(`there is no ${name}; there are ${Object.keys(SUBJECTS).join(', ')}`)
  await using subject = await make()
  const window = async (attached: boolean): Promise<{ ns: number; bytes: number }> => {
    subject.set(attached)
    // To subscribe is to change what V8 has compiled; it compiles anew, unmeasured.
    await subject.run(subject.operations)
    const bytes = allocated()
    const cpu = process.threadCpuUsage()
    await subject.run(subject.operations)
    const { user, system } = process.threadCpuUsage(cpu)
    return { ns: ((user + system) * 1_000) / subject.operations, bytes: (allocated() - bytes) / subject.operations }
  }
  for (let i = 0; i < WARM_UP; i++) await window(i % 2 === 0)
  const pairs: { on: { ns: number; bytes: number }; off: { ns: number; bytes: number } }[] = []
  for (let i = 0; i < Number(values.pairs); i++) {
    const first = await window(i % 2 === 0)
    const second = await window(i % 2 !== 0)
    pairs.push(i % 2 === 0 ? { on: first, off: second } : { on: second, off: first })
  }
  const added = pairs.map(({ on, off }) => on.ns - off.ns).sort((a, b) => a - b)
  const without = pairs.map(({ off }) => off.ns).sort((a, b) => a - b)
  const bytes = pairs.map(({ on, off }) => on.bytes - off.bytes).sort((a, b) => a - b)
  const at = (list: readonly number[], share: number): string =>
    Math.round(list[Math.floor(list.length * share)] ?? 0).toString()
  console.log(
    `${name.padEnd(16)} without ${at(without, 0.5).padStart(6)} ns; added ${at(added, 0.5)} ns (quartiles ${at(added, 0.25)} to ${at(added, 0.75)}), ${at(bytes, 0.5)} B`,
  )
}

function allocated(): number {
  return Number(Reflect.get(getHeapStatistics(), 'total_allocated_bytes'))
}
