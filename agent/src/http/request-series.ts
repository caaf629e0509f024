/**
 * From a request to its series: array indexes all the way, labels written once.
 *
 * - route -> (channel, wire, method) -> (status, aborted) -> slot. The two middle steps are small dense numbers, given out as
 *   combinations are first seen, so that the tables stay short arrays. Each step is a place in memory that the processor has to fetch: a
 *   request like the last one of its route leaves them out.
 * - The status counts as an error from 500 on (OpenTelemetry: for a server, 4xx is the client's error).
 * - `network_protocol_version` is written for HTTP/2 alone: HTTP/1 is what there was before, and its series keep their names.
 */
import type { Family, Slot, Store } from '../store/index.ts'
import { HTTP_BOUNDS } from './bounds.ts'
import { MAX_CHANNELS } from './channels.ts'
import type { Route } from './routes/routes.ts'

const METHODS = [
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
  '_OTHER',
] as const
const OTHER_METHOD = METHODS.length - 1
export const CONNECT = METHODS.indexOf('CONNECT')

const WIRES = [
  { scheme: 'http', version: '' },
  { scheme: 'https', version: '' },
  { scheme: 'http', version: '2' },
  { scheme: 'https', version: '2' },
] as const

export function wireIndex(encrypted: boolean, http2: boolean): number {
  return (encrypted ? 1 : 0) + (http2 ? 2 : 0)
}

export function methodIndex(method: unknown): number {
  switch (method) {
    case 'GET':
      return 0
    case 'POST':
      return 1
    default: {
      const index = (METHODS as readonly unknown[]).indexOf(method)
      return index < 0 ? OTHER_METHOD : index
    }
  }
}

/** Applications may make statuses up: beyond so many of them the rest share one place, and are told as what came there first. */
const MAX_STATUSES = 100

export class RequestSeries {
  /** Names of the channels, as the settings have them. */
  channelNames: readonly string[] = []
  readonly #duration: Family
  readonly #active: Family
  readonly #activeSlots: (Slot | undefined)[] = []
  /** 0: not seen yet. */
  readonly #combos = new Uint16Array((MAX_CHANNELS + 1) * WIRES.length * METHODS.length)
  #combosSeen = 0
  readonly #statuses = new Uint8Array(1_000)
  #statusesSeen = 0

  constructor(store: Store) {
    this.#duration = store.family({
      name: 'http_server_request_duration_seconds',
      help: 'Duration of HTTP requests served, from the parsed head to the last byte given to the system.',
      kind: 'histogram',
      bounds: HTTP_BOUNDS,
      native: true,
    })
    this.#active = store.family({
      name: 'http_server_active_requests',
      help: 'HTTP requests being served now.',
      kind: 'gauge',
    })
  }

  /** `status` 0: no head was sent. */
  duration(route: Route, wire: number, method: number, channel: number, status: number, aborted: boolean): Slot {
    const at = ((channel + 1) * WIRES.length + wire) * METHODS.length + method
    // A status may be whatever the application has set: only real ones make a key.
    const key =
      status >= 0 && status < 1_000 && (status | 0) === status ? (at * 1_000 + status) * 2 + (aborted ? 1 : 0) : -2
    return key === route.lastKey
      ? route.lastSlot!
      : this.#otherDuration(route, wire, method, channel, status, aborted, key)
  }

  /** Of another kind than the last request of its route; `key` says which, -2 that none can be made. */
  #otherDuration(
    route: Route,
    wire: number,
    method: number,
    channel: number,
    status: number,
    aborted: boolean,
    key: number,
  ): Slot {
    const at = ((channel + 1) * WIRES.length + wire) * METHODS.length + method
    const combo = this.#combos[at]!
    const place = this.#statuses[status > 0 && status < 1_000 ? status : 0]!
    const known = route.tables[combo]?.[place * 2 + (aborted ? 1 : 0)]
    const slot =
      known !== undefined && combo !== 0 && place !== 0
        ? known
        : this.#newDuration(route, wire, method, channel, status, aborted)
    if (key >= 0) {
      route.lastKey = key
      route.lastSlot = slot
    }
    return slot
  }

  active(wire: number, method: number): Slot {
    return (this.#activeSlots[wire * METHODS.length + method] ??= this.#active.series([
      ['http_request_method', METHODS[method]!],
      ['url_scheme', WIRES[wire]!.scheme],
    ]))
  }

  #newDuration(route: Route, wire: number, method: number, channel: number, status: number, aborted: boolean): Slot {
    const at = ((channel + 1) * WIRES.length + wire) * METHODS.length + method
    if (this.#combos[at] === 0) this.#combos[at] = ++this.#combosSeen
    const known = status > 0 && status < 1_000 ? status : 0
    if (this.#statuses[known] === 0) {
      if (this.#statusesSeen < MAX_STATUSES) this.#statusesSeen++
      this.#statuses[known] = this.#statusesSeen
    }
    const table = (route.tables[this.#combos[at]!] ??= [])
    return (table[this.#statuses[known]! * 2 + (aborted ? 1 : 0)] ??= this.#duration.series([
      ['http_request_method', METHODS[method]!],
      ['http_route', route.template],
      ['http_response_status_code', known === 0 ? '' : String(known)],
      ['url_scheme', WIRES[wire]!.scheme],
      ['network_protocol_version', WIRES[wire]!.version],
      ['channel', this.channelNames[channel] ?? ''],
      ['error_type', aborted ? 'aborted' : known >= 500 ? String(known) : ''],
    ]))
  }
}
