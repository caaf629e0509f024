/**
 * Routes of Express 5 and 4: full templates, mounts included, right even after `next(err)`.
 *
 * - `Route.dispatch` is wrapped, because at the end of a request `req.baseUrl` is already reset when an error handler has answered.
 * - A router does not know where it is mounted. `Router.use` is wrapped to note it, and a route's template is put together from
 *   the mounts above it, once. `baseUrl` will not do: with `/tenants/:id` as a mount it holds ids, not the template.
 * - A router mounted at several places has several templates; the one that fits `req.baseUrl` is taken.
 * - A middleware that answers outside any route has no route, by definition.
 */
import type { IncomingMessage } from 'node:http'
import { objectOr, type Patch, patchMethod, peek, type Required } from '../../libraries/require-hook.ts'
import type { HttpServerMetrics } from '../server.ts'
import type { Route } from './routes.ts'

type ExpressRequest = IncomingMessage & { readonly baseUrl?: string; readonly url?: string; readonly app?: object }
/** One place where a router hangs: in which router, under which path. */
type Mount = { readonly parent: object; readonly template: string }
type Template = { readonly route: Route; readonly prefix: RegExp }

const MAX_MOUNTS = 64
const MAX_DEPTH = 16

export function expressPatch(server: HttpServerMetrics): Patch {
  const mounts = new WeakMap<object, Mount[]>()
  const owners = new WeakMap<object, object>()
  const templates = new WeakMap<object, WeakMap<object, readonly Template[]>>()
  const NO_APP = {}

  const noteMount = (parent: object, given: readonly unknown[]): void => {
    const withPath = isPath(given[0])
    for (const handler of given.slice(withPath ? 1 : 0).flat(Number.POSITIVE_INFINITY)) {
      if (typeof handler !== 'function') continue
      const list = mounts.get(handler) ?? []
      for (const template of withPath ? pathTexts(given[0]) : ['']) {
        if (list.length < MAX_MOUNTS) list.push({ parent, template: template === '/' ? '' : template })
      }
      mounts.set(handler, list)
    }
  }

  /** Every prefix under which a router is reached; `app` is the application whose own router it may be. */
  const prefixes = (router: object, app: object | undefined, depth: number): readonly string[] => {
    if (depth > MAX_DEPTH) return ['']
    const hung = mounts.get(router)
    if (hung !== undefined) {
      return hung.flatMap(({ parent, template }) => prefixes(parent, app, depth + 1).map((before) => before + template))
    }
    if (app === undefined) return ['']
    const asHandler = mounts.get(app)
    if (asHandler !== undefined) {
      const above = objectOr(peek(app, 'parent'), undefined)
      return asHandler.flatMap(({ parent, template }) =>
        prefixes(parent, above, depth + 1).map((before) => before + template),
      )
    }
    const parent = objectOr(peek(app, 'parent'), undefined)
    if (parent === undefined) return ['']
    const parentRouter = objectOr(peek(parent, 'router') ?? peek(parent, '_router'), undefined)
    const here = pathTexts(peek(app, 'mountpath')).map((template) => (template === '/' ? '' : template))
    const above = parentRouter === undefined ? [''] : prefixes(parentRouter, parent, depth + 1)
    return above.flatMap((before) => here.map((template) => before + template))
  }

  const templatesOf = (route: object, app: object | undefined): readonly Template[] => {
    const byApp = templates.get(route) ?? new WeakMap<object, readonly Template[]>()
    templates.set(route, byApp)
    const known = byApp.get(app ?? NO_APP)
    if (known !== undefined) return known
    const paths = pathTexts(peek(route, 'path'))
    const owner = owners.get(route)
    const made = (owner === undefined ? [''] : prefixes(owner, app, 0)).slice(0, MAX_MOUNTS).flatMap((prefix) =>
      paths.slice(0, MAX_MOUNTS).map((path) => {
        const template = prefix + (path === '/' && prefix !== '' ? '' : path) || '/'
        return { route: server.routes.of(template), prefix: matcher(prefix, path) }
      }),
    )
    byApp.set(app ?? NO_APP, made)
    return made
  }

  const tell = (route: object, request: ExpressRequest): void => {
    const candidates = templatesOf(route, request.app)
    const chosen =
      candidates.length === 1
        ? candidates[0]
        : (candidates.find(({ prefix }) => prefix.test(`${request.baseUrl ?? ''}\n${pathOf(request)}`)) ??
          candidates[0])
    if (chosen !== undefined) server.setRoute(request, chosen.route)
  }

  return (required) => {
    const { router, route: routePrototype } = partsOf(required)
    if (router === undefined && routePrototype === undefined) return
    server.hasRouter = true
    const safely = (work: () => void): void => {
      try {
        work()
      } catch {
        // A route less is no reason to disturb the request.
      }
    }
    patchMethod<object>(
      routePrototype,
      'dispatch',
      (original) =>
        function dispatch(request, response, done) {
          safely(() => tell(this, request as ExpressRequest))
          return original.call(this, request, response, done)
        },
    )
    patchMethod<object>(
      router,
      'use',
      (original) =>
        function use(...given) {
          const result = original.apply(this, given)
          safely(() => noteMount(this, given))
          return result
        },
    )
    patchMethod<object>(
      router,
      'route',
      (original) =>
        function route(...given) {
          const made = original.apply(this, given)
          safely(() => {
            if (typeof made === 'object' && made !== null) owners.set(made, this)
          })
          return made
        },
    )
  }
}

/** The prototypes of the router and of the route: of `router` 2 (Express 5), or of Express 4, which has a file for each. */
function partsOf({ id, parentFilename, exports }: Required): {
  router?: object | undefined
  route?: object | undefined
} {
  const express4 = parentFilename.includes('/express/lib/')
  if (id === './route' && express4) return { route: routeIn(exports) }
  if (id !== 'router' && !(id === './router' && express4)) return {}
  const prototype = objectOr(peek(exports, 'prototype'), undefined)
  const router = typeof peek(prototype, 'use') === 'function' ? prototype : objectOr(exports, undefined)
  return {
    router: typeof peek(router, 'handle') === 'function' ? router : undefined,
    route: routeIn(peek(exports, 'Route')),
  }
}

function routeIn(exports: unknown): object | undefined {
  const prototype = objectOr(peek(exports, 'prototype'), undefined)
  return typeof peek(prototype, 'dispatch') === 'function' ? prototype : undefined
}

function isPath(given: unknown): boolean {
  return (
    typeof given === 'string' ||
    given instanceof RegExp ||
    (Array.isArray(given) && given.length > 0 && given.every(isPath))
  )
}

/** Paths as texts; a regular expression is told as it is written. */
function pathTexts(path: unknown): readonly string[] {
  if (typeof path === 'string') return [path]
  if (path instanceof RegExp) return [String(path)]
  return Array.isArray(path) ? path.flat(Number.POSITIVE_INFINITY).flatMap(pathTexts) : ['']
}

function pathOf({ url = '' }: ExpressRequest): string {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}

/** Whether a base URL and the path below it fit these templates. Parameters stand for anything but a slash. */
function matcher(prefix: string, path: string): RegExp {
  const loose = (template: string): string =>
    template.startsWith('/^') || template.includes('(?')
      ? '.*'
      : template
          .replace(/[.+^$|[\]\\]/g, '\\$&')
          .replace(/\*\w*/g, '.*')
          .replace(/:\w+\??/g, '[^/]*')
          .replace(/\{/g, '(?:')
          .replace(/\}/g, ')?')
          .replace(/\/$/, '')
  try {
    return new RegExp(`^${loose(prefix)}\n${loose(path)}/?$`, 'i')
  } catch {
    return /(?:)/
  }
}
