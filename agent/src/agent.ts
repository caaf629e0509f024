/**
 * What starts with the application: it waits for what is worth measuring, and loads what measures it then.
 *
 * - A preload runs in every process that inherits it, and costs each of them its time to start. So there are only subscriptions here, and
 *   an address to be scraped at once a server listens; the rest is loaded with the first connection, the first request made, the first
 *   library that is met, the first scrape (`bench/agent/start.ts`).
 * - The message that something is loaded by is given to it too: nothing is missed.
 * - A process that serves nothing (npm, a tool that inherited NODE_OPTIONS) opens no port and starts no observer.
 */
import type { Cluster } from 'node:cluster'
import { createRequire } from 'node:module'
import type { Worker } from 'node:worker_threads'
import { type Config, isLoopback, type Listen } from './config.ts'
import { Exposition } from './exposition/exposition-host.ts'
import { Guard, type Say } from './guard.ts'
import { isHttpServer } from './http/is-http-server.ts'
import type { RouteBook } from './http/routes/route-book.ts'
import type { HttpServerMetrics, ServedSocket } from './http/server.ts'
import { onRequire } from './libraries/require-hook.ts'
import { mayKnow, patchWhenMet } from './met.ts'
import type { OwnMetrics } from './metrics/own-metrics.ts'
import type { DelayHistograms } from './runtime/sampled-delays.ts'
import type { Signals } from './signals.ts'
import type { Store } from './store/index.ts'
import { DEFAULT_MAX_SERIES } from './store/limits.ts'
import { isMainThread, isUsed, loadedCluster } from './surroundings.ts'

const load = createRequire(import.meta.url)

type Served = { readonly socket: ServedSocket & { readonly server?: unknown } }

export class Agent {
  /** The address as it is bound, once it is. */
  address: Listen | undefined
  readonly #read: () => Config
  readonly #guard: Guard
  readonly #say: Say
  readonly #isMain = isMainThread()
  readonly #stop = new AbortController()
  /** Threads that are not the application's. */
  readonly #ignoredThreads = new WeakSet<object>()
  #settings: Config | undefined
  #store: Store | undefined
  #book: RouteBook | undefined
  #signals: Signals | undefined
  /** Servers that listened before the signals were loaded. */
  #listening: WeakRef<object>[] = []
  #started: Promise<void> | undefined
  #runs = false
  #exposition: Exposition | undefined
  #cluster: Cluster | undefined

  /** `read` gives the settings; it is called once, when they are first needed: PM2 sets the environment only after the preload. */
  constructor(read: () => Config, say: Say) {
    this.#read = read
    this.#say = say
    const guard = new Guard(() => this.store, say)
    this.#guard = guard
    this.#waitForServers()
    guard.whenFirst(
      ['http.client.request.created', 'http.client.request.start', 'undici:request:create'],
      'http_client',
      () => {
        const { instrumentHttpClient } = load('./http/client.ts') as typeof import('./http/client.ts')
        instrumentHttpClient(this.store, guard)
      },
    )
    const book = (): RouteBook => this.#routeBook()
    guard.whenFirst(['fastify.initialization'], 'fastify', () => {
      const { instrumentFastify } = load('./http/routes/fastify.ts') as typeof import('./http/routes/fastify.ts')
      instrumentFastify(book(), guard)
    })
    if (isUsed('hono')) {
      const { watchHonoModules } = load('./http/routes/hono.ts') as typeof import('./http/routes/hono.ts')
      watchHonoModules(book(), guard)
    }
    onRequire(guard, patchWhenMet({ guard, store: () => this.store, book }), mayKnow)
    if (this.#isMain) process.on('worker', this.#onWorker)
    // A thread of the application may have no server, and is to be seen all the same.
    else setImmediate(() => this.start())
  }

  get store(): Store {
    if (this.#store === undefined) {
      const { Store } = load('./store/index.ts') as typeof import('./store/index.ts')
      this.#store = new Store()
      if (this.#settings !== undefined) this.#store.maxSeries = this.#settings.maxSeries
    }
    return this.#store
  }

  get own(): OwnMetrics {
    return this.#all().own
  }

  get server(): HttpServerMetrics {
    return this.#all().server
  }

  /** Delays of this thread's event loop, once they are sampled. */
  get delays(): DelayHistograms | undefined {
    return this.#signals?.delays
  }

  /** Opens the metrics address, once. Called at the first HTTP server; call it where there is none. */
  start(): void {
    if (this.#started !== undefined) return
    if (!this.#config.enabled) {
      this.#guard[Symbol.dispose]()
      process.off('worker', this.#onWorker)
      this.#started = Promise.resolve()
      return
    }
    this.#started = this.#run().catch((cause: unknown) =>
      this.#say('ASSAY_AGENT_START', `${String(cause)}; the application runs on without metrics`),
    )
  }

  /** Declares an outbox; see `outboxPending` of the package. */
  outboxPending(name: string, count: () => number | Promise<number>): void {
    this.#all().outboxPending(name, count)
    this.start()
  }

  /** Users are told by the application; stronger than ASSAY_USERS. */
  identify(whose: (request: unknown) => string | undefined): void {
    this.#all().identify(whose)
    this.start()
  }

  /** Ends subscriptions, observers and the listener; what was patched stays, and stays harmless. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#guard[Symbol.dispose]()
    process.off('worker', this.#onWorker)
    this.#signals?.[Symbol.dispose]()
    await this.#started
  }

  /** A server is met when it listens, and measured from its first connection on: what comes over it may be no request (an upgrade). */
  #waitForServers(): void {
    const guard = this.#guard
    guard.on<{ readonly server?: unknown }>('tracing:net.server.listen:asyncStart', 'listen', ({ server }) => {
      if (!isHttpServer(server)) return
      this.start()
      if (this.#signals === undefined) this.#listening.push(new WeakRef(server))
    })
    const first = ({ socket }: Served): void => {
      const { server } = socket
      if (isHttpServer(server)) this.#all().server.meet(server, socket)
    }
    guard.whenFirst<Served>(['net.server.socket'], 'http_server', first, ({ socket }) => isHttpServer(socket.server))
    // A server may be handed connections that no listening socket of Node has accepted.
    guard.whenFirst(['http.server.request.start', 'http2.server.stream.start'], 'http_server', () => this.#all())
  }

  readonly #onWorker = (worker: Worker): void => {
    try {
      if (!this.#ignoredThreads.has(worker)) this.#all().meetThread(worker)
    } catch (cause) {
      this.#guard.fault('threads', cause)
    }
  }

  #routeBook(): RouteBook {
    if (this.#book === undefined) {
      const books = load('./http/routes/route-book.ts') as typeof import('./http/routes/route-book.ts')
      this.#book = new books.RouteBook(() => this.#settings?.maxSeries ?? DEFAULT_MAX_SERIES)
    }
    return this.#book
  }

  #all(): Signals {
    if (this.#signals !== undefined) return this.#signals
    const rooms = load('./signals.ts') as typeof import('./signals.ts')
    const signals = new rooms.Signals({
      store: this.store,
      guard: this.#guard,
      book: this.#routeBook(),
      startedAt: performance.timeOrigin,
      isMain: this.#isMain,
      onServer: () => this.start(),
      onChange: () => this.#exposition?.share(signals.shared()),
    })
    this.#signals = signals
    for (const server of this.#listening.splice(0)) {
      const living = server.deref()
      if (living !== undefined) signals.server.meet(living)
    }
    if (this.#settings !== undefined) signals.configure(this.#settings)
    if (this.#runs) signals.run()
    return signals
  }

  async #run(): Promise<void> {
    if (!this.#isMain) {
      this.#runs = true
      this.#all().run()
      return
    }
    // The address is the workers': a primary that has imported the agent must not hold it. It serves no requests itself.
    if (this.#leavesToWorkers()) return
    const { worker, listen, token, thread, requests } = this.#config
    const workersKey = worker === undefined ? undefined : await this.#workersKey(worker)
    this.#runs = true
    this.#signals?.run()
    // What is asked for beyond requests themselves is to be there with the first of them.
    if (requests?.users !== undefined || requests?.clients !== undefined) this.#all()
    this.#exposition = new Exposition({
      mode: thread,
      listen,
      joins: workersKey !== undefined,
      start: () => ({
        listen,
        token,
        self: { worker: worker ?? '', startedAt: performance.timeOrigin, pid: process.pid },
        workersKey,
        shared: this.#all().shared(),
      }),
      onThread: (own) => void this.#ignoredThreads.add(own),
      say: this.#say,
      collect: () => this.#collect(),
      fault: (cause) => this.#guard.fault('exposition', cause),
      onServer: (server) => void this.#all().server.ignored.add(server),
      onHeld: (address) => {
        this.address = address
      },
    })
    await this.#exposition.run(this.#stop.signal)
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

  async #collect(): Promise<void> {
    if (this.#leavesToWorkers()) this.#stop.abort()
    await this.#all().collect()
  }

  get #config(): Config {
    if (this.#settings === undefined) {
      this.#settings = this.#read()
      if (this.#store !== undefined) this.#store.maxSeries = this.#settings.maxSeries
      this.#signals?.configure(this.#settings)
    }
    return this.#settings
  }
}
