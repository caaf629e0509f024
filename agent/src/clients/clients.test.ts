import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ConnectionMemory, type Visit } from '../users/visit.ts'
import { CLIENTS_BYTES, Clients, WINDOW_MS } from './clients.ts'
import { countDistinct } from './distinct.ts'
import { COUNTERS, type CounterName, type Dimension } from './observation.ts'
import { type ClientsReading, encodeClients, mergeClientReadings, readClients, tryDecodeClients } from './payload.ts'
import type { NamedEntry } from './summary.ts'

const KEY = { k0: 5, k1: 6, id: '0123456789abcdef' }
const ORIGIN = { service: 'shop', startedAt: 1, channels: ['internal', 'open'], bodiesPerMinute: 0 }
const NOON = Date.UTC(2026, 4, 5, 12)
const WINDOW = NOON / WINDOW_MS

type Sent = {
  readonly address?: string
  readonly user?: string
  readonly key?: string
  readonly account?: string
  readonly route?: string
  readonly path?: string
  readonly status?: number
  readonly method?: string
  readonly agent?: string
  readonly channel?: number
  readonly bytes?: number
  readonly at?: number
}

function clientsOf(loginRoutes?: readonly string[]): Clients {
  return new Clients({
    ...ORIGIN,
    key: KEY,
    keyHeader: 'x-api-key',
    loginRoutes,
    fault: (cause) => {
      throw cause
    },
    stepAside: () => {},
  })
}

const memory = new ConnectionMemory()

function send(clients: Clients, given: Sent): void {
  const {
    address = '203.0.113.1',
    user,
    key,
    account,
    route = '/',
    path,
    status = 200,
    method = 'GET',
    agent = 'curl',
    channel = -1,
  } = given
  const visit: Visit = {
    request: {
      headers: { 'user-agent': agent, ...(key === undefined ? {} : { 'x-api-key': key }) },
      method,
      url: path ?? route,
      ...(account === undefined ? {} : { body: { email: account } }),
    },
    framework: undefined,
    memory,
    status,
    aborted: false,
    channel,
    route,
    // Of some routes the number is known, of others not.
    routeId: ['', '/', '/orders/:id'].indexOf(route) + 1,
    address,
    bytesOut: given.bytes ?? 100,
    nowMs: given.at ?? NOON,
  }
  // The users room leaves the hash of the user there.
  memory.userHi = [...(user ?? '')].reduce((sum, letter) => Math.imul(sum ^ letter.charCodeAt(0), 0x0101_9d85) + 7, 1)
  memory.userLo = ~memory.userHi
  clients.settled(visit, user)
}

function reading(clients: Clients): ClientsReading {
  return readClients(clients.shared, NOON)
}

function entries(from: ClientsReading, dimension: Dimension, window = WINDOW): readonly NamedEntry[] {
  return from.windows.get(window)?.get(dimension)?.entries ?? []
}

const count = (entry: NamedEntry | undefined, name: CounterName): number => entry?.counts[COUNTERS.indexOf(name)] ?? 0

test('a scanner, an enumerator and a stuffer show what they are', () => {
  const clients = clientsOf()
  for (let i = 0; i < 60; i++)
    send(clients, {
      address: '198.51.100.1',
      route: '',
      path: `/wp-admin/${i}`,
      status: 404,
      agent: 'nikto',
      at: NOON + i * 1_000,
    })
  for (let i = 0; i < 90; i++)
    send(clients, { user: 'u7', route: '/orders/:id', path: `/orders/${i}`, status: i % 2 === 0 ? 403 : 200 })
  for (let i = 0; i < 80; i++)
    send(clients, {
      address: '198.51.100.2',
      account: `victim${i}@mail.example`,
      route: '/api/login',
      method: 'POST',
      status: 401,
    })
  for (let i = 0; i < 20; i++)
    send(clients, {
      address: `198.51.100.${i + 10}`,
      account: 'One@mail.example',
      route: '/api/login',
      method: 'POST',
      status: 401,
    })
  const all = reading(clients)
  const scanner = entries(all, 'address').find(({ id }) => id === '198.51.100.1')
  assert.deepEqual(
    [count(scanner, 'requests'), count(scanner, 's404'), count(scanner, 'unmatched'), scanner?.agent],
    [60, 60, 60, 'nikto'],
  )
  assert.equal(scanner?.gaps[10], 59, 'one second between each: 512 to 1,023 ms and up')
  const enumerator = entries(all, 'user').find(({ id }) => id === 'u7')
  assert.deepEqual([count(enumerator, 's403'), count(enumerator, 'clientErrors')], [45, 45])
  assert.ok(Math.abs(countDistinct(enumerator!.distinct[1]!) - 90) < 40)
  const stuffer = entries(all, 'address').find(({ id }) => id === '198.51.100.2')
  assert.deepEqual([count(stuffer, 'logins'), count(stuffer, 'loginFailures'), count(stuffer, 'writes')], [80, 80, 80])
  assert.ok(Math.abs(countDistinct(stuffer!.distinct[2]!) - 80) < 35)
  const tried = entries(all, 'account').find(({ id }) => id === 'one@mail.example')
  assert.equal(count(tried, 'loginFailures'), 20)
  assert.ok(Math.abs(countDistinct(tried!.distinct[4]!) - 20) < 9, 'from twenty addresses')
  const [login] = entries(all, 'login')
  assert.deepEqual([login?.id, count(login, 'loginFailures')], ['/api/login', 100])
})

test('an API key is known by its hash, an address once for each channel', () => {
  const clients = clientsOf(['/other'])
  send(clients, { key: 'live_secret_key', channel: 1 })
  send(clients, { channel: 0, account: 'x', route: '/login', method: 'POST' })
  const text = JSON.stringify(encodeClients(reading(clients)))
  assert.ok(!text.includes('live_secret_key'))
  assert.match(entries(reading(clients), 'key')[0]!.id, /^[0-9a-f]{16}$/)
  assert.deepEqual(
    entries(reading(clients), 'address')
      .map(({ channel }) => channel)
      .sort(),
    ['internal', 'open'],
  )
  assert.equal(entries(reading(clients), 'login').length, 0, 'the login routes were said, and it is none of them')
})

const sent = fc.record({
  address: fc.nat(30).map((i) => `10.0.0.${i}`),
  user: fc.option(
    fc.nat(20).map((i) => `u${i}`),
    { nil: undefined },
  ),
  key: fc.option(
    fc.nat(5).map((i) => `key ${i}`),
    { nil: undefined },
  ),
  route: fc.constantFrom('', '/', '/login', '/orders/:id'),
  path: fc.nat(1_000).map((i) => `/${i}`),
  status: fc.constantFrom(0, 200, 302, 401, 403, 404, 422, 429, 500),
  method: fc.constantFrom('GET', 'POST'),
  agent: fc.constantFrom('a', 'b'),
  channel: fc.integer({ min: -1, max: 1 }),
  bytes: fc.nat(10_000),
  at: fc.nat(2 * WINDOW_MS - 1).map((offset) => NOON + offset),
}) as fc.Arbitrary<Sent>

/** In an order that does not depend on who came first. Gaps and the first agent are those of each instance. */
function comparable({ windows }: ClientsReading): unknown {
  return [...windows]
    .sort(([a], [b]) => a - b)
    .map(([window, dimensions]) => [
      window,
      [...dimensions]
        .sort(([a], [b]) => a.localeCompare(b))
        .map(([dimension, { entries, ...rest }]) => [
          dimension,
          rest,
          entries
            .map(({ gaps: _gaps, agent: _agent, ...entry }) => entry)
            .sort((a, b) => `${a.channel}${a.id}`.localeCompare(`${b.channel}${b.id}`)),
        ]),
    ])
}

test('while no table is full, merging two instances is one instance that saw all, and simple counting agrees', () => {
  fc.assert(
    fc.property(fc.array(sent, { maxLength: 200 }), fc.array(sent, { maxLength: 200 }), (a, b) => {
      const inOrder = (all: readonly Sent[]): Sent[] => [...all].sort((x, y) => x.at! - y.at!)
      const [one, other, both] = [clientsOf(), clientsOf(), clientsOf()]
      for (const given of inOrder(a)) send(one, given)
      for (const given of inOrder(b)) send(other, given)
      for (const given of inOrder([...a, ...b])) send(both, given)
      const wire = [reading(one), reading(other)].map((given) =>
        tryDecodeClients(JSON.parse(JSON.stringify(encodeClients(given)))),
      )
      assert.deepEqual(comparable(mergeClientReadings(wire as ClientsReading[])!), comparable(reading(both)))
      const addresses = new Map<string, number>()
      for (const { address, channel, at } of [...a, ...b]) {
        const key = `${Math.floor(at! / WINDOW_MS)} ${['', 'internal', 'open'][channel! + 1]} ${address}`
        addresses.set(key, (addresses.get(key) ?? 0) + 1)
      }
      const found = [...reading(both).windows].flatMap(([window, of]) =>
        (of.get('address')?.entries ?? []).map(
          (entry) => [`${window} ${entry.channel} ${entry.id}`, count(entry, 'requests')] as const,
        ),
      )
      assert.deepEqual(new Map(found.sort()), new Map([...addresses].sort()))
    }),
    { numRuns: 40 },
  )
})

test('in a flood of addresses that come once the heavy and the hostile are still found, and memory stays', () => {
  const clients = clientsOf()
  for (let i = 0; i < 300_000; i++) {
    send(clients, { address: `2001:db8::${i.toString(16)}`, at: NOON + Math.floor(i / 1_001) })
    if (i % 300 === 0) send(clients, { address: '198.51.100.1', status: 404, route: '', path: `/${i}`, at: NOON })
    if (i % 100 === 0) send(clients, { address: `10.0.0.${(i / 100) % 10}`, at: NOON })
  }
  const window = reading(clients).windows.get(WINDOW)!.get('address')!
  assert.equal(window.entries.length, 256)
  assert.equal(window.seen, 300_000 + 1_000 + 3_000)
  const found = new Map(window.entries.map((entry) => [entry.id, entry]))
  const scanner = found.get('198.51.100.1')
  assert.ok(scanner !== undefined && count(scanner, 's404') > 900, 'the scanner')
  for (let i = 0; i < 10; i++) {
    const heavy = found.get(`10.0.0.${i}`)
    assert.ok(heavy !== undefined && count(heavy, 'requests') + heavy.missed >= 300, `10.0.0.${i}`)
    assert.ok(count(heavy, 'requests') <= 300)
  }
  assert.equal(clients.shared.memory.byteLength, CLIENTS_BYTES)
  assert.ok(CLIENTS_BYTES < 1.5 * 2 ** 20, String(CLIENTS_BYTES))
})

test('a window begins with its first request; the one before it stays, older ones go', () => {
  const clients = clientsOf()
  for (const window of [0, 1, 2]) send(clients, { address: `10.0.0.${window}`, at: NOON + window * WINDOW_MS })
  const { windows } = reading(clients)
  assert.deepEqual([...windows.keys()].sort(), [WINDOW + 1, WINDOW + 2])
  send(clients, { address: '10.0.0.9', at: NOON })
  assert.deepEqual(
    entries(reading(clients), 'address').map(({ id }) => id),
    ['10.0.0.9'],
    'a clock that is set back',
  )
})

test('what the application throws stays here; after a hundred times clients are left alone', () => {
  const faults: unknown[] = []
  let aside = 0
  const clients = new Clients({
    ...ORIGIN,
    key: KEY,
    keyHeader: 'x-api-key',
    loginRoutes: undefined,
    fault: (cause) => void faults.push(cause),
    stepAside: () => void aside++,
  })
  const hostile = {
    get headers(): never {
      throw new Error('hostile getter')
    },
  }
  for (let i = 0; i < 200; i++)
    clients.settled(
      {
        request: hostile,
        framework: undefined,
        memory,
        status: 200,
        aborted: false,
        channel: -1,
        route: '/',
        routeId: 0,
        address: 'a',
        bytesOut: 0,
        nowMs: NOON,
      },
      undefined,
    )
  assert.deepEqual([faults.length, aside], [100, 1])
})

test('hostile payloads are refused, and never throw', () => {
  const clients = clientsOf()
  send(clients, { user: 'u', key: 'k', account: 'a', route: '/login', method: 'POST' })
  const good = JSON.parse(JSON.stringify(encodeClients(reading(clients)))) as {
    windows: { dimensions: Record<string, { clients: object[] }> }[]
  }
  assert.notEqual(tryDecodeClients(good), undefined)
  const withClient = (change: object): unknown => {
    const copy = structuredClone(good)
    Object.assign(copy.windows[0]!.dimensions['address']!.clients[0]!, change)
    return copy
  }
  for (const change of [
    { id: 'x'.repeat(99) },
    { id: 5 },
    { first: -1 },
    { counts: [] },
    { counts: { requests: 'many' } },
    { gaps: Array(21).fill(1) },
    { distinct: { paths: 'A' } },
    { distinct: { paths: 'AAAA' } },
  ])
    assert.equal(tryDecodeClients(withClient(change)), undefined, JSON.stringify(change))
  for (const change of [
    { format: 2 },
    { windowMs: 1 },
    { key: 'x' },
    { windows: Array(17).fill(good.windows[0]) },
    { windows: [{ from: 1, dimensions: {} }] },
    { windows: [{ from: 0, dimensions: { shoe: {} } }] },
  ])
    assert.equal(tryDecodeClients({ ...good, ...change }), undefined, JSON.stringify(change).slice(0, 80))
  fc.assert(
    fc.property(
      fc.jsonValue(),
      (value) =>
        void [
          tryDecodeClients(value),
          tryDecodeClients({ ...good, windows: value }),
          tryDecodeClients(withClient({ distinct: value })),
        ],
    ),
  )
})

test('headers of a megabyte are neither hashed whole nor remembered', () => {
  const clients = clientsOf()
  const long = 'x'.repeat(1_000_000)
  send(clients, { key: long, agent: long, path: `/${long}`, account: long, route: '/login', method: 'POST' })
  const all = reading(clients)
  assert.equal(entries(all, 'key').length, 0)
  assert.equal(entries(all, 'address')[0]?.agent, '(long)')
  assert.equal(entries(all, 'account')[0]?.id.length, 64)
  assert.ok(memory.agent.length < 10 && memory.apiKey.length < 100)
})
