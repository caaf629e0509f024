/**
 * What the agent adds to a request: attached and detached in pairs inside one process, main-thread CPU and allocation.
 *
 *     node --conditions=assay-src bench/agent/pairs.ts [plain|express|fastify ...] [--everything] [--wire] [--pairs=40] [--requests=10000] [--json]
 *
 * - By default requests come over a stream in memory: Node's HTTP server, parser and framework do all they do, but no system call
 *   disturbs the figures, which it does by more than the agent costs. `--wire`: from a worker thread over kept-alive sockets (its CPU is
 *   not the main thread's); that is what a requests/s ratio is to be taken from.
 *   A window is a fixed number of requests; windows come as attached, detached, detached, attached (ABBA), because the machine drifts.
 * - Detached is without any of ours: messages end at the channel, Express' `Route.dispatch` as it came, a Fastify instance that never saw
 *   the agent. What Node takes to publish them is the line `publishing` (two empty subscribers, subscribed and not), and is added to the
 *   others' totals. It is apart because to subscribe changes what V8 has compiled Node's server for: windows that begin so measure
 *   compiling (they showed 0.6 to 2 us and 500 B more).
 * - CPU by `process.threadCpuUsage` (the main thread's own accounting; `threadCpuUs` says how it is read), bytes by V8's `total_allocated_bytes`. Medians over pairs, with
 *   the quartiles of the pairs beside them: on a shared machine trust the median of many short pairs, not one long one.
 * - Measured are rate, errors, duration, route and a channel by header; with `--everything` users by a header and what clients do too.
 */
import { channel } from 'node:diagnostics_channel'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createRequire } from 'node:module'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { getHeapStatistics } from 'node:v8'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { Clients } from '../../agent/src/clients/index.ts'
import { Guard } from '../../agent/src/guard.ts'
import { parseChannels } from '../../agent/src/http/channels.ts'
import { expressPatch } from '../../agent/src/http/routes/express.ts'
import { instrumentFastify } from '../../agent/src/http/routes/fastify.ts'
import { PathGuesser } from '../../agent/src/http/routes/guess.ts'
import { HttpServerMetrics } from '../../agent/src/http/server.ts'
import { Store } from '../../agent/src/store/index.ts'
import { DEFAULT_TIME_ZONE, parseUserSource, Users, usersKey } from '../../agent/src/users/index.ts'

const KINDS = ['publishing', 'plain', 'express', 'fastify'] as const
type Kind = (typeof KINDS)[number]
const CHANNELS = ['http.server.request.start', 'http.server.response.finish']
/** Users and clients too. */
const EVERYTHING = process.argv.includes('--everything')
const CONNECTIONS = 16
const ROUTES = 20
const WARM_UP_WINDOWS = 12
/** Before each window, unmeasured: to subscribe is to change what V8 has compiled Node's server for, and it compiles anew. */
const SETTLE = 12_000

type Subscriber = (message: unknown, name: string | symbol) => void
type Order = { readonly port: number; readonly requests: number }
/** A pair: nanoseconds of CPU and bytes a request, with and without. */
type Pair = { readonly ns: readonly [on: number, off: number]; readonly bytes: readonly [on: number, off: number] }
/** The same application twice where it must be: `on()` and `off()` answer the server to load. */
type Subject = { on(): Server; off(): Server; readonly servers: readonly Server[] }

async function main(given: readonly string[]): Promise<void> {
  const overWire = given.includes('--wire')
  const number = (name: string, otherwise: number): number =>
    Number(given.find((one) => one.startsWith(`--${name}=`))?.split('=')[1] ?? otherwise)
  const [pairs, requests] = [number('pairs', 40), number('requests', 10_000)]
  const kinds = KINDS.filter(
    (kind) => kind === 'publishing' || !given.some((one) => KINDS.includes(one as Kind)) || given.includes(kind),
  )
  const worker = overWire ? new Worker(new URL(import.meta.url), { execArgv: process.execArgv }) : undefined
  const results: Record<string, unknown> = {}
  let publishing = { ns: 0, bytes: 0 }
  for (const kind of kinds) {
    const subject = await subjects[kind]()
    const measured = await measure(worker, subject, pairs, requests)
    subject.off()
    for (const server of subject.servers) {
      server.close()
      server.closeAllConnections()
    }
    const added = spread(measured.map(({ ns }) => ns[0] - ns[1]))
    const bytes = spread(measured.map(({ bytes: [on, off] }) => on - off))
    const bare = spread(measured.map(({ ns }) => ns[1])).median
    if (kind === 'publishing') publishing = { ns: added.median, bytes: bytes.median }
    const total = kind === 'publishing' ? added.median : added.median + publishing.ns
    const garbage = kind === 'publishing' ? bytes.median : bytes.median + publishing.bytes
    results[kind] = {
      addedNs: added,
      addedBytes: bytes,
      totalNs: total,
      totalBytes: garbage,
      bareNs: bare,
      ratio: bare / (bare + total),
    }
    if (!given.includes('--json')) {
      console.log(
        `${kind.padEnd(10)} +${added.median.toFixed(0)} ns (${added.low.toFixed(0)}..${added.high.toFixed(0)}), +${bytes.median.toFixed(0)} B; ` +
          `in all +${total.toFixed(0)} ns, +${garbage.toFixed(0)} B of ${(bare / 1_000).toFixed(2)} us; requests/s x ${(bare / (bare + total)).toFixed(3)} by CPU`,
      )
    }
  }
  if (given.includes('--json')) console.log(JSON.stringify(results))
  await worker?.terminate()
}

async function measure(
  worker: Worker | undefined,
  subject: Subject,
  pairs: number,
  requests: number,
): Promise<readonly Pair[]> {
  const connections = new Map<Server, MemoryConnection>()
  const window = async (server: Server): Promise<{ ns: number; bytes: number }> => {
    let connection = connections.get(server)
    if (connection === undefined) {
      connection = new MemoryConnection()
      connections.set(server, connection)
      server.emit('connection', connection)
    }
    const load = async (count: number): Promise<void> => {
      if (worker === undefined) return connection.ask(count)
      const done = new Promise<void>((resolve) => worker.once('message', () => resolve()))
      worker.postMessage({ port: portOf(server), requests: count } satisfies Order)
      await done
    }
    await load(SETTLE)
    const from = threadCpuUs()
    const allocated = getHeapStatistics().total_allocated_bytes
    await load(requests)
    const bytes = getHeapStatistics().total_allocated_bytes - allocated
    return { ns: ((threadCpuUs() - from) * 1_000) / requests, bytes: bytes / requests }
  }
  for (let i = 0; i < WARM_UP_WINDOWS; i++) await window(i % 2 === 0 ? subject.on() : subject.off())
  const measured: Pair[] = []
  for (let i = 0; i < pairs; i++) {
    const first = await window(i % 2 === 0 ? subject.on() : subject.off())
    const second = await window(i % 2 === 0 ? subject.off() : subject.on())
    const [on, off] = i % 2 === 0 ? [first, second] : [second, first]
    measured.push({ ns: [on.ns, off.ns], bytes: [on.bytes, off.bytes] })
  }
  return measured
}

function attach(): HttpServerMetrics & { readonly guard: Guard } {
  const store = new Store()
  const guard = new Guard(store, (code, text) => console.error(code, text))
  const metrics = new HttpServerMetrics({
    store,
    guard,
    guesser: new PathGuesser(),
    onServer: () => {},
  })
  metrics.channels = parseChannels({ open: { header: 'x-api-key' }, internal: 'rest' }, [])
  if (EVERYTHING) watchEveryone(metrics)
  return Object.assign(metrics, { guard })
}

/** Users by a header, 500 of them, and what clients do. */
function watchEveryone(metrics: HttpServerMetrics): void {
  const told = {
    key: usersKey('a key of sixteen characters', undefined, 'bench'),
    service: 'bench',
    startedAt: Date.now(),
    fault: (cause: unknown) => console.error(cause),
    stepAside: (reason: string) => console.error(reason),
  }
  const users = new Users({ ...told, source: parseUserSource('header:x-user-id'), timeZone: DEFAULT_TIME_ZONE })
  const { names } = metrics.channels
  const clients = new Clients({
    ...told,
    channels: names,
    bodiesPerMinute: 0,
    keyHeader: 'x-api-key',
    loginRoutes: undefined,
  })
  metrics.visitsWithBytes = true
  metrics.visitor = (visit) => clients.settled(visit, users.settled(visit))
}

/** Stands before our subscribers, to let messages through or not. */
function switchboard(): { on(): void; off(): void } {
  let attached = true
  for (const name of CHANNELS) {
    const place = channel(name)
    for (const one of (place as unknown as { _subscribers: Subscriber[] })._subscribers.slice()) {
      place.unsubscribe(one)
      place.subscribe((message, from) => {
        if (attached) one(message, from)
      })
    }
  }
  return {
    on() {
      attached = true
    },
    off() {
      attached = false
    },
  }
}

const subjects: Readonly<Record<Kind, () => Promise<Subject>>> = {
  async publishing() {
    const server = await listen((_request, response) => void response.end('{"ok":true}'))
    // Kept, so that V8 cannot do without making the message.
    const kept: unknown[] = [undefined]
    const empty = (message: unknown): void => {
      kept[0] = message
    }
    return {
      on() {
        for (const name of CHANNELS) channel(name).subscribe(empty)
        return server
      },
      off() {
        for (const name of CHANNELS) channel(name).unsubscribe(empty)
        return server
      },
      servers: [server],
    }
  },

  async plain() {
    attach()
    const body = '{"ok":true}'
    const server = await listen((_request, response) => {
      response.setHeader('content-type', 'application/json')
      response.end(body)
    })
    return subject(server, () => {})
  },

  async express() {
    const metrics = attach()
    const require = createRequire(import.meta.url)
    const router = createRequire(require.resolve('express'))('router') as {
      Route: { prototype: { dispatch: unknown } }
    }
    const routeOf = router.Route.prototype
    const original = routeOf.dispatch
    expressPatch(metrics, metrics.guard)({ id: 'router', parentFilename: '', exports: router })
    const patched = routeOf.dispatch
    const express = require('express') as typeof import('express')
    const app = express()
    const api = express.Router()
    for (let i = 0; i < ROUTES; i++) api.get(`/items${i}/:id`, (_request, response) => void response.json({ ok: true }))
    app.use('/api', api)
    const server = await listen(app)
    return subject(server, (attached) => {
      routeOf.dispatch = attached ? patched : original
    })
  },

  async fastify() {
    const { default: fastify } = await import('fastify')
    const make = async () => {
      const app = fastify()
      for (let i = 0; i < ROUTES; i++) app.get(`/api/items${i}/:id`, async () => ({ ok: true }))
      await app.listen({ port: 0, host: '127.0.0.1' })
      return app.server as Server
    }
    const bare = await make()
    const metrics = attach()
    instrumentFastify(metrics, metrics.guard)
    const hooked = await make()
    const board = switchboard()
    return {
      on() {
        board.on()
        return hooked
      },
      off() {
        board.off()
        return bare
      },
      servers: [bare, hooked],
    }
  },
}

function subject(server: Server, patch: (attached: boolean) => void): Subject {
  const board = switchboard()
  return {
    on() {
      board.on()
      patch(true)
      return server
    },
    off() {
      board.off()
      patch(false)
      return server
    },
    servers: [server],
  }
}

async function listen(listener: RequestListener): Promise<Server> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  return server
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

const nap = new Int32Array(new SharedArrayBuffer(4))

/**
 * CPU of this thread in microseconds. Linux brings a running thread's figure up to date at its timer's ticks alone, every 4 ms here: 667 ns
 * a request in a window of 6,000. A thread that goes to sleep is accounted for at once, so it naps first.
 */
function threadCpuUs(): number {
  Atomics.wait(nap, 0, 0, 0.05)
  const { user, system } = process.threadCpuUsage()
  return user + system
}

function spread(values: readonly number[]): { readonly median: number; readonly low: number; readonly high: number } {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return { median: at(0.5), low: at(0.25), high: at(0.75) }
}

/**
 * A connection without a wire: asks the next request when the answer to the last one is there. It tells its address and what it has written as
 * a socket does, from accessors: without them clients would not be counted by address.
 */
class MemoryConnection extends Duplex {
  #written = 0
  #left = 0
  #asked = 0
  #done: (() => void) | undefined

  ask(requests: number): Promise<void> {
    this.#left = requests
    return new Promise((resolve) => {
      this.#done = resolve
      this.#next()
    })
  }

  get remoteAddress(): string {
    return '203.0.113.7'
  }

  get bytesWritten(): number {
    return this.#written
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: unknown, callback: () => void): void {
    this.#written += chunk.length
    callback()
    // Head and body may come apart: an answer begins with `HTTP`.
    if (chunk[0] !== 72 || chunk[1] !== 84) return
    if (--this.#left > 0) setImmediate(() => this.#next())
    // Not at once: the server is to have published that this answer is finished.
    else setImmediate(() => this.#done?.())
  }

  #next(): void {
    this.push(requestText(this.#asked++))
  }
}

function requestText(at: number): string {
  return `GET /api/items${at % ROUTES}/${at % 1_000} HTTP/1.1\r\nHost: a\r\nx-user-id: user-${at % 500}\r\nuser-agent: bench\r\n\r\n`
}

/** In the worker: for each order, that many requests over kept-alive connections, the next one when an answer is there. */
function generateLoad(): void {
  const pools = new Map<number, readonly Socket[]>()
  parentPort?.on('message', ({ port, requests }: Order) => {
    let pool = pools.get(port)
    if (pool === undefined) {
      pool = Array.from({ length: CONNECTIONS }, () => connect(port, '127.0.0.1').setNoDelay())
      for (const socket of pool) socket.on('error', () => {})
      pools.set(port, pool)
    }
    let sent = 0
    let answered = 0
    for (const socket of pool) {
      const ask = (): void => {
        if (sent >= requests) return
        socket.write(requestText(sent++))
      }
      socket.removeAllListeners('data')
      socket.on('data', (chunk: Buffer) => {
        // Each answer is small and comes in one piece.
        if (chunk.length === 0) return
        if (++answered === requests) setImmediate(() => parentPort?.postMessage('done'))
        else ask()
      })
      ask()
    }
  })
}

if (isMainThread) await main(process.argv.slice(2))
else generateLoad()
