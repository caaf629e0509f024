/**
 * By which channel a request came: internal, open, partners; whatever the company calls them.
 *
 *     {"internal": ["10.0.0.0/8", {"header": "x-caller", "is": "shop"}], "partner": {"key": ["k1", "k2"]}, "open": "rest"}
 *
 * - Channels are tried in the order written; the first with a matching condition wins; `"rest"` always matches.
 * - A condition is a CIDR of the client's address, a header that is present, a header that has a value, or an API key: one of some
 *   values of a header (`x-api-key`, or the one that `in` names). Keys are kept as keyed hashes only.
 * - What the address alone decides is decided once for a connection. Behind a trusted proxy, which sends many clients' requests over
 *   one connection, it is decided anew when the forwarded address is another one than before.
 * - The address behind trusted proxies is the last one in X-Forwarded-For that is not a trusted proxy; without that header, in Forwarded.
 * - A channel is for measuring, not for permission: a header can be forged.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { type Hash64, type HashKey, hashId } from '../users/hash.ts'
import { Networks, plainAddress } from './addresses.ts'

const [ADDRESS, HEADER, KEY, REST] = [0, 1, 2, 3] as const

/** All of one shape, whatever it asks: they are read at every request. */
type Condition = {
  readonly kind: typeof ADDRESS | typeof HEADER | typeof KEY | typeof REST
  /** Of the header. */
  readonly name: string
  readonly is: string | undefined
  readonly hashes: readonly Hash64[]
  readonly within: Networks | undefined
}

const ANYTHING: Condition = { kind: REST, name: '', is: undefined, hashes: [], within: undefined }

/** What is known of a connection; one object of it lives as long as the connection. */
export type Peer = {
  /** Who holds the other end of the connection; '' when it is not known. */
  readonly remote: string
  /** The client's address, '' when it is not known; behind trusted proxies that of the last request. */
  address: string
  /** The header that has told it. */
  forwarded: string | undefined
  /** Bit i: the i-th condition on addresses holds for it. */
  holds: number
}

export const MAX_CHANNELS = 16
/** Conditions on addresses are bits of one number. */
const MAX_ADDRESS_CONDITIONS = 31
const MAX_KEYS = 1_000
const MAX_HOPS = 32

export class ChannelRules {
  /** Their names, in order. A channel is given as an index into them. */
  readonly names: readonly string[]
  /** Whether the connection alone decides. */
  readonly perConnection: boolean
  /** All conditions in the order they are tried, and the channel of each. */
  readonly #conditions: readonly Condition[]
  readonly #channelOf: readonly number[]
  readonly #networks: readonly Networks[]
  readonly #proxies: Networks | undefined
  readonly #hash: Hash64 = { hi: 0, lo: 0 }
  readonly #key: HashKey

  constructor(rules: ReadonlyMap<string, readonly Condition[]>, proxies: Networks | undefined, key: HashKey) {
    this.names = [...rules.keys()]
    this.#conditions = [...rules.values()].flat()
    this.#channelOf = [...rules.values()].flatMap((conditions, channel) => conditions.map(() => channel))
    this.#networks = this.#conditions.flatMap(({ within }) => (within === undefined ? [] : [within]))
    if (this.#networks.length > MAX_ADDRESS_CONDITIONS) {
      throw new Error(`${this.#networks.length} address ranges; at most ${MAX_ADDRESS_CONDITIONS}`)
    }
    this.#proxies = proxies
    this.#key = key
    this.perConnection =
      proxies === undefined && this.#conditions.every(({ kind }) => kind === ADDRESS || kind === REST)
  }

  /** What the address of a connection decides. */
  peer(remoteAddress: string | undefined): Peer {
    const remote = plainAddress(remoteAddress)
    return { remote, address: remote, forwarded: undefined, holds: this.#holding(remote) }
  }

  /** The index of the channel, or -1 when no rule matches. Brings `peer.address` up to date. */
  decide(peer: Peer, headers: IncomingHttpHeaders): number {
    if (this.#proxies !== undefined) this.#follow(this.#proxies, peer, headers)
    const conditions = this.#conditions
    let bit = 1
    for (let i = 0; i < conditions.length; i++) {
      const condition = conditions[i]!
      const { kind } = condition
      if (kind === HEADER) {
        const value = headers[condition.name]
        if (condition.is === undefined ? value !== undefined : value === condition.is) return this.#channelOf[i]!
      } else if (kind === ADDRESS) {
        if ((peer.holds & bit) !== 0) return this.#channelOf[i]!
        bit <<= 1
      } else if (kind === KEY) {
        const value = headers[condition.name]
        if (typeof value === 'string' && this.#isKey(value, condition.hashes)) return this.#channelOf[i]!
      } else return this.#channelOf[i]!
    }
    return -1
  }

  #isKey(value: string, hashes: readonly Hash64[]): boolean {
    const hash = this.#hash
    hashId(value, this.#key, hash)
    for (let i = 0; i < hashes.length; i++) {
      if (hashes[i]!.lo === hash.lo && hashes[i]!.hi === hash.hi) return true
    }
    return false
  }

  #holding(address: string): number {
    let holds = 0
    for (let i = 0; i < this.#networks.length; i++) if (this.#networks[i]!.has(address)) holds |= 1 << i
    return holds
  }

  #follow(proxies: Networks, peer: Peer, headers: IncomingHttpHeaders): void {
    const told = headers['x-forwarded-for'] ?? headers.forwarded
    const text = Array.isArray(told) ? told.join(',') : told
    if (text === peer.forwarded) return
    peer.forwarded = text
    const hops = text === undefined ? [] : hopsOf(text, headers['x-forwarded-for'] === undefined)
    peer.address = lastUntrusted(proxies, peer.remote, hops)
    peer.holds = this.#holding(peer.address)
  }
}

function lastUntrusted(proxies: Networks, peer: string, hops: readonly string[]): string {
  let address = peer
  for (let i = hops.length - 1; i >= 0 && proxies.has(address); i--) {
    if (isIP(hops[i]!) === 0) break
    address = hops[i]!
  }
  return address
}

/** The addresses of the last hops, in order; `forwarded`: the text is of RFC 7239, else of X-Forwarded-For. */
function hopsOf(text: string, forwarded: boolean): readonly string[] {
  const hops = text.slice(-4_096).split(',').slice(-MAX_HOPS)
  return hops.map((hop) => plainAddress(withoutPort(forwarded ? forOf(hop) : hop.trim())))
}

function forOf(element: string): string {
  return /(?:^|;)\s*for\s*=\s*(?:"([^"]*)"|([^\s;]+))/i.exec(element)?.slice(1).find(Boolean) ?? ''
}

/** `[2001:db8::1]:4711` and `192.0.2.1:4711` as some proxies and RFC 7239 write them. */
function withoutPort(hop: string): string {
  if (hop.startsWith('[')) return hop.slice(1, hop.indexOf(']'))
  const colon = hop.indexOf(':')
  return colon >= 0 && colon === hop.lastIndexOf(':') ? hop.slice(0, colon) : hop
}

/** Throws a sentence that says what to write instead. */
export function parseChannels(given: unknown, trustedProxies: readonly string[]): ChannelRules {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new Error('write {"internal": ["10.0.0.0/8"], "open": "rest"}')
  }
  const entries = Object.entries(given)
  if (entries.length > MAX_CHANNELS) throw new Error(`${entries.length} channels; at most ${MAX_CHANNELS}`)
  // Of this process: the hashes are compared here alone.
  const key = { k0: (Math.random() * 2 ** 32) | 0, k1: (Math.random() * 2 ** 32) | 0 }
  const rules = new Map(
    entries.map(([name, rule]) => [
      name,
      (Array.isArray(rule) ? rule : [rule]).map((one) => parseCondition(name, one, key)),
    ]),
  )
  return new ChannelRules(rules, trustedProxies.length === 0 ? undefined : new Networks(trustedProxies), key)
}

function parseCondition(channel: string, given: unknown, key: HashKey): Condition {
  if (given === 'rest') return ANYTHING
  if (typeof given === 'string') return { ...ANYTHING, kind: ADDRESS, within: new Networks([given]) }
  if (typeof given === 'object' && given !== null) {
    if ('header' in given && typeof given.header === 'string') {
      const is = 'is' in given ? given.is : undefined
      if (is === undefined || typeof is === 'string') {
        return { ...ANYTHING, kind: HEADER, name: given.header.toLowerCase(), is }
      }
    }
    if ('key' in given && Array.isArray(given.key) && given.key.length <= MAX_KEYS) {
      const values = given.key.filter((one): one is string => typeof one === 'string' && one !== '')
      const name = 'in' in given ? given.in : 'x-api-key'
      if (values.length === given.key.length && values.length > 0 && typeof name === 'string') {
        return { ...ANYTHING, kind: KEY, name: name.toLowerCase(), hashes: values.map((value) => hashed(value, key)) }
      }
    }
    // What may be a key is not repeated on stderr.
    if ('key' in given) {
      throw new Error(
        `${channel}: a key is written {"key": ["..."]}, or {"key": ["..."], "in": "authorization"}; at most ${MAX_KEYS}`,
      )
    }
  }
  throw new Error(
    `${channel}: ${JSON.stringify(given)} is not "rest", a CIDR, {"header": "x-api-key"}, {"header": "x-caller", "is": "shop"} or {"key": ["..."]}`,
  )
}

function hashed(value: string, key: HashKey): Hash64 {
  const hash = { hi: 0, lo: 0 }
  hashId(value, key, hash)
  return hash
}
