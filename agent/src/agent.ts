/**
 * Wires the agent together: subscriptions at once, everything that costs at the first server.
 *
 * - A process that serves nothing (npm, a tool that inherited NODE_OPTIONS) opens no port and starts no observer.
 * - Modules that an idle process does not need (http, zlib, crypto) are imported when the first server listens.
 */

import cluster from 'node:cluster'
import { type Config, isLoopback, type Listen } from './config.ts'
import { assemble, type FamilyPage, type Format, render } from './exposition/exposition.ts'
import { Guard, type Say } from './guard.ts'
import { instrumentHttpClient } from './http/client.ts'
import { expressPatch } from './http/routes/express.ts'
import { instrumentFastify } from './http/routes/fastify.ts'
import { PathGuesser } from './http/routes/guess.ts'
import { HttpServerMetrics } from './http/server.ts'
import { amqplibPatch } from './libraries/amqplib.ts'
import { pgPatch } from './libraries/pg.ts'
import { onRequire } from './libraries/require-hook.ts'
import { OwnMetrics } from './metrics/own-metrics.ts'
import { add, type Family, Store, set } from './store/index.ts'
import type { Users } from './users/index.ts'
import { ConnectionMemory } from './users/visit.ts'
import { VERSION } from './version.ts'

/** An outbox that does not answer in this time has no value at this scrape. */
const OUTBOX_MS = 250

export class Agent {
  readonly store = new Store()
  readonly own: OwnMetrics
  readonly server: HttpServerMetrics
  readonly #read: () => Config
  #settings: Config | undefined
  readonly #guard: Guard
  readonly #say: Say
  readonly #stop = new AbortController()
  readonly #startedAt = performance.timeOrigin
  #started: Promise<void> | undefined
  #identify: ((request: unknown) => string | undefined) | undefined
  #users: Users | undefined
  /** Loaded when the first server listens. */
  #usersRoom: typeof import('./users/index.ts') | undefined

  /** `read` gives the settings; it is called once, when they are first needed: PM2 sets the environment only after the preload. */
  constructor(read: () => Config, say: Say) {
    this.#read = read
    this.#say = say
    this.#guard = new Guard(this.store, say)
    const { store } = this
    const guard = this.#guard
    this.own = new OwnMetrics(store)
    this.server = new HttpServerMetrics({
      store,
      guard,
      guesser: new PathGuesser(),
      onSettled: (request, framework, status) => {
        if (this.#users !== undefined) this.#see(request, framework, status)
      },
      onServer: () => this.start(),
    })
    instrumentFastify(this.server, guard)
    instrumentHttpClient(store, guard)
    onRequire(guard, [expressPatch(this.server), pgPatch(store, guard), amqplibPatch(store, guard)])
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
    this.#started = this.#run().catch((cause: unknown) =>
      this.#say('ASSAY_AGENT_START', `${String(cause)}; the application runs on without metrics`),
    )
  }

  /** Declares an outbox; see `outboxPending` of the package. */
  outboxPending(name: string, count: () => number | Promise<number>): void {
    const help = 'Messages that wait in an outbox to be sent.'
    const slots = this.store.family({ name: 'messaging_outbox_pending_messages', help, kind: 'gauge' })
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
    this.start()
  }

  /** The address as it is bound, once it is. */
  address: Listen | undefined

  /** Ends subscriptions, observers and the listener; what was patched stays, and stays harmless. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#guard[Symbol.dispose]()
    await this.#started
  }

  async #run(): Promise<void> {
    const [{ holdAddress }, { Hub }, { readSecret, deriveKey }, { watchRuntime }, usersRoom] = await Promise.all([
      import('./exposition/metrics-address.ts'),
      import('./cluster/hub.ts'),
      import('./cluster/secret.ts'),
      import('./runtime/index.ts'),
      import('./users/index.ts'),
    ])
    // The address is the workers': a primary that has imported the agent must not hold it. It serves no requests itself.
    if (cluster.isPrimary) {
      if (Object.keys(cluster.workers ?? {}).length > 0) return
      cluster.once('fork', () => this.#stop.abort())
    }
    const { signal } = this.#stop
    const { group, worker, listen } = this.#config
    const secret = worker === undefined ? undefined : readSecret(process.env)
    if (worker !== undefined && secret === undefined) {
      this.#say(
        'ASSAY_AGENT_SECRET',
        `worker ${worker} cannot read or make a private file in the temporary folder; only one worker will be seen. Set XDG_RUNTIME_DIR to a folder of this user`,
      )
    }
    const { service } = this.#config
    this.#usersRoom = usersRoom
    this.#users = new usersRoom.Users({
      source: this.#config.users,
      key: usersRoom.usersKey(this.#config.usersKey, secret ?? readSecret(process.env), service),
      timeZone: this.#config.usersTimeZone,
      service,
      startedAt: this.#startedAt,
      fault: (cause) => this.#guard.fault('users', cause),
      stepAside: (reason) => this.#say('ASSAY_AGENT_CONFIG', reason),
    })
    if (this.#identify !== undefined) this.#users.identify(this.#identify)
    using _runtime = watchRuntime(this.store, this.#guard)
    this.#describeSelf()

    const key = secret === undefined ? undefined : deriveKey(secret, 'workers', group)
    const hub = key === undefined ? undefined : new Hub(key)
    const self = { worker: worker ?? '', startedAt: this.#startedAt, pid: process.pid }
    await holdAddress(
      {
        address: listen,
        say: this.#say,
        onListening: (address) => {
          this.address = address
        },
        listener: {
          token: this.#config.token,
          onServer: (server) => void this.server.ignored.add(server),
          page: async (format, waitMs) => {
            const [own, others] = await Promise.all([this.#ownPage(format), hub?.gather(format, waitMs, self)])
            const speaking = others?.ownIsReplaced === true ? [] : [own]
            const pages = [...speaking, ...(others?.pages ?? [])]
            return assemble(
              [
                ...pages.map(({ page }) => page),
                this.#together(
                  pages.map(({ users }) => users),
                  format,
                  others,
                ),
              ],
              format,
            )
          },
        },
        workers:
          hub === undefined || key === undefined || !isLoopback(listen.host.replace(/^(0\.0\.0\.0|::)$/, '127.0.0.1'))
            ? undefined
            : { hub, follower: { key, self, page: (format) => this.#ownPage(format) } },
      },
      signal,
    )
  }

  async #ownPage(format: Format): Promise<{ page: FamilyPage[]; users: unknown }> {
    // At once: several slow ones must not add up to a worker that is taken for silent.
    await Promise.all(
      this.store.collectors.map(async (collect) => {
        try {
          await collect()
        } catch (cause) {
          this.#guard.fault('collect', cause)
        }
      }),
    )
    const { worker } = this.#config
    return {
      page: render(this.store, format, worker === undefined ? '' : `worker="${worker.replace(/[^\w.-]/g, '_')}"`),
      users: this.#ownUsers(),
    }
  }

  /** What is only true of all workers together: it has no worker label. */
  #together(
    users: readonly unknown[],
    format: Format,
    gathered: { readonly silent: number; readonly replaced: number; readonly pages: readonly unknown[] } | undefined,
  ): FamilyPage[] {
    const store = new Store()
    const gauge = (name: string, help: string): Family => store.family({ name, help, kind: 'gauge' })
    const counted = this.#usersRoom
    if (counted !== undefined && users.some((one) => one !== undefined)) {
      const active = gauge(
        'assay_active_users',
        'Distinct users of this service: of the calendar day, of the last five minutes.',
      )
      const counts = counted.countUsers(
        users.map(counted.tryDecodeUsers).filter((one) => one !== undefined),
        Date.now(),
      )
      set(active.series([['window', '1d']]), counts.day)
      set(active.series([['window', '5m']]), counts.fiveMinutes)
    }
    if (gathered !== undefined) {
      const workers = gauge(
        'assay_agent_workers',
        'Workers by what they did at this scrape; silent ones are missing from this page.',
      )
      set(workers.series([['state', 'answered']]), users.length)
      set(workers.series([['state', 'silent']]), gathered.silent)
      set(workers.series([['state', 'replaced']]), gathered.replaced)
    }
    return render(store, format)
  }

  get #config(): Config {
    if (this.#settings === undefined) {
      this.#settings = this.#read()
      this.server.channels = this.#settings.channels
      this.store.maxSeries = this.#settings.maxSeries
    }
    return this.#settings
  }

  #ownUsers(): unknown {
    const room = this.#usersRoom
    if (room === undefined || this.#users?.counting !== true) return undefined
    return room.encodeUsers(room.readUsers(this.#users.shared, Date.now()))
  }

  #see(request: import('node:http').IncomingMessage, framework: unknown, status: number): void {
    this.#users?.settled({
      request,
      framework,
      status,
      memory: new ConnectionMemory(),
      aborted: false,
      channel: -1,
      route: '',
      address: '',
      bytesOut: -1,
      nowMs: Date.now(),
    })
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
      .family({ name: 'assay_agent_series', help: 'Series held by the agent.', kind: 'gauge' })
      .series()
    const refused = store.family({
      name: 'assay_agent_series_refused_total',
      help: 'Look-ups of series beyond the limit of their family; their values are in its overflow series.',
      kind: 'counter',
    })
    const pages = store.family({ name: 'assay_agent_pages_total', help: 'Pages rendered.', kind: 'counter' }).series()
    store.collectors.push(() => {
      let held = 0
      for (const family of store.families()) {
        held += family.size
        if (family.refused > 0) set(refused.series([['family', family.name]]), family.refused)
      }
      set(series, held)
      add(pages, 1)
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
