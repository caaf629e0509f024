/**
 * assay's own API, in one list. What is served, what the OpenAPI document says and what tests check come from it.
 *
 * Calls that change something come as JSON and from our own origin: a page elsewhere can send neither without asking.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { PlanPart } from '#model'
import { ApiError } from '../http/api-error.ts'
import { requireSameOrigin } from '../http/origin.ts'
import type { Params } from '../http/params.ts'
import { paramsOf, sendJson } from '../http/request.ts'
import type { ServerDeps } from '../types.ts'
import type { EventHub } from './events.ts'
import { BASE, openApi, type RouteDoc } from './openapi.ts'
import { type Facts, overview, partPage } from './overview.ts'
import type { ReadingsCache } from './readings.ts'
import { SCHEMAS, type SchemaName } from './schemas.ts'
import { incidentWire, newestFirst, policyWire, ticketWire } from './to-wire.ts'

export type AssayContext = {
  readonly deps: ServerDeps
  readonly readings: ReadingsCache
  readonly events: EventHub
  readonly externalUrl: () => string
}

type Asked = AssayContext & {
  /** The `:id` in the path; '' where there is none. */
  readonly id: string
  readonly params: Params
  /** The body, once it has the shape that the route's schema says. */
  readonly body: unknown
  /** Who asks, for the audit: all that is known of him. */
  readonly by: string
}

type Route = RouteDoc & { readonly handle: (asked: Asked) => unknown }

const NOT_THERE = { '404': 'There is no such thing.' } as const
const GUARDED = {
  '400': 'The body does not have the shape that is asked for.',
  '403': 'The call comes from a page of another origin.',
  '415': 'The body is not JSON.',
} as const
/** Most incidents or tickets in one answer, unless fewer are asked for. */
const MOST = 1000
/** No body of this API is longer than an action's id. */
const BODY_LIMIT_BYTES = 16 * 1024

export const ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/overview',
    id: 'getOverview',
    summary:
      'The system: what is wrong in one sentence, every part with its signals and state, the edges between them.',
    answer: 'Overview',
    handle: async ({ deps, readings }) => overview(await factsOf(deps, readings)),
  },
  {
    method: 'GET',
    path: '/parts/:id',
    id: 'getPart',
    summary: 'One part, its charts, its incidents and its policies.',
    answer: 'PartPage',
    refusals: NOT_THERE,
    handle: async ({ deps, readings, id }) => {
      const part = found<PlanPart>(
        'part',
        id,
        deps.plan().parts.find((one) => one.id === id),
      )
      return partPage(part, await factsOf(deps, readings))
    },
  },
  {
    method: 'GET',
    path: '/incidents',
    id: 'listIncidents',
    summary: 'Incidents with their timelines, newest first.',
    answer: 'Incidents',
    query: { state: 'Only those in this state.', limit: `At most so many; ${MOST} when absent.` },
    handle: ({ deps, params }) => {
      const state = params.get('state')
      const wanted = newestFirst(deps.loop.incidents()).filter((one) => state === '' || one.state === state)
      return { incidents: first(wanted, params).map((one) => incidentWire(one, deps.plan(), deps.loop)) }
    },
  },
  {
    method: 'GET',
    path: '/incidents/:id',
    id: 'getIncident',
    summary: 'One incident with its timeline.',
    answer: 'Incident',
    refusals: NOT_THERE,
    handle: ({ deps, id }) => incidentWire(found('incident', id, deps.loop.incident(id)), deps.plan(), deps.loop),
  },
  {
    method: 'POST',
    path: '/incidents/:id/approve',
    id: 'approveAction',
    summary: 'Approves the very action that is asked for, and no other.',
    answer: 'Incident',
    body: 'Approval',
    refusals: { ...NOT_THERE, ...GUARDED, '409': 'The question no longer stands.' },
    handle: async ({ deps, id, body, by }) => {
      found('incident', id, deps.loop.incident(id))
      await deps.loop.approve(id, SCHEMAS.Approval.parse(body).action, by)
      return incidentWire(found('incident', id, deps.loop.incident(id)), deps.plan(), deps.loop)
    },
  },
  {
    method: 'GET',
    path: '/tickets',
    id: 'listTickets',
    summary: 'Tickets of the built-in tracker, newest first.',
    answer: 'Tickets',
    query: { limit: `At most so many; ${MOST} when absent.` },
    handle: ({ deps, params }) => ({ tickets: first(newestFirst(deps.loop.tickets()), params).map(ticketWire) }),
  },
  {
    method: 'GET',
    path: '/tickets/:id',
    id: 'getTicket',
    summary: 'One ticket with its comments.',
    answer: 'Ticket',
    refusals: NOT_THERE,
    handle: ({ deps, id }) =>
      ticketWire(
        found(
          'ticket',
          id,
          deps.loop.tickets().find((one) => one.id === id),
        ),
      ),
  },
  {
    method: 'GET',
    path: '/policies',
    id: 'listPolicies',
    summary: 'What follows from which condition, and how each stands.',
    answer: 'Policies',
    handle: ({ deps }) => {
      const groups = deps.ruleGroups()
      const incidents = deps.loop.incidents()
      return { policies: deps.plan().policies.map((policy) => policyWire(policy, groups, incidents)) }
    },
  },
  {
    method: 'POST',
    path: '/pause',
    id: 'pause',
    summary: 'Stops all acting, until it is resumed; noticing and telling go on. Survives a restart.',
    answer: 'Mode',
    body: 'Empty',
    refusals: GUARDED,
    handle: async ({ deps, by }) => {
      await deps.loop.pause(by)
      return { mode: deps.loop.mode() }
    },
  },
  {
    method: 'POST',
    path: '/resume',
    id: 'resume',
    summary: 'Lets it act again.',
    answer: 'Mode',
    body: 'Empty',
    refusals: GUARDED,
    handle: async ({ deps, by }) => {
      await deps.loop.resume(by)
      return { mode: deps.loop.mode() }
    },
  },
  {
    method: 'GET',
    path: '/events',
    id: 'followEvents',
    summary: 'What happens, as server-sent events. Each says what to ask anew.',
    answer: 'Event',
    mediaType: 'text/event-stream',
    refusals: { '503': 'As many follow as may.' },
    handle: () => undefined,
  },
  {
    method: 'GET',
    path: '/openapi.json',
    id: 'getDocument',
    summary: 'This document.',
    answer: 'Document',
    handle: ({ externalUrl }) => openApi(ROUTES, externalUrl()),
  },
]

export function registerAssay(app: FastifyInstance, context: AssayContext): void {
  app.register(async (scope) => {
    // An empty body is an empty object: "pause" has nothing more to say.
    scope.addContentTypeParser(
      'application/json',
      { parseAs: 'string', bodyLimit: BODY_LIMIT_BYTES },
      (_request, body, done) => done(null, body === '' ? '{}' : body),
    )
    for (const route of ROUTES) {
      scope.route({
        method: route.method,
        url: `${BASE}${route.path}`,
        bodyLimit: BODY_LIMIT_BYTES,
        // A HEAD of the events would follow for ever and read nothing.
        exposeHeadRoute: route.path !== '/events',
        handler:
          route.path === '/events'
            ? async (request, reply) => follow(context.events, request, reply)
            : async (request, reply) =>
                sendJson(reply.header('cache-control', 'no-store'), JSON.stringify(await ask(context, route, request))),
      })
    }
  })
}

function ask(context: AssayContext, route: Route, request: FastifyRequest): unknown {
  const body = route.method === 'POST' ? guardedBody(request, route.body) : undefined
  return route.handle({
    ...context,
    id: idOf(request.params),
    params: paramsOf(request),
    body,
    by: `someone at ${request.ip}`,
  })
}

function guardedBody(request: FastifyRequest, schema: SchemaName | undefined): unknown {
  requireSameOrigin(request.headers)
  const type = String(request.headers['content-type'] ?? '')
    .split(';', 1)[0]
    ?.trim()
    .toLowerCase()
  if (type !== 'application/json') throw new ApiError('unsupported', 'send the body as application/json')
  let body: unknown
  try {
    body = JSON.parse(String(request.body ?? '{}'))
  } catch (cause) {
    throw new ApiError('bad_data', 'the body is not JSON', { cause })
  }
  const parsed = SCHEMAS[schema ?? 'Empty'].safeParse(body)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new ApiError(
    'bad_data',
    `the body is not as it should be: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
  )
}

function follow(events: EventHub, request: FastifyRequest, reply: FastifyReply): void {
  events.admit()
  reply.hijack()
  reply.raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    // Proxies that collect answers would hold events back.
    'x-accel-buffering': 'no',
  })
  // A connection that breaks is not our failure; its 'close' ends the following.
  reply.raw.on('error', () => {})
  const last = request.headers['last-event-id']
  events.follow(reply.raw, typeof last === 'string' ? last : undefined)
}

async function factsOf(deps: ServerDeps, readings: ReadingsCache): Promise<Facts> {
  return {
    readings: await readings.read(),
    plan: deps.plan(),
    incidents: deps.loop.incidents(),
    targets: deps.targets(),
    groups: deps.ruleGroups(),
    mode: deps.loop.mode(),
    loop: deps.loop,
    startedAt: deps.startedAt,
    now: deps.clock.now(),
  }
}

function found<T>(kind: string, id: string, thing: T | undefined): T {
  if (thing === undefined) throw new ApiError('not_found', `there is no ${kind} ${JSON.stringify(id)}`)
  return thing
}

function first<T>(list: readonly T[], params: Params): readonly T[] {
  return list.slice(0, Math.min(params.limit() ?? MOST, MOST))
}

function idOf(params: unknown): string {
  return typeof params === 'object' && params !== null && 'id' in params ? String(params.id) : ''
}
