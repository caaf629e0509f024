/**
 * Routes of Fastify 4 and 5: its `fastify.initialization` channel hands over the instance.
 *
 * - Fastify makes its request object before any hook, with the route's context at hand. Its constructor is stood in for by one that calls
 *   it and then tells the route: so a request that an authentication hook refuses has its route too, and nothing is allocated.
 *   An `onRequest` hook would do the same by public means, but makes Fastify build a hook runner, three closures,
 *   for each request. It is what is done where the constructor is not the one we know.
 * - Each plugin's instance has a constructor of its own; an `onRoute` hook sees the instance of each route before its context is made.
 * - The route is kept on its context under a symbol, found without a table. No route: `http_route` stays absent.
 */
import type { IncomingMessage } from 'node:http'
import type { Guard } from '../../guard.ts'
import type { RouteTeller } from './route-book.ts'
import type { Route } from './routes.ts'

const ROUTE: unique symbol = Symbol('assay.route')
const OURS: unique symbol = Symbol('assay.request')
const PART = 'fastify'

/** The little we use of Fastify. */
type FastifyLike = {
  addHook(name: 'onRequest', hook: (request: FastifyRequestLike, reply: unknown, done: () => void) => void): unknown
  addHook(name: 'onRoute', hook: (this: object) => void): unknown
}
type Context = { readonly config?: { readonly url?: unknown } | undefined; [ROUTE]?: Route }
type FastifyRequestLike = {
  readonly raw: IncomingMessage
  readonly routeOptions?: { readonly url?: unknown; readonly config?: { readonly url?: unknown } }
}
type RequestConstructor = (
  this: object,
  id: unknown,
  params: unknown,
  raw: IncomingMessage,
  query: unknown,
  log: unknown,
  context: Context,
) => void

export function instrumentFastify(server: RouteTeller, guard: Guard): void {
  guard.on<{ readonly fastify: FastifyLike }>('fastify.initialization', PART, ({ fastify }) => {
    server.hasRouter = true
    const none = server.routes.of('')
    const constructorSymbol = Object.getOwnPropertySymbols(fastify).find(
      ({ description }) => description === 'fastify.Request',
    )
    if (constructorSymbol === undefined || !isKnown(Reflect.get(fastify, constructorSymbol))) {
      guard.stepAside(
        PART,
        'its request constructor is another one; routes are told by an onRequest hook, which costs more',
      )
      const tell = guard.wrap(PART, (request: FastifyRequestLike) => {
        const url = request.routeOptions?.config?.url ?? request.routeOptions?.url
        server.setRoute(request.raw, typeof url === 'string' ? server.routes.of(url) : none, request)
      })
      fastify.addHook('onRequest', (request, _reply, done) => {
        tell(request)
        done()
      })
      return
    }
    const tell = (request: object, raw: IncomingMessage, context: Context): void => {
      try {
        server.setRoute(raw, context[ROUTE] ?? routeOf(server, context, none), request)
      } catch (cause) {
        guard.fault(PART, cause)
      }
    }
    const standIn = guard.wrap(PART, (instance: object) => {
      const original: unknown = Reflect.get(instance, constructorSymbol)
      if (isKnown(original) && !Object.hasOwn(original, OURS)) {
        Reflect.set(instance, constructorSymbol, around(original, tell))
      }
    })
    fastify.addHook('onRoute', function onRoute() {
      standIn(this)
    })
  })
}

function around(
  original: RequestConstructor,
  tell: (request: object, raw: IncomingMessage, context: Context) => void,
): RequestConstructor {
  function Request(
    this: object,
    id: unknown,
    params: unknown,
    raw: IncomingMessage,
    query: unknown,
    log: unknown,
    context: Context,
  ): void {
    original.call(this, id, params, raw, query, log, context)
    tell(this, raw, context)
  }
  // Decorators are added to the prototype and to the statics of whichever is at hand: they are the same.
  Request.prototype = original.prototype
  Object.setPrototypeOf(Request, original)
  Object.defineProperty(Request, OURS, { value: true })
  // At its start Fastify goes up the parents of a constructor that has no decorators, to the simplest one; it is to end here.
  Object.defineProperty(Request, 'parent', { value: undefined, writable: true })
  return Request
}

/** A plain function of (id, params, req, query, log, context); a class could not be called. */
function isKnown(given: unknown): given is RequestConstructor {
  return (
    typeof given === 'function' &&
    given.length === 6 &&
    Object.getOwnPropertyDescriptor(given, 'prototype')?.writable === true
  )
}

function routeOf(server: RouteTeller, context: Context, none: Route): Route {
  const url = context.config?.url
  const route = typeof url === 'string' ? server.routes.of(url) : none
  Reflect.defineProperty(context, ROUTE, { value: route })
  return route
}
