/**
 * Routes of Fastify: its `fastify.initialization` channel hands over the instance, whose first `onRequest` hook tells the route.
 *
 * - A hook at the root runs before every other, so that a refusal by an authentication hook still has its route.
 * - The template is read from the route's context, where Fastify keeps it for its life: `request.routeOptions` would build an object each time.
 * - No route: `http_route` stays absent.
 */
import type { IncomingMessage } from 'node:http'
import type { Guard } from '../../guard.ts'
import type { HttpServerMetrics } from '../server.ts'
import type { Route } from './routes.ts'

/** The little we use of Fastify. */
type FastifyLike = {
  addHook(name: 'onRequest', hook: (request: FastifyRequestLike, reply: unknown, done: () => void) => void): unknown
}
type Config = { readonly url?: unknown }
type FastifyRequestLike = {
  readonly raw: IncomingMessage
  readonly routeOptions?: { readonly url?: unknown; readonly config?: Config }
  readonly [context: symbol]: { readonly config?: Config } | undefined
}

export function instrumentFastify(server: HttpServerMetrics, guard: Guard): void {
  guard.on<{ readonly fastify: FastifyLike }>('fastify.initialization', 'fastify', ({ fastify }) => {
    server.hasRouter = true
    const tell = guard.wrap('fastify', routeTeller(server))
    fastify.addHook('onRequest', (request, _reply, done) => {
      tell(request)
      done()
    })
  })
}

function routeTeller(server: HttpServerMetrics): (request: FastifyRequestLike) => void {
  const known = new WeakMap<Config, Route>()
  const none = server.routes.of('')
  let context: symbol | undefined
  return (request) => {
    context ??= Object.getOwnPropertySymbols(request).find((symbol) => symbol.description === 'fastify.context')
    const config = context === undefined ? request.routeOptions?.config : request[context]?.config
    if (config === undefined) return server.setRoute(request.raw, none, request)
    let route = known.get(config)
    if (route === undefined) {
      route = typeof config.url === 'string' ? server.routes.of(config.url) : none
      known.set(config, route)
    }
    server.setRoute(request.raw, route, request)
  }
}
