/** Prometheus' HTTP API, in one list: method, path, handler. */

import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Question } from '#remote'
import type { Callers } from '../http/callers.ts'
import { type CorsOrigin, setCors } from '../http/cors.ts'
import { registerForms } from '../http/forms.ts'
import { requireSameOrigin } from '../http/origin.ts'
import { joined } from '../http/outgoing.ts'
import { type RawRoute, registerRaw, sendRaw } from '../http/raw-body.ts'
import { paramsOf, sendJson } from '../http/request.ts'
import { cleanTombstones, deleteSeries, dropSeries, searchDisabled, snapshot } from './admin.ts'
import { bounded, type Call, type Context, type Handler } from './call.ts'
import { queryExemplars } from './exemplars.ts'
import { features } from './features.ts'
import { federate } from './federate.ts'
import { labelNames, labelValues, metadata, series } from './lookups.ts'
import type { Notifications } from './notifications.ts'
import { formatQuery, parseTree, query, queryRange } from './query.ts'
import { relabelSteps } from './relabel-steps.ts'
import { envelope, NO_CONTENT } from './render.ts'
import { alerts, rules } from './rules.ts'
import { selfMetrics } from './self-metrics.ts'
import * as status from './status.ts'
import { alertmanagers, scrapePools, targetMetadata, targets } from './targets.ts'

const READ = ['GET', 'POST'] as const
const GET = ['GET'] as const
const ADMIN = ['POST', 'PUT'] as const

type Method = (typeof READ | typeof ADMIN)[number] | 'DELETE'
const ROUTES: readonly (readonly [methods: readonly Method[], path: string, handler: Handler])[] = [
  [READ, '/query', query],
  [READ, '/query_range', queryRange],
  [READ, '/query_exemplars', queryExemplars],
  [READ, '/format_query', formatQuery],
  [READ, '/parse_query', parseTree],
  [READ, '/labels', labelNames],
  [READ, '/series', series],
  [['DELETE'], '/series', dropSeries],
  [GET, '/label/:name/values', labelValues],
  [GET, '/metadata', metadata],
  [GET, '/targets', targets],
  [GET, '/targets/metadata', targetMetadata],
  [GET, '/targets/relabel_steps', relabelSteps],
  [GET, '/scrape_pools', scrapePools],
  [GET, '/alertmanagers', alertmanagers],
  [GET, '/rules', rules],
  [GET, '/alerts', alerts],
  [GET, '/notifications', status.notifications],
  [GET, '/features', features],
  [READ, '/search/metric_names', searchDisabled],
  [READ, '/search/label_names', searchDisabled],
  [READ, '/search/label_values', searchDisabled],
  [GET, '/status/buildinfo', status.buildInfo],
  [GET, '/status/runtimeinfo', status.runtimeInfo],
  [GET, '/status/flags', status.flags],
  [GET, '/status/config', status.config],
  [GET, '/status/tsdb', status.tsdb],
  [GET, '/status/tsdb/blocks', status.tsdbBlocks],
  [GET, '/status/walreplay', status.walReplay],
  [ADMIN, '/admin/tsdb/delete_series', deleteSeries],
  [ADMIN, '/admin/tsdb/clean_tombstones', cleanTombstones],
  [ADMIN, '/admin/tsdb/snapshot', snapshot],
]

export type PrometheusOptions = {
  readonly callers: Callers
  /** What others write to us and read from us in protocols of their own. */
  readonly raw: readonly RawRoute[]
  /** Pages of other origins that may read; absent: none. */
  readonly cors: CorsOrigin | undefined
  /** What `/metrics` answers. */
  readonly metricsPage: () => string
}

export function registerPrometheus(app: FastifyInstance, context: Context, options: PrometheusOptions): void {
  const { callers, cors } = options
  const routes = [...ROUTES, [GET, '/status/self_metrics', selfMetrics(options.metricsPage)] as const]
  const callOf = (request: FastifyRequest, reply: FastifyReply): Call => ({
    ...context,
    params: paramsOf(request),
    name: nameOf(request.params),
    from: { clientIP: request.ip, method: request.method, path: pathOf(request.url) },
    caller: callers.of(reply.raw),
  })
  app.register(async (scope) => {
    scope.addHook('onRequest', (request, reply, done) => {
      setCors(cors, request, reply)
      done()
    })
    registerForms(scope)
    for (const [methods, path, handler] of routes) {
      scope.route({
        method: [...methods],
        url: `/api/v1${path}`,
        handler: async (request, reply) => {
          // A form needs no leave of ours to be sent from a page elsewhere.
          if (methods === ADMIN) requireSameOrigin(request.headers)
          const call = callOf(request, reply)
          const { forward } = context.deps
          const question = forward === undefined ? undefined : forwarded(path, call)
          if (forward !== undefined && question !== undefined)
            return sendRaw(reply, await bounded(call, ({ signal }) => forward(question, signal)))
          const answer = await handler(call)
          if (answer === NO_CONTENT) return reply.code(204).send()
          if (!('pieces' in answer)) return sendJson(reply, envelope(answer))
          const body = await context.outgoing.take(reply.raw, answer)
          return reply.type('application/json').send(body instanceof Readable ? body : joined(body))
        },
      })
    }
    scope.options('/api/v1/*', async (_request, reply) => reply.code(204).send())
    scope.route({
      method: 'GET',
      url: '/api/v1/notifications/live',
      // A HEAD of it would follow for ever and read nothing.
      exposeHeadRoute: false,
      handler: async (_request, reply) => followNotifications(context.deps.notifications, reply),
    })
    scope.get('/version', async (_request, reply) => reply.type('text/plain; charset=utf-8').send(status.VERSION_PAGE))
    scope.get('/federate', async (request, reply) => {
      const { status, headers, body } = await federate(callOf(request, reply), request.headers.accept)
      return reply.code(status).headers(headers).send(body)
    })
  })
  for (const route of options.raw) registerRaw(app, route, callers)
}

function followNotifications(notifications: Notifications, reply: FastifyReply): FastifyReply | undefined {
  if (notifications.full) return reply.code(204).send()
  const headers = reply.getHeaders()
  reply.hijack()
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) reply.raw.setHeader(name, value)
  reply.raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  reply.raw.flushHeaders()
  // A connection that breaks is not our failure; its 'close' ends the following.
  reply.raw.on('error', () => {})
  notifications.follow(reply.raw)
  return undefined
}

/** What a remote engine answers in our place; the rest is about ourselves. */
const FORWARDED: ReadonlySet<string> = new Set(['/query', '/query_range', '/labels', '/series', '/status/tsdb'])

/** `undefined`: we answer it. Without an exemplar storage of our own, exemplars are the engine's too. */
function forwarded(path: string, { params, name, deps }: Call): Question | undefined {
  if (path === '/label/:name/values')
    return { path: `/label/${encodeURIComponent(name)}/values`, params: params.form(), get: true }
  const isAsked = FORWARDED.has(path) || (path === '/query_exemplars' && deps.exemplars === undefined)
  return isAsked ? { path, params: params.form(), get: path === '/status/tsdb' } : undefined
}

function pathOf(url: string): string {
  const end = url.indexOf('?')
  return end < 0 ? url : url.slice(0, end)
}

function nameOf(params: unknown): string {
  return typeof params === 'object' && params !== null && 'name' in params ? String(params.name) : ''
}
