/**
 * Whether the summaries of clients keep what attacks are made of: replays labelled requests and looks each attack's sources up.
 *
 *     node --conditions=assay-src bench/agent/suspects.ts REQUESTS.jsonl.gz
 *
 * - A line is a request as `assay suspects` reads it, and, when it belongs to an attack, `label: {e: its name, src: [its sources]}`.
 * - For each attack: how many of its sources' requests the summaries hold (a window is looked at once it has ended, as a server would that asks
 *   now and then), and what they say of the sources, added up over windows.
 */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import { countDistinct } from '../../agent/src/clients/distinct.ts'
import { Clients, type ClientsReading, readClients, WINDOW_MS } from '../../agent/src/clients/index.ts'
import { COUNTERS, DISTINCT } from '../../agent/src/clients/observation.ts'
import type { NamedEntry } from '../../agent/src/clients/summary.ts'
import { ConnectionMemory, Users } from '../../agent/src/users/index.ts'

type Line = {
  readonly ts: number
  readonly ip: string
  readonly user: string | null
  readonly key: string | null
  readonly account?: string
  readonly channel: string
  readonly method: string
  readonly route: string | null
  readonly path: string
  readonly status: number
  readonly bytes: number
  readonly ua: string
  readonly label: { readonly e?: string; readonly src: readonly string[] } | null
}

class Attack {
  requests = 0
  kept = 0
  window = 0
  /** Requests of the current window by source. */
  readonly now = new Map<string, number>()
  readonly told = new Map<string, number>()
}

const [file] = process.argv.slice(2)
if (file === undefined) throw new Error('name the file: node bench/agent/suspects.ts REQUESTS.jsonl.gz')
const channels: string[] = []
const common = {
  key: { k0: 1, k1: 2, id: '0123456789abcdef' },
  service: 'bench',
  startedAt: 1,
  fault: fail,
  stepAside: fail,
}
const users = new Users({ ...common, source: { kind: 'header', name: 'x-user' }, timeZone: 'UTC' })
const clients = new Clients({ ...common, keyHeader: 'x-api-key', loginRoutes: undefined, channels, bodiesPerMinute: 0 })
const memory = new ConnectionMemory()
const attacks = new Map<string, Attack>()
let window = 0
let [seen, others] = [0, 0]

for await (const line of createInterface({ input: createReadStream(file).pipe(createGunzip()) })) {
  const one = JSON.parse(line) as Line
  if (Math.floor(one.ts / WINDOW_MS) !== window) {
    look(readClients(clients.shared, one.ts))
    window = Math.floor(one.ts / WINDOW_MS)
  }
  replay(one)
  note(one)
}
look(readClients(clients.shared, 0))
console.log(`${seen} requests, ${others} of addresses that are not listed`)
for (const [name, { requests, kept, told }] of attacks) {
  const words = [...told].filter(([, value]) => value > 0).map(([what, value]) => `${what} ${value}`)
  console.log(
    `${name.padEnd(44)} kept ${((100 * kept) / requests).toFixed(1).padStart(5)} % of ${requests}: ${words.join(', ')}`,
  )
}

function replay({ ts, ip, user, key, account, channel, method, route, path, status, bytes, ua }: Line): void {
  if (!channels.includes(channel)) channels.push(channel)
  const headers = { 'x-user': user ?? undefined, 'x-api-key': key ?? undefined, 'user-agent': ua }
  const body = account === undefined ? undefined : { email: account }
  const request = { headers, method, url: path, body }
  const visit = {
    request,
    framework: undefined,
    memory,
    status,
    aborted: false,
    channel: channels.indexOf(channel),
    route: route ?? '',
    routeId: 0,
    address: ip,
    bytesOut: bytes,
    nowMs: ts,
  }
  clients.settled(visit, users.settled(visit))
}

function note({ ip, user, account, channel, label }: Line): void {
  if (label?.e === undefined) return
  const attack = attacks.get(label.e) ?? new Attack()
  attacks.set(label.e, attack)
  attack.window = window
  const own = [`ip:${ip}`, `user:${user}`, `account:${account?.toLowerCase()}`].filter((source) =>
    label.src.includes(source),
  )
  for (const source of own) {
    const place = `${source}|${channel}`
    attack.now.set(place, (attack.now.get(place) ?? 0) + 1)
  }
}

/** What the window that has ended holds of the attacks in it. */
function look(reading: ClientsReading): void {
  const ended = reading.windows.get(window)
  seen += ended?.get('address')?.seen ?? 0
  others += ended?.get('address')?.others ?? 0
  const kept = new Map<string, NamedEntry>()
  for (const [kind, dimension] of [
    ['ip', 'address'],
    ['user', 'user'],
    ['account', 'account'],
  ] as const) {
    for (const entry of ended?.get(dimension)?.entries ?? []) kept.set(`${kind}:${entry.id}|${entry.channel}`, entry)
  }
  for (const attack of attacks.values()) {
    if (attack.window !== window) continue
    for (const [place, requests] of attack.now) tell(attack, requests, kept.get(place))
    attack.now.clear()
  }
}

function tell(attack: Attack, requests: number, entry: NamedEntry | undefined): void {
  attack.requests += requests
  if (entry === undefined) return
  attack.kept += Math.min(requests, entry.counts[0]!)
  for (const [i, name] of COUNTERS.entries()) attack.told.set(name, (attack.told.get(name) ?? 0) + entry.counts[i]!)
  for (const [i, name] of DISTINCT.entries()) {
    const what = `most ${name}`
    attack.told.set(what, Math.max(attack.told.get(what) ?? 0, countDistinct(entry.distinct[i]!)))
  }
}

function fail(cause: unknown): never {
  throw cause instanceof Error ? cause : new Error(String(cause))
}
