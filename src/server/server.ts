/**
 * The HTTP server: Prometheus' API, assay's own, the UI.
 *
 * - It holds no state of the system: it asks its dependencies, and it shows.
 * - It listens on loopback unless it is told otherwise, and refuses to be reached from beyond without authentication.
 * - Every request has a deadline, a body limit and a signal that aborts when its caller goes; disposal ends them all.
 */
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http'
import { Readable } from 'node:stream'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { AssayError, messageOf } from '#core'
import type { WebConfig } from '#model'
import { DeltaToCumulative, noOtlp, type OtlpCounts, type WriteLimits, WriteReceiver } from '#remote'
import { Backups } from './assay/backups.ts'
import { EventHub } from './assay/events.ts'
import { ReadingsCache } from './assay/readings.ts'
import { registerAssay } from './assay/routes.ts'
import { ApiError, apiErrorOf } from './http/api-error.ts'
import { Callers } from './http/callers.ts'
import { ClientErrors } from './http/client-errors.ts'
import { registerCompression } from './http/compress.ts'
import { Connections } from './http/connections.ts'
import type { CorsOrigin } from './http/cors.ts'
import { Door } from './http/door.ts'
import { Gate } from './http/gate.ts'
import { handlerOf } from './http/handler-of.ts'
import { HttpMetrics } from './http/http-metrics.ts'
import { knownMethods } from './http/known-methods.ts'
import { isLoopback, isOwnHost } from './http/origin.ts'
import { Outgoing, STALL_MS } from './http/outgoing.ts'
import { Passwords } from './http/passwords.ts'
import { portHolder } from './http/port-holder.ts'
import { sendJson } from './http/request.ts'
import { SECURITY_HEADERS } from './http/security-headers.ts'
import { createTlsServer } from './http/tls-server.ts'
import type { WebConfigFile } from './http/web-config-file.ts'
import { registerLifecycle } from './lifecycle.ts'
import {
  connectionReadings,
  doorReadings,
  gateReadings,
  keptReadings,
  outgoingReadings,
  overviewReadings,
  receiverReadings,
} from './own-readings.ts'
import type { Context } from './prometheus/call.ts'
import { Lane } from './prometheus/lane.ts'
import { otlpRoute, type RemoteReadLimits, readRoute, writeRoute } from './prometheus/receivers.ts'
import { errorEnvelope } from './prometheus/render.ts'
import { registerPrometheus } from './prometheus/routes.ts'
import type { ServerDeps } from './types.ts'
import { registerUi } from './ui/static.ts'

export type ServerOptions = {
  /** `port` 0: any free one. */
  readonly listen: { readonly host: string; readonly port: number }
  /** Paths begin with this: `/assay`. '' or absent: at the root. */
  readonly routePrefix?: string
  /** How others reach us; absent: the address we listen on. */
  readonly externalUrl?: string
  /** Lets it listen beyond loopback although nobody is asked who he is. For tests alone. */
  readonly allowOpen?: boolean
  /** Queries that run at once, and those that wait; absent: 20 and 100. */
  readonly queries?: { readonly running: number; readonly waiting: number }
  /** How the listener speaks and whom it lets in; absent: plain HTTP, and everybody who reaches it. */
  readonly web?: WebConfigFile
  /** Pages of other origins that may read Prometheus' API; absent: none. */
  readonly cors?: CorsOrigin
  /** Absent: Prometheus' defaults. */
  readonly remoteRead?: RemoteReadLimits
  /** Of one request of remote write; absent: `WRITE_LIMITS`. */
  readonly writeLimits?: WriteLimits
  /** Connections that are served at once; absent: 512. As many again wait, those beyond are closed. */
  readonly maxConnections?: number
  /** How long a request may take to arrive, and an idle connection is kept; absent: 5 min. */
  readonly readTimeoutMs?: number
  /** How long a reader may take nothing of its answer; absent: 1 min. */
  readonly stallMs?: number
  /** False: every question takes the long way (`prometheus/lane.ts`). For tests alone. */
  readonly shortWay?: boolean
  /** Browsers that follow the events; absent: 100. */
  readonly maxEventClients?: number
}

/** A server that listens. `url` has no slash at its end. */
export type RunningServer = { readonly url: string; readonly port: number } & AsyncDisposable

/** Form bodies: a query with a few hundred selectors is far below. */
const FORM_LIMIT_BYTES = 10 * 2 ** 20
/** As Prometheus' `--web.max-connections` and `--web.read-timeout`. */
const MAX_CONNECTIONS = 512
const READ_TIMEOUT_MS = 300_000
/** A connection that has waited so long for its turn is closed. */
const CONNECTION_WAIT_MS = 30_000
/** A query in the address may be long. */
const MAX_HEADER_BYTES = 256 * 2 ** 10
/** Of a name within a path. */
const MAX_PARAM_CHARACTERS = 65_536
/** How often Node looks for requests that do not arrive, at most. */
const CHECK_MS = 30_000

/**
 * Starts the server. Throws `ASSAY_LISTEN_OPEN` when it would be reachable from beyond this machine, `ASSAY_LISTEN_IN_USE`
 * when another process has the port, `ASSAY_LISTEN` for any other reason the system has.
 */
export async function createServer(deps: ServerDeps, options: ServerOptions): Promise<RunningServer> {
  const { host, port } = options.listen
  const { web } = options
  if (!isLoopback(host) && options.allowOpen !== true) requireAuthentication(web, `${host}:${port}`)
  await using owned = new AsyncDisposableStack()
  const prefix = normalPrefix(options.routePrefix)
  const served = options.maxConnections ?? MAX_CONNECTIONS
  const connections = new Connections({ served, waiting: served, waitMs: CONNECTION_WAIT_MS }, deps.clock)
  const clientErrors = new ClientErrors(MAX_HEADER_BYTES)
  const callers = new Callers(deps.clock)
  const metrics = new HttpMetrics()
  let url = ''
  let ownPort = port
  const externalUrl = () => options.externalUrl ?? url
  const gate = new Gate(options.queries?.running ?? 20, options.queries?.waiting ?? 100)
  const outgoing = new Outgoing(deps.limits.maxSamples)
  const context: Context = { deps, gate, outgoing, externalUrl, ownPort: () => ownPort }
  const checksHost = isLoopback(host)
  const passwords = new Passwords()
  const door = web === undefined ? undefined : new Door({ config: () => web.config, passwords, clock: deps.clock })
  const lane = new Lane({ door, context, callers, metrics, prefix, checksHost, stallMs: options.stallMs })
  const app = Fastify<HttpServer>({
    forceCloseConnections: true,
    bodyLimit: FORM_LIMIT_BYTES,
    routerOptions: { maxParamLength: MAX_PARAM_CHARACTERS, ignoreTrailingSlash: false, querystringParser: () => ({}) },
    clientErrorHandler: clientErrors.answer,
    // Addresses that no route is looked up for: wrong escapes, a name that is too long.
    frameworkErrors: (error, _request, reply) => refuseAddress(reply, error),
    serverFactory: (handler) => {
      const limits = requestLimits(options.readTimeoutMs ?? READ_TIMEOUT_MS)
      const spared = connections.spared(lane.over(handler))
      const server = web?.secure === undefined ? createHttpServer(limits, spared) : createTlsServer(web, limits, spared)
      connections.guard(server)
      return server
    },
  })
  owned.defer(() => app.close())
  owned.use(connections)
  owned.use(callers)
  const stop = new AbortController()
  owned.defer(() => stop.abort())

  const otlp: OtlpCounts = noOtlp()
  owned.use(deps.notifications)

  owned.use(passwords)
  door?.register(app)
  registerEmptyBodies(app)
  if (checksHost) registerHostCheck(app, externalUrl)
  registerMetering(app, { deps, metrics, prefix })
  const methods = knownMethods(app)
  registerCompression(app)
  app.addHook('onSend', (_request, reply, payload, done) => {
    reply.headers(SECURITY_HEADERS)
    reply.raw.setTimeout(options.stallMs ?? STALL_MS)
    done(null, payload)
  })
  app.setErrorHandler((thrown, request, reply) => sendError(deps, request, reply, thrown))

  const backups = owned.use(new Backups(deps))
  const events = owned.use(new EventHub(deps, options.maxEventClients ?? 100))
  const readings = new ReadingsCache({ ...deps, downJobs: () => downJobs(deps) }, stop.signal)
  const deltas = deps.features.has('otlp-deltatocumulative') ? new DeltaToCumulative(deps.clock) : undefined
  const writes = new WriteReceiver({
    ...deps,
    typeAndUnitLabels: deps.features.has('type-and-unit-labels'),
    ...(options.writeLimits === undefined ? {} : { writeLimits: options.writeLimits }),
  })
  const write = writeRoute(writes)
  const read = readRoute(deps, options.remoteRead)
  const otlpWrite = otlpRoute(deps, otlp, deltas)
  const page = () =>
    deps.ownMetrics() +
    metrics.page([
      ...connectionReadings(connections, clientErrors),
      ...(door === undefined ? [] : doorReadings(door, passwords)),
      ...gateReadings('queries', 'Queries', gate),
      ...gateReadings('remote_writes', 'Remote writes', write.gate),
      ...gateReadings('remote_reads', 'Remote reads', read.gate),
      ...gateReadings('otlp_writes', 'Requests of OpenTelemetry', otlpWrite.gate),
      ...keptReadings({ ...deps, known: writes.known, deltas }),
      ...outgoingReadings(outgoing),
      ...receiverReadings(writes.counts, otlp),
      ...overviewReadings(readings),
      ...events.readings(),
    ])
  app.register(
    async (scope) => {
      registerPrometheus(scope, context, {
        callers,
        raw: [write, read, otlpWrite],
        cors: options.cors,
        metricsPage: page,
      })
      registerAssay(scope, { deps, readings, events, externalUrl })
      backups.register(scope)
      registerLifecycle(scope, deps, page)
      registerUi(scope, deps.webRoot, methods)
    },
    { prefix },
  )
  if (prefix !== '') app.get('/', async (_request, reply) => reply.redirect(`${prefix}/`))

  await listen(app, host, port)
  const address = app.server.address()
  const bound = typeof address === 'object' && address !== null ? address.port : port
  ownPort = bound
  url = `${web?.secure === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${bound}${prefix}`
  lane.open = deps.forward === undefined && options.shortWay !== false
  owned.defer(() => {
    lane.open = false
  })
  const running = owned.move()
  return { url, port: bound, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

/** Throws `ASSAY_LISTEN_OPEN` when nobody would be asked who he is; and from now on that stays so. */
function requireAuthentication(web: WebConfigFile | undefined, place: string): void {
  const asks = ({ users, tls }: WebConfig) => users.size > 0 || tls?.clientAuth === 'RequireAndVerifyClientCert'
  if (web === undefined || !asks(web.config)) {
    throw new AssayError(
      'ASSAY_LISTEN_OPEN',
      `${place} would be reachable from other machines, and nothing asks who is calling; name basic_auth_users or RequireAndVerifyClientCert in a --web.config.file, or listen on loopback and put a proxy that authenticates in front of it`,
    )
  }
  web.hold((config) =>
    asks(config) ? undefined : `others reach ${place}, and nobody would be asked who he is; keep basic_auth_users`,
  )
}

/** A request arrives within `readMs`, its headers within a minute of it; both are looked at often enough to be kept. */
function requestLimits(readMs: number) {
  return {
    maxHeaderSize: MAX_HEADER_BYTES,
    // Most requests are GETs: without a stream for the body that they have not, a small one costs a sixth less (`bench/http.ts`).
    optimizeEmptyRequests: true,
    requestTimeout: readMs,
    headersTimeout: Math.min(60_000, readMs),
    keepAliveTimeout: readMs,
    connectionsCheckingInterval: Math.min(CHECK_MS, Math.max(1, Math.ceil(readMs / 4))),
  }
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<void> {
  try {
    await app.listen({ host, port })
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    const place = `${host.includes(':') ? `[${host}]` : host}:${port}`
    if (code !== 'EADDRINUSE') {
      throw new AssayError(
        'ASSAY_LISTEN',
        `can't listen on ${place}: ${messageOf(cause)}; choose another with --listen`,
        {
          cause,
        },
      )
    }
    const holder = await portHolder(port)
    throw new AssayError(
      'ASSAY_LISTEN_IN_USE',
      `${place} is in use${holder === undefined ? '' : ` by ${holder}`}; end it, or choose another port with --listen ${host}:PORT`,
      { cause },
    )
  }
}

/** The message of the framework quotes the address, however long. */
function refuseAddress(reply: FastifyReply, error: Error & { readonly code?: string }): void {
  const refusal =
    error.code === 'FST_ERR_MAX_PARAM_LENGTH'
      ? new ApiError('bad_data', `a name in the address is longer than ${MAX_PARAM_CHARACTERS} characters`)
      : new ApiError(
          'bad_data',
          'the address holds a % that begins no character of UTF-8; write %25 for the sign itself',
        )
  sendJson(reply.code(refusal.status), errorEnvelope(refusal.type, refusal.message))
}

function normalPrefix(prefix = ''): string {
  const trimmed = prefix.replace(/^\/+|\/+$/g, '')
  return trimmed === '' ? '' : `/${trimmed}`
}

/** The jobs of which nothing is up: whoever shows them wants to know since when. */
function downJobs({ targets }: ServerDeps): readonly string[] {
  const up = new Map<string, boolean>()
  for (const { target, health } of targets()) {
    const job = target.labels.get('job')
    up.set(job, (up.get(job) ?? false) || health !== 'down')
  }
  return [...up].flatMap(([job, any]) => (any ? [] : [job]))
}

/** Whoever reads a body waits for its end, which a request without one has had already (`optimizeEmptyRequests`). */
function registerEmptyBodies(app: FastifyInstance): void {
  app.addHook('preParsing', (request, _reply, payload, done) => {
    const { headers, readableEnded } = request.raw
    if (readableEnded) done(null, Object.assign(Readable.from([]), { headers }))
    else done(null, payload)
  })
}

function registerHostCheck(app: FastifyInstance, externalUrl: () => string): void {
  app.addHook('onRequest', (request, _reply, done) => {
    if (isOwnHost(request.headers.host, externalUrl())) return done()
    const said = `${JSON.stringify(request.headers.host)} is no name of this server; ask for 127.0.0.1, or set --web.external-url`
    done(new ApiError('forbidden', said))
  })
}

function registerMetering(
  app: FastifyInstance,
  {
    deps: { clock },
    metrics,
    prefix,
  }: { readonly deps: ServerDeps; readonly metrics: HttpMetrics; readonly prefix: string },
): void {
  const started = new WeakMap<FastifyRequest, number>()
  app.addHook('onRequest', (request, _reply, done) => {
    started.set(request, clock.monotonicMs())
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    const handler = handlerOf(request.routeOptions.url, prefix)
    const since = started.get(request) ?? clock.monotonicMs()
    const size = Number(reply.getHeader('content-length') ?? 0)
    metrics.observe(handler, reply.statusCode, (clock.monotonicMs() - since) / 1000, size)
    done()
  })
}

function sendError(deps: ServerDeps, request: FastifyRequest, reply: FastifyReply, thrown: unknown): void {
  const error = apiErrorOf(thrown)
  if (error.type === 'internal') deps.log.error({ err: thrown, path: request.routeOptions.url }, 'a request failed')
  sendJson(reply.code(error.status), errorEnvelope(error.type, error.message))
}
