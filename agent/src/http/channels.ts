/**
 * By which channel a request came: internal, open, partners; whatever the company calls them.
 *
 *     {"internal": ["10.0.0.0/8", {"header": "x-caller", "is": "shop"}], "partner": {"header": "x-api-key"}, "open": "rest"}
 *
 * - Channels are tried in the order written; the first with a matching condition wins; `"rest"` always matches.
 * - A condition is a CIDR of the client's address, a header that is present, or a header that has a value.
 * - Rules that only look at the address are decided once for a connection; with headers, or behind a trusted proxy, for each request.
 * - The address behind trusted proxies is the last one in X-Forwarded-For that is not a trusted proxy.
 * - A channel is for measuring, not for permission: a header can be forged.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { BlockList, isIP } from 'node:net'

type Condition =
  | { readonly kind: 'address'; readonly within: BlockList }
  | { readonly kind: 'header'; readonly name: string; readonly is: string | undefined }
  | { readonly kind: 'rest' }

export const MAX_CHANNELS = 16

export class ChannelRules {
  /** Their names, in order. A channel is given as an index into them. */
  readonly names: readonly string[]
  /** Whether the peer's address alone decides. */
  readonly perConnection: boolean
  readonly #rules: readonly (readonly Condition[])[]
  readonly #proxies: BlockList | undefined

  constructor(rules: ReadonlyMap<string, readonly Condition[]>, proxies: BlockList | undefined) {
    this.names = [...rules.keys()]
    this.#rules = [...rules.values()]
    this.#proxies = proxies
    this.perConnection =
      proxies === undefined && !this.#rules.some((rule) => rule.some(({ kind }) => kind === 'header'))
  }

  /** The index of the channel, or -1 when no rule matches. */
  decide(peer: string | undefined, headers: IncomingHttpHeaders): number {
    const rules = this.#rules
    if (rules.length === 0) return -1
    const address = this.#proxies === undefined ? plain(peer) : this.#client(peer, headers['x-forwarded-for'])
    for (let i = 0; i < rules.length; i++) {
      for (const condition of rules[i]!) if (holds(condition, address, headers)) return i
    }
    return -1
  }

  #client(peer: string | undefined, forwarded: string | string[] | undefined): string {
    let address = plain(peer)
    const hops = (Array.isArray(forwarded) ? forwarded.join(',') : (forwarded ?? '')).split(',')
    for (let i = hops.length - 1; i >= 0 && within(this.#proxies, address); i--) {
      const hop = plain(hops[i]!.trim())
      if (isIP(hop) === 0) break
      address = hop
    }
    return address
  }
}

/** Throws a sentence that says what to write instead. */
export function parseChannels(given: unknown, trustedProxies: readonly string[]): ChannelRules {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new Error('write {"internal": ["10.0.0.0/8"], "open": "rest"}')
  }
  const entries = Object.entries(given)
  if (entries.length > MAX_CHANNELS) throw new Error(`${entries.length} channels; at most ${MAX_CHANNELS}`)
  const rules = new Map(
    entries.map(([name, rule]) => [
      name,
      (Array.isArray(rule) ? rule : [rule]).map((one) => parseCondition(name, one)),
    ]),
  )
  return new ChannelRules(rules, trustedProxies.length === 0 ? undefined : subnets(trustedProxies))
}

function parseCondition(channel: string, given: unknown): Condition {
  if (given === 'rest') return { kind: 'rest' }
  if (typeof given === 'string') return { kind: 'address', within: subnets([given]) }
  if (typeof given === 'object' && given !== null && 'header' in given && typeof given.header === 'string') {
    const is = 'is' in given ? given.is : undefined
    if (is === undefined || typeof is === 'string') return { kind: 'header', name: given.header.toLowerCase(), is }
  }
  throw new Error(
    `${channel}: ${JSON.stringify(given)} is not "rest", a CIDR, {"header": "x-api-key"} or {"header": "x-caller", "is": "shop"}`,
  )
}

function subnets(cidrs: readonly string[]): BlockList {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [address = '', bits] = cidr.split('/')
    const version = isIP(address)
    const widest = version === 6 ? 128 : 32
    const prefix = bits === undefined ? widest : /^\d{1,3}$/.test(bits) ? Number(bits) : -1
    if (version === 0 || prefix < 0 || prefix > widest) throw new Error(`"${cidr}" is not a CIDR; write 10.0.0.0/8`)
    list.addSubnet(address, prefix, version === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}

function holds(condition: Condition, address: string, headers: IncomingHttpHeaders): boolean {
  switch (condition.kind) {
    case 'rest':
      return true
    case 'address':
      return within(condition.within, address)
    case 'header': {
      const value = headers[condition.name]
      return condition.is === undefined ? value !== undefined : value === condition.is
    }
    default:
      return condition satisfies never
  }
}

function within(list: BlockList | undefined, address: string): boolean {
  const version = isIP(address)
  return version !== 0 && list !== undefined && list.check(address, version === 6 ? 'ipv6' : 'ipv4')
}

/** An IPv4 address that came over an IPv6 socket is an IPv4 address. */
function plain(address: string | undefined): string {
  return address?.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : (address ?? '')
}
