import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatAgo, formatClock, formatInstant, formatSpan, formatTimer, tryInstant } from './time.ts'

const NOON = Date.parse('2026-11-20T14:02:10.500Z')

test('a clock has 24 hours, and seconds unless they are not wanted', () => {
  assert.equal(formatClock(NOON, { zone: 'UTC' }), '14:02:10')
  assert.equal(formatClock(NOON, { zone: 'UTC', seconds: false }), '14:02')
  assert.equal(formatClock(Date.parse('2026-11-20T00:00:00Z'), { zone: 'UTC' }), '00:00:00')
})

test('an instant of another day says which', () => {
  assert.equal(formatInstant(NOON, NOON + 60_000, 'UTC'), '14:02:10')
  assert.equal(formatInstant(NOON, NOON + 86_400_000, 'UTC'), 'Fri 20 Nov 14:02')
})

test('a span has at most two parts', () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '0 s'],
    [-5, '0 s'],
    [400, '0.4 s'],
    [1900, '2 s'],
    [60_000, '1 min'],
    [80_000, '1 min 20 s'],
    [11_100_000, '3 h 5 min'],
    [187_200_000, '2 d 4 h'],
    [Number.NaN, '0 s'],
  ]
  for (const [ms, text] of cases) assert.equal(formatSpan(ms), text)
})

test('a timer counts like a watch', () => {
  assert.equal(formatTimer(80_000), '1:20')
  assert.equal(formatTimer(5_000), '0:05')
  assert.equal(formatTimer(3_723_000), '1:02:03')
  assert.equal(formatTimer(-1), '0:00')
})

test('ago has one part', () => {
  assert.equal(formatAgo(900), 'just now')
  assert.equal(formatAgo(2_000), '2 s ago')
  assert.equal(formatAgo(200_000), '3 min ago')
  assert.equal(formatAgo(90_000_000), '1 d ago')
})

test('what is no instant is absent', () => {
  assert.equal(tryInstant('2026-11-20T14:02:10.500Z'), NOON)
  assert.equal(tryInstant(null), undefined)
  assert.equal(tryInstant('soon'), undefined)
})
