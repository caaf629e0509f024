/**
 * Answers scrapers: HTTP over sockets that somebody else has accepted.
 *
 * - GET and HEAD of /metrics in the format that is asked for, compressed when asked; `?name[]=` keeps only the families named. `/` says
 *   where to look. Other paths are those that are handed in, each behind the same token.
 * - One request a connection. A scraper comes every few seconds: kept connections would be closed by the one side while the other writes,
 *   would outlive the change to another thread, and would cost a timer each.
 * - Bounded: header size, the life of a connection; scrapes of one format at the same moment share one page.
 */
import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Encoding, negotiateEncoding, negotiateFormat } from './accept.ts'
import { compress, ENCODINGS } from './compress.ts'
import type { PageFormat } from './page-format.ts'

const DEFAULT_WAIT_MS = 500
const MAX_LIFE_MS = 30_000
const MAX_NAMES = 100
/** Less than a packet: not worth the compressor. */
const COMPRESS_FROM_BYTES = 1_024

export type PageQuestion = {
  readonly format: PageFormat
  /** Others (workers, slow collectors) may be waited for that long. */
  readonly waitMs: number
  /** Only these families; all when undefined. Histograms are named without `_bucket`, `_sum` and `_count`. */
  readonly names: ReadonlySet<string> | undefined
}

/** What stands at a path beside /metrics. A refusal is an answer too. */
export type PathAnswer = { readonly status: number; readonly contentType: string; readonly body: string | Uint8Array }

export type PageServerOptions = {
  readonly token: string | undefined
  readonly page: (question: PageQuestion) => Promise<Uint8Array>
  readonly paths: ReadonlyMap<string, (url: URL) => PathAnswer | Promise<PathAnswer>>
  /** Asked for every connection that wants to become something else. */
  readonly onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  /** Before its first request: it is not the application's. */
  readonly onServer: (server: Server) => void
  /** After a page has been sent. */
  readonly onPage?: () => void
  /** In a thread of its own the compressor may take its time; else it must not block, and waits for a thread of libuv's pool. */
  readonly isOwnThread: boolean
}

export class PageServer implements Disposable {
  readonly #options: PageServerOptions
  readonly #server: Server
  readonly #pages = new Map<string, Promise<Uint8Array>>()
  readonly #sockets = new Set<Socket>()

  constructor(options: PageServerOptions) {
    this.#options = options
    this.#server = createServer({ maxHeaderSize: 16_384 }, (request, response) => {
      response.sendDate = false // Its clock is a timer.
      response.setHeader('connection', 'close')
      this.#answer(request, response).catch((cause: unknown) => {
        if (response.headersSent) response.destroy()
        else say(response, 500, String(cause))
      })
    })
    this.#server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      this.#sockets.delete(socket)
      socket.setTimeout(0)
      options.onUpgrade(request, socket, head)
    })
    this.#server.on('clientError', (_error, socket) => void socket.destroy())
    options.onServer(this.#server)
  }

  /** Takes a paused socket over. */
  take(socket: Socket): void {
    this.#sockets.add(socket)
    // Until the whole request and answer are through; an upgraded connection is another's care.
    const life = setTimeout(() => {
      if (this.#sockets.has(socket)) socket.destroy()
    }, MAX_LIFE_MS).unref()
    socket.once('close', () => {
      clearTimeout(life)
      this.#sockets.delete(socket)
    })
    this.#server.emit('connection', socket)
    socket.resume()
  }

  /** Ends all connections. */
  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#sockets.clear()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { token, paths } = this.#options
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      return say(response, 405, 'use GET')
    }
    const url = urlOf(request)
    if (url === undefined) return say(response, 400, 'this is not a path')
    if (url.pathname === '/') return say(response, 200, 'assay agent: metrics are at /metrics')
    const path = paths.get(url.pathname)
    if (url.pathname !== '/metrics' && path === undefined) return say(response, 404, 'metrics are at /metrics')
    if (token !== undefined && !isToken(request.headers.authorization, token)) {
      response.setHeader('www-authenticate', 'Bearer')
      return say(response, 401, 'send Authorization: Bearer with the value of ASSAY_AGENT_TOKEN')
    }
    if (path !== undefined) {
      const { status, contentType, body } = await path(url)
      return this.#send(request, response, status, contentType, typeof body === 'string' ? Buffer.from(body) : body)
    }
    const { format, contentType } = negotiateFormat(request.headers.accept)
    const page = await this.#sharedPage({ format, waitMs: waitFor(request), names: namesOf(url) })
    await this.#send(request, response, 200, contentType, page)
    this.#options.onPage?.()
  }

  /** Scrapers that come while a page is being made get the same one, if they asked for the same families. */
  #sharedPage(question: PageQuestion): Promise<Uint8Array> {
    const key = [question.format, ...(question.names === undefined ? [] : [...question.names].toSorted())].join('\n')
    const known = this.#pages.get(key)
    if (known !== undefined) return known
    const page = this.#options.page(question).finally(() => this.#pages.delete(key))
    this.#pages.set(key, page)
    return page
  }

  async #send(
    request: IncomingMessage,
    response: ServerResponse,
    status: number,
    contentType: string,
    body: Uint8Array,
  ): Promise<void> {
    const asked = request.headers['accept-encoding']
    const encoding: Encoding =
      body.length < COMPRESS_FROM_BYTES
        ? 'identity'
        : negotiateEncoding(Array.isArray(asked) ? asked.join() : asked, ENCODINGS)
    const sent = encoding === 'identity' ? body : await compress(body, encoding, this.#options.isOwnThread)
    response.writeHead(status, {
      'content-type': contentType,
      'content-length': sent.length,
      ...(encoding === 'identity' ? {} : { 'content-encoding': encoding }),
      vary: 'accept, accept-encoding',
      'cache-control': 'no-store',
    })
    response.end(request.method === 'HEAD' ? undefined : sent)
  }
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`)
}

function urlOf(request: IncomingMessage): URL | undefined {
  const path = request.url ?? '/'
  return path.startsWith('/') && URL.canParse(path, 'http://metrics') ? new URL(path, 'http://metrics') : undefined
}

/** As Prometheus' exporters take it: `?name[]=a&name[]=b`. */
function namesOf({ searchParams }: URL): ReadonlySet<string> | undefined {
  const names = searchParams.getAll('name[]').slice(0, MAX_NAMES)
  return names.length === 0 ? undefined : new Set(names)
}

/** Half of what the scraper waits, at most the default: a silent worker must not cost the whole page. */
function waitFor(request: IncomingMessage): number {
  const seconds = Number(request.headers['x-prometheus-scrape-timeout-seconds'])
  return seconds > 0 ? Math.min(DEFAULT_WAIT_MS, seconds * 500) : DEFAULT_WAIT_MS
}

function isToken(given: string | undefined, token: string): boolean {
  const mine = Buffer.from(`Bearer ${token}`)
  const theirs = Buffer.from(given ?? '')
  return mine.length === theirs.length && timingSafeEqual(mine, theirs)
}
