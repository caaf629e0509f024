import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ActiveUsers, readActiveUsers } from './active.ts'
import { countUsers, encodeUsers, tryDecodeUsers, type UsersReading } from './payload.ts'
import { ConnectionMemory } from './visit.ts'

const KEY = { k0: 1, k1: 2, id: '0123456789abcdef' }
const NOON = Date.UTC(2026, 4, 5, 12)
const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

function reading(users: ActiveUsers, at: number, timeZone = 'UTC'): UsersReading {
  return { service: 'shop', startedAt: 1, key: KEY.id, timeZone, at, ...readActiveUsers(users.memory) }
}

const counts = (users: ActiveUsers, at: number, timeZone?: string): { day: number; fiveMinutes: number } =>
  countUsers([reading(users, at, timeZone)], at)

test('a user counts once in the day and once in the window, and leaves the window after six minutes', () => {
  const users = new ActiveUsers(KEY)
  for (let i = 0; i < 100; i++) users.see(`u${i % 10}`, NOON + i)
  assert.deepEqual(counts(users, NOON), { day: 10, fiveMinutes: 10 })
  users.see('late', NOON + 4 * MINUTE)
  assert.deepEqual(counts(users, NOON + 5 * MINUTE), { day: 11, fiveMinutes: 11 })
  assert.deepEqual(counts(users, NOON + 6 * MINUTE), { day: 11, fiveMinutes: 1 })
  assert.deepEqual(counts(users, NOON + 60 * MINUTE), { day: 11, fiveMinutes: 0 })
})

test('the memory of a connection changes no count: who comes back is counted in each minute and day again', () => {
  const [remembered, plain] = [new ActiveUsers(KEY), new ActiveUsers(KEY)]
  const memories = [new ConnectionMemory(), new ConnectionMemory()]
  for (let i = 0; i < 4_000; i++) {
    const at = NOON + i * 30_011
    const id = `u${Math.floor(i / 7) % 5}`
    remembered.see(id, at, memories[i & 1])
    plain.see(id, at)
  }
  const end = NOON + 4_000 * 30_011
  assert.deepEqual(encodeUsers(reading(remembered, end)), encodeUsers(reading(plain, end)))
})

test('a place of the ring is taken over by a later minute, not added to', () => {
  const users = new ActiveUsers(KEY)
  users.see('old', NOON)
  users.see('new', NOON + 6 * MINUTE)
  assert.equal(counts(users, NOON + 6 * MINUTE).fiveMinutes, 1)
})

test('the day turns at midnight of its zone, seen or unseen, and yesterday stays', () => {
  for (const [timeZone, midnight] of [
    ['UTC', Date.UTC(2026, 4, 6)],
    ['Europe/Prague', Date.UTC(2026, 4, 5, 22)],
    ['America/St_Johns', Date.UTC(2026, 4, 6, 2, 30)],
    ['Europe/Prague', Date.UTC(2026, 2, 28, 23)], // The next day has 23 hours.
  ] as const) {
    const users = new ActiveUsers(KEY, timeZone)
    users.see('a', midnight - 1)
    assert.equal(counts(users, midnight - 1, timeZone).day, 1)
    assert.equal(counts(users, midnight, timeZone).day, 0)
    users.see('b', midnight)
    users.see('c', midnight)
    assert.equal(counts(users, midnight, timeZone).day, 2)
    assert.deepEqual(
      [...readActiveUsers(users.memory).days].sort(([a], [b]) => a - b).map(([, sketch]) => sketch.count()),
      [1, 2],
    )
  }
})

test('of two days the one further from the new one gives way, so a clock that jumps loses nothing of today', () => {
  const users = new ActiveUsers(KEY)
  users.see('a', NOON)
  users.see('b', NOON + 400 * DAY)
  users.see('c', NOON)
  assert.equal(counts(users, NOON).day, 2, 'back again: today goes on')
  users.see('d', NOON + DAY)
  assert.deepEqual([...readActiveUsers(users.memory).days.keys()].sort(), [20_260_505, 20_260_506])
  users.see('e', NOON - 3 * MINUTE)
  assert.equal(counts(users, NOON).day, 3)
})

test('a clock that begins before 1970 takes nobody away whom it sees once it is set', () => {
  for (const wrong of [0, -1, -MINUTE, -40 * 365 * DAY]) {
    const users = new ActiveUsers(KEY)
    users.see('early', wrong)
    users.see('u', NOON)
    assert.deepEqual(counts(users, NOON), { day: 1, fiveMinutes: 1 })
    const wire = JSON.parse(JSON.stringify(encodeUsers(reading(users, NOON)))) as unknown
    assert.notEqual(tryDecodeUsers(wire), undefined, `${wrong}: what is told can be read`)
  }
})

test('a million users are within two per cent, and no memory is taken for them', () => {
  const users = new ActiveUsers(KEY)
  for (let i = 0; i < 1_000_000; i++) users.see(`user-${i}`, NOON)
  const { day, fiveMinutes } = counts(users, NOON)
  assert.ok(Math.abs(day / 1e6 - 1) < 0.02, `day ${day}`)
  assert.ok(Math.abs(fiveMinutes / 1e6 - 1) < 0.05, `five minutes ${fiveMinutes}`)
  assert.ok(users.memory.byteLength <= 57 * 1024)
})

test('over many keys the error is at most 1 % for a day and 2 % for five minutes, root mean square', () => {
  const KEYS = 24
  const squares = { day: 0, fiveMinutes: 0 }
  const sizes = [1_500, 6_000, 25_000, 60_000]
  for (let k = 0; k < KEYS; k++) {
    const users = new ActiveUsers({ k0: k * 7_919 + 1, k1: k * 104_729 + 2, id: KEY.id })
    let seen = 0
    for (const size of sizes) {
      // Users come over six minutes, as they do.
      for (; seen < size; seen++) users.see(`u${seen}`, NOON + (seen % 6) * MINUTE)
      const { day, fiveMinutes } = counts(users, NOON + 5 * MINUTE)
      squares.day += (day / size - 1) ** 2
      squares.fiveMinutes += (fiveMinutes / size - 1) ** 2
    }
  }
  const rmse = (sum: number): number => Math.sqrt(sum / KEYS / sizes.length)
  assert.ok(rmse(squares.day) <= 0.01, `day ${rmse(squares.day)}`)
  assert.ok(rmse(squares.fiveMinutes) <= 0.02, `five minutes ${rmse(squares.fiveMinutes)}`)
})
