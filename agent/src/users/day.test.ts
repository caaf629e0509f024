import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DayClock, formatDay, parseTimeZone, tryParseDay } from './day.ts'

const ZONES = [
  'UTC',
  'Europe/Prague',
  'America/St_Johns',
  'Asia/Kathmandu',
  'Pacific/Apia',
  'Pacific/Kiritimati',
] as const

test('a day has one beginning and one end, whichever of its moments is asked first', () => {
  const moment = fc.integer({ min: Date.UTC(2005, 0, 1), max: Date.UTC(2040, 0, 1) })
  fc.assert(
    fc.property(fc.constantFrom(...ZONES), moment, fc.double({ min: 0, max: 1, noNaN: true }), (zone, at, share) => {
      const clock = new DayClock(zone)
      const day = clock.at(at)
      const { from, to } = clock
      assert.ok(from <= at && at < to && to - from <= 26 * 3_600_000)
      const other = new DayClock(zone)
      assert.equal(other.at(Math.min(to - 1, Math.floor(from + share * (to - from)))), day)
      assert.deepEqual([other.from, other.to], [from, to])
      assert.ok(new DayClock(zone).at(from - 1) < day && new DayClock(zone).at(to) > day)
    }),
    { numRuns: 60 },
  )
})

test('a date that a zone left out is left out', () => {
  const clock = new DayClock('Pacific/Apia')
  assert.equal(clock.at(Date.UTC(2011, 11, 30, 9, 59)), 20_111_229)
  assert.equal(clock.at(Date.UTC(2011, 11, 30, 10, 0)), 20_111_231)
})

test('a day is written and read; what is no day is not read', () => {
  assert.equal(formatDay(20_260_505), '2026-05-05')
  assert.equal(tryParseDay('2026-05-05'), 20_260_505)
  for (const wrong of ['2026-5-5', '2026-13-01', '20260505', 5, undefined]) assert.equal(tryParseDay(wrong), undefined)
})

test('a zone that is not known says what to write', () => {
  assert.equal(parseTimeZone('Europe/Prague'), 'Europe/Prague')
  assert.notEqual(parseTimeZone('local'), 'local')
  assert.throws(() => parseTimeZone('Mars/Phobos'), /write UTC, Europe\/Prague or local/)
})
