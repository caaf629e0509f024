/**
 * The metrics address: a small HTTP server of its own, so that the application's port is never touched.
 *
 * - GET /metrics in the format that is asked for, compressed when asked; `/` says where to look. Nothing else.
 * - It never keeps the process alive: the listening socket and each connection are unreferenced.
 * - Bounded: connections, header size, time; scrapes of one format at the same moment share one page.
 */
import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { gzip } from 'node:zlib'
import type { Listen } from '../config.ts'
import { CONTENT_TYPES, type Format, negotiate } from './exposition.ts'

const MAX_CONNECTIONS = 300
const DEFAULT_WAIT_MS = 500

export type ListenerOptions = {
  readonly token: string | undefined
  /** The whole page; workers may be waited for that long. */
  readonly page: (format: Format, waitMs: number) => Promise<string>
  /** Asked for every connection that wants to become something else. */
  readonly onUpgrade: (request: IncomingMessage, socket: import('node:stream').Duplex, head: Buffer) => void
  /** Before it listens: it is not the application's. */
  readonly onServer: (server: Server) => void
}

/** Listens, or rejects with the system's error (EADDRINUSE, EACCES). `exclusive`: past the primary, this worker's own socket. */
export function listen({ host, port }: Listen, options: ListenerOptions): Promise<Server> {
  const pages = new Map<Format, Promise<string>>()
  const sharedPage = (format: Format, waitMs: number): Promise<string> => {
    const known = pages.get(format)
    if (known !== undefined) return known
    const page = options.page(format, waitMs).finally(() => pages.delete(format))
    pages.set(format, page)
    return page
  }
  const server = createServer(
    { maxHeaderSize: 16_384, requestTimeout: 10_000, headersTimeout: 5_000 },
    (request, response) => {
      answer(request, response, options.token, sharedPage).catch((cause: unknown) => {
        if (response.headersSent) response.destroy()
        else response.writeHead(500, { 'content-type': 'text/plain' }).end(`${String(cause)}\n`)
      })
    },
  )
  server.maxConnections = MAX_CONNECTIONS
  server.on('connection', (socket) => void socket.unref())
  server.on('upgrade', options.onUpgrade)
  server.on('clientError', (_error, socket) => void socket.destroy())
  options.onServer(server)
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, exclusive: true }, () => {
      server.removeListener('error', reject)
      // An accept that fails (EMFILE) is the scraper's bad luck, not the application's end.
      server.on('error', () => {})
      resolve(server)
    })
    server.unref()
  })
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  token: string | undefined,
  page: (format: Format, waitMs: number) => Promise<string>,
): Promise<void> {
  const say = (status: number, text: string): void =>
    void response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`)
  const [path] = (request.url ?? '/').split('?', 1)
  if (request.method !== 'GET' && request.method !== 'HEAD') return say(405, 'use GET')
  if (path === '/') return say(200, 'assay agent: metrics are at /metrics')
  if (path !== '/metrics') return say(404, 'metrics are at /metrics')
  if (token !== undefined && !isToken(request.headers.authorization, token)) {
    response.setHeader('www-authenticate', 'Bearer')
    return say(401, 'send Authorization: Bearer with the value of ASSAY_AGENT_TOKEN')
  }
  const format = negotiate(request.headers.accept)
  const text = Buffer.from(await page(format, waitFor(request)))
  const compressed =
    /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|$))/.test(String(request.headers['accept-encoding'] ?? '')) &&
    text.length > 1_024
  const body = compressed ? await gzipped(text) : text
  response.writeHead(200, {
    'content-type': CONTENT_TYPES[format],
    'content-length': body.length,
    ...(compressed ? { 'content-encoding': 'gzip' } : {}),
    vary: 'accept, accept-encoding',
  })
  response.end(request.method === 'HEAD' ? undefined : body)
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

function gzipped(text: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) =>
    gzip(text, { level: 1 }, (error, result) => (error === null ? resolve(result) : reject(error))),
  )
}
