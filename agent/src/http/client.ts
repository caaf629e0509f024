/**
 * Requests this process makes: node:http and node:https by their channels, fetch and undici (built in or from npm) by theirs.
 * None is counted twice: fetch never passes through node:http. Each request on the wire is one, so a redirect or a retry is another.
 *
 * - Duration ends when the head of the answer is there, as with a connection that failed. What comes after (a body that breaks off,
 *   an abort while reading) is not another request.
 * - Addresses are bounded: after MAX_SERVERS of them the rest share `server_address="_other"`.
 * - From 400 on the status is also the `error_type` (OpenTelemetry: for a client, 4xx is an error); without an answer it is the
 *   system's code, or `aborted` when the caller gave up.
 * - An address, method and status is looked up once and its slot kept: no URL is parsed and no text joined per request.
 */
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Guard } from '../guard.ts'
import { errorType } from '../libraries/error-type.ts'
import { monotonicMs } from '../monotonic.ts'
import { type Family, observe, type Slot, type Store } from '../store/index.ts'
import { HTTP_BOUNDS } from './bounds.ts'
import { watchConnections } from './client-connections.ts'

export const MAX_SERVERS = 100
/** Longer ones are no host of anybody's; they are not kept as keys. */
const MAX_ADDRESS_LENGTH = 300
const STARTED: unique symbol = Symbol('assay.started')
const METHODS = [
  '_OTHER',
  'GET',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'HEAD',
  'OPTIONS',
  'CONNECT',
  'TRACE',
  'QUERY',
] as const
const METHOD_INDEX: ReadonlyMap<unknown, number> = new Map(METHODS.map((name, i) => [name, i]))
const STATUSES = 1_000
/** Since then a request is announced when it is made; before, only when its body has been written, which may be after the answer. */
const CREATED_SINCE = 24

type Marked = { [STARTED]?: number }
type HttpRequest = ClientRequest & Marked & { readonly socketPath?: unknown }
type UndiciRequest = Marked & { readonly origin?: unknown; readonly method?: unknown }

export function instrumentHttpClient(store: Store, guard: Guard): void {
  const duration = store.family({
    name: 'http_client_request_duration_seconds',
    help: 'Duration of HTTP requests made, until the head of the answer.',
    kind: 'histogram',
    bounds: HTTP_BOUNDS,
    native: true,
  })
  const servers = new Servers(duration)
  const connections = watchConnections(store, guard)
  let agent: unknown

  const created = Number(process.versions.node.split('.', 1)[0]) >= CREATED_SINCE
  const begins = created ? 'http.client.request.created' : 'http.client.request.start'
  guard.on<{ readonly request: HttpRequest & { readonly agent?: unknown } }>(begins, 'http_client', ({ request }) => {
    request[STARTED] = monotonicMs()
    if (request.agent !== agent) {
      agent = request.agent
      connections.seeAgent(agent)
    }
  })
  type Finished = { readonly request: HttpRequest; readonly response: IncomingMessage }
  guard.on<Finished>('http.client.response.finish', 'http_client', ({ request, response }) => {
    const seconds = settle(request)
    if (seconds >= 0) observe(servers.of(request).answered(request.method, response.statusCode), seconds)
  })
  type Failed = { readonly request: HttpRequest; readonly error: unknown }
  guard.on<Failed>('http.client.request.error', 'http_client', ({ request, error }) => {
    const seconds = settle(request)
    if (seconds >= 0) observe(servers.of(request).failed(request.method, error), seconds)
  })

  guard.on<{ readonly request: UndiciRequest }>('undici:request:create', 'undici', ({ request }) => {
    request[STARTED] = monotonicMs()
  })
  type Headers = { readonly request: UndiciRequest; readonly response: { readonly statusCode: number } }
  guard.on<Headers>('undici:request:headers', 'undici', ({ request, response: { statusCode } }) => {
    // Below 200 an informational answer: the real one follows. An upgrade has no other.
    if (statusCode < 200 && statusCode !== 101) return
    const seconds = settle(request)
    if (seconds >= 0) observe(servers.ofOrigin(request.origin).answered(request.method, statusCode), seconds)
  })
  type Broken = { readonly request: UndiciRequest; readonly error: unknown }
  guard.on<Broken>('undici:request:error', 'undici', ({ request, error }) => {
    const seconds = settle(request)
    if (seconds >= 0) observe(servers.ofOrigin(request.origin).failed(request.method, error), seconds)
  })
}

/** Seconds since the request began, once; -1 when it has ended before, or began before the agent looked. */
function settle(marked: Marked): number {
  const startedAt = marked[STARTED]
  if (startedAt === undefined || startedAt < 0) return -1
  // Not `delete`: it would turn the request into a slow dictionary.
  marked[STARTED] = -1
  return Math.max(0, monotonicMs() - startedAt) / 1_000
}

/** One address with the slots of what it has answered. */
class Server {
  readonly #duration: Family
  readonly #address: string
  readonly #port: string
  /** By method * STATUSES + status. */
  readonly #answers = new Map<number, Slot>()

  constructor(duration: Family, address: string, port: string) {
    this.#duration = duration
    this.#address = address
    this.#port = port
  }

  answered(method: unknown, given: number | undefined): Slot {
    const status = given !== undefined && given >= 0 && given < STATUSES ? given : 0
    const index = METHOD_INDEX.get(method) ?? 0
    const key = index * STATUSES + status
    const known = this.#answers.get(key)
    if (known !== undefined) return known
    const text = status === 0 ? '' : String(status)
    const slot = this.#series(METHODS[index] ?? '_OTHER', text, status >= 400 ? text : '')
    this.#answers.set(key, slot)
    return slot
  }

  failed(method: unknown, error: unknown): Slot {
    return this.#series(METHODS[METHOD_INDEX.get(method) ?? 0] ?? '_OTHER', '', errorType(error))
  }

  #series(method: string, status: string, error: string): Slot {
    return this.#duration.series([
      ['http_request_method', method],
      ['server_address', this.#address],
      ['server_port', this.#port],
      ['http_response_status_code', status],
      ['error_type', error],
    ])
  }
}

class Servers {
  readonly #duration: Family
  readonly #http = new Map<string, Server>()
  readonly #https = new Map<string, Server>()
  readonly #origins = new Map<string, Server>()
  readonly #sockets = new Map<string, Server>()
  readonly #other: Server
  #count = 0

  constructor(duration: Family) {
    this.#duration = duration
    this.#other = new Server(duration, '_other', '')
  }

  /** The Host header carries the port as well; what the caller wrote there itself is what it means to talk to. */
  of(request: HttpRequest): Server {
    const { socketPath } = request
    if (typeof socketPath === 'string') {
      return this.#sockets.get(socketPath) ?? this.#learn(this.#sockets, socketPath, () => [socketPath, ''])
    }
    const header = request.getHeader('host')
    const host = typeof header === 'string' ? header : (request.host ?? '')
    const protocol = request.protocol
    const known = protocol === 'https:' ? this.#https : this.#http
    return known.get(host) ?? this.#learn(known, host, () => parseOrigin(`${protocol}//${host}`))
  }

  ofOrigin(given: unknown): Server {
    const origin = typeof given === 'string' ? given : String(given)
    return this.#origins.get(origin) ?? this.#learn(this.#origins, origin, () => parseOrigin(origin))
  }

  #learn(
    known: Map<string, Server>,
    key: string,
    parse: () => readonly [address: string, port: string] | undefined,
  ): Server {
    if (this.#count >= MAX_SERVERS || key.length > MAX_ADDRESS_LENGTH) return this.#other
    const place = parse()
    const server = place === undefined ? this.#other : new Server(this.#duration, ...place)
    known.set(key, server)
    this.#count++
    return server
  }
}

function parseOrigin(origin: string): readonly [address: string, port: string] | undefined {
  if (!URL.canParse(origin)) return undefined
  const { hostname, port, protocol } = new URL(origin)
  return [hostname.replace(/^\[|\]$/g, ''), port || (protocol === 'https:' ? '443' : '80')]
}
