import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ActiveUsers, readActiveUsers } from './active.ts'
import { countUsers, encodeUsers, mergeUsers, tryDecodeUsers, type UsersReading } from './payload.ts'

const KEY = { k0: 1, k1: 2, id: '0123456789abcdef' }
const NOON = Date.UTC(2026, 4, 5, 12)
const DAY = 86_400_000

function reading(from: number, to: number, at = NOON, key = KEY.id): UsersReading {
  const users = new ActiveUsers(KEY)
  for (let i = from; i < to; i++) users.see(`u${i}`, at + (i % 4) * 60_000)
  return {
    service: 'shop',
    startedAt: 1_700_000_000_000 + from,
    key,
    timeZone: 'UTC',
    at,
    ...readActiveUsers(users.memory),
  }
}

const overTheWire = (given: UsersReading): UsersReading | undefined =>
  tryDecodeUsers(JSON.parse(JSON.stringify(encodeUsers(given))))

test('what is decoded is what was encoded', () => {
  for (const many of [0, 1, 900, 1_500, 20_000]) {
    const given = reading(0, many)
    assert.deepEqual(encodeUsers(overTheWire(given)!), encodeUsers(given))
  }
})

test('merging the payloads of instances is the payload of all their users together', () => {
  const bound = fc.integer({ min: 0, max: 4_000 })
  fc.assert(
    fc.property(bound, bound, bound, bound, (a0, a1, b0, b1) => {
      const [a, b] = [reading(Math.min(a0, a1), Math.max(a0, a1)), reading(Math.min(b0, b1), Math.max(b0, b1))]
      const there = countUsers([overTheWire(a)!, overTheWire(b)!], NOON)
      assert.deepEqual(there, countUsers([b, a], NOON))
      const union = new ActiveUsers(KEY)
      for (const [from, to] of [
        [Math.min(a0, a1), Math.max(a0, a1)],
        [Math.min(b0, b1), Math.max(b0, b1)],
      ] as const)
        for (let i = from; i < to; i++) union.see(`u${i}`, NOON + (i % 4) * 60_000)
      const one = readActiveUsers(union.memory).days.get(20_260_505)
      const merged = mergeUsers([a, b])!.days.get(20_260_505)
      const count = one?.count() ?? 0
      // Exact on one side only: then they differ by no more than the estimator does.
      if (one?.isExact === merged?.isExact) assert.equal(merged?.count() ?? 0, count)
      else assert.ok(Math.abs(merged!.count() / count - 1) < 0.04)
    }),
    { numRuns: 15 },
  )
})

test('yesterday is not today, and users of different keys are added up', () => {
  const readings = [reading(0, 600), reading(300, 900), reading(0, 50, NOON - DAY), reading(0, 7, NOON, 'f'.repeat(16))]
  assert.deepEqual(countUsers(readings, NOON + 3 * 60_000), { day: 907, fiveMinutes: 907 })
  assert.deepEqual(countUsers([], NOON), { day: 0, fiveMinutes: 0 })
})

test('hostile input is refused, and never throws', () => {
  const good = encodeUsers(reading(0, 5))
  assert.notEqual(tryDecodeUsers(good), undefined)
  for (const [change, why] of [
    [{ format: 2 }, 'another format'],
    [{ service: 'x'.repeat(300) }, 'a long name'],
    [{ key: 'nothex' }, 'no key id'],
    [{ timeZone: 'Nowhere/Land' }, 'no zone'],
    [{ at: Number.NaN }, 'no time'],
    [{ startedAt: '1' }, 'a text for a time'],
    [{ days: {} }, 'no list'],
    [{ days: Array(9).fill(good.days[0]) }, 'too many days'],
    [{ days: [good.days[0], good.days[0]] }, 'a day twice'],
    [{ days: [{ ...good.days[0], day: '2026-13-45' }] }, 'no day'],
    [{ minutes: [{ minute: -1, exact: '' }] }, 'no minute'],
    [{ minutes: [null] }, 'null'],
  ] as const)
    assert.equal(tryDecodeUsers({ ...good, ...change }), undefined, why)
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom('days', 'minutes', 'key', 'service', 'at'), (value, field) => {
      tryDecodeUsers(value)
      tryDecodeUsers({ ...good, [field]: value })
    }),
  )
})
