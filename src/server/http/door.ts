/**
 * Who comes in, as `--web.config.file` says: passwords, a rate, headers; before anything else is looked at.
 *
 * - A name that is not known takes as long as a wrong password.
 * - Every path is behind it, health and metrics included, as in Prometheus.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '#core'
import type { WebConfig } from '#model'
import { ApiError } from './api-error.ts'
import type { Passwords } from './passwords.ts'

/** Beyond it nobody has a name or a password. */
const MAX_CREDENTIALS = 4096

export const CHALLENGE = { 'www-authenticate': 'Basic realm="assay", charset="UTF-8"' } as const

export function refusal(): ApiError {
  return new ApiError('unauthorized', 'name and password of basic_auth_users are needed')
}

export type DoorDeps = { readonly config: () => WebConfig; readonly passwords: Passwords; readonly clock: Clock }

export class Door {
  readonly #deps: DoorDeps
  #unauthorized = 0
  #limited = 0
  #allowance = Number.POSITIVE_INFINITY
  #countedAt = 0

  constructor(deps: DoorDeps) {
    this.#deps = deps
  }

  get unauthorized(): number {
    return this.#unauthorized
  }
  get limited(): number {
    return this.#limited
  }

  register(app: FastifyInstance): void {
    app.addHook('onRequest', async (request, reply) => {
      if (await this.admits(request.headers)) return
      reply.headers(CHALLENGE)
      throw refusal()
    })
    app.addHook('onSend', (_request, reply, payload, done) => {
      reply.headers(this.headers)
      done(null, payload)
    })
  }

  /** What every answer says besides, as it is configured now. */
  get headers(): Readonly<Record<string, string>> {
    return this.#deps.config().headers
  }

  /** False: he is to be told with `CHALLENGE` and `refusal`. Throws `rate_limited` when too many come. */
  async admits(headers: IncomingHttpHeaders): Promise<boolean> {
    const { rate, users } = this.#deps.config()
    if (rate !== undefined) this.#count(rate)
    if (users.size === 0 || (await this.#isKnown(headers, users))) return true
    this.#unauthorized++
    return false
  }

  /** A bucket of `burst` tokens, at least one, that fills by one each interval. */
  #count({ intervalMs, burst }: NonNullable<WebConfig['rate']>): void {
    const now = this.#deps.clock.monotonicMs()
    const most = Math.max(1, burst)
    this.#allowance = Math.min(most, this.#allowance + (now - this.#countedAt) / intervalMs)
    this.#countedAt = now
    if (this.#allowance < 1) {
      this.#limited++
      throw new ApiError('rate_limited', `more than one request in ${intervalMs} ms; ask more slowly`)
    }
    this.#allowance--
  }

  async #isKnown(headers: IncomingHttpHeaders, users: WebConfig['users']): Promise<boolean> {
    const given = credentialsOf(headers.authorization)
    if (given === undefined) return false
    const hash = users.get(given.name)
    const fits = await this.#deps.passwords.fits(given.password, hash ?? users.values().next().value!)
    return fits && hash !== undefined
  }
}

/** `undefined`: none, or none that could be right. */
export function credentialsOf(
  header: string | undefined,
): { readonly name: string; readonly password: string } | undefined {
  const [, packed] = /^basic +([\w+/=-]+)\s*$/i.exec(header ?? '') ?? []
  if (packed === undefined || packed.length > MAX_CREDENTIALS) return undefined
  const text = Buffer.from(packed, 'base64').toString()
  const colon = text.indexOf(':')
  return colon === -1 ? undefined : { name: text.slice(0, colon), password: text.slice(colon + 1) }
}
