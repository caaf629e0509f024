/**
 * All that answers at the metrics address: pages, and the other workers of the application. The same on the main thread and in a thread
 * of its own; who is asked for figures, and who is told, is handed in.
 *
 * Heavy (HTTP, crypto, compression, rendering): it is loaded by the first connection, not by the start of the application.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import { type Ended, join } from '../cluster/follower.ts'
import { Hub } from '../cluster/hub.ts'
import type { WorkerPage } from '../cluster/protocol.ts'
import type { Listen } from '../config.ts'
import type { Answered } from './main-thread-line.ts'
import type { PageFormat } from './page-format.ts'
import { PageServer, type PathAnswer } from './page-server.ts'
import { CLIENTS_PATH, ProcessPages } from './process-pages.ts'
import type { SharedOfProcess, ThreadStart } from './thread-messages.ts'
import { WholePage } from './whole-page.ts'

export const USERS_PATH = '/-/assay/users'

/** Longer than a scrape waits for workers. Who has said nothing until then is not waited for. */
const LEAVE_MS = 1_000

export type ServingOptions = {
  readonly start: ThreadStart
  readonly refresh: (waitMs: number) => Promise<Answered>
  readonly blockedSeconds: () => number
  readonly fault: (cause: unknown) => void
  readonly isOwnThread: boolean
  readonly onServer: (server: Server) => void
  /** After a page has been given to a scraper or to the hub. */
  readonly onPage: () => void
}

export class Serving implements Disposable {
  readonly #options: ServingOptions
  readonly #pages: ProcessPages
  readonly #hub: Hub | undefined
  readonly #server: PageServer
  /** Connections that have not been answered yet. */
  readonly #answering = new Set<Duplex>()
  #leaves = false
  #leaving: NodeJS.Timeout | undefined
  #speak: ((page: (format: PageFormat) => WorkerPage) => Promise<void>) | undefined

  constructor(options: ServingOptions) {
    this.#options = options
    const { start, refresh, blockedSeconds, fault, isOwnThread, onServer, onPage } = options
    const { self, shared, token, workersKey } = start
    this.#pages = new ProcessPages({ self, shared, refresh, blockedSeconds, fault, isOwnThread })
    const hub = workersKey === undefined ? undefined : new Hub(workersKey, () => performance.now())
    this.#hub = hub
    const whole = new WholePage(self, this.#pages, hub)
    this.#server = new PageServer({
      token,
      page: (question) => whole.render(question),
      paths: new Map<string, () => PathAnswer | Promise<PathAnswer>>([
        [USERS_PATH, () => whole.users()],
        [CLIENTS_PATH, () => (token === undefined ? CLIENTS_REFUSED : whole.clients())],
      ]),
      onUpgrade: (request, socket, head) => {
        // A worker that comes to stay.
        this.#answered(socket)
        if (hub === undefined) socket.destroy()
        else hub.accept(request, socket, head)
      },
      onServer,
      onPage,
      isOwnThread,
    })
  }

  /** There is more memory to be read, or other. */
  share(shared: SharedOfProcess): void {
    this.#pages.share(shared)
  }

  /** Of the page that was asked for last. */
  get format(): PageFormat | undefined {
    return this.#pages.format
  }

  /** Makes ready for a scrape in that format. Never rejects. */
  async makeReady(format: PageFormat): Promise<void> {
    await this.#pages.makeReady(format).catch(this.#options.fault)
  }

  /** How many other workers there are, when this is the hub. */
  get workers(): number {
    return this.#hub?.size ?? 0
  }

  /** So many workers are about to come from another hub, which was this process's too. */
  expectWorkers(workers: number): void {
    this.#hub?.expect(workers)
  }

  /** Answers on a paused socket. */
  take(socket: Socket): void {
    this.#answering.add(socket)
    socket.once('close', () => this.#answered(socket))
    this.#server.take(socket)
  }

  /** As `join` of the follower; without a key nobody can be joined. */
  join(address: Listen, onJoined: () => void, signal: AbortSignal): Promise<Ended> {
    const { start, onPage } = this.#options
    const { self, workersKey: key } = start
    if (key === undefined) return Promise.resolve('foreign')
    return join(
      {
        address,
        key,
        self,
        isThread: this.#options.isOwnThread,
        page: async (question) => copied((await this.#pages.prepare(question))()),
        onJoined: (speak) => {
          this.#speak = speak
          this.#hub?.forget()
          onJoined()
        },
        onLegacy: (legacy) => this.#hub?.inherit(legacy),
        onPage,
      },
      signal,
    )
  }

  /** Tells the hub, or as the hub all others, what has been counted, for the last time. Never rejects. */
  async lastWords(): Promise<void> {
    const page = (format: PageFormat): WorkerPage => copied(this.#pages.lastWords(format))
    await Promise.all([this.#speak?.(page), this.#hub?.bequeath(this.#options.start.self.worker, page)]).catch(() => {})
  }

  /** Workers have to look for another hub; answers that are under way are finished first, with all workers in them. */
  [Symbol.dispose](): void {
    if (this.#leaves) return
    this.#leaves = true
    if (this.#answering.size === 0) this.#leave()
    else this.#leaving = setTimeout(() => this.#leave(), LEAVE_MS).unref()
  }

  #answered(socket: Duplex): void {
    this.#answering.delete(socket)
    if (this.#leaves && this.#answering.size === 0) this.#leave()
  }

  #leave(): void {
    clearTimeout(this.#leaving)
    this.#hub?.[Symbol.dispose]()
    this.#pages[Symbol.dispose]()
  }
}

/** It waits to be sent while others are made. */
function copied(page: WorkerPage): WorkerPage {
  return { ...page, families: page.families.map((family) => ({ ...family, body: family.body.slice() })) }
}

/** Behaviour of clients tells addresses: it is never shown without a token. */
const CLIENTS_REFUSED: PathAnswer = {
  status: 403,
  contentType: 'text/plain; charset=utf-8',
  body: 'clients are told only with a token: set ASSAY_AGENT_TOKEN\n',
}
