/**
 * How many connections are served at once. Those beyond wait, unread, in the order in which they came; those beyond the line are
 * closed at once, and so is one that has waited too long.
 *
 * - One that waits takes a descriptor and nothing of our memory: its first byte is read when it is its turn.
 * - As long as one waits, places are given up by connections that are kept open without a request, the longest idle first, and by
 *   those that have not brought a whole request for `SILENT_MS`.
 * - It stands before everything: TLS and HTTP begin when a place is there.
 * - Of requests that come one behind the other on one connection so many are worked on; further ones are refused at the cost of a
 *   line each, as a piece of 64 KiB that the kernel hands over may hold a thousand, all in one turn.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Server, Socket } from 'node:net'
import type { Clock } from '#core'

export type ConnectionLimits = { readonly served: number; readonly waiting: number; readonly waitMs: number }

/** Whoever means to ask has done so by then, over the slowest of lines. */
export const SILENT_MS = 10_000

/** Requests of one connection that may wait for their answers; clients that send ahead at all send a few. */
export const MOST_BEHIND = 200
const BEHIND = JSON.stringify({
  status: 'error',
  errorType: 'unavailable',
  error: `${MOST_BEHIND} requests of this connection wait for their answers already; read those first`,
})

/** A connection that has asked: requests that are worked on, and what is done when one of them is answered. */
type Asking = { requests: number; readonly answered: () => void }
type Waiting = { readonly socket: Socket; readonly serve: () => void; readonly leave: AbortController }

export class Connections implements Disposable {
  readonly #limits: ConnectionLimits
  readonly #clock: Clock
  readonly #waiting: Waiting[] = []
  /** Those without a request that is being answered, since when; in the order in which they became so. */
  readonly #silent = new Map<Socket, number>()
  readonly #idle = new Set<Socket>()
  readonly #asking = new WeakMap<Socket, Asking>()
  #served = 0
  #refused = 0
  #refusedRequests = 0

  constructor(limits: ConnectionLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  get served(): number {
    return this.#served
  }
  get waiting(): number {
    return this.#waiting.length
  }
  get refused(): number {
    return this.#refused
  }

  /** Requests refused because too many of their connection wait. */
  get refusedRequests(): number {
    return this.#refusedRequests
  }

  /** The handler, spared what comes while too many of a connection wait. */
  spared(handler: RequestListener): RequestListener {
    return (request, response) => {
      if ((this.#asking.get(request.socket)?.requests ?? 0) < MOST_BEHIND) {
        handler(request, response)
        return
      }
      this.#refusedRequests++
      response.writeHead(503, { 'content-type': 'application/json', 'content-length': BEHIND.length })
      response.end(BEHIND)
    }
  }

  /** Stands between a server and its connections; before it listens. */
  guard(server: Server): void {
    const listeners = server.listeners('connection') as ((this: Server, socket: Socket) => void)[]
    server.removeAllListeners('connection')
    const reads = (pauseOnConnect: boolean) => Object.assign(server, { pauseOnConnect })
    // Nothing is read from a socket before it is served.
    reads(true)
    server.on('connection', (socket: Socket) =>
      this.#admit(socket, () => {
        // TLS would hand the pause on to its own socket.
        reads(false)
        for (const listener of listeners) listener.call(server, socket)
        reads(true)
        socket.resume()
      }),
    )
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const { socket } = request
      let asking = this.#asking.get(socket)
      if (asking === undefined) this.#asking.set(socket, (asking = this.#askingOf(socket)))
      else this.#idle.delete(socket)
      // Of requests that came one behind the other, several may be worked on.
      asking.requests++
      response.once('close', asking.answered)
    })
  }

  /** What is kept for a connection from its first request on: made once, as a connection asks all day. */
  #askingOf(socket: Socket): Asking {
    this.#silent.delete(rawOf(socket))
    socket.once('close', () => this.#idle.delete(socket))
    const asking: Asking = {
      requests: 0,
      answered: () => {
        asking.requests--
        if (asking.requests === 0 && !socket.destroyed) this.#idle.add(socket)
        if (this.#waiting.length > 0) this.#makeRoom()
      },
    }
    return asking
  }

  #admit(socket: Socket, serve: () => void): void {
    if (this.#served < this.#limits.served) {
      this.#serve(socket, serve)
      return
    }
    if (this.#waiting.length >= this.#limits.waiting) {
      this.#refuse(socket)
      return
    }
    const one: Waiting = { socket, serve, leave: new AbortController() }
    this.#waiting.push(one)
    // Whoever waits may go; an error that nobody hears would end the process.
    socket.on('error', ignore)
    socket.once('close', () => this.#leave(one))
    void this.#clock.sleep(this.#limits.waitMs, one.leave.signal).then(() => {
      if (!one.leave.signal.aborted && this.#leave(one)) this.#refuse(socket)
    })
    this.#makeRoom()
  }

  #serve(socket: Socket, serve: () => void): void {
    this.#served++
    this.#silent.set(socket, this.#clock.monotonicMs())
    socket.once('close', () => {
      this.#served--
      this.#silent.delete(socket)
      this.#next()
    })
    serve()
  }

  #next(): void {
    while (this.#served < this.#limits.served) {
      const one = this.#waiting.shift()
      if (one === undefined) return
      one.leave.abort()
      one.socket.off('error', ignore)
      if (!one.socket.destroyed) this.#serve(one.socket, one.serve)
    }
  }

  /** Ends as many connections that ask nothing as wait for a place. */
  #makeRoom(): void {
    let wanted = this.#waiting.length
    if (wanted === 0) return
    for (const socket of this.#idle) {
      this.#idle.delete(socket)
      socket.destroy()
      if (--wanted <= 0) return
    }
    const latest = this.#clock.monotonicMs() - SILENT_MS
    for (const [socket, since] of this.#silent) {
      if (since > latest) return
      this.#silent.delete(socket)
      socket.destroy()
      if (--wanted <= 0) return
    }
  }

  /** Whether it stood in the line. */
  #leave(one: Waiting): boolean {
    const at = this.#waiting.indexOf(one)
    if (at === -1) return false
    this.#waiting.splice(at, 1)
    one.leave.abort()
    return true
  }

  #refuse(socket: Socket): void {
    this.#refused++
    socket.destroy()
  }

  /** Those that wait are closed. */
  [Symbol.dispose](): void {
    for (const one of this.#waiting.splice(0)) {
      one.leave.abort()
      one.socket.destroy()
    }
  }
}

/** Below TLS: what was accepted. */
function rawOf(socket: Socket): Socket {
  return '_parent' in socket && socket._parent !== null ? (socket._parent as Socket) : socket
}

function ignore(): void {}
