/**
 * The HTTP server: Prometheus' API, assay's own, the UI.
 *
 * - It holds no state of the system: it asks its dependencies, and it shows.
 * - It listens on loopback unless it is told otherwise, and refuses to be reached from beyond without authentication.
 * - Every request has a deadline, a body limit and a signal that aborts when its caller goes; disposal ends them all.
 */
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { AssayError, messageOf } from '#core'
import { noOtlp, noWrites, type OtlpCounts, type WriteCounts } from '#remote'
import { EventHub } from './assay/events.ts'
import { ReadingsCache } from './assay/readings.ts'
import { registerAssay } from './assay/routes.ts'
import { ApiError, apiErrorOf } from './http/api-error.ts'
import { Callers } from './http/callers.ts'
import { registerCompression } from './http/compress.ts'
import type { CorsOrigin } from './http/cors.ts'
import { Gate } from './http/gate.ts'
import { handlerOf } from './http/handler-of.ts'
import { HttpMetrics, type Reading } from './http/http-metrics.ts'
import { knownMethods } from './http/known-methods.ts'
import { isLoopback, isOwnHost } from './http/origin.ts'
import { portHolder } from './http/port-holder.ts'
import { sendJson } from './http/request.ts'
import { registerLifecycle } from './lifecycle.ts'
import type { Context } from './prometheus/call.ts'
import { otlpRoute, type RemoteReadLimits, readRoute, writeRoute } from './prometheus/receivers.ts'
import { errorEnvelope } from './prometheus/render.ts'
import { registerPrometheus } from './prometheus/routes.ts'
import type { ServerDeps } from './types.ts'
import { registerSecurityHeaders, registerUi } from './ui/static.ts'

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
  /** Pages of other origins that may read Prometheus' API; absent: none. */
  readonly cors?: CorsOrigin
  /** Absent: Prometheus' defaults. */
  readonly remoteRead?: RemoteReadLimits
  /** Connections that are kept at once; absent: 512. */
  readonly maxConnections?: number
  /** How long a request may take to arrive, and an idle connection is kept; absent: 5 min. */
  readonly readTimeoutMs?: number
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
/** A query in the address may be long. */
const MAX_HEADER_BYTES = 256 * 2 ** 10

/**
 * Starts the server. Throws `ASSAY_LISTEN_OPEN` when it would be reachable from beyond this machine, `ASSAY_LISTEN_IN_USE`
 * when another process has the port, `ASSAY_LISTEN` for any other reason the system has.
 */
export async function createServer(deps: ServerDeps, options: ServerOptions): Promise<RunningServer> {
  const { host, port } = options.listen
  if (!isLoopback(host) && options.allowOpen !== true) {
    throw new AssayError(
      'ASSAY_LISTEN_OPEN',
      `${host}:${port} would be reachable from other machines, and nothing asks who is calling; listen on 127.0.0.1:${port} and put a proxy that authenticates in front of it`,
    )
  }
  await using owned = new AsyncDisposableStack()
  const prefix = normalPrefix(options.routePrefix)
  const app = Fastify({
    forceCloseConnections: true,
    bodyLimit: FORM_LIMIT_BYTES,
    requestTimeout: options.readTimeoutMs ?? READ_TIMEOUT_MS,
    keepAliveTimeout: options.readTimeoutMs ?? READ_TIMEOUT_MS,
    routerOptions: { maxParamLength: 1024, ignoreTrailingSlash: false },
    http: { maxHeaderSize: MAX_HEADER_BYTES },
  })
  app.server.maxConnections = options.maxConnections ?? MAX_CONNECTIONS
  owned.defer(() => app.close())
  const callers = owned.use(new Callers())
  const stop = new AbortController()
  owned.defer(() => stop.abort())

  let url = ''
  const externalUrl = () => options.externalUrl ?? url
  const gate = new Gate(options.queries?.running ?? 20, options.queries?.waiting ?? 100)
  const writes: WriteCounts = noWrites()
  const otlp: OtlpCounts = noOtlp()
  let ownPort = port
  const context: Context = { deps, gate, externalUrl, ownPort: () => ownPort }
  owned.use(deps.notifications)
  const signalOf = (reply: FastifyReply) => callers.signalOf(reply.raw)

  if (isLoopback(host)) registerHostCheck(app, externalUrl)
  const metrics = registerMetering(app, deps, prefix)
  const methods = knownMethods(app)
  registerCompression(app)
  registerSecurityHeaders(app)
  app.setErrorHandler((thrown, request, reply) => sendError(deps, request, reply, thrown))

  const events = owned.use(new EventHub(deps, options.maxEventClients ?? 100))
  const readings = new ReadingsCache({ ...deps, downJobs: () => downJobs(deps) }, stop.signal)
  const page = () =>
    deps.ownMetrics() + metrics.page([...ownReadings(gate, writes, otlp, readings), ...events.readings()])
  app.register(
    async (scope) => {
      registerPrometheus(scope, context, {
        signalOf,
        raw: [writeRoute(deps, writes), readRoute(deps, options.remoteRead), otlpRoute(deps, otlp)],
        cors: options.cors,
        metricsPage: page,
      })
      registerAssay(scope, { deps, readings, events, externalUrl })
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
  url = `http://${host.includes(':') ? `[${host}]` : host}:${bound}${prefix}`
  const running = owned.move()
  return { url, port: bound, [Symbol.asyncDispose]: () => running.disposeAsync() }
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

function registerHostCheck(app: FastifyInstance, externalUrl: () => string): void {
  app.addHook('onRequest', async (request) => {
    if (isOwnHost(request.headers.host, externalUrl())) return
    throw new ApiError(
      'forbidden',
      `${JSON.stringify(request.headers.host)} is no name of this server; ask for 127.0.0.1, or set --web.external-url`,
    )
  })
}

function registerMetering(app: FastifyInstance, { clock }: ServerDeps, prefix: string): HttpMetrics {
  const metrics = new HttpMetrics()
  const started = new WeakMap<FastifyRequest, number>()
  app.addHook('onRequest', async (request) => void started.set(request, clock.monotonicMs()))
  app.addHook('onResponse', async (request, reply) => {
    const handler = handlerOf(request.routeOptions.url, prefix)
    const since = started.get(request) ?? clock.monotonicMs()
    const size = Number(reply.getHeader('content-length') ?? 0)
    metrics.observe(handler, reply.statusCode, (clock.monotonicMs() - since) / 1000, size)
  })
  return metrics
}

function sendError(deps: ServerDeps, request: FastifyRequest, reply: FastifyReply, thrown: unknown): void {
  const error = apiErrorOf(thrown)
  if (error.type === 'internal') deps.log.error({ err: thrown, path: request.routeOptions.url }, 'a request failed')
  sendJson(reply.code(error.status), errorEnvelope(error.type, error.message))
}

function ownReadings(gate: Gate, writes: WriteCounts, otlp: OtlpCounts, readings: ReadingsCache): readonly Reading[] {
  return [
    {
      name: 'assay_overview_query_failures_total',
      type: 'counter',
      help: 'Queries of the overview that had no answer.',
      value: () => readings.failures,
    },
    { name: 'assay_queries_running', type: 'gauge', help: 'Queries that run.', value: () => gate.running },
    { name: 'assay_queries_waiting', type: 'gauge', help: 'Queries that wait for a place.', value: () => gate.waiting },
    {
      name: 'assay_queries_refused_total',
      type: 'counter',
      help: 'Queries refused because too many waited.',
      value: () => gate.refused,
    },
    {
      name: 'assay_remote_write_requests_total',
      type: 'counter',
      help: 'Remote write requests that could be read.',
      value: () => writes.requests,
    },
    {
      name: 'assay_remote_write_samples_total',
      type: 'counter',
      help: 'Samples taken by remote write.',
      value: () => writes.samples,
    },
    {
      name: 'assay_remote_write_histograms_total',
      type: 'counter',
      help: 'Native histograms taken by remote write.',
      value: () => writes.histograms,
    },
    {
      name: 'assay_remote_write_exemplars_total',
      type: 'counter',
      help: 'Exemplars taken by remote write.',
      value: () => writes.exemplars,
    },
    {
      name: 'prometheus_api_remote_write_invalid_labels_samples_total',
      type: 'counter',
      help: 'Samples of remote write left out for labels or buckets that are none.',
      value: () => writes.invalidLabels,
    },
    {
      name: 'prometheus_api_remote_write_without_metadata_appended_samples_total',
      type: 'counter',
      help: 'Samples of remote write 2.0 whose series came without metadata.',
      value: () => writes.withoutMetadata,
    },
    {
      name: 'assay_remote_write_rejected_samples_total',
      type: 'counter',
      help: 'Samples of remote write that the store could not take.',
      value: () => writes.rejected,
    },
    {
      name: 'assay_otlp_requests_total',
      type: 'counter',
      help: 'Requests of OpenTelemetry that could be read.',
      value: () => otlp.requests,
    },
    {
      name: 'assay_otlp_samples_total',
      type: 'counter',
      help: 'Samples taken from OpenTelemetry.',
      value: () => otlp.samples,
    },
    {
      name: 'assay_otlp_exemplars_total',
      type: 'counter',
      help: 'Exemplars taken from OpenTelemetry.',
      value: () => otlp.exemplars,
    },
    {
      name: 'assay_otlp_rejected_points_total',
      type: 'counter',
      help: 'Data points of OpenTelemetry that were not taken.',
      value: () => otlp.rejected,
    },
  ]
}
