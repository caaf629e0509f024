import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ClientTable, readTable, tableBytes } from './client-table.ts'
import { addDistinct, DISTINCT_BYTES } from './distinct.ts'
import { Gate } from './gate.ts'
import { COUNTERS, DISTINCT, GAPS, gapOf, Observation } from './observation.ts'

const CAPACITY = 32
const SKETCHES = DISTINCT.length

/** What one request says, as it comes to a table. Few hashes, so that they come again, at once and later. */
const few = fc.constantFrom(0, 1, -7, 0x4000_0001, 0x7fff_fff0, -0x2345_6789)
const request = fc.record({
  who: fc.nat(7),
  channel: fc.integer({ min: -1, max: 1 }),
  after: fc.nat(3_000),
  status: fc.constantFrom(0, 200, 204, 302, 401, 403, 404, 422, 429, 500),
  aborted: fc.boolean(),
  unmatched: fc.boolean(),
  writes: fc.boolean(),
  login: fc.boolean(),
  bytes: fc.nat(5_000),
  route: few,
  path: fc.integer(),
  account: few,
  agent: few,
  peer: few,
})
type Request = typeof request extends fc.Arbitrary<infer T> ? T : never

class Plain {
  readonly counts = new Map<string, number>(COUNTERS.map((name) => [name, 0]))
  readonly gaps: number[] = Array(GAPS).fill(0)
  readonly distinct: Uint8Array[] = Array.from({ length: SKETCHES }, () => new Uint8Array(DISTINCT_BYTES))
  bytes = 0
  last = Number.NaN

  count({ status, aborted, unmatched, writes, login, bytes, route, path, account, agent, peer }: Request, at: number) {
    const refused = status >= 400 && status < 500
    const is: Readonly<Record<string, boolean>> = {
      requests: true,
      redirects: status >= 300 && status < 400,
      clientErrors: refused,
      serverErrors: status >= 500,
      s401: status === 401,
      s403: status === 403,
      s404: status === 404,
      s429: status === 429,
      aborted,
      unmatched,
      writes,
      logins: login,
      loginFailures: login && refused,
    }
    for (const [name, holds] of Object.entries(is)) if (holds) this.counts.set(name, this.counts.get(name)! + 1)
    if (!Number.isNaN(this.last)) this.gaps[gapOf(at - this.last)]! += 1
    this.last = at
    this.bytes += bytes
    for (const [i, hash] of [route, path, account, agent, peer].entries())
      if (hash !== 0 || i === 1) addDistinct(this.distinct[i]!, 0, hash)
  }
}

test('a table that has room holds what plain counting gives, whatever comes again and in whatever order', () => {
  fc.assert(
    fc.property(fc.array(request, { maxLength: 120 }), (requests) => {
      const memory = new SharedArrayBuffer(tableBytes(CAPACITY))
      const table = new ClientTable(memory, 0, CAPACITY, new Gate())
      table.reset(1)
      const seen = new Observation()
      const plain = new Map<string, Plain>()
      let at = 1_000
      for (const one of requests) {
        at += one.after
        Object.assign(seen, one, { nowMs: at })
        seen.weigh()
        const known = table.find(one.who, ~one.who, one.channel)
        // Both ways in, by turns.
        if (known >= 0 && at % 2 === 0) table.again(known, one.peer, seen)
        else table.observe(one.who, ~one.who, `client ${one.who}`, one.peer, seen)
        const key = `client ${one.who} by ${one.channel}`
        const model = plain.get(key) ?? new Plain()
        plain.set(key, model)
        model.count(one, at)
      }
      const read = readTable(memory, 0, CAPACITY)!.clients
      assert.deepEqual([read.seen, read.others, read.floor], [requests.length, 0, 0])
      const found = new Map(read.entries.map((entry) => [`${entry.id} by ${entry.channel}`, entry]))
      assert.deepEqual([...found.keys()].sort(), [...plain.keys()].sort())
      for (const [key, { counts, gaps, distinct, bytes, last }] of plain) {
        const entry = found.get(key)!
        assert.deepEqual(
          [entry.counts, entry.gaps, entry.distinct, entry.bytes, entry.last],
          [[...counts.values()], gaps, distinct, bytes, last],
          key,
        )
      }
    }),
    { numRuns: 300 },
  )
})

test('who has no name is known by the digits of the hash, whatever the channel', () => {
  const memory = new SharedArrayBuffer(tableBytes(CAPACITY))
  const table = new ClientTable(memory, 0, CAPACITY, new Gate())
  table.reset(1)
  const seen = new Observation()
  for (const channel of [-1, 0, 3]) {
    seen.channel = channel
    table.observe(0x0123_4567, -2, undefined, 0, seen)
  }
  const { entries } = readTable(memory, 0, CAPACITY)!.clients
  assert.deepEqual(
    entries.map(({ id, channel }) => [id, channel]),
    [-1, 0, 3].map((channel) => ['01234567fffffffe', channel]),
  )
})
