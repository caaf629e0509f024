/**
 * Routes of Hono on @hono/node-server.
 *
 * - Hono adds each handler to a router as a pair [handler, { path, method }], the path with all its bases. The handler in the pair is
 *   stood in for by one that tells the path and calls it; the last handler entered is the route. `app.routes`, which tools read, keeps
 *   the handlers as they came. The request is found in `c.env.incoming`, where the adapter puts it.
 * - What is registered for all methods under a wildcard (`use`, `mount`) stands before many routes: it has the last word only where no
 *   route follows, and none for a 404.
 * - Hono is an ES module, which no `require` sees. A synchronous load hook (`module.registerHooks`, Node 22.15
 *   and later) appends one line to its router files. It is registered only where the application names `hono` among its packages: every
 *   module of the process passes it, which costs a Fastify service 7 ms of its start. Considered and left: a loader thread (`module.register`: 30 ms,
 *   deprecated), importing Hono ourselves (loads it where it is not used), patching what the adapter leaves in `globalThis` (says
 *   nothing of routes). Without hooks, or bundled, routes are guessed from paths; `setRoute` tells better.
 */
import type { IncomingMessage } from 'node:http'
import { createRequire } from 'node:module'
import type { Guard } from '../../guard.ts'
import { objectOr, type Patch, patchMethod, peek, type Required } from '../../libraries/require-hook.ts'
import type { RouteTeller } from './route-book.ts'

const load = createRequire(import.meta.url)

const PART = 'hono'
const PLACE = 'assay.agent.hono'
const ROUTERS = ['SmartRouter', 'RegExpRouter', 'TrieRouter', 'LinearRouter', 'PatternRouter']
const FILE = /\/hono\/dist\/(?:cjs\/)?router\/([a-z-]+)\/router\.js$/
const WRAPPED: unique symbol = Symbol('assay.handler')
/** Who is told routes by a Hono. */
const MET = new WeakSet<RouteTeller>()

type Handler = ((context: unknown, next: unknown) => unknown) & { [WRAPPED]?: true }
type LoadResult = { readonly source?: unknown; readonly format?: unknown }
type RegisterHooks = (hooks: {
  load(url: string, context: unknown, nextLoad: (url: string, context: unknown) => LoadResult): LoadResult
}) => unknown

/** Hono from CommonJS, by `require`; from ES modules by `watchHonoModules`. */
export function honoPatch(server: RouteTeller, guard: Guard): Patch {
  return guard.wrap(PART, ({ id, parentFilename, exports }: Required) => {
    if (!/(?:^|\/)router(?:\.js)?$/.test(id) || !/\/hono\/dist\/cjs\//.test(parentFilename)) return
    for (const name of ROUTERS) patchRouter(server, guard, peek(exports, name))
  })
}

/** To be called where the application uses Hono. */
export function watchHonoModules(server: RouteTeller, guard: Guard): void {
  const registerHooks = Reflect.get(load('node:module') as object, 'registerHooks') as RegisterHooks | undefined
  if (registerHooks === undefined) {
    // With the first request: npm and scripts of the application have nothing to tell, nor has one that requires its Hono.
    guard.whenFirst(['http.server.request.start', 'http2.server.stream.start'], PART, () => {
      if (MET.has(server)) return
      guard.stepAside(
        PART,
        `Node ${process.version} has no module.registerHooks; where Hono is an ES module its routes are guessed from paths`,
      )
    })
    return
  }
  const place = Symbol.for(PLACE)
  if (place in globalThis) return
  Object.defineProperty(globalThis, place, {
    value: guard.wrap(PART, (router: unknown) => patchRouter(server, guard, router)),
  })
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      // Cheap first: nearly every module is another one.
      if (!url.endsWith('/router.js') || loaded.format !== 'module') return loaded
      try {
        return withLine(url, loaded)
      } catch (cause) {
        guard.fault(PART, cause)
        return loaded
      }
    },
  })
}

/** After the last line, so that no line number moves. */
function withLine(url: string, loaded: LoadResult): LoadResult {
  const [, folder = ''] = FILE.exec(url) ?? []
  const name = ROUTERS.find((one) => one.toLowerCase() === folder.replaceAll('-', ''))
  if (name === undefined) return loaded
  const { source } = loaded
  const text =
    typeof source === 'string' ? source : source instanceof Uint8Array ? new TextDecoder().decode(source) : ''
  if (!new RegExp(`\\b(?:var|class|let|const) ${name}\\b`).test(text)) return loaded
  return { ...loaded, source: `${text.trimEnd()}\n;globalThis[Symbol.for(${JSON.stringify(PLACE)})]?.(${name});\n` }
}

function patchRouter(server: RouteTeller, guard: Guard, router: unknown): void {
  const prototype = objectOr(peek(router, 'prototype'), undefined)
  if (prototype === undefined) return
  const around = guard.wrap(PART, (pair: unknown) => standIn(server, guard, pair))
  const patched = patchMethod<object>(
    prototype,
    'add',
    (original) =>
      function add(method, path, handler) {
        around(handler)
        return original.call(this, method, path, handler)
      },
  )
  if (patched) {
    server.hasRouter = true
    MET.add(server)
  } else guard.stepAside(PART, 'a router has no add, or is frozen')
}

/** `pair`: [handler, { path, method }]. */
function standIn(server: RouteTeller, guard: Guard, pair: unknown): void {
  if (!Array.isArray(pair)) return
  const handler = pair[0] as Handler
  const [path, method] = [peek(pair[1], 'path'), peek(pair[1], 'method')]
  if (typeof handler !== 'function' || WRAPPED in handler || typeof path !== 'string') return
  const route = server.routes.of(path, method === 'ALL' && path.endsWith('*'))
  const told: Handler = (context, next) => {
    try {
      const incoming = peek(peek(context, 'env'), 'incoming')
      if (incoming !== undefined) server.setRoute(incoming as IncomingMessage, route, context)
    } catch (cause) {
      guard.fault(PART, cause)
    }
    return handler(context, next)
  }
  told[WRAPPED] = true
  pair[0] = told
}
