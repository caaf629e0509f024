/**
 * All that is measured in this thread, and what is told of it: loaded with the first connection to a server, the first metric of the
 * application's own, the first scrape, or the first thread, whichever comes first.
 *
 * - From then on the runtime is watched; before, there was nothing to tell apart from the start itself.
 * - Users and clients are counted only where somebody says whose a request is, or that they are to be watched.
 */
import { createRequire } from 'node:module'
import type { Worker } from 'node:worker_threads'
import type { AppThreads, ThreadMemory } from './app-threads.ts'
import type { Clients } from './clients/index.ts'
import type { Config } from './config.ts'
import type { SharedOfProcess } from './exposition/thread-messages.ts'
import type { Guard } from './guard.ts'
import { PathGuesser } from './http/routes/guess.ts'
import type { RouteBook } from './http/routes/route-book.ts'
import { HttpServerMetrics } from './http/server.ts'
import { COLLECT_MS, inTime } from './in-time.ts'
import type { OwnMetrics } from './metrics/own-metrics.ts'
import { watchRuntime } from './runtime/index.ts'
import type { DelayHistograms } from './runtime/sampled-delays.ts'
import { type Store, set } from './store/index.ts'
import { workerThreads } from './surroundings.ts'
import type { Users } from './users/index.ts'
import { VERSION } from './version.ts'

const load = createRequire(import.meta.url)

export type SignalsOptions = {
  readonly store: Store
  readonly guard: Guard
  readonly book: RouteBook
  readonly startedAt: number
  /** False in a thread of the application. */
  readonly isMain: boolean
  /** A server is being served, and the settings are needed now. */
  readonly onServer: () => void
  /** There is more memory to be read, or other. Only of the main thread. */
  readonly onChange: () => void
}

export class Signals implements Disposable {
  readonly server: HttpServerMetrics
  /** Delays of this thread's event loop, once they are sampled. */
  delays: DelayHistograms | undefined
  readonly #options: SignalsOptions
  #own: OwnMetrics | undefined
  #threads: AppThreads | undefined
  #config: Config | undefined
  #runs = false
  #runtime: Disposable | undefined
  #identify: ((request: unknown) => string | undefined) | undefined
  #users: Users | undefined
  #clients: Clients | undefined
  #announcer: ((memory: ThreadMemory) => void) | undefined

  constructor(options: SignalsOptions) {
    const { store, guard, book, onServer } = options
    this.#options = options
    this.server = new HttpServerMetrics({ store, guard, book, guesser: new PathGuesser(), onServer })
  }

  get own(): OwnMetrics {
    if (this.#own === undefined) {
      const metrics = load('./metrics/own-metrics.ts') as typeof import('./metrics/own-metrics.ts')
      this.#own = new metrics.OwnMetrics(this.#options.store)
    }
    return this.#own
  }

  /** The main thread's application has made a thread. */
  meetThread(worker: Worker): void {
    if (this.#threads === undefined) {
      const { guard, onChange } = this.#options
      const fault = (cause: unknown): void => guard.fault('threads', cause)
      const threads = load('./app-threads.ts') as typeof import('./app-threads.ts')
      this.#threads = new threads.AppThreads({ load: workerThreads, fault, onChange })
    }
    this.#threads.meet(worker)
  }

  /** The settings, once they are read: PM2 sets the environment only after the preload. */
  configure(config: Config): void {
    this.#config = config
    if (config.requests !== undefined) this.server.channels = config.requests.channels
  }

  /** Begins to watch the runtime, users and clients, once; after `configure`. What fails of these is left out, and the rest is told. */
  run(): void {
    if (this.#runs) return
    this.#runs = true
    const { store, guard, isMain } = this.#options
    if (!isMain) this.#announce()
    else {
      const runtime = watchRuntime(store, guard)
      this.#runtime = runtime
      this.delays = runtime.histograms
      this.#describeSelf()
    }
    this.#watchUsers().catch((cause: unknown) => guard.fault('users', cause))
    if (isMain) this.#watchClients().catch((cause: unknown) => guard.fault('clients', cause))
  }

  /** Declares an outbox; see `outboxPending` of the package. */
  outboxPending(name: string, count: () => number | Promise<number>): void {
    const { store } = this.#options
    const help = 'Messages that wait in an outbox to be sent.'
    const slots = store.family({
      name: 'messaging_outbox_pending_messages',
      help,
      kind: 'gauge',
      needsLoop: true,
      // Threads that declare it alike look into the same table.
      across: 'greatest',
    })
    store.collectors.push(async () => {
      const slot = slots.series([['outbox', name]])
      const value = await inTime(COLLECT_MS, count).catch(() => Number.NaN)
      if (Number.isFinite(value)) set(slot, value)
      else slots.remove(slot)
    })
  }

  /** Users are told by the application; stronger than ASSAY_USERS. */
  identify(whose: (request: unknown) => string | undefined): void {
    this.#identify = whose
    this.#users?.identify(whose)
    if (this.#runs) this.#watchUsers().catch((cause: unknown) => this.#options.guard.fault('users', cause))
  }

  /** Brings every figure up to date that only this thread can read. Never rejects. */
  async collect(): Promise<void> {
    const { store, guard } = this.#options
    const from = performance.now()
    // At once: several slow ones must not add up to a worker that is taken for silent.
    const all = store.collectors.map(async (collect) => {
      try {
        await collect()
      } catch (cause) {
        guard.fault('collect', cause)
      }
    })
    store.tidy()
    // What they wait for is not spent here.
    guard.spent('collect', performance.now() - from)
    await Promise.all(all)
  }

  /** All memory of this process that a page is made of. */
  shared(): SharedOfProcess {
    const threads = this.#threads
    const users = [...(this.#users === undefined ? [] : [this.#users.shared]), ...(threads?.users ?? [])]
    const epoch = threads?.epoch ?? new Int32Array(new SharedArrayBuffer(4))
    return {
      main: this.#options.store.shared,
      threads: threads?.stores ?? [],
      epoch,
      epochIs: Atomics.load(epoch, 0),
      delays: this.delays,
      users: users.length === 0 ? undefined : users,
      clients: this.#clients === undefined ? undefined : [this.#clients.shared],
    }
  }

  [Symbol.dispose](): void {
    this.#threads?.[Symbol.dispose]()
    this.#runtime?.[Symbol.dispose]()
  }

  /** In a thread of the application: the main thread's page tells what is counted here. */
  #announce(): void {
    if (this.#announcer === undefined) {
      const { threadAnnouncer } = load('./app-threads.ts') as typeof import('./app-threads.ts')
      this.#announcer = threadAnnouncer(workerThreads(), () => this.collect())
    }
    this.#announcer({ store: this.#options.store.shared, users: this.#users?.shared })
  }

  /** Begins to count users, once somebody says whose a request is: a service without users loads nothing of it. */
  async #watchUsers(): Promise<void> {
    const { service = '', requests } = this.#config ?? {}
    if (this.#users !== undefined || (requests?.users === undefined && this.#identify === undefined)) return
    this.server.expectVisitor()
    const [room, { readSecret }] = await Promise.all([import('./users/index.ts'), import('./cluster/secret.ts')])
    if (this.#users !== undefined) return
    const { guard, startedAt } = this.#options
    const users = new room.Users({
      source: requests?.users,
      key: room.usersKey(requests?.usersKey, readSecret(process.env), service),
      timeZone: requests?.usersTimeZone ?? room.DEFAULT_TIME_ZONE,
      service,
      startedAt,
      fault: (cause) => guard.fault(this.#identify === undefined ? 'users' : 'identify', cause),
      stepAside: (reason) => guard.stepAside('users', reason),
    })
    if (this.#identify !== undefined) users.identify(this.#identify)
    this.#users = users
    this.#tellVisits()
    this.#share()
  }

  /** Begins to watch what clients do, where it is asked for. */
  async #watchClients(): Promise<void> {
    const { service = '', requests } = this.#config ?? {}
    if (requests?.clients === undefined) return
    this.server.expectVisitor()
    const [room, { usersKey }, { readSecret }] = await Promise.all([
      import('./clients/index.ts'),
      import('./users/key.ts'),
      import('./cluster/secret.ts'),
    ])
    const { guard, startedAt } = this.#options
    this.#clients = new room.Clients({
      ...requests.clients,
      key: usersKey(requests.usersKey, readSecret(process.env), service),
      service,
      startedAt,
      channels: requests.channels.names,
      fault: (cause) => guard.fault('clients', cause),
      stepAside: (reason) => guard.stepAside('clients', reason),
    })
    this.server.visitsWithBytes = true
    this.#tellVisits()
    this.#share()
  }

  #share(): void {
    if (this.#options.isMain) this.#options.onChange()
    else this.#announce()
  }

  /** Visits are told only while somebody wants them. */
  #tellVisits(): void {
    const [users, clients] = [this.#users, this.#clients]
    if (clients !== undefined) this.server.visitor = (visit) => clients.settled(visit, users?.settled(visit))
    else if (users?.counting === true) this.server.visitor = (visit) => void users.settled(visit)
  }

  #describeSelf(): void {
    const { store } = this.#options
    const about = store.family({ name: 'assay_agent_info', help: 'The version of the agent.', kind: 'gauge' })
    set(about.series([['version', VERSION]]), 1)
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
