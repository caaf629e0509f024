/**
 * Requests this process makes: node:http and node:https by their channels, fetch and undici by theirs. None is counted twice.
 *
 * - Duration ends when the head of the answer is there, as with a connection that failed.
 * - Addresses are bounded: after MAX_SERVERS of them the rest share `server_address="_other"`.
 * - From 400 on the status is also the `error_type` (OpenTelemetry: for a client, 4xx is an error); without an answer it is the system's code.
 */
import type { ClientRequest, IncomingMessage } from 'node:http'
// The global `performance` is a getter, called at each use; this is the thing itself.
import { performance } from 'node:perf_hooks'
import type { Guard } from '../guard.ts'
import { type Family, observe, type Store } from '../store/index.ts'
import { HTTP_BOUNDS } from './server.ts'

const MAX_SERVERS = 100
const STARTED: unique symbol = Symbol('assay.started')
const METHODS = new Set(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'CONNECT', 'TRACE', 'QUERY'])

type Marked = { [STARTED]?: number }
type UndiciRequest = Marked & { readonly origin?: unknown; readonly method?: unknown }
type Server = { readonly address: string; readonly port: string }

export function instrumentHttpClient(store: Store, guard: Guard): void {
  const duration = store.family({
    name: 'http_client_request_duration_seconds',
    help: 'Duration of HTTP requests made, until the head of the answer.',
    kind: 'histogram',
    bounds: HTTP_BOUNDS,
  })
  const servers = new Servers()

  guard.on<{ readonly request: ClientRequest & Marked }>('http.client.request.start', 'http_client', ({ request }) => {
    request[STARTED] = performance.now()
  })
  type Finished = { readonly request: ClientRequest & Marked; readonly response: IncomingMessage }
  guard.on<Finished>('http.client.response.finish', 'http_client', ({ request, response }) => {
    const server = (): Server => servers.ofHost(hostOf(request), request.protocol)
    record(duration, request, request.method, server, response.statusCode ?? 0, undefined)
  })
  type Failed = { readonly request: ClientRequest & Marked; readonly error: unknown }
  guard.on<Failed>('http.client.request.error', 'http_client', ({ request, error }) => {
    record(duration, request, request.method, () => servers.ofHost(hostOf(request), request.protocol), 0, error)
  })

  guard.on<{ readonly request: UndiciRequest }>('undici:request:create', 'undici', ({ request }) => {
    request[STARTED] = performance.now()
  })
  type Headers = { readonly request: UndiciRequest; readonly response: { readonly statusCode: number } }
  guard.on<Headers>('undici:request:headers', 'undici', ({ request, response }) => {
    if (response.statusCode < 200) return // An informational answer: the real one follows.
    record(duration, request, request.method, () => servers.ofOrigin(request.origin), response.statusCode, undefined)
  })
  guard.on<{ readonly request: UndiciRequest; readonly error: unknown }>(
    'undici:request:error',
    'undici',
    ({ request, error }) => {
      record(duration, request, request.method, () => servers.ofOrigin(request.origin), 0, error)
    },
  )
}

/** Once per request: what comes after the first end (a body that breaks off) is not another request. */
function record(
  duration: Family,
  marked: Marked,
  method: unknown,
  server: () => Server,
  status: number,
  error: unknown,
): void {
  const startedAt = marked[STARTED]
  if (startedAt === undefined) return
  const seconds = (performance.now() - startedAt) / 1_000
  delete marked[STARTED]
  const { address, port } = server()
  const slot = duration.series([
    ['http_request_method', typeof method === 'string' && METHODS.has(method) ? method : '_OTHER'],
    ['server_address', address],
    ['server_port', port],
    ['http_response_status_code', status === 0 ? '' : String(status)],
    ['error_type', status === 0 ? errorType(error) : status >= 400 ? String(status) : ''],
  ])
  observe(slot, seconds)
}

/** A code of the system or the library when there is one, else the error's class: both have few values. */
export function errorType(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '_OTHER'
  const code: unknown = Reflect.get(error, 'code')
  if (typeof code === 'string' && /^[A-Z0-9_]{1,40}$/.test(code)) return code
  const name: unknown = Reflect.get(error, 'name')
  return typeof name === 'string' && /^\w{1,40}$/.test(name) ? name : '_OTHER'
}

function hostOf(request: ClientRequest): string {
  const host = request.getHeader('host')
  return typeof host === 'string' ? host : (request.host ?? '')
}

class Servers {
  readonly #known = new Map<string, Server>()

  ofHost(host: string, protocol: string): Server {
    return this.#of(`${protocol}//${host}`)
  }

  ofOrigin(origin: unknown): Server {
    return this.#of(String(origin))
  }

  #of(origin: string): Server {
    const known = this.#known.get(origin)
    if (known !== undefined) return known
    if (this.#known.size >= MAX_SERVERS) return { address: '_other', port: '' }
    const server = parseOrigin(origin)
    this.#known.set(origin, server)
    return server
  }
}

function parseOrigin(origin: string): Server {
  if (!URL.canParse(origin)) return { address: '_other', port: '' }
  const { hostname, port, protocol } = new URL(origin)
  return { address: hostname.replace(/^\[|\]$/g, ''), port: port || (protocol === 'https:' ? '443' : '80') }
}
