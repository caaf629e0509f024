/**
 * What a server does besides answering requests, told by events that are its own: upgrades, CONNECT, and what could not be parsed.
 *
 * - Node publishes nothing for them. An `upgrade`, `connect` or `clientError` listener changes what a server does (without one Node
 *   answers itself), so ours is added only beside one of the application's, before it, and leaves with the last of them.
 * - An upgraded request is settled by the first head that is written to its socket: 101 or a refusal, with that status. It is found in the
 *   first write, by standing in for the socket's own `_write` and `_writev` until then.
 * - What Node refuses by itself (400, 408, 413, 431) is known when the socket closes: it has the parser's error.
 */
import { channel } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import type { Guard } from '../guard.ts'
import { add, type Family, type Store } from '../store/index.ts'
import { type AnyRequest, CONNECTION, type Connection, type Flight } from './connection.ts'
import { isHttpServer } from './is-http-server.ts'
import type { HttpServerMetrics, ServedSocket } from './server.ts'

type Listener = (...given: never[]) => void
/** The little we use of an http.Server. */
type ServerLike = {
  on(event: string, listener: Listener): unknown
  prependListener(event: string, listener: Listener): unknown
  removeListener(event: string, listener: Listener): unknown
  listenerCount(event: string): number
}
type FirstWrite = (chunk: unknown) => void

const PART = 'http_server'
/** What Node answers by itself, by the parser's code; all else is 400. */
const REFUSALS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413',
  ERR_HTTP_REQUEST_TIMEOUT: '408',
}

export class ServerWatch {
  /** Settles what a closed connection leaves; one function for all sockets, called with the socket as `this`. */
  readonly onClose: (this: ServedSocket) => void
  readonly #metrics: HttpServerMetrics
  readonly #guard: Guard
  readonly #rejected: Family
  readonly #watched = new WeakSet<object>()

  constructor(metrics: HttpServerMetrics, store: Store, guard: Guard) {
    this.#metrics = metrics
    this.#guard = guard
    this.#rejected = store.family({
      name: 'http_server_rejected_requests_total',
      help: 'Requests that Node refused before the application saw them: what its parser could not read, or that came too slowly.',
      kind: 'counter',
    })
    const watch = this
    this.onClose = function closed() {
      try {
        watch.#closed(this)
      } catch (cause) {
        guard.fault(PART, cause)
      }
    }
  }

  /**
   * Listens beside a server, once; servers that are not the application's are left alone when they are served. `socket`: a connection that it
   * has been given already.
   */
  server(given: object, socket?: ServedSocket): void {
    if (this.#watched.has(given)) return
    this.#watched.add(given)
    if (!isHttpServer(given)) return
    const server = given as ServerLike
    const isHttp2 = typeof Reflect.get(given, 'updateSettings') === 'function'
    if (isHttp2 && !tellsHttp2())
      this.#guard.stepAside('http2_server', `Node ${process.version} does not tell of HTTP/2 streams`)
    this.#beside(server, 'upgrade', (request, socket) => this.#switched(server, request, socket))
    this.#beside(server, 'connect', (request, socket) => this.#switched(server, request, socket))
    this.#beside(server, 'clientError', (cause, socket) => this.#refused(server, cause, socket))
    // A connection whose first request cannot be parsed never has a request: it is met here.
    if (!isHttp2) {
      const isTls = typeof Reflect.get(given, 'setSecureContext') === 'function'
      const metrics = this.#metrics
      const met = this.#guard.wrap(PART, (socket: ServedSocket) => {
        if (socket[CONNECTION] === undefined) metrics.connect(socket, server)
      })
      server.on(isTls ? 'secureConnection' : 'connection', met)
      if (socket !== undefined && !isTls) met(socket)
    }
  }

  /** Adds `told` to the listeners of an event whenever the application has one, before it. */
  #beside(server: ServerLike, event: string, told: (first: unknown, second: unknown) => void): void {
    const listener = this.#guard.wrap(PART, told)
    let added = false
    const add = (): void => {
      if (added) return
      added = true
      server.prependListener(event, listener)
    }
    if (server.listenerCount(event) > 0) add()
    server.on('newListener', (name: string, given: unknown) => {
      if (name === event && given !== listener) add()
    })
    server.on('removeListener', (name: string, given: unknown) => {
      if (name !== event) return
      if (given === listener) added = false
      else if (added && server.listenerCount(event) === 1) server.removeListener(event, listener)
    })
  }

  #switched(server: object, request: unknown, socket: unknown): void {
    const message = request as IncomingMessage
    // Node hands over a stand-in while a request with a body is still being read; HTTP/2 has its own way.
    const served = (message.socket ?? socket) as ServedSocket
    if (message.httpVersionMajor === 2) return
    const connection = served[CONNECTION] ?? this.#metrics.connect(served, server)
    if (connection.ignored || connection.find(message) !== undefined) return
    const flight = connection.open()
    this.#metrics.begin(connection, flight, message)
    onFirstHead(
      served,
      this.#guard.wrap(PART, (status: number) => this.#settleSwitch(connection, flight, message, status)),
    )
  }

  #settleSwitch(connection: Connection, flight: Flight, request: AnyRequest, status: number): void {
    // Aborted meanwhile, the flight is free, or another request's.
    if (flight.request === request) this.#metrics.settle(connection, flight, request, status, false, -1)
  }

  #closed(socket: ServedSocket): void {
    const connection = socket[CONNECTION]
    if (connection === undefined) return
    this.#metrics.abort(connection)
    const { errored } = socket
    if (errored !== null && errored !== undefined) this.#count(connection, errored, true)
  }

  /** The application answers what could not be parsed: how is not known. */
  #refused(server: object, cause: unknown, socket: unknown): void {
    const served = socket as ServedSocket
    this.#count(served[CONNECTION] ?? this.#metrics.connect(served, server), cause, false)
  }

  #count(connection: Connection, cause: unknown, byNode: boolean): void {
    const code: unknown = typeof cause === 'object' && cause !== null ? Reflect.get(cause, 'code') : undefined
    if (connection.ignored || connection.rejected || typeof code !== 'string') return
    if (!/^(?:HPE_[A-Z_]{1,48}|ERR_HTTP_REQUEST_TIMEOUT)$/.test(code)) return
    connection.rejected = true
    add(
      this.#rejected.series([
        ['http_response_status_code', byNode ? (REFUSALS[code] ?? '400') : ''],
        ['error_type', code],
      ]),
      1,
    )
  }
}

/** Whether this Node tells of HTTP/2 streams: their channel exists once its module is loaded. */
function tellsHttp2(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return (major > 24 || (major === 24 && minor >= 2)) && channel('http2.server.stream.start') !== undefined
}

/** Calls `tell` with the status of the first head that is written to a socket: once, and the socket is then as it was. */
function onFirstHead(socket: ServedSocket, tell: (status: number) => void): void {
  const names = ['_write', '_writev'] as const
  const own = names.map((name) => Reflect.getOwnPropertyDescriptor(socket, name))
  const restore = (): void => {
    names.forEach((name, i) => {
      const before = own[i]
      if (before === undefined) Reflect.deleteProperty(socket, name)
      else Reflect.defineProperty(socket, name, before)
    })
  }
  const look: FirstWrite = (chunk) => {
    const status = statusIn(chunk)
    // An interim head (100, 103) is followed by another; anything else is no HTTP, and has no status.
    if (status >= 100 && status < 200 && status !== 101) return
    restore()
    tell(status)
  }
  for (const name of names) {
    const original: unknown = Reflect.get(socket, name)
    if (typeof original !== 'function') continue
    Reflect.defineProperty(socket, name, {
      configurable: true,
      writable: true,
      value(this: unknown, ...given: unknown[]): unknown {
        look(name === '_write' ? given[0] : chunkOf(given[0]))
        return original.apply(this, given)
      },
    })
  }
}

/** `_writev` is given [{ chunk, encoding }, ...]. */
function chunkOf(chunks: unknown): unknown {
  const first: unknown = Array.isArray(chunks) ? chunks[0] : undefined
  return typeof first === 'object' && first !== null ? Reflect.get(first, 'chunk') : undefined
}

function statusIn(chunk: unknown): number {
  const head =
    typeof chunk === 'string' ? chunk.slice(0, 12) : Buffer.isBuffer(chunk) ? chunk.toString('latin1', 0, 12) : ''
  const [, status] = /^HTTP\/1\.[01] (\d{3})/.exec(head) ?? []
  return status === undefined ? 0 : Number(status)
}
