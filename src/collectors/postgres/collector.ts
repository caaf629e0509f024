/**
 * PostgreSQL as a collector: one connection, kept; a new one after any failure.
 *
 * - Connects when it is read, never earlier, and never fails to be created because the server is down.
 * - A read that is aborted gives its connection up, so a hung server costs one session and no queue.
 */
import { AssayError } from '#core'
import type { Collector, CollectorDeps, PostgresSpec } from '../types.ts'
import { urlOf, whereIs } from '../where.ts'
import { countOutboxes, outboxPage } from './outbox.ts'
import { postgresPage } from './page.ts'
import { FACTS, FIRST_ANSWER } from './queries.ts'
import { type PostgresPlace, postgresSentence } from './sentence.ts'

/** What is needed of a client; `pg`'s is one. */
export interface PostgresClient {
  connect(): Promise<unknown>
  query(text: string): Promise<unknown>
  on(event: 'error' | 'end', listener: () => void): unknown
  end(): Promise<void>
}

const CONNECT_TIMEOUT_MS = 4000

/** Throws `ASSAY_ENV_MISSING`, `ASSAY_COLLECTOR_URL`. */
export async function postgresCollector(spec: PostgresSpec, { resolve }: CollectorDeps): Promise<Collector> {
  const { default: pg } = await import('pg')
  const where = whereIs(spec.url, 'url', spec.part)
  const connectionString = resolve(spec.url)
  const url = urlOf(connectionString, ['postgres', 'postgresql'], where)
  const place: PostgresPlace = {
    user: decodeURIComponent(url.username) || 'postgres',
    host: `${url.hostname || 'localhost'}:${url.port || 5432}`,
    database: decodeURIComponent(url.pathname.slice(1)) || decodeURIComponent(url.username) || 'postgres',
    where,
  }
  const open = (): PostgresClient =>
    new pg.Client({
      connectionString,
      application_name: 'assay',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
    })
  return new PostgresCollector(spec, place, open)
}

export class PostgresCollector implements Collector {
  readonly spec: PostgresSpec
  readonly address: string
  readonly #place: PostgresPlace
  readonly #open: () => PostgresClient
  #client: PostgresClient | undefined
  #caveats: readonly string[] = []

  constructor(spec: PostgresSpec, place: PostgresPlace, open: () => PostgresClient) {
    this.spec = spec
    this.address = `postgres://${place.host}/${place.database}`
    this.#place = place
    this.#open = open
  }

  async read(signal: AbortSignal): Promise<string> {
    const giveUp = () => this.#drop()
    signal.addEventListener('abort', giveUp, { once: true })
    try {
      signal.throwIfAborted()
      const client = this.#client ?? (await this.#connect())
      const page = postgresPage(factsOf(await client.query(FACTS)))
      const { counts, caveats } = await countOutboxes(client, this.spec.outboxes ?? [], this.#place)
      this.#caveats = caveats
      return page + outboxPage(counts)
    } catch (cause) {
      this.#drop()
      if (signal.aborted) throw signal.reason
      throw new AssayError('ASSAY_COLLECTOR_POSTGRES', postgresSentence(cause, this.#place), { cause })
    } finally {
      signal.removeEventListener('abort', giveUp)
    }
  }

  caveats(): readonly string[] {
    return this.#caveats
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const client = this.#client
    this.#client = undefined
    await client?.end().catch(() => {})
  }

  async #connect(): Promise<PostgresClient> {
    const client = this.#open()
    this.#client = client
    const lost = () => {
      if (this.#client === client) this.#client = undefined
    }
    // Without a listener an idle connection that the server ends would end this process.
    client.on('error', lost)
    client.on('end', lost)
    await client.connect()
    return client
  }

  #drop(): void {
    const client = this.#client
    this.#client = undefined
    void client?.end().catch(() => {})
  }
}

/** The answers of the statements, each with its rows. */
function factsOf(answers: unknown) {
  if (!Array.isArray(answers)) throw new Error('the server answered several questions with one answer')
  const rows = (i: number): readonly Record<string, unknown>[] =>
    (answers[FIRST_ANSWER + i] as { rows?: Record<string, unknown>[] }).rows ?? []
  return { server: rows(0)[0] ?? {}, activity: rows(1), database: rows(2)[0] ?? {}, locks: rows(3), replicas: rows(4) }
}
