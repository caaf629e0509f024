/**
 * Routes of Koa 2 and 3 with @koa/router (and koa-router, which it comes from).
 *
 * - The router writes the template of each layer that it enters to `ctx._matchedRoute`, prefixes of nested routers included. Koa's
 *   context prototype gets a setter of that name, so the template is told when it is known, and stays right whatever the handler throws.
 *   The prototype is CommonJS in both versions, so applications that are ES modules are seen too; the router itself may be either.
 * - A layer of `router.use` has no methods: it is not a route. The router names the route first and then each layer on its way, so a
 *   middleware that refuses a request leaves the route's name standing.
 * - Under koa-mount the router sees the rest of the path; what was cut off is static, and is put before the template.
 * - Koa without a router: paths are read as templates, as for plain node:http.
 */
import type { IncomingMessage } from 'node:http'
import type { Guard } from '../../guard.ts'
import { objectOr, type Patch, peek, type Required } from '../../libraries/require-hook.ts'
import type { HttpServerMetrics } from '../server.ts'

const NAME = '_matchedRoute'
const VALUE: unique symbol = Symbol('assay.matchedRoute')
const PART = 'koa'

type KoaContext = {
  readonly req?: IncomingMessage
  readonly matched?: unknown
  readonly mountPath?: unknown
  readonly path?: unknown
  readonly originalUrl?: unknown
  [VALUE]?: unknown
}

export function koaPatch(server: HttpServerMetrics, guard: Guard): Patch {
  const tell = (context: KoaContext, matched: unknown): void => {
    const { req } = context
    if (req === undefined || (typeof matched !== 'string' && !(matched instanceof RegExp))) return
    server.hasRouter = true
    if (!isRoute(context.matched, matched)) return
    server.setRoute(req, server.routes.of(mountOf(context) + String(matched)), context)
  }
  return guard.wrap(PART, ({ id, parentFilename, exports }: Required) => {
    if (!/^\.\/context(?:\.js)?$/.test(id) || !/\/koa\/lib\/application\.js$/.test(parentFilename)) return
    const prototype = objectOr(exports, undefined)
    if (prototype === undefined || typeof peek(prototype, 'onerror') !== 'function') {
      guard.stepAside(PART, 'lib/context is not the prototype of its contexts')
      return
    }
    if (NAME in prototype) return
    const defined = Reflect.defineProperty(prototype, NAME, {
      configurable: true,
      get(this: KoaContext) {
        return this[VALUE]
      },
      set(this: KoaContext, matched: unknown) {
        this[VALUE] = matched
        try {
          tell(this, matched)
        } catch (cause) {
          guard.fault(PART, cause)
        }
      },
    })
    if (!defined) guard.stepAside(PART, 'the prototype of its contexts is frozen')
  })
}

/** Whether the layer with this path answers methods; where layers are not told, whatever is named is a route. */
function isRoute(layers: unknown, path: unknown): boolean {
  if (!Array.isArray(layers)) return true
  for (let i = layers.length - 1; i >= 0; i--) {
    const layer: unknown = layers[i]
    if (peek(layer, 'path') === path) {
      const methods = peek(layer, 'methods')
      if (!Array.isArray(methods) || methods.length > 0) return true
    }
  }
  return false
}

function mountOf({ mountPath, path, originalUrl }: KoaContext): string {
  if (typeof mountPath !== 'string' || typeof path !== 'string' || typeof originalUrl !== 'string') return ''
  const query = originalUrl.indexOf('?')
  const whole = query < 0 ? originalUrl : originalUrl.slice(0, query)
  return whole.endsWith(path) ? whole.slice(0, whole.length - path.length) : ''
}
