/**
 * What each client does, for whoever looks for suspicious activity: addresses, users, API keys, accounts tried, login routes, by channel.
 *
 * - Off unless `ASSAY_CLIENTS=on`. Addresses, users and accounts are kept here as they are (an operator must be able to act on them)
 *   and leave the process only by `GET /-/assay/clients`, which asks for the token; API keys are hashed at once.
 * - Time goes by windows of five minutes of Unix time: the current one and the one before are kept, each bounded, so that summaries of
 *   workers, instances and successive windows merge without any of them having to decay in step.
 * - Memory is CLIENTS_BYTES (1.42 MiB, touched as it fills) of shared memory and 193 KiB beside it, whatever comes.
 * - No timer: a window begins with its first request; a reader sees which windows it is given.
 */
import { type Hash64, hashId } from '../users/hash.ts'
import type { UsersKey } from '../users/key.ts'
import type { ConnectionMemory, Visit } from '../users/visit.ts'
import { BodySamples } from './body-samples.ts'
import { ClientTable, tableBytes } from './client-table.ts'
import { Gate } from './gate.ts'
import { accountOf, Logins, parsedBody } from './login.ts'
import { DIMENSIONS, type Dimension, Observation } from './observation.ts'

export const WINDOW_MS = 300_000
const WINDOWS = 2
const CAPACITY: Readonly<Record<Dimension, number>> = { address: 256, user: 256, key: 256, account: 256, login: 32 }
/** A path is told from others by its first characters and its length. */
const PATH_CHARACTERS = 128
/** No key is longer. */
const MAX_KEY = 1_024
/** A connection remembers no longer agent; all that are longer are one. */
const MAX_AGENT = 1_024
const MAX_FAULTS = 100
/** Routes whose hash is remembered: 16 KiB. */
const MAX_ROUTES = 4_096

export type TablePlace = { readonly dimension: Dimension; readonly at: number; readonly capacity: number }

/** Where each table lies, window by window. */
export const PLACES: readonly (readonly TablePlace[])[] = Array.from({ length: WINDOWS }, (_, window) => {
  let at = window * bytesOfWindow()
  return DIMENSIONS.map((dimension) => {
    const place = { dimension, at, capacity: CAPACITY[dimension] }
    at += tableBytes(place.capacity)
    return place
  })
})

export const CLIENTS_BYTES = WINDOWS * bytesOfWindow()

function bytesOfWindow(): number {
  return DIMENSIONS.reduce((sum, dimension) => sum + tableBytes(CAPACITY[dimension]), 0)
}

/** Whose clients they are. */
export type ClientsOrigin = {
  readonly service: string
  /** Unix ms. */
  readonly startedAt: number
  /** The id of the key that API keys are hashed with. */
  readonly key: string
}

/** All that another thread needs to tell the clients of this one; it may be posted to it. */
export type SharedClients = {
  readonly memory: SharedArrayBuffer
  /** Undefined: bodies are not sampled. */
  readonly bodies: SharedArrayBuffer | undefined
  readonly channels: readonly string[]
  readonly origin: ClientsOrigin
}

export type ClientsOptions = {
  readonly service: string
  /** Unix ms. */
  readonly startedAt: number
  /** Their names, by the index that visits carry. */
  readonly channels: readonly string[]
  /** How many bodies a minute are sampled; 0: none. */
  readonly bodiesPerMinute: number
  /** Hashes everything here; clients cannot choose what collides. */
  readonly key: UsersKey
  /** The header that carries an API key, in lower case. */
  readonly keyHeader: string
  /** Templates of the routes where accounts are tried; undefined: what looks like it. */
  readonly loginRoutes: readonly string[] | undefined
  readonly fault: (cause: unknown) => void
  readonly stepAside: (reason: string) => void
}

export class Clients {
  readonly shared: SharedClients
  readonly #options: ClientsOptions
  readonly #keyHeader: string
  readonly #tables: readonly Readonly<Record<Dimension, ClientTable>>[]
  readonly #logins: Logins
  readonly #bodies: BodySamples | undefined
  readonly #seen = new Observation()
  readonly #hash: Hash64 = { hi: 0, lo: 0 }
  /** The account that the request tries, '' when it tries none, and its hash. */
  #account = ''
  readonly #accountHash: Hash64 = { hi: 0, lo: 0 }
  readonly #seed: number
  /** By the route's number; 0: not seen yet. */
  readonly #routeHashes = new Int32Array(MAX_ROUTES)
  /** Unix ms: where the current window begins. */
  #from = Number.NaN
  #current: Readonly<Record<Dimension, ClientTable>>
  #faults = 0

  constructor(options: ClientsOptions) {
    const { key, service, startedAt, channels, bodiesPerMinute } = options
    const memory = new SharedArrayBuffer(CLIENTS_BYTES)
    this.#bodies = bodiesPerMinute === 0 ? undefined : new BodySamples(bodiesPerMinute)
    this.shared = {
      memory,
      bodies: this.#bodies?.memory,
      channels,
      origin: { service, startedAt: Math.floor(startedAt), key: key.id },
    }
    this.#options = options
    this.#keyHeader = options.keyHeader
    this.#seed = key.k0 ^ Math.imul(key.k1, 0x9e37_79b1)
    this.#logins = new Logins(options.loginRoutes)
    const gates = Object.fromEntries(DIMENSIONS.map((dimension) => [dimension, new Gate()])) as Record<Dimension, Gate>
    this.#tables = PLACES.map(
      (places) =>
        Object.fromEntries(
          places.map(({ dimension, at, capacity }) => [
            dimension,
            new ClientTable(memory, at, capacity, gates[dimension]),
          ]),
        ) as Record<Dimension, ClientTable>,
    )
    this.#current = this.#tables[0]!
  }

  /** `user`: whose request it was, as `users.settled` answered. Never throws. */
  settled(visit: Visit, user: string | undefined): void {
    if (this.#faults >= MAX_FAULTS) return
    try {
      this.#observe(visit, user)
      this.#bodies?.settled(visit)
    } catch (cause) {
      try {
        this.#options.fault(cause)
        if (++this.#faults === MAX_FAULTS) {
          this.#options.stepAside(`looking at clients failed ${MAX_FAULTS} times`)
        }
      } catch {
        // Whoever is told may fail, too; the request has been answered and goes on.
      }
    }
  }

  #observe(visit: Visit, user: string | undefined): void {
    const { request, memory, nowMs } = visit
    if (!(nowMs >= this.#from && nowMs < this.#from + WINDOW_MS)) this.#turn(Math.floor(nowMs / WINDOW_MS))
    const tables = this.#current
    const seen = this.#seen
    const { headers } = request
    const key = headers[this.#keyHeader]
    const keyed = typeof key === 'string' && key !== '' && key.length <= MAX_KEY
    if (keyed) this.#apiKey(key, memory)
    this.#address(visit.address, memory)
    const { addressHi, addressLo, userHi, userLo } = memory
    const known = user !== undefined
    // Before the rest is looked at: what is found is fetched from memory meanwhile.
    const address = visit.address === '' ? -1 : tables.address.find(addressHi, addressLo, visit.channel)
    const entry = known ? tables.user.find(userHi, userLo, visit.channel) : -1
    const agent = this.#look(visit)
    // Only who is entered needs it, and to keep a new text in an old object is dear.
    if (address < 0 || (known && entry < 0) || keyed || seen.login) seen.agentText = agent
    const peer = known ? userHi : keyed ? memory.apiKeyHi : 0
    if (address >= 0) tables.address.again(address, peer, seen)
    else if (visit.address !== '') tables.address.meet(addressHi, addressLo, visit.address, peer, seen)
    if (entry >= 0) tables.user.again(entry, addressHi, seen)
    else if (known) tables.user.meet(userHi, userLo, user, addressHi, seen)
    if (keyed) tables.key.observe(memory.apiKeyHi, memory.apiKeyLo, undefined, addressHi, seen)
    if (seen.login) this.#login(visit, addressHi)
  }

  /** What the request says, whoever sent it. Answers its agent. */
  #look(visit: Visit): string {
    const { request, memory, status, route } = visit
    const seen = this.#seen
    seen.nowMs = Math.floor(visit.nowMs)
    seen.channel = visit.channel
    seen.status = status
    seen.aborted = visit.aborted
    seen.unmatched = route === ''
    const { method } = request
    seen.writes = method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS'
    seen.bytes = visit.bytesOut > 0 ? visit.bytesOut : 0
    seen.route = route === '' ? 0 : this.#routeHash(visit)
    seen.path = textHash(request.url ?? '', this.#seed)
    const given = request.headers['user-agent']
    const agent = typeof given !== 'string' ? '' : given.length > MAX_AGENT ? '(long)' : given
    seen.agent = this.#agent(agent, memory)
    seen.account = 0
    seen.login = seen.writes && seen.route !== 0 && this.#logins.isLogin(route)
    if (seen.login) this.#readAccount(visit)
    seen.weigh()
    return agent
  }

  #readAccount({ request, framework }: Visit): void {
    const account = accountOf(parsedBody(request, framework))
    this.#account = account
    if (account === '') return
    hashId(account, this.#options.key, this.#accountHash)
    this.#seen.account = this.#accountHash.hi
  }

  #login({ route }: Visit, addressHi: number): void {
    const seen = this.#seen
    const { account, login } = this.#current
    const { hi, lo } = this.#accountHash
    if (this.#account !== '') account.observe(hi, lo, this.#account, addressHi, seen)
    this.#account = ''
    login.observe(seen.route, ~seen.route, route, addressHi, seen)
  }

  #address(address: string, memory: ConnectionMemory): void {
    if (address === memory.address) return
    hashId(address, this.#options.key, this.#hash)
    memory.address = address
    memory.addressHi = this.#hash.hi
    memory.addressLo = this.#hash.lo
  }

  #apiKey(key: string, memory: ConnectionMemory): void {
    if (key === memory.apiKey) return
    const hash = this.#hash
    hashId(key, this.#options.key, hash)
    memory.apiKey = memory.apiKeyHi === hash.hi && memory.apiKeyLo === hash.lo ? key : ''
    memory.apiKeyHi = hash.hi
    memory.apiKeyLo = hash.lo
  }

  /** The hash of an agent; 0: none. */
  #agent(agent: string, memory: ConnectionMemory): number {
    if (agent === '') return 0
    if (agent === memory.agent) return memory.agentHash
    const hash = textHash(agent, this.#seed)
    memory.agent = memory.agentHash === hash ? agent : ''
    memory.agentHash = hash
    return hash
  }

  /** Routes are templates: bounded by the room that makes them. */
  #routeHash({ route, routeId }: Visit): number {
    const hashes = this.#routeHashes
    if (routeId < hashes.length && hashes[routeId] !== 0) return hashes[routeId]!
    hashId(route, this.#options.key, this.#hash)
    const hash = this.#hash.hi || 1
    if (routeId > 0 && routeId < hashes.length) hashes[routeId] = hash
    return hash
  }

  #turn(window: number): void {
    this.#from = window * WINDOW_MS
    this.#current = this.#tables[((window % WINDOWS) + WINDOWS) % WINDOWS]!
    if (this.#current.address.window === window) return
    for (const dimension of DIMENSIONS) this.#current[dimension].reset(window)
  }
}

/**
 * A seeded hash for telling paths apart: multiply and rotate (after MurmurHash3's mixing), a third of the price of the keyed one. Nobody
 * gains by making paths collide: he would only look as if he had tried fewer.
 */
function textHash(text: string, seed: number): number {
  let hash = seed ^ text.length
  const end = Math.min(text.length, PATH_CHARACTERS)
  let i = 0
  // Four characters a step: one at a time took 25 ns for a path of 23 characters, so it takes 20.
  for (; i + 3 < end; i += 4) {
    const word =
      text.charCodeAt(i) ^
      (text.charCodeAt(i + 1) << 8) ^
      (text.charCodeAt(i + 2) << 16) ^
      (text.charCodeAt(i + 3) << 24)
    hash = Math.imul(hash ^ word, 0x0101_9d85)
    hash ^= hash >>> 15
  }
  for (; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0101_9d85)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
  return (hash ^ (hash >>> 16)) | 1
}
