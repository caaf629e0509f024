/**
 * Requests over HTTP/2: a stream is a request, by the channels `http2.server.stream.*` (Node 24.2 and later; before that HTTP/2 is
 * not seen, and a metric says so once a server of it listens).
 *
 * - A session is the connection; a stream carries its flight. The status is that of the head the stream has sent.
 * - A stream that ends with an error code, or before its answer is complete, is aborted.
 * - CONNECT (WebSocket over HTTP/2 among it) is settled when its head is sent: what follows is a tunnel, not an answer.
 * - A pushed stream is nobody's request: it has an even id, and is left alone.
 */
import type { Guard } from '../guard.ts'
import { type AnyRequest, CONNECTION, Connection, FLIGHT, Flight } from './connection.ts'
import { CONNECT, wireIndex } from './request-series.ts'
import type { HttpServerMetrics } from './server.ts'

type Headers = AnyRequest['headers']
/** Node answers `undefined` for most of it once the stream is destroyed. */
type Stream = {
  readonly id?: number | undefined
  readonly session?: Session | undefined
  readonly sentHeaders?: { readonly ':status'?: unknown } | undefined
  readonly rstCode?: number | undefined
  readonly writableEnded: boolean
  [FLIGHT]?: StreamFlight | undefined
}
type Session = {
  readonly encrypted?: boolean | undefined
  readonly socket?: { readonly remoteAddress?: string | undefined } | undefined
  readonly server?: object | undefined
  [CONNECTION]?: Connection | undefined
}

/** A stream has no other way back to its connection once it is destroyed. */
class StreamFlight extends Flight {
  readonly connection: Connection

  constructor(connection: Connection) {
    super()
    this.connection = connection
  }
}

const PART = 'http2_server'

export function watchHttp2(metrics: HttpServerMetrics, guard: Guard): void {
  const connect = (session: Session): Connection => {
    const { server } = session
    const connection = new Connection(
      wireIndex(session.encrypted === true, true),
      server !== undefined && metrics.ignored.has(server),
    )
    if (!connection.ignored) {
      metrics.sawServer()
      metrics.decideOnce(connection, session.socket?.remoteAddress)
    }
    session[CONNECTION] = connection
    return connection
  }

  guard.on<{ readonly stream: Stream; readonly headers: Headers }>(
    'http2.server.stream.start',
    PART,
    ({ stream, headers }) => {
      const { session } = stream
      if (session === undefined || (stream.id ?? 0) % 2 === 0) return
      const connection = session[CONNECTION] ?? connect(session)
      if (connection.ignored) return
      const flight = new StreamFlight(connection)
      metrics.begin(connection, flight, { method: text(headers[':method']), url: text(headers[':path']), headers })
      stream[FLIGHT] = flight
    },
  )

  const settle = (stream: Stream, status: number, aborted: boolean): void => {
    const flight = stream[FLIGHT]
    if (flight?.request === undefined) return
    stream[FLIGHT] = undefined
    metrics.settle(flight.connection, flight, compatRequest(stream) ?? flight.request, status, aborted, -1)
  }

  guard.on<{ readonly stream: Stream }>('http2.server.stream.finish', PART, ({ stream }) => {
    if (stream[FLIGHT]?.method === CONNECT) settle(stream, statusOf(stream), false)
  })
  guard.on<{ readonly stream: Stream }>('http2.server.stream.close', PART, ({ stream }) => {
    const status = statusOf(stream)
    settle(stream, status, status === 0 || (stream.rstCode ?? 0) !== 0 || !stream.writableEnded)
  })
}

function statusOf({ sentHeaders }: Stream): number {
  const status = sentHeaders?.[':status']
  return typeof status === 'number' ? status : 0
}

function text(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined
}

let compatSymbol: symbol | undefined

/** The request of the compatibility API (which frameworks use), where the stream has one: Node keeps it under a symbol. */
function compatRequest(stream: object): AnyRequest | undefined {
  compatSymbol ??= Object.getOwnPropertySymbols(stream).find(({ description }) => description === 'request')
  const request: unknown = compatSymbol === undefined ? undefined : Reflect.get(stream, compatSymbol)
  return typeof request === 'object' && request !== null && 'headers' in request ? (request as AnyRequest) : undefined
}
