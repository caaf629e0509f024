/** Where an import goes: every instant in one window, large aligned ones where they fit. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { planWindows } from './plan-windows.ts'

const plan = (first: number, last: number, taken: readonly { start: number; end: number }[] = []) =>
  planWindows({ first, last, taken, blockMs: 10, maxMs: 90 })

test('windows grow with their alignment and end with the last instant', () => {
  assert.deepEqual(
    plan(85, 219).map(({ start, end }) => [start, end]),
    [
      [85, 90],
      [90, 180],
      [180, 210],
      [210, 220],
    ],
  )
})

test('what blocks have already is a window of its own, cut to what is imported', () => {
  assert.deepEqual(
    plan(5, 24, [
      { start: 0, end: 8 },
      { start: 20, end: 30 },
    ]),
    [
      { start: 5, end: 8, isTaken: true },
      { start: 8, end: 10, isTaken: false },
      { start: 10, end: 20, isTaken: false },
      { start: 20, end: 25, isTaken: true },
    ],
  )
})

test('windows follow each other without a gap, are taken as a whole or not at all, and no free one is too long', () => {
  const spans = fc
    .uniqueArray(fc.integer({ min: -300, max: 300 }), { maxLength: 8 })
    .map((ends) => ends.sort((a, b) => a - b))
    .map((ends) => ends.slice(1).flatMap((end, i) => (i % 2 === 0 ? [{ start: ends[i]!, end }] : [])))
  fc.assert(
    fc.property(fc.integer({ min: -400, max: 400 }), fc.nat(500), spans, (first, length, taken) => {
      const last = first + length
      const windows = plan(first, last, taken)
      assert.equal(windows[0]?.start, first)
      assert.equal(windows.at(-1)?.end, last + 1)
      for (const [i, { start, end, isTaken }] of windows.entries()) {
        assert.ok(start < end && (i === 0 || windows[i - 1]!.end === start))
        assert.ok(isTaken || end - start <= 90)
        const covered = taken.filter((one) => one.start < end && one.end > start)
        assert.ok(
          isTaken ? covered.length === 1 && covered[0]!.start <= start && covered[0]!.end >= end : covered.length === 0,
        )
      }
    }),
  )
})
