/**
 * Routes of an Express that no `require` has shown: bundled into the application, or loaded before the agent. Also of a request that was
 * refused between its route and the route's handler (`app.param`).
 *
 * - It leaves its application and the route on the request. What is missing is where the route hangs: that is read from the routers
 *   themselves, once a request has been answered.
 * - A router knows which routers hang in it, but only the newest release (router 2.3) keeps under which path. Else the path is learned from
 *   a request that came that way: it is matched again, and what stands where a segment was replaced by a word of ours is a parameter.
 * - A route that hangs in one place is read once. One that hangs in several is looked for each time, by the path.
 * - What cannot be told for sure is no route: a template with an id in it would be worse.
 */
import type { IncomingMessage } from 'node:http'
import { objectOr, peek } from '../../libraries/require-hook.ts'
import { isWild, pathMatcher, pathTexts } from './express-paths.ts'
import type { RouteTeller } from './route-book.ts'
import type { Route } from './routes.ts'

/** What stands in for a segment; nobody has a route of that name. */
const WORD = 'assay-1f0c7a'
/** How Express 4 writes a mount that was given as a text. */
const OF_A_TEXT = /\(\?=\\\/\|\$\)$/
const MAX_PLACES = 64
const MAX_DEPTH = 16

/** From the router of the application down: the mounts, and the layer that holds the route. */
type Place = readonly object[]
type Match = { readonly path: string; readonly params: object }
/** What is before something: as a template, and what of the path is left. `isFixed`: it is the same for every path that leads there. */
type Prefix = { readonly text: string; readonly below: string; readonly isFixed: boolean }

export class UnseenExpress {
  readonly #teller: RouteTeller
  /** Of routes that hang in one place of their application. */
  readonly #known = new WeakMap<object, { readonly app: object; readonly route: Route }>()
  /** What a mount is called, once a request has shown it. */
  readonly #mounts = new WeakMap<object, string>()

  constructor(teller: RouteTeller) {
    this.#teller = teller
  }

  /** The route on which Express has left the request; undefined: this is no request of Express. */
  routeOf(request: Pick<IncomingMessage, 'url'>): Route | undefined {
    const app = peek(request, 'app')
    if (typeof app !== 'function' || typeof peek(app, 'handle') !== 'function') return undefined
    this.#teller.hasRouter = true
    const route = objectOr(peek(request, 'route'), undefined)
    if (route === undefined) return this.#teller.routes.of('')
    const known = this.#known.get(route)
    if (known?.app === app) return known.route
    try {
      return this.#read(app, route, pathOf(request))
    } catch {
      // A path that Express itself could not decode, or routers of another shape.
      return this.#teller.routes.of('')
    }
  }

  #read(app: object, route: object, path: string): Route {
    const { routes } = this.#teller
    const above = aboveOf(app, path)
    const places = above === undefined ? [] : placesOf(routerOf(app), route)
    const paths = pathTexts(peek(route, 'path'))
    const isOne = places.length === 1
    for (const place of places) {
      const mounts = this.#mountsOf(place.slice(0, -1), above?.below ?? '', isOne)
      if (mounts === undefined) continue
      const text =
        isOne && paths.length === 1 ? paths[0] : paths.find((one) => pathMatcher('', one).test(`\n${mounts.below}`))
      if (text === undefined) continue
      const prefix = `${above?.text}${mounts.text}`
      // As for an Express that is seen.
      const loose = peek(peek(route, 'methods'), '_all') === true && isWild(text)
      const told = routes.of(prefix + (text === '/' && prefix !== '' ? '' : text) || '/', loose)
      const isFixed = isOne && paths.length === 1 && above?.isFixed === true && mounts.isFixed
      if (isFixed) this.#known.set(route, { app, route: told })
      return told
    }
    return routes.of('')
  }

  /** A row of mounts; undefined when the path does not lead there. `isOnly`: it must have come this way, even where a path was rewritten. */
  #mountsOf(layers: readonly object[], path: string, isOnly: boolean): Prefix | undefined {
    let [text, below, isFixed] = ['', path, true]
    for (const layer of layers) {
      const match = matchOf(layer, below)
      const given = givenPath(layer) ?? this.#mounts.get(layer)
      if (match === undefined && (given === undefined || !isOnly)) return undefined
      const own = given ?? (match === undefined ? '' : templateOf(layer, match))
      if (given === undefined) {
        if (isOnePath(layer)) this.#mounts.set(layer, own)
        else isFixed = false
      }
      text += own === '/' ? '' : own
      below = below.slice(match?.path.length ?? 0)
      if (!below.startsWith('/')) below = `/${below}`
    }
    return { text, below, isFixed }
  }
}

/** What is above an application that is mounted in another one; undefined when the path does not lead there. */
function aboveOf(app: object, path: string, depth = 0): Prefix | undefined {
  const parent = objectOr(peek(app, 'parent'), undefined)
  if (parent === undefined) return { text: '', below: path, isFixed: true }
  const above = depth < MAX_DEPTH ? aboveOf(parent, path, depth + 1) : undefined
  if (above === undefined) return undefined
  const mounts = pathTexts(peek(app, 'mountpath'))
  const isFixed = above.isFixed && mounts.length === 1
  for (const mount of mounts) {
    if (mount === '/') return { ...above, isFixed }
    const head = above.below.split('/').slice(0, mount.split('/').length).join('/')
    if (pathMatcher('', mount).test(`\n${head}`))
      return { text: above.text + mount, below: above.below.slice(head.length) || '/', isFixed }
  }
  return undefined
}

/** All places where a route hangs below a router. */
function placesOf(router: object | undefined, route: object, above: Place = []): Place[] {
  const stack = peek(router, 'stack')
  if (!Array.isArray(stack) || above.length > MAX_DEPTH) return []
  const places: Place[] = []
  for (const layer of stack as readonly unknown[]) {
    const held = objectOr(layer, undefined)
    if (held === undefined || places.length >= MAX_PLACES) continue
    if (peek(held, 'route') === route) places.push([...above, held])
    else {
      const inner = peek(held, 'handle')
      if (typeof inner === 'function') places.push(...placesOf(inner, route, [...above, held]))
    }
  }
  return places
}

/** Express 4 first: its `router` is a getter that throws. */
function routerOf(app: object): object | undefined {
  return objectOr(peek(app, '_router') ?? peek(app, 'router'), undefined)
}

/** Under which path a layer was put, where it keeps that: router 2.3 does, and Express 4 where it is a regular expression. */
function givenPath(layer: object): string | undefined {
  const raw = peek(layer, 'rawPath')
  if (typeof raw === 'string' || raw instanceof RegExp) return String(raw)
  const regexp = peek(layer, 'regexp')
  return regexp instanceof RegExp && !OF_A_TEXT.test(regexp.source) ? String(regexp) : undefined
}

/** Whether what one path shows of a layer holds for all others: Express 4 tells a list by its expression, older routers of Express 5 nothing. */
function isOnePath(layer: object): boolean {
  const regexp = peek(layer, 'regexp')
  return regexp instanceof RegExp && !regexp.source.includes('|^')
}

/** What a layer takes of a path: by the matchers of Express 5, or by the regular expression of Express 4. */
function matchOf(layer: object, path: string): Match | undefined {
  const [matchers, regexp, keys] = [peek(layer, 'matchers'), peek(layer, 'regexp'), peek(layer, 'keys')]
  if (peek(layer, 'slash') === true || peek(regexp, 'fast_slash') === true) return { path: '', params: {} }
  if (Array.isArray(matchers)) {
    for (const matcher of matchers as readonly unknown[]) {
      const match: unknown = typeof matcher === 'function' ? matcher(path) : undefined
      const taken = peek(match, 'path')
      if (typeof taken === 'string') return { path: taken, params: objectOr(peek(match, 'params'), {}) }
    }
    return undefined
  }
  const found = regexp instanceof RegExp ? regexp.exec(path) : null
  if (found === null) return undefined
  const names = Array.isArray(keys) ? keys.map((key) => String(peek(key, 'name'))) : []
  return { path: found[0], params: Object.fromEntries(names.map((name, i) => [name, found[i + 1]])) }
}

/** The template of a mount from one path that it takes: a segment that may be another word is a parameter. */
function templateOf(layer: object, { path, params }: Match): string {
  const segments = path.split('/')
  const told = segments.map((segment, i) =>
    segment === '' ? segment : parameterIn(matchOf(layer, segments.with(i, WORD).join('/'))),
  )
  // Parameters that take only some words, by their values.
  const others = Object.entries(params).filter(([name]) => !told.includes(`:${name}`))
  const template = told.map((known, i) => {
    const segment = segments[i] ?? ''
    const named = others.find(([, value]) => value === decoded(segment))
    return known ?? (named === undefined ? segment : `:${named[0]}`)
  })
  return template.join('/').replace(/\/$/, '')
}

/** Which parameter has taken our word; a wildcard takes several segments, as a text or as a list. */
function parameterIn(match: Match | undefined): string | undefined {
  for (const [name, value] of Object.entries(match?.params ?? {})) {
    if (value === WORD) return `:${name}`
    if (String(value).includes(WORD)) return '*'
  }
  return undefined
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

/** As the application was asked for it, whatever routers have cut off since. */
function pathOf(request: Pick<IncomingMessage, 'url'>): string {
  const url = peek(request, 'originalUrl') ?? request.url
  const text = typeof url === 'string' ? url : ''
  const query = text.indexOf('?')
  return query < 0 ? text : text.slice(0, query)
}
