import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { retentionHorizon } from './retention-horizon.ts'

const HOUR = 3600_000
const DAY = 24 * HOUR
const YEAR = 365 * DAY

test('age is measured from the newest sample, and a leap counts once samples have come beyond it for a while', () => {
  const history = { from: 0, to: 20 * DAY }
  for (const [spans, horizon, why] of [
    [[], -Infinity, 'nothing there'],
    [[history], 5 * DAY, 'one span'],
    [[history, { from: 21 * DAY, to: 30 * DAY }], 15 * DAY, 'off for a day'],
    [[history, { from: 30 * DAY, to: 30 * DAY }], 15 * DAY, 'off for ten days, back a moment ago'],
    [[history, { from: YEAR, to: YEAR + HOUR }], 5 * DAY, 'a year ahead for an hour'],
    [[{ from: YEAR, to: YEAR + HOUR }, history], 5 * DAY, 'in whatever order'],
    [[history, { from: YEAR, to: YEAR + 2 * DAY }], YEAR - 13 * DAY, 'off for a year, back for two days'],
    [[history, { from: YEAR, to: YEAR }, { from: 3 * YEAR, to: 3 * YEAR }], 5 * DAY, 'two leaps'],
    [
      [
        { from: 0, to: HOUR },
        { from: YEAR, to: YEAR + HOUR },
      ],
      HOUR - 15 * DAY,
      'young, and a leap',
    ],
  ] as const)
    assert.equal(retentionHorizon(spans, 15 * DAY), horizon, why)
})

test('law: it never lies behind what the newest sample alone would say, and without a leap it is just that', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(1000), fc.nat(100)), { minLength: 1 }),
      fc.integer({ min: 1, max: 2000 }),
      (given, retention) => {
        const spans = given.map(([from, length]) => ({ from, to: from + length }))
        const newest = Math.max(...spans.map(({ to }) => to))
        const horizon = retentionHorizon(spans, retention)
        assert.ok(horizon <= newest - retention)
        if (retention > 1100) assert.equal(horizon, newest - retention)
      },
    ),
  )
})
