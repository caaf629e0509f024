/**
 * Rate, errors and duration of every request this process serves, from the diagnostics channels of Node.
 *
 * - HTTP/1 here, by `http.server.request.start` and `response.finish`; HTTP/2 in http2.ts, what leaves HTTP (upgrades, CONNECT) and
 *   what never became a request in servers.ts. All end in `settle`.
 * - State lives on the socket (connection.ts), reused over keep-alive; a request finds its series by array indexes (request-series.ts).
 * - `response.finish` is not published when the connection ends early, so a closing socket settles what is in flight with
 *   `error_type="aborted"`: `http_server_active_requests` always returns to zero.
 * - A flight is ended before anything is asked of the request: what throws there (a getter of the application) costs a count, not the
 *   balance of active requests.
 * - The two handlers are the hot path of every request: two reads of the clock, no closure, no Map, nothing allocated. They are guarded
 *   here rather than by `Guard.on`, whose one call site for all channels cannot be inlined. What is rare is a function of its own: V8
 *   takes so much code into one function, and no more.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import type { Guard } from '../guard.ts'
import { monotonicMs } from '../monotonic.ts'
import { add, exemplify, held, observeHeld, type Slot, type Store } from '../store/index.ts'
import { currentTrace, hasTracing } from '../tracing.ts'
import { ConnectionMemory, type Visit } from '../users/visit.ts'
import { type ChannelRules, parseChannels } from './channels.ts'
import { type AnyRequest, CONNECTION, Connection, type Flight, NOT_KEPT } from './connection.ts'
import { isHttpServer } from './is-http-server.ts'
import { methodIndex, RequestSeries, wireIndex } from './request-series.ts'
import type { UnseenExpress } from './routes/express-unseen.ts'
import type { PathGuesser } from './routes/guess.ts'
import { RouteBook, type RouteTeller } from './routes/route-book.ts'
import type { Route, Routes } from './routes/routes.ts'
import { ServerWatch } from './servers.ts'

const load = createRequire(import.meta.url)

export type ServedSocket = Socket & { [CONNECTION]?: Connection | undefined; readonly encrypted?: boolean }

/** What Node publishes; `response` and `server` are those of the request. */
type ServerMessage = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly socket: ServedSocket
  readonly server: Server
}

export type HttpServerOptions = {
  readonly store: Store
  readonly guard: Guard
  readonly guesser: PathGuesser
  /** Where frameworks tell routes; one of its own when there is none yet. */
  readonly book?: RouteBook
  /** Told before the first request is looked at: a server is being served, and the settings are needed now. */
  readonly onServer: () => void
}

const PART = 'http_server'
/** Of this file: what another file of the package exports is looked up at each call. Milliseconds. */
const now: () => number = monotonicMs
const HELD: Float64Array = held
const count: typeof add = add
const observeIt: typeof observeHeld = observeHeld
const PLACE: typeof CONNECTION = CONNECTION
/** How often the wall clock is asked anew, milliseconds. */
const WALL_CLOCK_EVERY = 1_000
const NO_REQUEST: AnyRequest = { headers: {} }

export class HttpServerMetrics implements RouteTeller {
  readonly routes: Routes
  /** Servers that are not the application's: their requests are not counted. */
  readonly ignored = new WeakSet<object>()
  /** Whether visits carry the bytes of the answer; they are asked of the socket. */
  visitsWithBytes = false
  readonly #options: HttpServerOptions
  readonly #book: RouteBook
  readonly #series: RequestSeries
  readonly #unmatched: Route
  readonly #visit: Visit
  readonly #watch: ServerWatch
  #visitor: ((visit: Visit) => void) | undefined = undefined
  #channels: ChannelRules = parseChannels({}, [])
  #served = false
  #traces = false
  #unseen: UnseenExpress | undefined
  #wallClock = 0
  #wallClockUntil = Number.NEGATIVE_INFINITY

  constructor(options: HttpServerOptions) {
    const { guard, store } = options
    this.#options = options
    this.#book = options.book ?? new RouteBook(() => store.maxSeries)
    this.routes = this.#book.routes
    this.#unmatched = this.routes.of('')
    this.#series = new RequestSeries(store)
    this.#visit = {
      request: NO_REQUEST,
      framework: undefined,
      memory: new ConnectionMemory(),
      status: 0,
      aborted: false,
      channel: -1,
      route: '',
      routeId: 0,
      address: '',
      bytesOut: -1,
      nowMs: 0,
    }
    this.#watch = new ServerWatch(this, store, guard)
    const starting = guard.hotMeter(PART)
    guard.listen('http.server.request.start', (message) => {
      if (starting.off) return
      const timed = starting.begin()
      try {
        this.#start(message as ServerMessage)
      } catch (cause) {
        starting.failed(cause)
      }
      if (timed) starting.end()
    })
    // Also when the part is switched off: what has begun is to end.
    const finishing = guard.hotMeter(PART)
    guard.listen('http.server.response.finish', (message) => {
      const timed = finishing.begin()
      try {
        this.#finish(message as ServerMessage)
      } catch (cause) {
        finishing.failed(cause)
      }
      if (timed) finishing.end()
    })
    guard.on<{ readonly server?: unknown }>('tracing:net.server.listen:asyncStart', PART, ({ server }) => {
      if (isHttpServer(server)) this.#watch.server(server)
    })
    guard.whenFirst(['http2.server.stream.start'], 'http2_server', () => {
      const { watchHttp2 } = load('./http2.ts') as typeof import('./http2.ts')
      watchHttp2(this, guard)
    })
  }

  /** A server of the application, which may not be seen otherwise before its first request; `socket`: a connection it has just been given. */
  meet(server: object, socket?: ServedSocket): void {
    this.#watch.server(server, socket)
  }

  /** By which channel requests come. */
  get channels(): ChannelRules {
    return this.#channels
  }

  set channels(rules: ChannelRules) {
    this.#channels = rules
    this.#series.channelNames = rules.names
  }

  /** Told of every settled request; the visit holds during the call only. Unset costs nothing. */
  get visitor(): ((visit: Visit) => void) | undefined {
    return this.#visitor
  }

  set visitor(visitor: ((visit: Visit) => void) | undefined) {
    this.#visitor = visitor
    if (visitor !== undefined) this.expectVisitor()
  }

  /** There will be a visitor: requests that come from now on are kept as it wants them. Those in flight are not told. */
  expectVisitor(): void {
    this.#book.keepsFramework = true
  }

  get hasRouter(): boolean {
    return this.#book.hasRouter
  }

  set hasRouter(has: boolean) {
    this.#book.hasRouter = has
  }

  setRoute(request: IncomingMessage, route: Route, framework?: unknown): void {
    this.#book.setRoute(request, route, framework)
  }

  /** The connection of a socket that an HTTP/1 server has been given. */
  connect(socket: ServedSocket, server: object): Connection {
    const connection = new Connection(wireIndex(socket.encrypted === true, false), this.ignored.has(server))
    if (!connection.ignored) {
      this.sawServer()
      this.#watch.server(server)
      this.decideOnce(connection, socket.remoteAddress)
      socket.on('close', this.#watch.onClose)
    }
    socket[CONNECTION] = connection
    // An SDK may be registered after the first server; asked once a connection, tracing costs nothing where there is none.
    this.#traces = hasTracing()
    return connection
  }

  /** A server is being served: the settings are needed from here on. */
  sawServer(): void {
    if (this.#served) return
    this.#served = true
    this.#options.onServer()
  }

  /** What the address of a connection decides about its channel. */
  decideOnce(connection: Connection, remoteAddress: string | undefined): void {
    const rules = this.#channels
    connection.peer = rules.peer(remoteAddress)
    connection.rules = rules.perConnection ? undefined : rules
    connection.channel = rules.perConnection ? rules.decide(connection.peer, NO_REQUEST.headers) : -1
  }

  /** Begins a flight. */
  begin(connection: Connection, flight: Flight, request: AnyRequest, response?: ServerResponse): void {
    const startedAt = now()
    const method = methodIndex(request.method)
    let { active } = connection
    if (active === undefined || method !== connection.activeMethod) {
      active = this.#series.active(connection.wire, method)
      connection.active = active
      connection.activeMethod = method
    }
    flight.method = method
    flight.active = active
    const { rules, peer } = connection
    flight.channel =
      rules === undefined || peer === undefined ? connection.channel : rules.decide(peer, request.headers)
    flight.startedAt = startedAt
    count(active, 1)
    // Last: from here on the flight is taken, and counted as active.
    if (response === undefined) flight.request = request
    else flight.response = response
  }

  /**
   * Ends a flight: `status` 0 when no head was sent. `request` is what visits are told; it may be richer than the flight's own.
   * `bytesOut`: -1 when not known.
   */
  settle(
    connection: Connection,
    flight: Flight,
    request: AnyRequest,
    status: number,
    aborted: boolean,
    bytesOut: number,
  ): void {
    const at = now()
    const { method, channel, framework, active } = flight
    const seconds = (at - flight.startedAt) / 1_000
    const said = flight.route
    connection.close(flight)
    if (active !== undefined) count(active, -1)
    const told = said ?? this.#unrouted(request, status)
    const route = told.loose && status === 404 ? this.#unmatched : told
    const slot = this.#series.duration(route, connection.wire, method, channel, status, aborted)
    HELD[0] = seconds > 0 ? seconds : 0
    observeIt(slot)
    if (this.#traces) traced(slot, seconds > 0 ? seconds : 0)
    if (this.#visitor === undefined || framework === NOT_KEPT) return
    const visit = this.#visit
    visit.request = request
    visit.framework = framework
    visit.status = status
    visit.aborted = aborted
    visit.channel = channel
    visit.bytesOut = bytesOut
    HELD[0] = at
    this.#tell(this.#visitor, visit, connection, route)
  }

  /** Adds what is not the request's own, and tells the visitor. The time is in HELD. */
  #tell(visitor: (visit: Visit) => void, visit: Visit, connection: Connection, route: Route): void {
    const at = HELD[0]!
    if (at >= this.#wallClockUntil) {
      this.#wallClock = Date.now() - at
      this.#wallClockUntil = at + WALL_CLOCK_EVERY
    }
    visit.memory = connection.memory ??= new ConnectionMemory()
    visit.route = route.template
    visit.routeId = route.id
    visit.address = connection.peer === undefined ? '' : connection.peer.address
    visit.nowMs = this.#wallClock + at
    visitor(visit)
    visit.request = NO_REQUEST
    visit.framework = undefined
  }

  /** Settles what a connection that has ended leaves behind. */
  abort(connection: Connection): void {
    for (const flight of connection.inFlight()) {
      const { response } = flight
      let request = flight.request ?? NO_REQUEST
      let status = 0
      try {
        if (response !== undefined) {
          request = response.req
          if (response.headersSent) status = response.statusCode
        }
      } catch (cause) {
        this.#options.guard.fault(PART, cause)
      }
      try {
        this.settle(connection, flight, request, status, true, -1)
      } catch (cause) {
        this.#options.guard.fault(PART, cause)
      }
    }
  }

  #start({ request, response, socket, server }: ServerMessage): void {
    const connection = socket[PLACE] ?? this.connect(socket, server)
    if (connection.ignored) return
    this.begin(connection, connection.open(), request, response)
  }

  #finish({ request, response, socket }: ServerMessage): void {
    const connection = socket[PLACE]
    if (connection === undefined) return
    const flight = connection.answeredBy(response)
    if (flight === undefined) return
    this.settle(
      connection,
      flight,
      request,
      response.statusCode,
      false,
      this.visitsWithBytes ? written(connection, socket) : -1,
    )
  }

  #unseenExpress(): UnseenExpress {
    if (this.#unseen === undefined) {
      const rooms = load('./routes/express-unseen.ts') as typeof import('./routes/express-unseen.ts')
      this.#unseen = new rooms.UnseenExpress(this.#book)
    }
    return this.#unseen
  }

  /** Without a router only the path is known; it is read as a template, unless the application did not know it either. */
  #unrouted(request: AnyRequest, status: number): Route {
    const { app, route } = request as { readonly app?: unknown; readonly route?: { readonly path?: unknown } }
    // An Express that no `require` has shown is seen by what it leaves on a request.
    if (typeof app === 'function' && (route !== undefined || !this.hasRouter)) {
      const told = this.#unseenExpress().routeOf(request)
      if (told !== undefined) return told
    }
    // As other routers do that have learned from it.
    if (typeof route?.path === 'string') return this.routes.of(route.path)
    if (this.hasRouter || status === 404 || status === 405 || status === 0) return this.#unmatched
    if (request.method === 'CONNECT') return this.#unmatched // Its target is an authority, not a path.
    return this.#options.guesser.guess(request.url ?? '', this.routes) ?? this.#unmatched
  }
}

/**
 * Notes in which trace a request was answered: the one of whoever ended the response, as OpenTelemetry's own context says. What the SDK throws
 * is its own affair.
 */
function traced(slot: Slot, seconds: number): void {
  try {
    const trace = currentTrace()
    if (trace !== undefined) exemplify(slot, seconds, trace, Date.now())
  } catch {
    // No exemplar, then.
  }
}

/** Bytes that a connection has written since its last request was settled. */
function written(connection: Connection, socket: Socket): number {
  const memory = (connection.memory ??= new ConnectionMemory())
  const { bytesWritten } = socket
  const since = bytesWritten - memory.bytesWritten
  memory.bytesWritten = bytesWritten
  return since
}
