/**
 * The page of this process, made by whichever thread serves it: the main thread until the first scrape, then one of its own.
 *
 * - What is recorded as it happens is read from shared memory as it is. What only the main thread can read (families that need its loop) is
 *   brought up to date by `refresh`; when it does not answer that is left out: missing is shown as missing, and
 *   `nodejs_eventloop_blocked_seconds` says why.
 * - What is true of the whole process (CPU, memory, files) is read here, by this thread.
 */
import { performance } from 'node:perf_hooks'
import { type ClientsReading, encodeClients, mergeClientReadings, readClients } from '../clients/index.ts'
import type { WorkerPage } from '../cluster/protocol.ts'
import { delayFigures } from '../runtime/loop-delays.ts'
import { processFigures } from '../runtime/process-figures.ts'
import { add, type Family, observe, type Slot, Store, set } from '../store/index.ts'
import { encodeUsers, mergeUsers, readUsers, type UsersReading } from '../users/index.ts'
import { AppThreadsLines } from './app-threads-lines.ts'
import type { FamilyPage } from './family-page.ts'
import type { Answered } from './main-thread-line.ts'
import { joinPages, StorePages } from './page.ts'
import type { PageFormat } from './page-format.ts'
import type { PageQuestion } from './page-server.ts'
import { SumPages } from './sum-pages.ts'
import type { Self, SharedOfProcess } from './thread-messages.ts'

/** Where clients are told, and the name they are asked for by: no metric has it. */
export const CLIENTS_PATH = '/-/assay/clients'

const DURATION_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1] as const

/** A list that is under way is waited for that long. */
const LIST_MS = 50

export type ProcessPagesOptions = {
  readonly self: Self
  readonly shared: SharedOfProcess
  /** Brings the main thread's figures up to date, or says that it does not answer. Never rejects. */
  readonly refresh: (waitMs: number) => Promise<Answered>
  /** For how long the main thread has not answered. */
  readonly blockedSeconds: () => number
  readonly fault: (cause: unknown) => void
  /** Whether this is the thread of its own. */
  readonly isOwnThread: boolean
}

export class ProcessPages implements Disposable {
  readonly #options: ProcessPagesOptions
  #shared: SharedOfProcess
  readonly #onShared: (() => void)[] = []
  readonly #pages: StorePages
  readonly #sum: SumPages
  readonly #threads = new AppThreadsLines()
  /** What this thread tells itself. */
  readonly #local = new Store()
  readonly #localPages: StorePages
  readonly #readProcess: () => Promise<void>
  readonly #readDelays: (() => Promise<void>) | undefined
  readonly #startedAt: Slot
  readonly #blocked: Slot
  readonly #bytes: Slot
  readonly #duration: Slot
  readonly #rendered: Slot
  #format: PageFormat | undefined

  constructor(options: ProcessPagesOptions) {
    this.#options = options
    const { self, shared, fault } = options
    this.#shared = shared
    // A label of ours, whatever the environment says: it is written as it is.
    const extra = self.worker === '' ? '' : `worker="${self.worker.replace(/[^\w.-]/g, '_')}"`
    this.#pages = new StorePages(shared.main, extra)
    this.#sum = new SumPages(extra)
    this.#localPages = new StorePages(this.#local.shared, extra)
    this.#readProcess = processFigures(this.#local, fault)
    this.#readDelays = shared.delays === undefined ? undefined : delayFigures(this.#local, fault, shared.delays, true)
    const gauge = (name: string, help: string): Slot => this.#local.family({ name, help, kind: 'gauge' }).series()
    this.#startedAt = gauge('process_start_time_seconds', 'When the process started, Unix time.')
    this.#blocked = gauge(
      'nodejs_eventloop_blocked_seconds',
      'For how long the event loop has not answered; 0 when it does.',
    )
    set(
      gauge(
        'assay_agent_thread',
        'Whether a thread of its own serves the pages: then a blocked event loop answers, too.',
      ),
      options.isOwnThread ? 1 : 0,
    )
    this.#bytes = gauge('assay_agent_shared_bytes', "Memory that the agent's series take.")
    const family: Family = this.#local.family({
      name: 'assay_agent_page_seconds',
      help: 'How long pages took to be made, waiting for the main thread and for others included.',
      kind: 'histogram',
      bounds: DURATION_BOUNDS,
    })
    this.#duration = family.series()
    this.#rendered = this.#local
      .family({ name: 'assay_agent_pages_total', help: 'Pages rendered.', kind: 'counter' })
      .series()
    this.share(shared)
  }

  /** Of the page that was asked for last. */
  get format(): PageFormat | undefined {
    return this.#format
  }

  /**
   * Makes a page for nobody: whoever scrapes next, in some seconds, does not wait for the code to be compiled, and gets a page that goes on
   * from this one. Nothing is counted, and nobody is asked.
   */
  async makeReady(format: PageFormat): Promise<void> {
    await Promise.all([this.#readProcess(), this.#readDelays?.()])
    joinPages([this.#render(format, undefined, true).families], format)
  }

  /** There is more memory to be read, or other. */
  share(shared: SharedOfProcess): void {
    this.#shared = shared
    const { main, threads } = shared
    this.#sum.share(threads.length === 0 ? [] : [main, ...threads.map(({ store }) => store)])
    for (const told of this.#onShared.splice(0)) told()
  }

  /**
   * Brings all figures up to date, and gives what makes the part of this process of them, for itself or for a hub. Its bytes are to be used
   * before another page of the format can be made: at once.
   */
  async prepare({ format, waitMs, names }: PageQuestion): Promise<() => WorkerPage> {
    const from = performance.now()
    this.#format = format
    const asked = this.#shared.threads.flatMap(({ id, task }) => (id === undefined ? [] : [{ id, task }]))
    const fresh = asked.length === 0 ? undefined : this.#threads.ask(asked, waitMs)
    const answered = await this.#options.refresh(waitMs)
    // As it is now: a loop that comes back while the rest is read is missing on this page all the same.
    const blockedSeconds = answered === 'blocked' ? this.#options.blockedSeconds() : 0
    await Promise.all([this.#readProcess(), this.#readDelays?.()])
    const freshThreads = await fresh
    await this.#isListCurrent()
    return () => {
      this.#tellItself(blockedSeconds)
      const page = this.#render(format, names, answered !== 'blocked', freshThreads)
      observe(this.#duration, (performance.now() - from) / 1_000)
      return page
    }
  }

  #tellItself(blockedSeconds: number): void {
    // To the bit the same from every thread: a change of it means a restart to whoever watches.
    set(this.#startedAt, this.#options.self.startedAt / 1_000)
    set(this.#blocked, blockedSeconds)
    const { main, threads } = this.#shared
    let bytes = 0
    for (const { numbers, journal } of [main, ...threads.map(({ store }) => store)])
      bytes += numbers.byteLength + journal.byteLength
    set(this.#bytes, bytes)
    add(this.#rendered, 1)
  }

  /** Counters and histograms as they are now, at once: nobody is asked, and nothing but memory is read. */
  lastWords(format: PageFormat): WorkerPage {
    const page = this.#render(format, undefined, false)
    return { families: page.families.filter(({ kind }) => kind !== 'gauge'), users: page.users }
  }

  /** Nothing is asked any more, until a page is. */
  [Symbol.dispose](): void {
    this.#threads[Symbol.dispose]()
  }

  /** Users of all threads of this process; undefined when they are not counted. */
  users(): UsersReading | undefined {
    const { users } = this.#shared
    return users === undefined ? undefined : mergeUsers(users.map((one) => readUsers(one, Date.now())))
  }

  /** Clients of all threads of this process; undefined when they are not watched. */
  clients(): ClientsReading | undefined {
    const { clients } = this.#shared
    return clients === undefined ? undefined : mergeClientReadings(clients.map((one) => readClients(one, Date.now())))
  }

  /** With a list of before, a thread that has just ended would be counted twice; the new one is under way. */
  async #isListCurrent(): Promise<void> {
    const { epoch, epochIs } = this.#shared
    if (Atomics.load(epoch, 0) === epochIs) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LIST_MS)
      this.#onShared.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  /** `isFresh`: the main thread has brought its figures up to date; `freshThreads` have, too. */
  #render(
    format: PageFormat,
    names: ReadonlySet<string> | undefined,
    isFresh: boolean,
    freshThreads?: ReadonlySet<number>,
  ): WorkerPage {
    const { threads } = this.#shared
    const areFresh = threads.map(({ id }) => id === undefined || freshThreads?.has(id) === true)
    const counted =
      threads.length === 0 ? this.#pages.families(format, isFresh) : this.#sum.families(format, [isFresh, ...areFresh])
    const told = [...counted, ...this.#localPages.families(format)]
    const families = told.filter((one) => isAsked(one, names))
    const users = this.users()
    const clients = names?.has(CLIENTS_PATH) === true ? this.clients() : undefined
    return {
      families,
      users: users === undefined ? undefined : encodeUsers(users),
      ...(clients === undefined ? {} : { clients: encodeClients(clients) }),
    }
  }
}

/** In OpenMetrics a counter's family is named without `_total`: who asks may write either. */
function isAsked({ name }: FamilyPage, names: ReadonlySet<string> | undefined): boolean {
  return names === undefined || names.has(name) || names.has(`${name}_total`)
}
