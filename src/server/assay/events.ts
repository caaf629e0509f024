/**
 * Server-sent events: what happens, to all who follow.
 *
 * - A follower that reads too slowly is dropped; it comes back by itself and is told to look anew. Nothing queues up here.
 * - Each event has an id. Who comes back with the id he saw last gets what he missed, as far as it is remembered;
 *   otherwise one `overview` event, which says "look anew".
 * - `overview` comes at most once a second, and the last of a burst always comes. It also comes by itself once in each
 *   evaluation interval, since numbers move without any event.
 */
import type { ServerResponse } from 'node:http'
import type { Clock } from '#core'
import { ApiError } from '../http/api-error.ts'
import type { Reading } from '../http/http-metrics.ts'
import type { ServerDeps } from '../types.ts'
import type { EventWire } from '../wire.ts'

const HEARTBEAT_MS = 15_000
const OVERVIEW_EVERY_MS = 1000
const RETRY_MS = 2000
const REMEMBERED = 256
/** Bytes that may wait in one follower's socket. */
const MAX_WAITING_BYTES = 64 * 1024

/** The little that is asked of a response, so that a test can be one. */
export type Sink = Pick<ServerResponse, 'write' | 'end' | 'destroy' | 'writableLength' | 'once'>

export class EventHub implements Disposable {
  readonly #clock: Clock
  readonly #epoch: string
  readonly #maxClients: number
  readonly #clients = new Set<Sink>()
  /** All but overviews: of those only the last one matters. */
  readonly #remembered: { readonly id: number; readonly text: string }[] = []
  #forgottenId = 0
  #lastOverviewId = 0
  readonly #stop = new AbortController()
  readonly #subscription: Disposable
  #lastId = 0
  #overviewAt = Number.NEGATIVE_INFINITY
  #overviewDue = false
  #dropped = 0

  constructor(
    { clock, subscribe, startedAt, plan }: Pick<ServerDeps, 'clock' | 'subscribe' | 'startedAt' | 'plan'>,
    maxClients: number,
  ) {
    this.#clock = clock
    // Ids of an earlier run mean nothing now.
    this.#epoch = startedAt.toString(36)
    this.#maxClients = maxClients
    this.#subscription = subscribe((event) => this.#take(event))
    void this.#beat()
    void this.#pulse(() => Math.max(OVERVIEW_EVERY_MS, plan().evaluationIntervalMs))
  }

  get clients(): number {
    return this.#clients.size
  }

  readings(): readonly Reading[] {
    return [
      {
        name: 'assay_event_clients',
        type: 'gauge',
        help: 'Browsers that follow the events.',
        value: () => this.clients,
      },
      {
        name: 'assay_event_clients_dropped_total',
        type: 'counter',
        help: 'Followers dropped because they read too slowly.',
        value: () => this.#dropped,
      },
    ]
  }

  /** Throws `unavailable` when there are as many followers as may be. Call it before anything is sent. */
  admit(): void {
    if (this.#clients.size >= this.#maxClients)
      throw new ApiError('unavailable', `${this.#maxClients} browsers follow already; close one, or poll the overview`)
  }

  /** Follows until `sink` closes. `lastEventId`: what it saw last, as it says. */
  follow(sink: Sink, lastEventId: string | undefined): void {
    this.#clients.add(sink)
    sink.once('close', () => this.#clients.delete(sink))
    this.#write(sink, `retry: ${RETRY_MS}\n\n${this.#missed(lastEventId)}`)
  }

  [Symbol.dispose](): void {
    this.#stop.abort()
    this.#subscription[Symbol.dispose]()
    for (const sink of this.#clients) sink.end()
    this.#clients.clear()
  }

  #missed(lastEventId: string | undefined): string {
    if (lastEventId === undefined) return ''
    const [epoch, count] = lastEventId.split('-')
    const seen = Number(count)
    const anew = format(`${this.#epoch}-${this.#lastId}`, { kind: 'overview' })
    if (epoch !== this.#epoch || !Number.isInteger(seen) || seen > this.#lastId || seen < this.#forgottenId) return anew
    const missed = this.#remembered.filter(({ id }) => id > seen).map(({ text }) => text)
    return missed.join('') + (this.#lastOverviewId > seen ? anew : '')
  }

  #take(event: EventWire): void {
    if (event.kind !== 'overview') {
      this.#send(event)
      return
    }
    const wait = this.#overviewAt + OVERVIEW_EVERY_MS - this.#clock.monotonicMs()
    if (wait <= 0) this.#sendOverview()
    else if (!this.#overviewDue) {
      this.#overviewDue = true
      void this.#clock.sleep(wait, this.#stop.signal).then(() => {
        this.#overviewDue = false
        if (!this.#stop.signal.aborted) this.#sendOverview()
      })
    }
  }

  #sendOverview(): void {
    this.#overviewAt = this.#clock.monotonicMs()
    this.#send({ kind: 'overview' })
  }

  #send(event: EventWire): void {
    const id = ++this.#lastId
    const text = format(`${this.#epoch}-${id}`, event)
    if (event.kind === 'overview') this.#lastOverviewId = id
    else this.#remembered.push({ id, text })
    if (this.#remembered.length > REMEMBERED) this.#forgottenId = this.#remembered.shift()?.id ?? 0
    for (const sink of this.#clients) this.#write(sink, text)
  }

  #write(sink: Sink, text: string): void {
    if (sink.writableLength > MAX_WAITING_BYTES) {
      this.#dropped++
      this.#clients.delete(sink)
      sink.destroy()
      return
    }
    sink.write(text)
  }

  async #pulse(intervalMs: () => number): Promise<void> {
    const { signal } = this.#stop
    for (;;) {
      await this.#clock.sleep(intervalMs(), signal)
      if (signal.aborted) return
      if (this.#clients.size > 0) this.#take({ kind: 'overview' })
    }
  }

  /** A comment now and then, so that proxies keep the connection and a dead one is noticed. */
  async #beat(): Promise<void> {
    for await (const _ of this.#clock.ticks(HEARTBEAT_MS, this.#stop.signal))
      for (const sink of this.#clients) this.#write(sink, ': heartbeat\n\n')
  }
}

function format(id: string, event: EventWire): string {
  return `id: ${id}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`
}
