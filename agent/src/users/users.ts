/**
 * Who uses the service: reads whose each settled request was, and counts them in shared memory.
 *
 * - Nothing of the application's that throws here reaches it. A source that keeps throwing is left alone after MAX_FAULTS; `identify`
 *   is not, because there a throw (no user on the request) is often how an application says nobody.
 * - Answers 401 count nobody: nobody has been recognised there.
 */
import { ActiveUsers, readActiveUsers } from './active.ts'
import type { UsersKey } from './key.ts'
import type { UsersOrigin, UsersReading } from './payload.ts'
import { idText, type UserSource, userOf } from './source.ts'
import type { Visit } from './visit.ts'

const MAX_FAULTS = 100

export type UsersOptions = {
  /** Undefined: only `identify` tells. */
  readonly source: UserSource | undefined
  readonly key: UsersKey
  readonly timeZone: string
  readonly service: string
  /** Unix ms. */
  readonly startedAt: number
  /** Told of what the application's own code threw. */
  readonly fault: (cause: unknown) => void
  /** Told once, when a source is left alone for good. */
  readonly stepAside: (reason: string) => void
}

/** All that another thread needs to tell the users of this one; it may be posted to it. */
export type SharedUsers = { readonly memory: SharedArrayBuffer; readonly origin: UsersOrigin }

export class Users {
  readonly shared: SharedUsers
  readonly #options: UsersOptions
  readonly #source: UserSource | undefined
  readonly #active: ActiveUsers
  #identify: ((request: unknown) => unknown) | undefined
  #faults = 0

  constructor(options: UsersOptions) {
    const { key, timeZone, service, startedAt } = options
    this.#options = options
    this.#source = options.source
    this.#active = new ActiveUsers(key, timeZone)
    this.shared = {
      memory: this.#active.memory,
      origin: { service, startedAt: Math.floor(startedAt), key: key.id, timeZone },
    }
  }

  /** Whether anyone can be counted. */
  get counting(): boolean {
    return this.#identify !== undefined || this.#source !== undefined
  }

  /** Users are told by the application; stronger than the source. */
  identify(whose: (request: unknown) => unknown): void {
    this.#identify = whose
  }

  /** Counts whose request it was. Answers the id, for who watches clients' behaviour. Never throws. */
  settled(visit: Visit): string | undefined {
    if (visit.status === 401 || !this.counting) return undefined
    const { memory } = visit
    try {
      const value = this.#whose(visit)
      if (value === undefined || value === null) return undefined
      const isText = typeof value === 'string'
      const id = !isText && value === memory.user ? memory.userText : idText(value)
      if (id === undefined || id === '') return undefined
      this.#active.at(visit.nowMs)
      this.#active.count(id, memory)
      memory.user = isText || typeof value === 'object' || memory.userText === '' ? undefined : value
      return id
    } catch (cause) {
      this.#failed(cause)
      return undefined
    }
  }

  /** Counts a user who is known otherwise: from a message, a socket of one's own. Never throws. */
  see(id: string, nowMs: number): void {
    if (id !== '') this.#active.see(id, nowMs)
  }

  #whose({ request, framework, memory }: Visit): unknown {
    if (this.#identify !== undefined) return this.#identify(framework ?? request)
    const source = this.#source
    if (source === undefined || this.#faults >= MAX_FAULTS) return undefined
    return userOf(source, request, framework, memory)
  }

  #failed(cause: unknown): void {
    try {
      this.#options.fault(cause)
      if (this.#identify === undefined && ++this.#faults === MAX_FAULTS) {
        this.#options.stepAside(
          `reading the user of a request failed ${MAX_FAULTS} times; set ASSAY_USERS to another source`,
        )
      }
    } catch {
      // Whoever is told may fail, too; the request has been answered and goes on.
    }
  }
}

/** What a process has counted, from any of its threads. */
export function readUsers({ memory, origin }: SharedUsers, nowMs: number): UsersReading {
  return { ...origin, at: nowMs, ...readActiveUsers(memory) }
}
