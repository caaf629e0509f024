/**
 * Routes of Express 5 and 4: full templates, mounts included, right even after `next(err)`.
 *
 * - `Route.dispatch` is wrapped, because at the end of a request `req.baseUrl` is already reset when an error handler has answered.
 * - A router does not know where it is mounted. `Router.use` is wrapped to note it, and a route's template is put together from
 *   the mounts above it, once. `baseUrl` will not do: with `/tenants/:id` as a mount it holds ids, not the template.
 * - A router mounted at several places has several templates; the one that fits `req.baseUrl` is taken. It may be mounted again later.
 * - To read the route that Express leaves on a request, at its end, was tried instead of the wrapper: it tells less (the base is gone), and
 *   no difference was seen (0.58, 0.79 and 0.84 us a request against 0.59, 0.60 and 0.68 with it, bench/agent/index.ts requests
 *   --kinds express --ways agent --generations 16).
 * - A middleware that answers outside any route has no route, by definition.
 */
import type { IncomingMessage } from 'node:http'
import type { Guard } from '../../guard.ts'
import { objectOr, type Patch, patchMethod, peek, type Required } from '../../libraries/require-hook.ts'
import { isWild, pathMatcher, pathTexts } from './express-paths.ts'
import type { RouteTeller } from './route-book.ts'
import type { Route } from './routes.ts'

type ExpressRequest = IncomingMessage & { readonly baseUrl?: string; readonly url?: string; readonly app?: object }
/** A route's templates, kept on it; for one application, as nearly every route has. `rehung`: what was true of mounts then. */
type Known = { readonly app: object | undefined; readonly templates: readonly Template[]; readonly rehung: number }
type ExpressRoute = { [KNOWN]?: Known }
/** One place where a router hangs: in which router, under which path. */
type Mount = { readonly parent: object; readonly template: string }
type Template = { readonly route: Route; readonly prefix: RegExp }

const KNOWN: unique symbol = Symbol('assay.templates')
const PART = 'express'
/** Also under another name, as an older release beside a newer one is often installed. */
const IN_EXPRESS = /\/express[^/]*\/lib\//
const MAX_MOUNTS = 64
const MAX_DEPTH = 16

export function expressPatch(server: RouteTeller, guard: Guard): Patch {
  const mounts = new WeakMap<object, Mount[]>()
  const owners = new WeakMap<object, object>()
  /** How often a router was hung in one more place. */
  let rehung = 0

  const noteMount = (parent: object, given: readonly unknown[]): void => {
    const withPath = isPath(given[0])
    for (const handler of given.slice(withPath ? 1 : 0).flat(Number.POSITIVE_INFINITY)) {
      if (typeof handler !== 'function') continue
      const list = mounts.get(handler) ?? []
      const before = list.length
      for (const template of withPath ? pathTexts(given[0]) : ['']) {
        if (list.length < MAX_MOUNTS) list.push({ parent, template: template === '/' ? '' : template })
      }
      mounts.set(handler, list)
      if (before > 0 && list.length > before && Array.isArray(peek(handler, 'stack'))) rehung++
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
    // Express 4 first: its `router` is a getter that throws.
    const parentRouter = objectOr(peek(parent, '_router') ?? peek(parent, 'router'), undefined)
    const here = pathTexts(peek(app, 'mountpath')).map((template) => (template === '/' ? '' : template))
    const above = parentRouter === undefined ? [''] : prefixes(parentRouter, parent, depth + 1)
    return above.flatMap((before) => here.map((template) => before + template))
  }

  const templatesOf = (route: ExpressRoute, app: object | undefined): readonly Template[] => {
    const paths = pathTexts(peek(route, 'path'))
    const owner = owners.get(route)
    // NestJS's own 404, among others: all methods under a wildcard. Answered with 404 that is no route.
    const all = peek(peek(route, 'methods'), '_all') === true
    const templates = (owner === undefined ? [''] : prefixes(owner, app, 0)).slice(0, MAX_MOUNTS).flatMap((prefix) =>
      paths.slice(0, MAX_MOUNTS).map((path) => {
        const template = prefix + (path === '/' && prefix !== '' ? '' : path) || '/'
        const loose = all && isWild(path)
        return { route: server.routes.of(template, loose), prefix: pathMatcher(prefix, path) }
      }),
    )
    // A frozen route is asked anew each time.
    Reflect.defineProperty(route, KNOWN, {
      value: { app, templates, rehung } satisfies Known,
      writable: true,
      configurable: true,
    })
    return templates
  }

  const tell = (route: ExpressRoute, request: ExpressRequest): void => {
    const { app } = request
    const known = route[KNOWN]
    const isCurrent = known !== undefined && known.app === app && known.rehung === rehung
    const templates = isCurrent ? known.templates : templatesOf(route, app)
    const chosen = templates.length === 1 ? templates[0]! : fitting(templates, request)
    if (chosen !== undefined) server.setRoute(request, chosen.route)
  }

  return guard.wrap(PART, (required: Required) => {
    const { router, route: routePrototype } = partsOf(required)
    if (router === undefined && routePrototype === undefined) {
      if (isRouterOf(required)) guard.stepAside(PART, `${required.id} of express is of a shape that is not known`)
      return
    }
    server.hasRouter = true
    const safely = guard.wrap(PART, (work: () => void) => work())
    const patched = [
      routePrototype === undefined ||
        patchMethod<object>(
          routePrototype,
          'dispatch',
          (original) =>
            // The hot one: nothing is allocated here.
            function dispatch(request, response, done) {
              try {
                tell(this, request as ExpressRequest)
              } catch (cause) {
                // A route less is no reason to disturb the request.
                guard.fault(PART, cause)
              }
              return original.call(this, request, response, done)
            },
        ),
      router === undefined ||
        patchMethod<object>(
          router,
          'use',
          (original) =>
            function use(...given) {
              const result = original.apply(this, given)
              safely(() => noteMount(this, given))
              return result
            },
        ),
      router === undefined ||
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
        ),
    ]
    if (patched.includes(false)) guard.stepAside(PART, `${required.id}: a method of its router is missing or frozen`)
  })
}

function fitting(templates: readonly Template[], request: ExpressRequest): Template | undefined {
  const where = `${request.baseUrl ?? ''}\n${pathOf(request)}`
  return templates.find(({ prefix }) => prefix.test(where)) ?? templates[0]
}

/** Whether Express itself has asked for it, as its router. */
function isRouterOf({ id, parentFilename }: Required): boolean {
  return /^(?:router|\.\/router(?:\/index)?|\.\/route)(?:\.js)?$/.test(id) && IN_EXPRESS.test(parentFilename)
}

/** The prototypes of the router and of the route: of `router` 2 (Express 5), or of Express 4, which has a file for each. */
function partsOf({ id, parentFilename, exports }: Required): {
  router?: object | undefined
  route?: object | undefined
} {
  const express4 = IN_EXPRESS.test(parentFilename)
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

function pathOf({ url = '' }: ExpressRequest): string {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}
