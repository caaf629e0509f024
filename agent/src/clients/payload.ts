/**
 * What `GET /-/assay/clients` answers: both windows, every dimension, the clients kept. `docs/formats/agent-clients.md` draws it.
 *
 * - It holds addresses, users and accounts: only who shows the token may read it, and nothing of it may become a label.
 * - `decode . encode` gives the same summaries. Bounded: what is longer or otherwise than written here is refused whole.
 */

import { type BodySample, readBodies } from './body-samples.ts'
import { NAME_BYTES, readTable } from './client-table.ts'
import { CLIENTS_BYTES, type ClientsOrigin, PLACES, type SharedClients, WINDOW_MS } from './clients.ts'
import { encodeDistinct, tryDecodeDistinct } from './distinct.ts'
import { COUNTERS, DIMENSIONS, DISTINCT, type Dimension, GAPS } from './observation.ts'
import { type ClientWindows, mergeClients, type NamedEntry, type NamedWindow } from './summary.ts'

export const CLIENTS_FORMAT = 1
const MAX_WINDOWS = 16
/** Merged over instances. */
const MAX_BODIES = 256
/** Of one dimension in one window, merged over instances. */
const MAX_ENTRIES = 16_384

export type ClientsReading = ClientsOrigin & {
  readonly at: number
  readonly windows: ClientWindows
  /** Masked bodies, oldest first; none unless they are asked for. */
  readonly bodies: readonly BodySample[]
}

type EntryData = {
  readonly id: string
  readonly channel?: string
  readonly agent?: string
  readonly first: number
  readonly last: number
  readonly missed?: number
  readonly bytes?: number
  readonly counts: Readonly<Record<string, number>>
  /** Without the zeros at its end. */
  readonly gaps: readonly number[]
  readonly distinct: Readonly<Record<string, string>>
}

export type ClientsPayload = ClientsOrigin & {
  readonly format: typeof CLIENTS_FORMAT
  readonly at: number
  readonly windowMs: number
  readonly bodies: readonly BodySample[]
  readonly windows: readonly {
    /** Unix ms: the window is [from, from + windowMs). */
    readonly from: number
    readonly dimensions: Readonly<
      Partial<
        Record<
          Dimension,
          {
            readonly seen: number
            readonly others: number
            readonly floor: number
            readonly clients: readonly EntryData[]
          }
        >
      >
    >
  }[]
}

/** What a process has kept, from any of its threads. */
export function readClients({ memory, bodies, channels, origin }: SharedClients, nowMs: number): ClientsReading {
  const windows = readWindows(memory, channels)
  return { ...origin, at: nowMs, windows, bodies: bodies === undefined ? [] : readBodies(bodies) }
}

function readWindows(memory: SharedArrayBuffer, channels: readonly string[]): ClientWindows {
  if (memory.byteLength !== CLIENTS_BYTES)
    throw new RangeError(`BUG: ${memory.byteLength} bytes are not the memory of clients`)
  const windows = new Map<number, Map<Dimension, NamedWindow>>()
  for (const { dimension, at, capacity } of PLACES.flat()) {
    const read = readTable(memory, at, capacity)
    if (read === undefined || read.clients.seen === 0) continue
    const of = windows.get(read.window) ?? new Map<Dimension, NamedWindow>()
    windows.set(read.window, of)
    const entries = read.clients.entries.map((entry) => ({ ...entry, channel: channels[entry.channel] ?? '' }))
    of.set(dimension, { ...read.clients, entries })
  }
  return windows
}

export function encodeClients({ service, startedAt, key, at, windows, bodies }: ClientsReading): ClientsPayload {
  return {
    format: CLIENTS_FORMAT,
    service,
    startedAt,
    key,
    at,
    windowMs: WINDOW_MS,
    bodies: bodies.slice(-MAX_BODIES),
    windows: [...windows]
      .sort(([a], [b]) => a - b)
      .slice(-MAX_WINDOWS)
      .map(([window, dimensions]) => ({
        from: window * WINDOW_MS,
        dimensions: Object.fromEntries(
          [...dimensions].map(([dimension, { seen, others, floor, entries }]) => [
            dimension,
            { seen, others, floor, clients: entries.slice(0, MAX_ENTRIES).map(toData) },
          ]),
        ),
      })),
  }
}

function toData({ id, channel, agent, first, last, missed, bytes, counts, gaps, distinct }: NamedEntry): EntryData {
  return {
    id,
    ...(channel === '' ? {} : { channel }),
    ...(agent === '' ? {} : { agent }),
    first,
    last,
    ...(missed === 0 ? {} : { missed }),
    ...(bytes === 0 ? {} : { bytes }),
    counts: Object.fromEntries(COUNTERS.flatMap((name, i) => (counts[i] === 0 ? [] : [[name, counts[i]!]]))),
    gaps: gaps.slice(0, gaps.findLastIndex((count) => count > 0) + 1),
    distinct: Object.fromEntries(
      DISTINCT.map((name, i) => [name, encodeDistinct(distinct[i]!)] as const).filter(([, text]) => text !== ''),
    ),
  }
}

/** Undefined for what is not a payload of this format. */
export function tryDecodeClients(given: unknown): ClientsReading | undefined {
  if (!isObject(given)) return undefined
  const { format, service, startedAt, key, at, windowMs, windows, bodies } = given
  if (format !== CLIENTS_FORMAT || windowMs !== WINDOW_MS || !isText(service, 200)) return undefined
  if (typeof key !== 'string' || !/^[0-9a-f]{16}$/.test(key)) return undefined
  if (!isCount(startedAt) || !isCount(at) || !Array.isArray(windows) || windows.length > MAX_WINDOWS) return undefined
  if (!Array.isArray(bodies) || bodies.length > MAX_BODIES || !bodies.every(isBody)) return undefined
  const found = new Map<number, Map<Dimension, NamedWindow>>()
  for (const one of windows) {
    if (!isObject(one) || !isCount(one['from']) || one['from'] % WINDOW_MS !== 0 || !isObject(one['dimensions']))
      return undefined
    const of = new Map<Dimension, NamedWindow>()
    for (const [name, clients] of Object.entries(one['dimensions'])) {
      const dimension = DIMENSIONS.find((known) => known === name)
      const window = dimension === undefined ? undefined : tryWindow(clients)
      if (dimension === undefined || window === undefined) return undefined
      of.set(dimension, window)
    }
    found.set(one['from'] / WINDOW_MS, of)
  }
  return { service, startedAt, key, at, windows: found, bodies }
}

/** All of them together; the first one gives service and key. API keys hashed with different keys stay apart by their hashes. */
export function mergeClientReadings(readings: readonly ClientsReading[]): ClientsReading | undefined {
  const [first] = readings
  if (first === undefined) return undefined
  return {
    ...first,
    startedAt: Math.min(...readings.map(({ startedAt }) => startedAt)),
    at: Math.max(...readings.map(({ at }) => at)),
    windows: mergeClients(readings.map(({ windows }) => windows)),
    bodies: readings.flatMap(({ bodies }) => bodies).sort((a, b) => a.at - b.at),
  }
}

function tryWindow(given: unknown): NamedWindow | undefined {
  if (!isObject(given)) return undefined
  const { seen, others, floor, clients } = given
  if (!isCount(seen) || !isCount(others) || !isCount(floor)) return undefined
  if (!Array.isArray(clients) || clients.length > MAX_ENTRIES) return undefined
  const entries: NamedEntry[] = []
  for (const client of clients) {
    const entry = tryEntry(client)
    if (entry === undefined) return undefined
    entries.push(entry)
  }
  return { seen, others, floor, entries }
}

function tryEntry(given: unknown): NamedEntry | undefined {
  if (!isObject(given)) return undefined
  const { id, channel = '', agent = '', first, last, missed = 0, bytes = 0, counts, gaps, distinct } = given
  if (!isText(id, NAME_BYTES) || !isText(channel, 200) || !isText(agent, 200)) return undefined
  if (!isCount(first) || !isCount(last) || !isCount(missed) || !isCount(bytes)) return undefined
  if (!isObject(counts) || !isObject(distinct) || !Array.isArray(gaps) || gaps.length > GAPS) return undefined
  const counted = COUNTERS.map((name) => counts[name] ?? 0)
  const spread = Array.from({ length: GAPS }, (_, i): unknown => gaps[i] ?? 0)
  const registers = DISTINCT.map((name) => tryDecodeDistinct(distinct[name] ?? ''))
  if (!counted.every(isCount) || !spread.every(isCount) || !registers.every((one) => one !== undefined))
    return undefined
  return { id, channel, agent, first, last, missed, bytes, counts: counted, gaps: spread, distinct: registers }
}

function isBody(given: unknown): given is BodySample {
  if (!isObject(given)) return false
  const { at, address, method, route, status, type, body } = given
  return (
    isCount(at) &&
    isCount(status) &&
    isText(address, 64) &&
    isText(method, 16) &&
    isText(route, 200) &&
    isText(type, 16) &&
    isText(body, 4_096)
  )
}

function isObject(given: unknown): given is Record<string, unknown> {
  return typeof given === 'object' && given !== null && !Array.isArray(given)
}

function isText(given: unknown, most: number): given is string {
  return typeof given === 'string' && given.length <= most
}

function isCount(given: unknown): given is number {
  return typeof given === 'number' && given >= 0 && given <= Number.MAX_SAFE_INTEGER
}
