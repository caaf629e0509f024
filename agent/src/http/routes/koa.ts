/**
 * Routes of Koa 2 and 3 with @koa/router (and koa-router, which it comes from).
 *
 * - The router writes the template of each layer that it enters to `ctx._matchedRoute`, prefixes of nested routers included. Koa's
 *   context prototype gets a setter of that name, so the template is told when it is known, and stays right whatever the handler throws.
 *   The prototype is CommonJS in both versions, so applications that are ES modules are seen too; the router itself may be either.
 * - A layer of `router.use` has no methods: it is not a route. The router names the route first and then each layer on its way, so a
 *   middleware that refuses a request leaves the route's name standing.
 * - Under koa-mount the router sees the rest of the path; what was cut off is static, and is put before the template. A mount names itself
 *   (`ctx.mountPath`) before it cuts, and tells nobody when it is left: which ones a path is in is seen by the path itself. What is missing
 *   in the path as against the URL will not do: it may have been rewritten before, and then ids would be in the template.
 * - Koa without a router: paths are read as templates, as for plain node:http.
 */
import type { IncomingMessage } from 'node:http'
import type { Guard } from '../../guard.ts'
import { objectOr, type Patch, peek, type Required } from '../../libraries/require-hook.ts'
import type { RouteTeller } from './route-book.ts'

const NAME = '_matchedRoute'
const VALUE: unique symbol = Symbol('assay.matchedRoute')
const MOUNT_NAME = 'mountPath'
const MOUNT: unique symbol = Symbol('assay.mount')
const PART = 'koa'

type KoaContext = {
  readonly req?: IncomingMessage
  readonly matched?: unknown
  readonly path?: unknown
  [VALUE]?: unknown
  [MOUNT]?: Mount
}
/** One that a request has come into, within others. `rest`: the path that is seen inside. */
type Mount = {
  readonly given: unknown
  readonly prefix: string
  readonly before: string
  readonly rest: string
  readonly outer: Mount | undefined
}

export function koaPatch(server: RouteTeller, guard: Guard): Patch {
  const tell = (context: KoaContext, matched: unknown): void => {
    const { req } = context
    if (req === undefined || (typeof matched !== 'string' && !(matched instanceof RegExp))) return
    server.hasRouter = true
    if (!isRoute(context.matched, matched)) return
    const mount = context[MOUNT] === undefined ? '' : (mountAt(context[MOUNT], context.path)?.prefix ?? '')
    const path = matched === '/' && mount !== '' ? '' : String(matched)
    server.setRoute(req, server.routes.of(mount + path), context)
  }
  return guard.wrap(PART, ({ id, parentFilename, exports }: Required) => {
    if (!/^\.\/context(?:\.js)?$/.test(id) || !/\/koa\/lib\/application\.js$/.test(parentFilename)) return
    const prototype = objectOr(exports, undefined)
    if (prototype === undefined || typeof peek(prototype, 'onerror') !== 'function') {
      guard.stepAside(PART, 'lib/context is not the prototype of its contexts')
      return
    }
    if (NAME in prototype) return
    const hear = (
      name: string,
      get: (context: KoaContext) => unknown,
      set: (context: KoaContext, value: unknown) => void,
    ) =>
      Reflect.defineProperty(prototype, name, {
        configurable: true,
        get(this: KoaContext) {
          return get(this)
        },
        set(this: KoaContext, value: unknown) {
          set(this, value)
        },
      })
    const defined = hear(
      NAME,
      (context) => context[VALUE],
      (context, matched) => {
        context[VALUE] = matched
        try {
          tell(context, matched)
        } catch (cause) {
          guard.fault(PART, cause)
        }
      },
    )
    if (defined && !(MOUNT_NAME in prototype)) {
      hear(
        MOUNT_NAME,
        (context) => context[MOUNT]?.given,
        (context, given) => {
          context[MOUNT] = mountedIn(context, given)
        },
      )
    }
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

/** Never throws: it stands in the way of an assignment of the application. */
function mountedIn(context: KoaContext, given: unknown): Mount {
  const path = pathOf(context)
  const mount = typeof given === 'string' ? given : ''
  const outer = context[MOUNT] === undefined ? undefined : mountAt(context[MOUNT], path)
  return {
    given,
    prefix: (outer?.prefix ?? '') + mount.replace(/\/$/, ''),
    before: path,
    rest: path.slice(mount.length) || '/',
    outer,
  }
}

/** The innermost mount with this path inside; a path that was rewritten is taken to be where the last one known was. */
function mountAt(innermost: Mount, path: unknown): Mount | undefined {
  for (let mount: Mount | undefined = innermost; mount !== undefined; mount = mount.outer) {
    if (mount.rest === path) return mount
    if (mount.before !== path) return mount
  }
  return undefined
}

function pathOf(context: KoaContext): string {
  try {
    return String(context.path)
  } catch {
    return ''
  }
}
