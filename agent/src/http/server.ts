/**
 * Rate, errors and duration of every request this process serves, from two diagnostics channels of Node.
 *
 * - State lives on the socket: one object per connection, reused over keep-alive; pipelined requests queue beside it.
 * - `http.server.response.finish` is not published when the connection ends early, so a closing socket settles what is in flight
 *   with `error_type="aborted"`: `http_server_active_requests` always returns to zero.
 * - A request finds its series by array indexes: route, then channel, scheme and method, then status. Labels are written once.
 * - The status counts as an error from 500 on (OpenTelemetry: for a server, 4xx is the client's error).
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
// The global `performance` is a getter, called at each use; this is the thing itself.
import { performance } from 'node:perf_hooks'
import type { Guard } from '../guard.ts'
import { add, type Family, observe, type Slot, type Store } from '../store/index.ts'
import { type ChannelRules, parseChannels } from './channels.ts'
import type { PathGuesser } from './routes/guess.ts'
import { type Route, Routes } from './routes/routes.ts'

/** OpenTelemetry's advice for HTTP durations, in seconds. */
export const HTTP_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const

const METHODS = [
  'GET',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'HEAD',
  'OPTIONS',
  'CONNECT',
  'TRACE',
  'QUERY',
  '_OTHER',
] as const
const OTHER_METHOD = METHODS.length - 1
const SCHEMES = ['http', 'https'] as const
/** A small number for each status seen, so that tables of statuses stay small and dense. 0: not seen yet. */
const STATUS_INDEX = new Uint8Array(1_000)
const MAX_STATUS_INDEX = 100
let statusesSeen = 0
const CONNECTION: unique symbol = Symbol('assay.connection')

/** What Node publishes; `response` and `server` are those of the request. */
type ServerMessage = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly socket: Socket & { [CONNECTION]?: Connection; readonly encrypted?: boolean }
  readonly server: Server
}

/** One request in flight. Reused: its fields are those of the request it holds now. */
class Flight {
  request: IncomingMessage | undefined
  response: ServerResponse | undefined
  startedAt = 0
  method = 0
  channel = -1
  route: Route | undefined
  /** The framework's own request, for `identify`. */
  framework: unknown
}

class Connection {
  readonly scheme: number
  readonly channel: number
  readonly first = new Flight()
  more: Flight[] | undefined

  constructor(scheme: number, channel: number) {
    this.scheme = scheme
    this.channel = channel
  }

  open(): Flight {
    if (this.first.request === undefined) return this.first
    const flight = new Flight()
    if (this.more === undefined) this.more = [flight]
    else this.more.push(flight)
    return flight
  }

  find(request: IncomingMessage): Flight | undefined {
    if (this.first.request === request) return this.first
    return this.more?.find((flight) => flight.request === request)
  }

  close(flight: Flight): void {
    flight.request = undefined
    flight.response = undefined
    flight.route = undefined
    flight.framework = undefined
    if (flight !== this.first && this.more !== undefined) this.more.splice(this.more.indexOf(flight), 1)
  }
}

export type HttpServerOptions = {
  readonly store: Store
  readonly guard: Guard
  readonly guesser: PathGuesser
  /** Told of every settled request; `framework` is the framework's own request when there is one. */
  readonly onSettled: (request: IncomingMessage, framework: unknown, status: number) => void
  /** Told before the first request is looked at: a server is being served, and the settings are needed now. */
  readonly onServer: () => void
}

export class HttpServerMetrics {
  readonly routes: Routes
  /** Servers that are not the application's: their requests are not counted. */
  readonly ignored = new WeakSet<Server>()
  /** By which channel requests come. */
  channels: ChannelRules = parseChannels({}, [])
  /** Whether a framework tells routes here; then paths are not guessed. */
  hasRouter = false
  readonly #options: HttpServerOptions
  readonly #duration: Family
  readonly #active: Family
  readonly #activeSlots: (Slot | undefined)[] = []
  readonly #combos: number
  readonly #unmatched: Route
  readonly #onClose: (connection: Connection) => void
  #served = false

  constructor(options: HttpServerOptions) {
    this.#options = options
    this.routes = new Routes(() => options.store.maxSeries)
    this.#unmatched = this.routes.of('')
    this.#combos = SCHEMES.length * METHODS.length
    this.#duration = options.store.family({
      name: 'http_server_request_duration_seconds',
      help: 'Duration of HTTP requests served, from the parsed head to the last byte given to the system.',
      kind: 'histogram',
      bounds: HTTP_BOUNDS,
    })
    this.#active = options.store.family({
      name: 'http_server_active_requests',
      help: 'HTTP requests being served now.',
      kind: 'gauge',
    })
    const { guard } = options
    this.#onClose = guard.wrap('http_server', (connection: Connection) => this.#abort(connection))
    guard.on<ServerMessage>('http.server.request.start', 'http_server', (message) => this.#start(message))
    guard.on<ServerMessage>('http.server.response.finish', 'http_server', (message) => this.#finish(message))
  }

  /** Says which route a request has come to; the last word holds. Unknown requests (injected, foreign) are left alone. */
  setRoute(request: IncomingMessage, route: Route, framework?: unknown): void {
    const socket = request.socket as ServerMessage['socket'] | undefined
    const flight = socket?.[CONNECTION]?.find(request)
    if (flight === undefined) return
    flight.route = route
    if (framework !== undefined) flight.framework = framework
  }

  #start({ request, response, socket, server }: ServerMessage): void {
    if (this.ignored.has(server)) return
    if (!this.#served) {
      this.#served = true
      this.#options.onServer()
    }
    const { channels } = this
    let connection = socket[CONNECTION]
    if (connection === undefined) {
      const opened = new Connection(
        socket.encrypted === true ? 1 : 0,
        channels.perConnection ? channels.decide(socket.remoteAddress, request.headers) : -1,
      )
      socket.once('close', () => this.#onClose(opened))
      socket[CONNECTION] = connection = opened
    }
    const flight = connection.open()
    flight.request = request
    flight.response = response
    flight.method = methodIndex(request.method)
    flight.channel = channels.perConnection
      ? connection.channel
      : channels.decide(socket.remoteAddress, request.headers)
    add(this.#activeSlot(connection.scheme, flight.method), 1)
    flight.startedAt = performance.now()
  }

  #finish({ request, response, socket }: ServerMessage): void {
    const connection = socket[CONNECTION]
    const flight = connection?.find(request)
    if (connection === undefined || flight === undefined) return
    this.#settle(connection, flight, request, response.statusCode, false)
  }

  #abort(connection: Connection): void {
    for (const flight of [...(connection.more ?? []), connection.first]) {
      const { request, response } = flight
      if (request === undefined || response === undefined) continue
      this.#settle(connection, flight, request, response.headersSent ? response.statusCode : 0, true)
    }
  }

  #settle(connection: Connection, flight: Flight, request: IncomingMessage, status: number, aborted: boolean): void {
    const seconds = (performance.now() - flight.startedAt) / 1_000
    const route = flight.route ?? this.#guess(request, status)
    const combo = (flight.channel + 1) * this.#combos + connection.scheme * METHODS.length + flight.method
    const table = (route.tables[combo] ??= [])
    const index = statusIndex(status) * 2 + (aborted ? 1 : 0)
    observe((table[index] ??= this.#series(connection, flight, route, status, aborted)), seconds)
    add(this.#activeSlot(connection.scheme, flight.method), -1)
    const { framework } = flight
    connection.close(flight)
    this.#options.onSettled(request, framework, status)
  }

  /** Without a router only the path is known; it is read as a template, unless the application did not know it either. */
  #guess(request: IncomingMessage, status: number): Route {
    const told = (request as { route?: { path?: unknown }; baseUrl?: unknown }).route?.path
    if (typeof told === 'string') {
      const { baseUrl } = request as { baseUrl?: unknown }
      return this.routes.of(typeof baseUrl === 'string' ? baseUrl + told : told)
    }
    if (this.hasRouter || status === 404 || status === 405 || status === 0) return this.#unmatched
    const template = this.#options.guesser.guess(request.url ?? '')
    return template === undefined ? this.#unmatched : this.routes.of(template)
  }

  #series(connection: Connection, flight: Flight, route: Route, status: number, aborted: boolean): Slot {
    return this.#duration.series([
      ['http_request_method', METHODS[flight.method]!],
      ['http_route', route.template],
      ['http_response_status_code', status === 0 ? '' : String(status)],
      ['url_scheme', SCHEMES[connection.scheme]!],
      ['channel', this.channels.names[flight.channel] ?? ''],
      ['error_type', aborted ? 'aborted' : status >= 500 ? String(status) : ''],
    ])
  }

  #activeSlot(scheme: number, method: number): Slot {
    return (this.#activeSlots[scheme * METHODS.length + method] ??= this.#active.series([
      ['http_request_method', METHODS[method]!],
      ['url_scheme', SCHEMES[scheme]!],
    ]))
  }
}

/** Applications may make statuses up: beyond MAX_STATUS_INDEX of them the rest share one place, and are told as what came there first. */
function statusIndex(status: number): number {
  const place = status >= 0 && status < STATUS_INDEX.length ? status : 0
  if (STATUS_INDEX[place] === 0) {
    if (statusesSeen < MAX_STATUS_INDEX) statusesSeen++
    STATUS_INDEX[place] = statusesSeen
  }
  return STATUS_INDEX[place]!
}

function methodIndex(method: string | undefined): number {
  switch (method) {
    case 'GET':
      return 0
    case 'POST':
      return 1
    default: {
      const index = (METHODS as readonly string[]).indexOf(method ?? '')
      return index < 0 ? OTHER_METHOD : index
    }
  }
}
