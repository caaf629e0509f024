/**
 * Users of a service as a collector: asks all its agents, merges what they tell with what is known, and keeps each day.
 *
 * - Counts of instances cannot be added up: a user of two of them would count twice. Sketches can be merged.
 * - It answers while one instance answers, or something is known of today; who is silent is a caveat.
 * - It asks ASK_AT_ONCE of them at a time, each for ASK_MS and all for ROUND_MS, so that hundreds of instances are neither hundreds of
 *   connections in one moment nor hundreds of answers in memory. Who was not reached is asked first the next time (ask-order.ts).
 */
import { AssayError, type Clock, messageOf } from '#core'
import type { Collector, CollectorDeps, UsersAgent, UsersSpec } from '../types.ts'
import { networkSentence } from '../where.ts'
import { addDays, type Day, dayIn, tryUsersAnswer, type UsersAnswer } from './answer.ts'
import { AskOrder } from './ask-order.ts'
import { KeptDays } from './kept-days.ts'
import { KnownUsers, MONTH_DAYS } from './known-users.ts'
import { usersPage } from './page.ts'

const USERS_PATH = '-/assay/users'
export const ASK_AT_ONCE = 8
/** Longer than an agent needs that waits for a worker, which is half a second at most. */
const ASK_MS = 2_000
/** Of the ten seconds, or the interval, that a scrape has. */
export const ROUND_MS = 5_000
/** Eight days and the ring of minutes of the biggest service are some 200 KB. */
const MAX_ANSWER_BYTES = 2 ** 20
const KEEP_EVERY_MS = 60_000

/** The body of an agent's answer, or its status; rejects when there is none. */
export type AskAgent = (
  url: string,
  token: string | undefined,
  signal: AbortSignal,
) => Promise<{ readonly status: number; readonly body: string }>

export function usersCollector(spec: UsersSpec, deps: CollectorDeps, ask: AskAgent = askAgent): Collector {
  const { targets } = spec
  if ('scraped' in targets) {
    return new UsersCollector(spec, deps, {
      agents: () => deps.scraped?.(targets.scraped) ?? [],
      whenNone: `the scrape job ${targets.scraped} has no targets.`,
      whenRefused: `check the credentials of the scrape job ${targets.scraped}.`,
    })
  }
  const token = spec.token === undefined ? undefined : deps.resolve(spec.token)
  const agents = targets.map(
    (address): UsersAgent => ({
      address,
      ask: (path, signal) => ask(`http://${address}/${path}`, token, signal),
    }),
  )
  return new UsersCollector(spec, deps, {
    agents: () => agents,
    whenNone: `${spec.service} has no targets.`,
    whenRefused: "write token: env('...') in the definition, the value of its ASSAY_AGENT_TOKEN.",
  })
}

type Asked = {
  readonly agents: () => readonly UsersAgent[]
  readonly whenNone: string
  /** What to do about one that asks for a token. */
  readonly whenRefused: string
}

class UsersCollector implements Collector {
  readonly spec: UsersSpec
  readonly address: string
  readonly #clock: Clock
  readonly #kept: KeptDays | undefined
  readonly #asked: Asked
  readonly #known = new KnownUsers()
  readonly #order = new AskOrder()
  #loadedOn: Day | undefined
  #keptAt = Number.NEGATIVE_INFINITY
  #caveats: readonly string[] = []

  constructor(spec: UsersSpec, { clock, state }: CollectorDeps, asked: Asked) {
    this.spec = spec
    this.address = `users://${spec.service}`
    this.#clock = clock
    this.#kept = state === undefined ? undefined : new KeptDays(state, spec.service)
    this.#asked = asked
  }

  async read(signal: AbortSignal): Promise<string> {
    const { service } = this.spec
    const unread = await this.#load()
    const { caveats, answered } = await this.#ask(signal)
    if (signal.aborted) throw signal.reason
    if (unread !== undefined) caveats.push(unread)
    if (answered === 0 && this.#known.isEmpty) {
      throw new AssayError('ASSAY_COLLECTOR_USERS', `nobody tells the users of ${service}: ${caveats.join(' ')}`)
    }
    const now = this.#clock.now()
    const counts = this.#known.counts(now)
    if (counts.keys > 1) {
      caveats.push(
        `the instances of ${service} hash users with ${counts.keys} different keys, so that some are counted more than once; give all the same ASSAY_USERS_KEY`,
      )
    }
    if (this.#known.hasTooManyKeys) {
      caveats.push(
        `${service} has used more keys in a day than are kept; give all its instances the same ASSAY_USERS_KEY`,
      )
    }
    if (now - this.#keptAt >= KEEP_EVERY_MS) {
      this.#keptAt = now
      const failed = await this.#keep()
      if (failed !== undefined) caveats.push(failed)
    }
    this.#caveats = caveats
    return usersPage(service, counts)
  }

  caveats(): readonly string[] {
    return this.#caveats
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keep()
  }

  /** At the start, and once a day to forget what is old. The sentence why it failed, when it did; the next read tries again. */
  async #load(): Promise<string | undefined> {
    const today = dayIn('UTC', this.#clock.now())
    if (this.#kept === undefined || this.#loadedOn === today) return undefined
    try {
      for (const day of await this.#kept.read(addDays(today, -MONTH_DAYS - 1), today)) this.#known.restore(day)
      this.#loadedOn = today
      return undefined
    } catch (cause) {
      return `the users of ${this.spec.service} on disk cannot be read: ${messageOf(cause)}`
    }
  }

  /** Asks all, as far as there is time, and takes what they tell as it comes. */
  async #ask(signal: AbortSignal): Promise<{ readonly caveats: string[]; readonly answered: number }> {
    const { service } = this.spec
    const agents = this.#asked.agents()
    const queue = this.#order.begin(agents).values()
    const until = this.#clock.now() + ROUND_MS
    const caveats: string[] = []
    let answered = 0
    let unasked = 0
    const askOneAfterAnother = async (): Promise<void> => {
      for (const agent of queue) {
        if (signal.aborted || this.#clock.now() >= until) {
          unasked++
          continue
        }
        const told = await this.#tell(agent, signal)
        this.#order.asked(agent.address, typeof told !== 'string')
        if (typeof told === 'string') {
          caveats.push(told)
          continue
        }
        answered++
        const refused = this.#known.take(told, this.#clock.now())
        if (refused.length > 0)
          caveats.push(`an agent of ${service} tells of ${refused.join(', ')}, which has not come: its clock is wrong`)
      }
    }
    await Promise.all(Array.from({ length: ASK_AT_ONCE }, askOneAfterAnother))
    if (agents.length === 0) caveats.push(this.#asked.whenNone)
    if (unasked > 0)
      caveats.push(
        `${unasked} of ${agents.length} instances of ${service} were not asked, as others took ${ROUND_MS / 1_000} s; they are the first next time.`,
      )
    return { caveats, answered }
  }

  /** What a target tells, or the sentence why it does not. */
  async #tell({ address, ask }: UsersAgent, signal: AbortSignal): Promise<UsersAnswer | string> {
    try {
      const { status, body } = await ask(USERS_PATH, AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)]))
      if (status === 404) return `${address} counts no users: set ASSAY_USERS, or call identify().`
      if (status === 401) return `${address} asks for a token: ${this.#asked.whenRefused}`
      if (status !== 200) return `${address} answers with status ${status}.`
      return tryUsersAnswer(JSON.parse(body)) ?? `${address} answers what is not the users of an agent.`
    } catch (cause) {
      if (cause instanceof SyntaxError) return `${address} answers what is not the users of an agent.`
      return networkSentence(cause, address) ?? `${address} does not answer: ${messageOf(cause)}.`
    }
  }

  /** The sentence why days could not be kept, when they could not; they are tried again. */
  async #keep(): Promise<string | undefined> {
    if (this.#kept === undefined) return undefined
    const dirty = this.#known.takeDirty()
    if (dirty.length === 0) return undefined
    try {
      await this.#kept.write(dirty)
      return undefined
    } catch (cause) {
      this.#known.keepDirty(dirty)
      return `the users of ${this.spec.service} cannot be kept on disk: ${messageOf(cause)}`
    }
  }
}

async function askAgent(
  url: string,
  token: string | undefined,
  signal: AbortSignal,
): Promise<{ status: number; body: string }> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const answer = await fetch(url, { signal, headers, redirect: 'manual' })
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of answer.body ?? []) {
    size += chunk.length
    if (size > MAX_ANSWER_BYTES) throw new Error(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return { status: answer.status, body: Buffer.concat(chunks).toString('utf8') }
}
