/**
 * What is remembered of a connection that serves requests, and of each request in flight on it.
 *
 * - One object for each connection (HTTP/2: each session), kept on the socket under a symbol and gone with it; nothing is looked up in
 *   a table. Its first flight is reused from request to request over keep-alive, so a request allocates nothing here.
 * - Requests that come before the first is answered (pipelining, HTTP/2) have flights of their own, in the order they came.
 * - All flights have one shape, so that the code that reads them stays fast.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Slot } from '../store/index.ts'
import type { ConnectionMemory } from '../users/visit.ts'
import type { Peer } from './channels.ts'
import type { Route } from './routes/routes.ts'

export const CONNECTION: unique symbol = Symbol('assay.connection')
export const FLIGHT: unique symbol = Symbol('assay.flight')

/** Node's request of either protocol, or what stands for one where only an HTTP/2 stream is known. */
export type AnyRequest = Pick<IncomingMessage, 'method' | 'url' | 'headers'>

/** One request in flight. Reused: its fields are those of the request it holds now. */
export class Flight {
  request: AnyRequest | undefined = undefined
  /** Absent for an upgrade, CONNECT and HTTP/2. */
  response: ServerResponse | undefined = undefined
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
}

export class Connection {
  /** Index into WIRES. */
  readonly wire: number
  /** Of a server that is not the application's: nothing is counted. */
  readonly ignored: boolean
  /** The channel, where the connection alone decides; -1: none. */
  channel = -1
  peer: Peer | undefined = undefined
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

  /** A free flight; it is taken once its `request` is set. */
  open(): Flight {
    if (this.first.request === undefined) return this.first
    const flight = new Flight()
    if (this.#more === undefined) this.#more = [flight]
    else this.#more.push(flight)
    return flight
  }

  find(request: unknown): Flight | undefined {
    if (this.first.request === request) return this.first
    const more = this.#more
    if (more === undefined) return undefined
    for (let i = 0; i < more.length; i++) if (more[i]!.request === request) return more[i]
    return undefined
  }

  close(flight: Flight): void {
    flight.request = undefined
    flight.response = undefined
    flight.route = undefined
    flight.framework = undefined
    if (flight === this.first || this.#more === undefined) return
    const at = this.#more.indexOf(flight)
    if (at >= 0) this.#more.splice(at, 1)
  }

  /** Those that hold a request. */
  inFlight(): Flight[] {
    return [this.first, ...(this.#more ?? [])].filter(({ request }) => request !== undefined)
  }
}
