/** Prometheus' HTTP API, in one list: method, path, handler. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Gate } from '../http/gate.ts'
import { paramsOf, sendJson } from '../http/request.ts'
import type { Call, Context, Handler } from './call.ts'
import { federate } from './federate.ts'
import { labelNames, labelValues, metadata, series } from './lookups.ts'
import { formatQuery, parseTree, query, queryExemplars, queryRange } from './query.ts'
import { MAX_BODY_BYTES, receiveWrite, type WriteCounts } from './remote-write.ts'
import { envelope } from './render.ts'
import { alerts, rules } from './rules.ts'
import * as status from './status.ts'
import { alertmanagers, scrapePools, targetMetadata, targets } from './targets.ts'

const READ = ['GET', 'POST'] as const
const GET = ['GET'] as const

const ROUTES: readonly (readonly [methods: readonly ('GET' | 'POST')[], path: string, handler: Handler])[] = [
  [READ, '/query', query],
  [READ, '/query_range', queryRange],
  [READ, '/query_exemplars', queryExemplars],
  [READ, '/format_query', formatQuery],
  [READ, '/parse_query', parseTree],
  [READ, '/labels', labelNames],
  [READ, '/series', series],
  [GET, '/label/:name/values', labelValues],
  [GET, '/metadata', metadata],
  [GET, '/targets', targets],
  [GET, '/targets/metadata', targetMetadata],
  [GET, '/scrape_pools', scrapePools],
  [GET, '/alertmanagers', alertmanagers],
  [GET, '/rules', rules],
  [GET, '/alerts', alerts],
  [GET, '/notifications', status.notifications],
  [GET, '/status/buildinfo', status.buildInfo],
  [GET, '/status/runtimeinfo', status.runtimeInfo],
  [GET, '/status/flags', status.flags],
  [GET, '/status/config', status.config],
  [GET, '/status/tsdb', status.tsdb],
  [GET, '/status/walreplay', status.walReplay],
]

/** `signalOf` gives each request a signal that aborts when its caller goes or the server stops. */
export function registerPrometheus(
  app: FastifyInstance,
  context: Context,
  options: {
    readonly signalOf: (reply: FastifyReply) => AbortSignal
    readonly writes: WriteCounts
    readonly writeGate: Gate
  },
): void {
  const callOf = (request: FastifyRequest, reply: FastifyReply): Call => ({
    ...context,
    params: paramsOf(request),
    name: nameOf(request.params),
    signal: options.signalOf(reply),
  })
  for (const [methods, path, handler] of ROUTES) {
    app.route({
      method: [...methods],
      url: `/api/v1${path}`,
      handler: async (request, reply) => sendJson(reply, envelope(await handler(callOf(request, reply)))),
    })
  }
  app.get('/federate', async (request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(await federate(callOf(request, reply))),
  )
  app.register(async (scope) => {
    // Whatever the sender calls its body: the receiver itself says what it takes.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_BODY_BYTES }, (_request, body, done) =>
      done(null, body),
    )
    // Before the body is read: bodies of writes are the largest thing that others can put into our memory.
    scope.addHook('onRequest', async (_request, reply) => {
      const place = await options.writeGate.enter(options.signalOf(reply))
      reply.raw.once('close', () => place[Symbol.dispose]())
    })
    scope.post('/api/v1/write', { bodyLimit: MAX_BODY_BYTES }, (request, reply) =>
      receiveWrite(context.deps, request, reply, options.writes),
    )
  })
}

function nameOf(params: unknown): string {
  return typeof params === 'object' && params !== null && 'name' in params ? String(params.name) : ''
}
