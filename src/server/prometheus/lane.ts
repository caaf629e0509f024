/**
 * The short way of the questions that dashboards ask all day: `query`, `query_range`, `series`, `labels`, `label/<name>/values`, and what
 * else a page of a UI asks for at once. The framework's way (`routes.ts`) is the twin, and takes everything that is unusual; a law ties the two.
 *
 * - Taken are whole, plain requests: GET, or POST with a short form that came in one piece, of HTTP/1.1, from no page of another origin,
 *   under a name of ours. A remote engine, which answers in our place, closes the lane.
 * - The answer is the same in status, headers and body, but for the order of headers. Head and a short body go out in one write.
 *
 * `bench/http.ts`, both cores busy: small questions cost 2 to 4.4 times what a bare `node:http` server takes for the same bytes; before
 * there was this way, 2.2 to 6.7 times.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { pipeline, Readable } from 'node:stream'
import { giveBack, type Piece } from '#core'
import { apiErrorOf, CallerGoneError } from '../http/api-error.ts'
import type { Callers } from '../http/callers.ts'
import { encodingFor, MIN_PACKED_BYTES, packed, packer } from '../http/compress.ts'
import { CHALLENGE, type Door, refusal } from '../http/door.ts'
import type { HttpMetrics } from '../http/http-metrics.ts'
import { isOwnHost } from '../http/origin.ts'
import { joined, STALL_MS } from '../http/outgoing.ts'
import { Params } from '../http/params.ts'
import { readBody } from '../http/read-body.ts'
import { addressPairs, pairsOf } from '../http/request.ts'
import { SECURITY_HEADERS } from '../http/security-headers.ts'
import type { Context, Handler } from './call.ts'
import { labelNames, labelValues, metadata, series } from './lookups.ts'
import { query, queryRange } from './query.ts'
import { envelope, errorEnvelope } from './render.ts'
import { alerts, rules } from './rules.ts'
import { targets } from './targets.ts'

type LaneRoute = { readonly pattern: string; readonly handler: Handler; readonly takesForms: boolean }

const ROUTES: readonly LaneRoute[] = [
  { pattern: '/api/v1/query', handler: query, takesForms: true },
  { pattern: '/api/v1/query_range', handler: queryRange, takesForms: true },
  { pattern: '/api/v1/series', handler: series, takesForms: true },
  { pattern: '/api/v1/labels', handler: labelNames, takesForms: true },
  { pattern: '/api/v1/metadata', handler: metadata, takesForms: false },
  { pattern: '/api/v1/rules', handler: rules, takesForms: false },
  { pattern: '/api/v1/alerts', handler: alerts, takesForms: false },
  { pattern: '/api/v1/targets', handler: targets, takesForms: false },
]
const VALUES: LaneRoute = { pattern: '/api/v1/label/:name/values', handler: labelValues, takesForms: false }
const VALUES_START = '/api/v1/label/'
const VALUES_END = '/values'
/** Names that a path spells as they are. */
const PLAIN_NAME = /^[A-Za-z0-9_]{1,256}$/

const FORM = 'application/x-www-form-urlencoded'
/** Of a form that is read here: a dashboard's longest expressions are far below. */
const MAX_FORM_BYTES = 64 * 1024
/** Bytes that are written behind the head as one text; longer ones are not copied. */
const MAX_JOINED_BYTES = 64 * 1024

const ALWAYS = { ...SECURITY_HEADERS, 'content-type': 'application/json' } as const
const HEAD: readonly string[] = Object.entries(ALWAYS).flat()
const VARY = ['vary', 'Accept-Encoding'] as const

export type LaneDeps = {
  readonly context: Context
  readonly callers: Callers
  readonly metrics: HttpMetrics
  /** What paths begin with. */
  readonly prefix: string
  /** Who comes in, as it is configured; absent: everybody. */
  readonly door?: Door | undefined
  /** Whether only names of ours are answered to. */
  readonly checksHost: boolean
  readonly stallMs?: number | undefined
}

export class Lane {
  readonly #deps: LaneDeps
  readonly #routes: ReadonlyMap<string, LaneRoute>
  readonly #valuesStart: string
  #isOpen = false
  #knownHost: string | undefined

  constructor(deps: LaneDeps) {
    this.#deps = deps
    this.#routes = new Map(ROUTES.map((route) => [deps.prefix + route.pattern, route]))
    this.#valuesStart = deps.prefix + VALUES_START
  }

  /** Closed, it passes everything on. */
  set open(isOpen: boolean) {
    this.#isOpen = isOpen
  }

  over(twin: RequestListener): RequestListener {
    return (request, response) => {
      const route = this.#isOpen ? this.#routeOf(request) : undefined
      if (route === undefined) twin(request, response)
      else void this.#answer(request, response, route)
    }
  }

  #routeOf(request: IncomingMessage): LaneRoute | undefined {
    const { method, headers, url = '' } = request
    const isForm = method === 'POST'
    if ((!isForm && method !== 'GET') || request.httpVersion !== '1.1') return undefined
    const path = pathOf(url)
    const route = this.#routes.get(path) ?? (path.startsWith(this.#valuesStart) ? VALUES : undefined)
    if (route === undefined || (route === VALUES && !PLAIN_NAME.test(this.#nameIn(path)))) return undefined
    if (headers.origin !== undefined || headers.expect !== undefined || headers.upgrade !== undefined) return undefined
    if (headers['transfer-encoding'] !== undefined) return undefined
    const length = headers['content-length']
    if (isForm) {
      if (!route.takesForms || length === undefined || Number(length) > MAX_FORM_BYTES) return undefined
      if (headers['content-type'] !== FORM || headers['content-encoding'] !== undefined) return undefined
    } else if (length !== undefined) {
      return undefined
    }
    return this.#isKnownHost(headers.host) ? route : undefined
  }

  /** Of `/api/v1/label/<name>/values`; '' when it is another path. */
  #nameIn(path: string): string {
    return path.endsWith(VALUES_END) ? path.slice(this.#valuesStart.length, -VALUES_END.length) : ''
  }

  #isKnownHost(host: string | undefined): boolean {
    if (!this.#deps.checksHost || (host !== undefined && host === this.#knownHost)) return true
    if (!isOwnHost(host, this.#deps.context.externalUrl())) return false
    this.#knownHost = host
    return true
  }

  /** Never rejects. */
  async #answer(request: IncomingMessage, response: ServerResponse, route: LaneRoute): Promise<void> {
    const { context, callers } = this.#deps
    const { clock } = context.deps
    const began = clock.monotonicMs()
    const { url = '', method = '', headers } = request
    const path = pathOf(url)
    const accepts = headers['accept-encoding']
    let status = 200
    let head = HEAD
    let sent: number | Promise<number>
    try {
      const { door } = this.#deps
      if (door !== undefined) {
        head = headOf(door.headers)
        if (!(await door.admits(headers))) {
          head = headOf({ ...door.headers, ...CHALLENGE })
          throw refusal()
        }
      }
      const answer = await route.handler({
        ...context,
        params: await paramsOf(request),
        name: route === VALUES ? this.#nameIn(path) : '',
        from: { clientIP: request.socket.remoteAddress ?? '', method, path },
        caller: callers.of(response),
      })
      const text = 'pieces' in answer && !response.destroyed ? answer.text?.() : undefined
      if (text !== undefined) {
        sent = sendText(response, text, { head, accepts })
      } else {
        const isAlone = 'pieces' in answer && answer.isAlone === true
        const body = 'pieces' in answer ? context.outgoing.take(response, answer) : [Buffer.from(envelope(answer))]
        sent =
          body instanceof Readable
            ? sendMade(response, body, { head, accepts, isAlone })
            : send(response, body instanceof Promise ? await body : body, { status, head, accepts, isAlone })
      }
    } catch (thrown) {
      if (response.destroyed) return
      const error = apiErrorOf(thrown)
      if (error.type === 'internal') context.deps.log.error({ err: thrown, path: route.pattern }, 'a request failed')
      if (response.headersSent) return void response.destroy()
      status = error.status
      sent = send(response, [Buffer.from(errorEnvelope(error.type, error.message))], { status, head, accepts })
    }
    try {
      if (typeof sent !== 'number') this.#watch(response)
      const sizeBytes = typeof sent === 'number' ? sent : await sent
      this.#watch(response)
      this.#deps.metrics.observe(route.pattern, status, (clock.monotonicMs() - began) / 1000, sizeBytes)
    } catch {
      // The reader has gone, or what was to be sent broke off: there is nobody to tell.
      response.destroy()
    }
  }

  /** A reader may not let what waits for it lie. One that has taken all needs no timer. */
  #watch(response: ServerResponse): void {
    const { socket } = response
    if (response.writableFinished || response.destroyed) return
    if (socket === null || socket.writableLength > 0 || !response.writableEnded)
      response.setTimeout(this.#deps.stallMs ?? STALL_MS)
  }
}

/** Ours win over what is configured, as by the framework's way. */
function headOf(configured: Readonly<Record<string, string>>): readonly string[] {
  const named = Object.entries(configured)
  if (named.length === 0) return HEAD
  const small = Object.fromEntries(named.map(([name, value]) => [name.toLowerCase(), value]))
  return Object.entries({ ...small, ...ALWAYS }).flat()
}

function pathOf(url: string): string {
  const mark = url.indexOf('?')
  return mark === -1 ? url : url.slice(0, mark)
}

function paramsOf(request: IncomingMessage): Params | Promise<Params> {
  const { url = '' } = request
  if (request.method === 'GET') return new Params(addressPairs(url))
  return formOf(request, url)
}

/** A form comes before the address. */
async function formOf(request: IncomingMessage, url: string): Promise<Params> {
  const bytes = await readBody(request, MAX_FORM_BYTES)
  const text = bytes.toString()
  const form = pairsOf(text, bytes.includes('\ufffd'))
  return url.includes('?') ? new Params(form, addressPairs(url)) : new Params(form)
}

type Sending = {
  readonly head: readonly string[]
  readonly accepts: IncomingMessage['headers']['accept-encoding']
  /** Nobody else has the pieces: their memory is given back when they are sent. */
  readonly isAlone?: boolean
}

/** Returns the bytes of the body as they were sent. */
function send(
  response: ServerResponse,
  pieces: readonly Uint8Array<ArrayBuffer>[],
  { status, head, accepts, isAlone }: Sending & { readonly status: number },
): number | Promise<number> {
  let size = 0
  for (const { length } of pieces) size += length
  if (size < MIN_PACKED_BYTES) return sendPlain(response, status, head, pieces, size)
  const encoding = encodingFor(accepts)
  if (encoding === undefined) {
    const sent = sendPlain(response, status, [...head, ...VARY], pieces, size)
    // At the end all of it has left; of an answer that breaks off, the collector takes it.
    if (isAlone && sent > 0) response.once('finish', () => giveBack(pieces))
    return sent
  }
  const packedHead = [...head, ...VARY, 'content-encoding', encoding]
  const bytes = packed(encoding, joined(pieces))
  if (!(bytes instanceof Promise))
    return sendPlain(response, status, packedHead, [bytes as Buffer<ArrayBuffer>], bytes.length)
  return bytes.then((one) => sendPlain(response, status, packedHead, [one as Buffer<ArrayBuffer>], one.length))
}

/** As `send`, of a short text, a character a byte. */
function sendText(response: ServerResponse, text: string, { head, accepts }: Sending): number | Promise<number> {
  const size = text.length
  const isPacked = size >= MIN_PACKED_BYTES && encodingFor(accepts) !== undefined
  if (isPacked) return send(response, [Buffer.from(text, 'latin1')], { status: 200, head, accepts })
  const named = size < MIN_PACKED_BYTES ? head : [...head, ...VARY]
  response.writeHead(200, [...named, 'content-length', String(size)])
  response.end(text, 'latin1')
  return size
}

function sendPlain(
  response: ServerResponse,
  status: number,
  head: readonly string[],
  pieces: readonly Uint8Array<ArrayBuffer>[],
  size: number,
): number {
  // Gone while it was made or packed: a write would be an error that nobody hears.
  if (response.destroyed) return 0
  response.writeHead(status, [...head, 'content-length', String(size)])
  if (size <= MAX_JOINED_BYTES) {
    // As a text the head is put before it and both are written at once; bytes would go as a list of two, which costs 10 µs more.
    response.end(joined(pieces).toString('latin1'), 'latin1')
    return size
  }
  response.cork()
  for (const piece of pieces) response.write(piece)
  response.end()
  return size
}

/** As long as it is not known how long it is, it counts for nothing. */
async function sendMade(response: ServerResponse, body: Readable, sending: Sending): Promise<number> {
  const encoding = encodingFor(sending.accepts)
  const head = [...sending.head, ...VARY]
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const done = (error: Error | null | undefined) => (error ? reject(error) : resolve(0))
  if (encoding === undefined) {
    response.writeHead(200, head)
    if (sending.isAlone) void pump(body, response).then(() => done(null), done)
    else pipeline(body, response, done)
  } else {
    response.writeHead(200, [...head, 'content-encoding', encoding])
    pipeline(body, packer(encoding), response, done)
  }
  return promise
}

/** As `pipeline`, for pieces that nobody else has: each is given back when it has left. Rejects when it breaks off. */
async function pump(body: Readable, response: ServerResponse): Promise<void> {
  response.once('close', () => body.destroy())
  for await (const piece of body as AsyncIterable<Piece>) {
    const takesMore = response.write(piece, (error) => {
      if (!error) giveBack([piece])
    })
    if (!takesMore) await drained(response)
  }
  response.end()
}

/** Rejects when it will never be. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      response.off('drain', settle).off('close', settle)
      if (response.destroyed) reject(new CallerGoneError('the caller went before his answer'))
      else resolve()
    }
    response.on('drain', settle).on('close', settle)
  })
}
