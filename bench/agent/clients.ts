/**
 * Clients' behaviour: what a request costs, and who is found in a flood.
 *
 *     node --conditions=assay-src bench/agent/clients.ts
 *
 * Nanoseconds of this thread's CPU a request (address and user told, path, agent and sketches included), least and median of rounds
 * taken in turns; allocation by V8's own counter.
 */
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { getHeapStatistics } from 'node:v8'
import { ClientTable, tableBytes } from '../../agent/src/clients/client-table.ts'
import { Gate } from '../../agent/src/clients/gate.ts'
import { Clients, encodeClients, readClients } from '../../agent/src/clients/index.ts'
import { Observation } from '../../agent/src/clients/observation.ts'
import { ConnectionMemory, Users, type Visit } from '../../agent/src/users/index.ts'

const NOON = Date.UTC(2026, 4, 5, 12)
const KEY = { k0: 0x1234_5678, k1: 0x2345_6789, id: '0123456789abcdef' }
const CALLS = 200_000
const noop = (): void => {}

const users = new Users({
  source: { kind: 'header', name: 'x-user-id' },
  key: KEY,
  timeZone: 'UTC',
  service: 'bench',
  startedAt: 1,
  fault: noop,
  stepAside: noop,
})
const make = (): Clients =>
  new Clients({
    service: 'bench',
    startedAt: 1,
    channels: ['internal'],
    bodiesPerMinute: 0,
    key: KEY,
    keyHeader: 'x-api-key',
    loginRoutes: undefined,
    fault: noop,
    stepAside: noop,
  })
const [few, zipf, flood, both] = [make(), make(), make(), make()]
const memories = Array.from({ length: 256 }, () => new ConnectionMemory())
const urls = Array.from({ length: 1_024 }, (_, i) => flat(`/api/orders/${i * 7}?page=${i & 3}`))
const names = Array.from({ length: 65_536 }, (_, i) => flat(`${10 + (i >>> 14)}.${(i >>> 8) & 255}.${i & 255}.7`))
const ids = Array.from({ length: 256 }, (_, i) => flat(`user-${i}`))
/** As Node's parser leaves them, and as a framework that has read their headers does. */
const requests = ids.map((id) => {
  const request = new IncomingMessage(new Socket()) as IncomingMessage & {
    _addHeaderLines(lines: string[], count: number): void
  }
  const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'
  const lines = [
    'Host',
    'shop.example',
    'User-Agent',
    flat(agent),
    'Accept',
    '*/*',
    'Accept-Language',
    'en',
    'X-User-Id',
    id,
  ]
  request._addHeaderLines(lines, lines.length)
  request.method = 'GET'
  void request.headers
  return request
})
const visit: Visit = {
  request: requests[0]!,
  framework: undefined,
  memory: memories[0]!,
  status: 200,
  aborted: false,
  channel: 0,
  route: '/api/orders/:id',
  routeId: 1,
  address: '',
  bytesOut: 1_000,
  nowMs: NOON,
}

function fill(i: number, address: string, memory: ConnectionMemory): Visit {
  const request = requests[i & 255]!
  request.url = urls[i & 1_023]!
  visit.request = request
  visit.memory = memory
  visit.address = address
  visit.nowMs = NOON + (i >>> 10)
  return visit
}

const ways: Record<string, (i: number) => void> = {
  'filling the visit alone': (i) => void fill(i, names[i & 255]!, memories[i & 255]!),
  'users alone': (i) => void users.settled(fill(i, names[i & 255]!, memories[i & 255]!)),
  'clients, 256 addresses kept alive': (i) => few.settled(fill(i, names[i & 255]!, memories[i & 255]!), undefined),
  'users and clients, kept alive': (i) => {
    const now = fill(i, names[i & 255]!, memories[i & 255]!)
    both.settled(now, users.settled(now))
  },
  'clients, Zipf over 65,536, new connections': (i) =>
    zipf.settled(fill(i, names[Math.floor(65_536 ** (((i * 0.618_033_988_7) % 1) ** 1)) - 1]!, fresh()), undefined),
  'clients, flood of 65,536, new connections': (i) =>
    flood.settled(fill(i, names[(i * 40_503) & 65_535]!, fresh()), undefined),
}
const table = new ClientTable(new SharedArrayBuffer(tableBytes(256)), 0, 256, new Gate())
const observation = new Observation()
let random = 1
ways['the table alone, flood of random addresses'] = () => {
  random ^= random << 13
  random ^= random >>> 17
  random ^= random << 5
  table.observe(random, Math.imul(random, 0x9e37_79b1), '203.0.113.1', 0, observation)
}
const spare = new ConnectionMemory()
function fresh(): ConnectionMemory {
  spare.address = ''
  return spare
}

const taken = new Map<string, number[]>(Object.keys(ways).map((name) => [name, []]))
const bytes = new Map<string, number>()
for (let round = 0; round < 9; round++) {
  for (const [name, way] of Object.entries(ways)) {
    const allocated = total()
    const before = process.cpuUsage()
    for (let i = 0; i < CALLS; i++) way(i)
    const { user, system } = process.cpuUsage(before)
    bytes.set(name, (total() - allocated) / CALLS)
    if (round > 1) taken.get(name)!.push(((user + system) * 1_000) / CALLS)
  }
}
console.log('ns a request                                  least  median  bytes')
for (const [name, all] of taken) {
  const sorted = all.sort((a, b) => a - b)
  console.log(
    `${name.padEnd(45)} ${sorted[0]!.toFixed(0).padStart(5)}  ${sorted[sorted.length >> 1]!.toFixed(0).padStart(6)}  ${bytes.get(name)!.toFixed(0).padStart(5)}`,
  )
}

/** As a parser makes them: one piece of memory, where a template is a tree of pieces. */
function flat(text: string): string {
  return Buffer.from(text).toString('latin1')
}

/** Bytes allocated since the start; not told by Nodes before 26. */
function total(): number {
  return (getHeapStatistics() as { total_allocated_bytes?: number }).total_allocated_bytes ?? 0
}

const from = performance.now()
const text = JSON.stringify(encodeClients(readClients(flood.shared, NOON)))
console.log(
  `\nmemory ${(few.shared.memory.byteLength / 2 ** 20).toFixed(2)} MiB; payload of 256 addresses ${text.length} bytes in ${(performance.now() - from).toFixed(1)} ms`,
)
