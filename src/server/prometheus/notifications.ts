/**
 * What the UI of Prometheus tells its reader at the top of every page: here, that the configuration could not be read again.
 *
 * - `notifications` lists what holds now; `notifications/live` sends it, and then every change, as server-sent events.
 * - At most `maxFollowers` follow; one more is answered 204, as in Prometheus. One that does not read is dropped.
 */
import type { FastifyReply } from 'fastify'
import type { Clock } from '#core'

export const RELOAD_FAILED = 'Configuration reload has failed.'

type Notification = { readonly text: string; readonly date: string; readonly active: boolean }
/** The little that is asked of a response, so that a test can be one. */
export type Follower = Pick<FastifyReply['raw'], 'write' | 'end' | 'destroy' | 'writableLength' | 'once'>

/** Bytes that may wait in one follower's socket. */
const MAX_WAITING_BYTES = 64 * 1024

export class Notifications implements Disposable {
  readonly #clock: Clock
  readonly #maxFollowers: number
  readonly #active = new Map<string, Notification>()
  readonly #followers = new Set<Follower>()
  #dropped = 0

  constructor(clock: Clock, maxFollowers = 16) {
    this.#clock = clock
    this.#maxFollowers = maxFollowers
  }

  list(): readonly Notification[] {
    return [...this.#active.values()]
  }

  /** Says that `text` holds, or holds still. */
  add(text: string): void {
    const one = { text, date: new Date(this.#clock.now()).toISOString(), active: true }
    this.#active.set(text, one)
    this.#send(one)
  }

  /** Takes it back, if it was said. */
  remove(text: string): void {
    const one = this.#active.get(text)
    if (one === undefined) return
    this.#active.delete(text)
    this.#send({ ...one, active: false })
  }

  get followers(): number {
    return this.#followers.size
  }

  /** Those left because they did not read. */
  get dropped(): number {
    return this.#dropped
  }

  get full(): boolean {
    return this.#followers.size >= this.#maxFollowers
  }

  /** Follows until `follower` closes. */
  follow(follower: Follower): void {
    this.#followers.add(follower)
    follower.once('close', () => this.#followers.delete(follower))
    for (const one of this.#active.values()) follower.write(format(one))
  }

  [Symbol.dispose](): void {
    for (const follower of this.#followers) follower.end()
    this.#followers.clear()
  }

  #send(one: Notification): void {
    for (const follower of this.#followers) {
      if (follower.writableLength <= MAX_WAITING_BYTES) follower.write(format(one))
      else {
        this.#followers.delete(follower)
        this.#dropped++
        follower.destroy()
      }
    }
  }
}

function format(one: Notification): string {
  return `data: ${JSON.stringify(one)}\n\n`
}
