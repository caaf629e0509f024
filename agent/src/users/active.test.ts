import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ActiveUsers, countTogether } from './active.ts'

const KEY = { k0: 1, k1: 2 }
const NOON = new Date(2026, 4, 5, 12, 0, 0).getTime()
const MINUTE = 60_000

test('a user counts once in the day and once in the window, and leaves the window after six minutes', () => {
  const users = new ActiveUsers(KEY)
  for (let i = 0; i < 100; i++) users.see(`u${i % 10}`, NOON + i)
  assert.deepEqual(users.counts(NOON), { day: 10, fiveMinutes: 10 })
  users.see('late', NOON + 4 * MINUTE)
  assert.deepEqual(users.counts(NOON + 5 * MINUTE), { day: 11, fiveMinutes: 11 })
  assert.deepEqual(users.counts(NOON + 6 * MINUTE), { day: 11, fiveMinutes: 1 })
  assert.deepEqual(users.counts(NOON + 60 * MINUTE), { day: 11, fiveMinutes: 0 })
})

test('a place of the ring is taken over by a later minute, not added to', () => {
  const users = new ActiveUsers(KEY)
  users.see('old', NOON)
  users.see('new', NOON + 6 * MINUTE)
  assert.equal(users.counts(NOON + 6 * MINUTE).fiveMinutes, 1)
})

test('the day turns at midnight of the process, seen or unseen', () => {
  const users = new ActiveUsers(KEY)
  const beforeMidnight = new Date(2026, 4, 5, 23, 59).getTime()
  users.see('a', beforeMidnight)
  assert.equal(users.counts(beforeMidnight).day, 1)
  assert.equal(users.counts(beforeMidnight + 2 * MINUTE).day, 0)
  users.see('b', beforeMidnight + 2 * MINUTE)
  assert.equal(users.counts(beforeMidnight + 2 * MINUTE).day, 1)
})

test('workers count together: nobody twice, yesterday not at all, nonsense passed over', () => {
  const [one, two, old] = [new ActiveUsers(KEY), new ActiveUsers(KEY), new ActiveUsers(KEY)]
  for (let i = 0; i < 600; i++) one.see(`u${i}`, NOON)
  for (let i = 300; i < 900; i++) two.see(`u${i}`, NOON)
  old.see('yesterday', NOON - 24 * 60 * MINUTE)
  const wire = [one.toData(NOON), two.toData(NOON), old.toData(NOON - 24 * 60 * MINUTE)].map(
    (data) => JSON.parse(JSON.stringify(data)) as unknown,
  )
  assert.deepEqual(countTogether([...wire, null, 5, { minutes: 'x' }, { day: 1, minutes: [null, {}] }], NOON), {
    day: 900,
    fiveMinutes: 900,
  })
})
