/**
 * Wires the agent together: subscriptions at once, everything that costs at the first server.
 *
 * - A process that serves nothing (npm, a tool that inherited NODE_OPTIONS) opens no port and starts no observer.
 * - Modules that an idle process does not need (http, zlib, crypto) are imported when the first server listens.
 */

import type { Cluster } from 'node:cluster'
import { AppThreads, type ThreadMemory, threadAnnouncer } from './app-threads.ts'
import type { Clients } from './clients/index.ts'
import { type Config, isLoopback, type Listen } from './config.ts'
import type { Exposition } from './exposition/exposition-host.ts'
import type { SharedOfProcess } from './exposition/thread-messages.ts'
import { Guard, type Say } from './guard.ts'
import { instrumentHttpClient } from './http/client.ts'
import { expressPatch } from './http/routes/express.ts'
import { instrumentFastify } from './http/routes/fastify.ts'
import { PathGuesser } from './http/routes/guess.ts'
import { honoPatch, watchHonoModules } from './http/routes/hono.ts'
import { koaPatch } from './http/routes/koa.ts'
import { HttpServerMetrics } from './http/server.ts'
import { libraryPatches } from './libraries/index.ts'
import { onRequire } from './libraries/require-hook.ts'
import { OwnMetrics } from './metrics/own-metrics.ts'
import type { DelayHistograms } from './runtime/loop-delays.ts'
import { Store, set } from './store/index.ts'
import { isMainThread, loadedCluster, workerThreads } from './surroundings.ts'
import type { Users } from './users/index.ts'
import { VERSION } from './version.ts'

/** An outbox that does not answer in this time has no value at this scrape. */
const OUTBOX_MS = 250

export class Agent {
  readonly store = new Store()
  readonly own: OwnMetrics
  readonly server: HttpServerMetrics
  /** Delays of this thread's event loop, once they are sampled. */
  delays: DelayHistograms | undefined
  readonly #read: () => Config
  #settings: Config | undefined
  readonly #guard: Guard
  readonly #say: Say
  readonly #stop = new AbortController()
  readonly #startedAt = performance.timeOrigin
  #started: Promise<void> | undefined
  #identify: ((request: unknown) => string | undefined) | undefined
  #users: Users | undefined
  #clients: Clients | undefined
  #exposition: Exposition | undefined
  #cluster: Cluster | undefined
  /** Undefined in a thread of the application. */
  #threads: AppThreads | undefined
  #announcer: ((memory: ThreadMemory) => void) | undefined

  /** `read` gives the settings; it is called once, when they are first needed: PM2 sets the environment only after the preload. */
  constructor(read: () => Config, say: Say) {
    this.#read = read
    this.#say = say
    this.#guard = new Guard(this.store, say)
    const { store } = this
    const guard = this.#guard
    const fault = (cause: unknown): void => guard.fault('threads', cause)
    this.own = new OwnMetrics(store)
    this.server = new HttpServerMetrics({
      store,
      guard,
      guesser: new PathGuesser(),
      onServer: () => this.start(),
    })
    instrumentFastify(this.server, guard)
    watchHonoModules(this.server, guard)
    instrumentHttpClient(store, guard)
    onRequire(guard, [
      expressPatch(this.server, guard),
      koaPatch(this.server, guard),
      honoPatch(this.server, guard),
      ...libraryPatches(store, guard),
    ])
    if (isMainThread()) this.#threads = new AppThreads({ load: workerThreads, fault, onChange: () => this.#share() })
    // A thread of the application may have no server, and is to be seen all the same.
    else setImmediate(() => this.start())
    guard.on<{ readonly server?: unknown }>('tracing:net.server.listen:asyncStart', 'listen', ({ server }) => {
      if (isHttpServer(server)) this.start()
    })
  }

  /** Opens the metrics address and starts the observers, once. Called at the first HTTP server; call it where there is none. */
  start(): void {
    if (this.#started !== undefined) return
    if (!this.#config.enabled) {
      this.#guard[Symbol.dispose]()
      this.#started = Promise.resolve()
      return
    }
    this.#started = (this.#threads === undefined ? this.#runInThread() : this.#run(this.#threads)).catch(
      (cause: unknown) => this.#say('ASSAY_AGENT_START', `${String(cause)}; the application runs on without metrics`),
    )
  }

  /** Declares an outbox; see `outboxPending` of the package. */
  outboxPending(name: string, count: () => number | Promise<number>): void {
    const help = 'Messages that wait in an outbox to be sent.'
    const slots = this.store.family({
      name: 'messaging_outbox_pending_messages',
      help,
      kind: 'gauge',
      needsLoop: true,
      // Threads that declare it alike look into the same table.
      across: 'greatest',
    })
    this.store.collectors.push(async () => {
      const slot = slots.series([['outbox', name]])
      const value = await within(OUTBOX_MS, count).catch(() => Number.NaN)
      if (Number.isFinite(value)) set(slot, value)
      else slots.remove(slot)
    })
    this.start()
  }

  /** Users are told by the application; stronger than ASSAY_USERS. */
  identify(whose: (request: unknown) => string | undefined): void {
    this.#identify = whose
    this.#users?.identify(whose)
    if (this.#exposition !== undefined) this.#watchUsers().catch((cause) => this.#guard.fault('users', cause))
    this.start()
  }

  /** The address as it is bound, once it is. */
  address: Listen | undefined

  /** Ends subscriptions, observers and the listener; what was patched stays, and stays harmless. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#guard[Symbol.dispose]()
    this.#threads?.[Symbol.dispose]()
    await this.#started
  }

  /** In a thread of the application: the main thread's page tells what is counted here. */
  async #runInThread(): Promise<void> {
    this.#announce()
    await this.#watchUsers()
  }

  #announce(): void {
    this.#announcer ??= threadAnnouncer(workerThreads(), () => this.#collect())
    this.#announcer({ store: this.store.shared, users: this.#users?.shared })
  }

  async #run(threads: AppThreads): Promise<void> {
    const [{ Exposition }, { watchRuntime }] = await Promise.all([
      import('./exposition/exposition-host.ts'),
      import('./runtime/index.ts'),
    ])
    // The address is the workers': a primary that has imported the agent must not hold it. It serves no requests itself.
    if (this.#leavesToWorkers()) return
    const { worker, listen, token, thread } = this.#config
    const workersKey = worker === undefined ? undefined : await this.#workersKey(worker)
    using runtime = watchRuntime(this.store, this.#guard)
    this.delays = runtime.histograms
    this.#describeSelf()
    const self = { worker: worker ?? '', startedAt: this.#startedAt, pid: process.pid }
    const exposition = new Exposition({
      mode: thread,
      start: { listen, token, self, workersKey, shared: this.#shared() },
      onThread: (thread) => void threads.ignored.add(thread),
      say: this.#say,
      collect: () => this.#collect(),
      fault: (cause) => this.#guard.fault('exposition', cause),
      onServer: (server) => void this.server.ignored.add(server),
      onHeld: (address) => {
        this.address = address
      },
    })
    this.#exposition = exposition
    const running = exposition.run(this.#stop.signal)
    // What fails of these is left out; the rest is told all the same.
    this.#watchUsers().catch((cause: unknown) => this.#guard.fault('users', cause))
    this.#watchClients().catch((cause: unknown) => this.#guard.fault('clients', cause))
    await running
  }

  /** Whether this is a primary with workers; one that forks later leaves the address then. */
  #leavesToWorkers(): boolean {
    const cluster = this.#cluster === undefined ? loadedCluster() : undefined
    if (cluster?.isPrimary !== true) return false
    this.#cluster = cluster
    if (Object.keys(cluster.workers ?? {}).length > 0) return true
    cluster.once('fork', () => this.#stop.abort())
    return false
  }

  /** What workers of one application prove to each other; undefined where they cannot keep it, or are not to share this address. */
  async #workersKey(worker: string): Promise<Uint8Array | undefined> {
    const { readSecret, deriveKey } = await import('./cluster/secret.ts')
    const secret = readSecret(process.env)
    if (secret === undefined) {
      this.#say(
        'ASSAY_AGENT_SECRET',
        `worker ${worker} cannot read or make a private file in the temporary folder; only one worker will be seen. Set XDG_RUNTIME_DIR to a folder of this user`,
      )
      return undefined
    }
    const { listen, group } = this.#config
    const isNear = isLoopback(listen.host.replace(/^(0\.0\.0\.0|::)$/, '127.0.0.1'))
    return isNear ? deriveKey(secret, 'workers', group) : undefined
  }

  /** Begins to count users, once somebody says whose a request is: a service without users loads nothing of it. */
  async #watchUsers(): Promise<void> {
    const { users: source, usersKey, usersTimeZone: timeZone, service } = this.#config
    if (this.#users !== undefined || (source === undefined && this.#identify === undefined)) return
    const [room, { readSecret }] = await Promise.all([import('./users/index.ts'), import('./cluster/secret.ts')])
    if (this.#users !== undefined) return
    const users = new room.Users({
      source,
      key: room.usersKey(usersKey, readSecret(process.env), service),
      timeZone,
      service,
      startedAt: this.#startedAt,
      fault: (cause) => this.#guard.fault(this.#identify === undefined ? 'users' : 'identify', cause),
      stepAside: (reason) => this.#guard.stepAside('users', reason),
    })
    if (this.#identify !== undefined) users.identify(this.#identify)
    this.#users = users
    this.#tellVisits()
    this.#share()
  }

  /** Begins to watch what clients do, where it is asked for. */
  async #watchClients(): Promise<void> {
    const { clients, usersKey, service, channels } = this.#config
    if (clients === undefined) return
    const [room, { usersKey: keyOf }, { readSecret }] = await Promise.all([
      import('./clients/index.ts'),
      import('./users/key.ts'),
      import('./cluster/secret.ts'),
    ])
    this.#clients = new room.Clients({
      ...clients,
      key: keyOf(usersKey, readSecret(process.env), service),
      service,
      startedAt: this.#startedAt,
      channels: channels.names,
      fault: (cause) => this.#guard.fault('clients', cause),
      stepAside: (reason) => this.#guard.stepAside('clients', reason),
    })
    this.server.visitsWithBytes = true
    this.#tellVisits()
    this.#share()
  }

  #share(): void {
    if (this.#threads === undefined) this.#announce()
    else this.#exposition?.share(this.#shared())
  }

  /** All memory of this process that a page is made of. */
  #shared(): SharedOfProcess {
    const threads = this.#threads
    const users = [...(this.#users === undefined ? [] : [this.#users.shared]), ...(threads?.users ?? [])]
    const epoch = threads?.epoch ?? new Int32Array(new SharedArrayBuffer(4))
    return {
      main: this.store.shared,
      threads: threads?.stores ?? [],
      epoch,
      epochIs: Atomics.load(epoch, 0),
      delays: this.delays,
      users: users.length === 0 ? undefined : users,
      clients: this.#clients === undefined ? undefined : [this.#clients.shared],
    }
  }

  /** Brings every figure up to date that only this thread can read. Never rejects. */
  async #collect(): Promise<void> {
    if (this.#leavesToWorkers()) this.#stop.abort()
    const from = performance.now()
    // At once: several slow ones must not add up to a worker that is taken for silent.
    const all = this.store.collectors.map(async (collect) => {
      try {
        await collect()
      } catch (cause) {
        this.#guard.fault('collect', cause)
      }
    })
    this.store.tidy()
    // What they wait for is not spent here.
    this.#guard.spent('collect', performance.now() - from)
    await Promise.all(all)
  }

  get #config(): Config {
    if (this.#settings === undefined) {
      this.#settings = this.#read()
      this.server.channels = this.#settings.channels
      this.store.maxSeries = this.#settings.maxSeries
    }
    return this.#settings
  }

  /** Visits are told only while somebody wants them. */
  #tellVisits(): void {
    const [users, clients] = [this.#users, this.#clients]
    if (clients !== undefined) this.server.visitor = (visit) => clients.settled(visit, users?.settled(visit))
    else if (users?.counting === true) this.server.visitor = (visit) => void users.settled(visit)
  }

  #describeSelf(): void {
    const { store } = this
    set(
      store
        .family({ name: 'assay_agent_info', help: 'The version of the agent.', kind: 'gauge' })
        .series([['version', VERSION]]),
      1,
    )
    const series = store
      .family({ name: 'assay_agent_series', help: 'Series held by the agent.', kind: 'gauge', needsLoop: true })
      .series()
    const refused = store.family({
      name: 'assay_agent_series_refused_total',
      help: 'Look-ups of series beyond the limit of their family; their values are in its overflow series.',
      kind: 'counter',
      needsLoop: true,
    })
    store.collectors.push(() => {
      let held = 0
      for (const family of store.families()) {
        held += family.size
        if (family.refused > 0) set(refused.series([['family', family.name]]), family.refused)
      }
      set(series, held)
    })
  }
}

/** What `work` answers, or a rejection after that many milliseconds. */
async function within(milliseconds: number, work: () => number | Promise<number>): Promise<number> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('too slow')), milliseconds)
  })
  try {
    return await Promise.race([late, work()])
  } finally {
    clearTimeout(timer)
  }
}

function isHttpServer(server: unknown): boolean {
  return typeof server === 'object' && server !== null && 'keepAliveTimeout' in server && 'maxHeadersCount' in server
}
