/**
 * The page of the metrics address: this process, the other workers when there are any, and what is true of all of them together.
 */
import { encodeClients, mergeClientReadings, tryDecodeClients } from '../clients/index.ts'
import type { Gathered, Hub } from '../cluster/hub.ts'
import type { WorkerPage } from '../cluster/protocol.ts'
import { type Family, Store, set } from '../store/index.ts'
import { countUsers, encodeUsers, mergeUsers, tryDecodeUsers, type UsersReading } from '../users/index.ts'
import { joinPages, StorePages } from './page.ts'
import type { PageQuestion, PathAnswer } from './page-server.ts'
import { CLIENTS_PATH, type ProcessPages } from './process-pages.ts'
import type { Self } from './thread-messages.ts'

const ALL_MS = 500

export class WholePage {
  readonly #self: Self
  readonly #own: ProcessPages
  /** Undefined outside of cluster mode. */
  readonly #hub: Hub | undefined
  /** What is only true of all workers together: it has no worker label. */
  readonly #together = new Store()
  readonly #togetherPages = new StorePages(this.#together.shared)
  readonly #users: Family
  readonly #workers: Family

  constructor(self: Self, own: ProcessPages, hub: Hub | undefined) {
    this.#self = self
    this.#own = own
    this.#hub = hub
    const gauge = (name: string, help: string): Family => this.#together.family({ name, help, kind: 'gauge' })
    this.#users = gauge(
      'assay_active_users',
      'Distinct users of this service: of the calendar day, of the last five minutes.',
    )
    this.#workers = gauge(
      'assay_agent_workers',
      'Workers by what they did at this scrape; silent ones are missing from this page.',
    )
  }

  async render(question: PageQuestion): Promise<Uint8Array> {
    const { pages: make, gathered } = await this.#gather(question)
    const pages = make()
    this.#tellUsers(pages)
    if (gathered !== undefined) this.#tellWorkers(gathered, pages.length - gathered.departed)
    const { format, names } = question
    const together = this.#togetherPages.families(format).filter(({ name }) => names === undefined || names.has(name))
    return joinPages([...pages.map(({ families }) => families), together], format)
  }

  /** Sketches of users of all workers, to be merged by whoever asks. */
  async users(): Promise<PathAnswer> {
    const { pages } = await this.#gather({ format: 'text', waitMs: ALL_MS, names: new Set(['assay_active_users']) })
    const merged = mergeUsers(readingsOf(pages()))
    if (merged === undefined) {
      const body = 'no users are counted: set ASSAY_USERS or call identify()\n'
      return { status: 404, contentType: 'text/plain; charset=utf-8', body }
    }
    return { status: 200, contentType: 'application/json', body: JSON.stringify(encodeUsers(merged)) }
  }

  /** What clients of all workers did. Only for who has shown the token. */
  async clients(): Promise<PathAnswer> {
    const { pages } = await this.#gather({ format: 'text', waitMs: ALL_MS, names: new Set([CLIENTS_PATH]) })
    const merged = mergeClientReadings(
      pages()
        .map(({ clients }) => tryDecodeClients(clients))
        .filter((one) => one !== undefined),
    )
    if (merged === undefined) {
      const body = 'clients are not watched: set ASSAY_CLIENTS=on\n'
      return { status: 404, contentType: 'text/plain; charset=utf-8', body }
    }
    return { status: 200, contentType: 'application/json', body: JSON.stringify(encodeClients(merged)) }
  }

  /** `pages` makes this process' own: what is done with its bytes is done at once, or the next question's are written over them. */
  async #gather(
    question: PageQuestion,
  ): Promise<{ readonly pages: () => readonly WorkerPage[]; readonly gathered: Gathered | undefined }> {
    const [own, gathered] = await Promise.all([this.#own.prepare(question), this.#hub?.gather(question, this.#self)])
    const others = gathered?.pages ?? []
    return { pages: () => (gathered?.ownIsReplaced === true ? others : [own(), ...others]), gathered }
  }

  #tellUsers(pages: readonly WorkerPage[]): void {
    const readings = readingsOf(pages)
    if (readings.length === 0) {
      this.#users.clear()
      return
    }
    const counts = countUsers(readings, Date.now())
    set(this.#users.series([['window', '1d']]), counts.day)
    set(this.#users.series([['window', '5m']]), counts.fiveMinutes)
  }

  #tellWorkers({ silent, replaced, departed }: Gathered, answered: number): void {
    for (const [state, count] of Object.entries({ answered, silent, replaced, departed })) {
      set(this.#workers.series([['state', state]]), count)
    }
  }
}

function readingsOf(pages: readonly WorkerPage[]): UsersReading[] {
  return pages.map(({ users }) => tryDecodeUsers(users)).filter((one) => one !== undefined)
}
