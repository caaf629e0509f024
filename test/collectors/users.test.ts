/** The law between the agent's sketches of users and those that assay reads: two writings of one format, without a line in common. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ActiveUsers, readActiveUsers } from '../../agent/src/users/active.ts'
import { countUsers, encodeUsers, mergeUsers, type UsersReading } from '../../agent/src/users/payload.ts'
import { tryUsersAnswer } from '../../src/collectors/users/answer.ts'
import { KnownUsers } from '../../src/collectors/users/known-users.ts'
import { DAY_KIND, MINUTE_KIND, Sketch } from '../../src/collectors/users/sketch.ts'

const KEY = { k0: 7, k1: 8, id: '0123456789abcdef' }
const NOON = Date.UTC(2026, 4, 5, 12)
const MINUTE = 60_000

/** Users from..to, spread over the last minutes. */
function told(from: number, to: number): UsersReading {
  const users = new ActiveUsers(KEY)
  for (let i = from; i < to; i++) users.see(`u${i}`, NOON - (i % 6) * MINUTE)
  return { service: 'shop', startedAt: 1, key: KEY.id, timeZone: 'UTC', at: NOON, ...readActiveUsers(users.memory) }
}

const overTheWire = (reading: UsersReading) => tryUsersAnswer(JSON.parse(JSON.stringify(encodeUsers(reading))))

const SIZES = [0, 1, 700, 768, 769, 1_024, 1_025, 2_100, 6_000, 40_000]

test('what assay reads of an agent is what the agent holds: the same counts, and the same data when written again', () => {
  for (const many of SIZES) {
    const reading = told(0, many)
    const answer = overTheWire(reading)
    assert.ok(answer !== undefined)
    assert.deepEqual(
      [...answer.days].map(([day, sketch]) => ({ day, ...sketch.toData() })),
      encodeUsers(reading).days,
    )
    assert.deepEqual(
      [...answer.minutes].map(([minute, sketch]) => ({ minute, ...sketch.toData() })),
      encodeUsers(reading).minutes,
    )
    assert.deepEqual(
      [...answer.days.values()].map((sketch) => sketch.count()),
      [...reading.days.values()].map((sketch) => sketch.count()),
    )
  }
})

test('both merge alike', () => {
  const size = fc.constantFrom(...SIZES.slice(0, 9))
  fc.assert(
    fc.property(size, size, size, (a, b, offset) => {
      const [one, other] = [told(0, a), told(offset, offset + b)]
      const merged = encodeUsers(mergeUsers([one, other])!)
      const [day, minute] = [new Sketch(DAY_KIND), new Map<number, Sketch>()]
      for (const answer of [overTheWire(one), overTheWire(other)]) {
        for (const sketch of answer!.days.values()) day.merge(sketch)
        for (const [at, sketch] of answer!.minutes) {
          const known = minute.get(at) ?? new Sketch(MINUTE_KIND)
          known.merge(sketch)
          minute.set(at, known)
        }
      }
      const { day: _day, ...data } = merged.days[0] ?? { day: '', ...new Sketch(DAY_KIND).toData() }
      assert.deepEqual(day.toData(), data)
      assert.deepEqual(
        [...minute].sort(([x], [y]) => x - y).map(([at, sketch]) => ({ minute: at, ...sketch.toData() })),
        merged.minutes,
      )
      const known = new KnownUsers()
      known.take(overTheWire(one)!, NOON)
      known.take(overTheWire(other)!, NOON)
      const { day: today, fiveMinutes } = known.counts(NOON)
      assert.deepEqual({ day: today, fiveMinutes }, countUsers([one, other], NOON))
    }),
    { numRuns: 25 },
  )
})
