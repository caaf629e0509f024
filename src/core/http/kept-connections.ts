/**
 * Plain connections that are kept between requests, one for each that is on its way: what a GET costs here is what the socket costs.
 *
 * - One request at a time on a connection. Bytes on an idle one, or behind the end of an answer, end it.
 * - A kept connection may have died unseen: when it ends before a byte of the answer has come, the request is sent once more on a
 *   fresh one. A fresh one is not tried twice.
 * - All sockets read into one buffer, as each read is taken in before the next one begins.
 * - A GET of 43 kB takes 0.37 ms of CPU over `node:http` and 0.10 here (`bench/scrape.ts read`, on a machine with other work).
 */
import { connect, type Socket } from 'node:net'
import type { AnswerHead } from './answer-head.ts'
import { AnswerReader } from './answer-reader.ts'
import { BodyPool } from './body-pool.ts'

export type PlainRequest = {
  readonly host: string
  readonly port: number
  /** The whole of it, as it is written. */
  readonly bytes: Buffer
  /** The first number of bytes of a body that is too many. */
  readonly limit: number
}

export type PlainAnswer = {
  readonly head: AnswerHead
  /** Empty for another status than 200, or another packing than gzip. Its bytes are good until `release` is called, which says that they are no longer needed. */
  readonly body: Buffer
  readonly release: () => void
}

/** Why there is no whole answer, and how far it came. */
export class AnswerCut extends Error {
  /** `over`: the body reached the limit. `ended`: the connection did. */
  readonly kind: 'over' | 'ended' | 'aborted'
  /** Bytes of the body that came; `undefined` where not even a head did. */
  readonly sizeBytes: number | undefined

  constructor(kind: AnswerCut['kind'], sizeBytes: number | undefined, cause?: unknown) {
    super(`the answer is cut: ${kind}`, { cause })
    this.kind = kind
    this.sizeBytes = sizeBytes
  }
}

/** Bytes that one read can bring. */
const READ_BYTES = 64 * 1024
const DEFAULT_IDLE_MS = 5 * 60_000

export class KeptConnections implements Disposable {
  readonly #received = Buffer.allocUnsafeSlow(READ_BYTES)
  readonly #pool = new BodyPool()
  readonly #idleMs: number
  readonly #monotonicMs: () => number
  /** By host and port, the one that was used last at the end. */
  readonly #idle = new Map<string, Connection[]>()
  #sweep: NodeJS.Timeout | undefined

  constructor({
    idleMs = DEFAULT_IDLE_MS,
    monotonicMs = () => performance.now(),
  }: { readonly idleMs?: number; readonly monotonicMs?: () => number } = {}) {
    this.#idleMs = idleMs
    this.#monotonicMs = monotonicMs
  }

  /** Connections that wait. */
  get idleCount(): number {
    let count = 0
    for (const list of this.#idle.values()) count += list.length
    return count
  }

  /**
   * Resolves with the answer, or `undefined` for one that is not understood. Rejects with the error of the connection, or `AnswerCut`.
   */
  get(request: PlainRequest, signal: AbortSignal): Promise<PlainAnswer | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<PlainAnswer | undefined>()
    if (signal.aborted) {
      reject(new AnswerCut('aborted', undefined, signal.reason))
      return promise
    }
    const key = `${request.host} ${request.port}`
    const list = this.#idle.get(key)
    const kept = list?.pop()
    if (list?.length === 0) this.#idle.delete(key)
    const deps = { received: this.#received, pool: this.#pool, idle: (one: Connection) => this.#keep(one) }
    const fresh = () => new Connection(key, request, deps).ask(request, signal, { resolve, reject })
    if (kept === undefined) fresh()
    else kept.ask(request, signal, { resolve, reject, again: fresh })
    return promise
  }

  /** Ends what waits; what is on its way comes to its end. */
  [Symbol.dispose](): void {
    for (const list of this.#idle.values()) for (const one of [...list]) one.destroy()
    this.#idle.clear()
    clearInterval(this.#sweep)
    this.#sweep = undefined
  }

  #keep(one: Connection): boolean {
    if (one.isDead) {
      const list = this.#idle.get(one.key)
      const place = list?.indexOf(one) ?? -1
      if (place >= 0) list!.splice(place, 1)
      if (list?.length === 0) this.#idle.delete(one.key)
      return false
    }
    one.idleSince = this.#monotonicMs()
    const list = this.#idle.get(one.key)
    if (list === undefined) this.#idle.set(one.key, [one])
    else list.push(one)
    this.#sweep ??= setInterval(() => this.#endIdle(), this.#idleMs / 2).unref()
    return true
  }

  #endIdle(): void {
    const before = this.#monotonicMs() - this.#idleMs
    for (const list of this.#idle.values()) for (const one of [...list]) if (one.idleSince <= before) one.destroy()
    if (this.#idle.size > 0) return
    clearInterval(this.#sweep)
    this.#sweep = undefined
  }
}

type Deps = {
  readonly received: Buffer
  readonly pool: BodyPool
  /** Takes a connection that waits now, or lets go of one that has died. */
  readonly idle: (one: Connection) => boolean
}

type Waiting = {
  readonly resolve: (answer: PlainAnswer | undefined) => void
  readonly reject: (reason: unknown) => void
  /** Sends the request once more; absent: it must not be. */
  readonly again?: () => void
}

class Connection {
  readonly key: string
  idleSince = 0
  isDead = false
  readonly #socket: Socket
  readonly #deps: Deps
  readonly #reader: AnswerReader
  #waiting: Waiting | undefined
  #signal: AbortSignal | undefined
  #error: Error | undefined
  /** Made once, so that a request allocates none. */
  readonly #onAbort = () => {
    const cut = new AnswerCut('aborted', this.#came(), this.#signal?.reason)
    this.#fail(cut)
  }

  constructor(key: string, { host, port }: PlainRequest, deps: Deps) {
    this.key = key
    this.#deps = deps
    this.#reader = new AnswerReader(deps.pool)
    this.#socket = connect({
      host,
      port,
      noDelay: true,
      keepAlive: true,
      onread: {
        buffer: deps.received,
        callback: (length) => {
          this.#read(length)
          return true
        },
      },
    })
    this.#socket
      .on('error', (error) => {
        this.#error = error
      })
      .on('end', () => this.#ended())
      .on('close', () => this.#ended())
  }

  ask({ bytes, limit }: PlainRequest, signal: AbortSignal, waiting: Waiting): void {
    this.#waiting = waiting
    this.#signal = signal
    this.#reader.begin(limit)
    signal.addEventListener('abort', this.#onAbort)
    this.#socket.ref()
    this.#socket.write(bytes)
  }

  destroy(): void {
    this.isDead = true
    this.#deps.idle(this)
    this.#socket.destroy()
  }

  #read(length: number): void {
    const waiting = this.#waiting
    const state = waiting === undefined ? 'unknown' : this.#reader.push(this.#deps.received, length)
    if (state === 'more') return
    if (state === 'done') this.#done()
    else if (state === 'over') this.#fail(new AnswerCut('over', this.#reader.size))
    else this.#giveUp()
  }

  #done(): void {
    const reader = this.#reader
    const head = reader.head!
    const waiting = this.#settle()
    const answer = { head, ...reader.takeBody() }
    if (head.keeps && !reader.leftover && !this.#socket.destroyed) {
      this.#socket.unref()
      this.#deps.idle(this)
    } else this.destroy()
    waiting?.resolve(answer)
  }

  #ended(): void {
    const size = this.#came()
    if (this.#waiting === undefined) this.destroy()
    else if (this.#reader.end() === 'done') this.#done()
    else if (size !== undefined) this.#fail(new AnswerCut('ended', size, this.#error))
    else if (this.#reader.begun) this.#giveUp()
    else this.#tryAgain(this.#waiting)
  }

  #tryAgain({ again }: Waiting): void {
    if (again === undefined || this.#signal?.aborted === true) {
      this.#fail(this.#lost())
      return
    }
    this.#settle()
    this.destroy()
    again()
  }

  /** What came is not understood, half a head too: the library knows what to call it. */
  #giveUp(): void {
    const waiting = this.#settle()
    this.destroy()
    waiting?.resolve(undefined)
  }

  /** As `node:http` says it. */
  #lost(): Error {
    return this.#error ?? Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })
  }

  #came(): number | undefined {
    return this.#reader.head === undefined ? undefined : this.#reader.size
  }

  #fail(reason: unknown): void {
    const waiting = this.#settle()
    this.#reader.begin(0)
    this.destroy()
    waiting?.reject(reason)
  }

  #settle(): Waiting | undefined {
    const waiting = this.#waiting
    this.#waiting = undefined
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#signal = undefined
    return waiting
  }
}
