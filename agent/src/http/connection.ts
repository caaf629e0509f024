/**
 * What is remembered of a connection that serves requests, and of each request in flight on it.
 *
 * - One object for each connection (HTTP/2: each session), kept on the socket under a symbol and gone with it; nothing is looked up in
 *   a table. Its first flight is reused from request to request over keep-alive, so a request allocates nothing here.
 * - Requests that come before the first is answered (pipelining, HTTP/2) have flights of their own, in the order they came.
 * - A connection is old and a request is young: V8 notes each young object that an old one is given, for some 17 ns. So a flight keeps one
 *   of them, the response, which knows its request.
 * - All flights have one shape, so that the code that reads them stays fast.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Slot } from '../store/index.ts'
import type { ConnectionMemory } from '../users/visit.ts'
import type { ChannelRules, Peer } from './channels.ts'
import type { Route } from './routes/routes.ts'

export const CONNECTION: unique symbol = Symbol('assay.connection')
export const FLIGHT: unique symbol = Symbol('assay.flight')
/** In place of a framework's own request where nobody has asked for it yet. */
export const NOT_KEPT: object = {}

/** Node's request of either protocol, or what stands for one where only an HTTP/2 stream is known. */
export type AnyRequest = Pick<IncomingMessage, 'method' | 'url' | 'headers'>

/** One request in flight. Reused: its fields are those of the request it holds now. */
export class Flight {
  /** What answers it. Absent for an upgrade, CONNECT and HTTP/2. */
  response: ServerResponse | undefined = undefined
  /** The request, where there is no response. */
  request: AnyRequest | undefined = undefined
  /** Milliseconds of the monotonic clock. Never a small integer, so that V8 keeps the field as a double. */
  startedAt = Number.NaN
  /** Index into METHODS. */
  method = 0
  /** Where it is counted as active. */
  active: Slot | undefined = undefined
  /** Index into the names of channels; -1: none. */
  channel = -1
  route: Route | undefined = undefined
  /** The framework's own request or context, for `identify`. */
  framework: unknown = undefined

  get isTaken(): boolean {
    return this.response !== undefined || this.request !== undefined
  }

  isOf(request: unknown): boolean {
    return this.response === undefined ? this.request === request : this.response.req === request
  }
}

export class Connection {
  /** Index into WIRES. */
  readonly wire: number
  /** Of a server that is not the application's: nothing is counted. */
  readonly ignored: boolean
  /** The channel, where the connection alone decides; -1: none. */
  channel = -1
  peer: Peer | undefined = undefined
  /** What decides about the channel of each request; absent where the connection alone does. */
  rules: ChannelRules | undefined = undefined
  memory: ConnectionMemory | undefined = undefined
  /** Where the last request was counted as active, and its method: most requests of a connection have the same. */
  active: Slot | undefined = undefined
  activeMethod = 0
  /** A request that could not be parsed has been counted. */
  rejected = false
  readonly first = new Flight()
  #more: Flight[] | undefined = undefined

  constructor(wire: number, ignored: boolean) {
    this.wire = wire
    this.ignored = ignored
  }

  /** A free flight; it is taken once it has a response or a request. */
  open(): Flight {
    return this.first.isTaken ? this.#another() : this.first
  }

  #another(): Flight {
    const flight = new Flight()
    if (this.#more === undefined) this.#more = [flight]
    else this.#more.push(flight)
    return flight
  }

  find(request: unknown): Flight | undefined {
    return this.first.isOf(request) ? this.first : this.#more?.find((flight) => flight.isOf(request))
  }

  answeredBy(response: ServerResponse): Flight | undefined {
    return this.first.response === response ? this.first : this.#more?.find((flight) => flight.response === response)
  }

  close(flight: Flight): void {
    flight.request = undefined
    flight.response = undefined
    flight.route = undefined
    flight.framework = undefined
    if (flight !== this.first) this.#forget(flight)
  }

  #forget(flight: Flight): void {
    const at = this.#more?.indexOf(flight) ?? -1
    if (at >= 0) this.#more?.splice(at, 1)
  }

  /** Those that hold a request. */
  inFlight(): Flight[] {
    return [this.first, ...(this.#more ?? [])].filter(({ isTaken }) => isTaken)
  }
}
