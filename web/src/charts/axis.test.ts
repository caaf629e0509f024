import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Unit } from '../api/wire.ts'
import { xTicks, yRange, yTicks } from './axis.ts'
import { gridOf } from './grid.ts'

const UNITS: readonly Unit[] = ['seconds', 'ratio', 'per_second', 'bytes', 'count']
const size = fc.double({ min: 0, max: 1e12, noNaN: true })

test('data and threshold are always inside the range', () => {
  fc.assert(
    fc.property(fc.constantFrom(...UNITS), size, size, fc.option(size, { nil: undefined }), (unit, a, b, limit) => {
      const [low, high] = yRange([Math.min(a, b), Math.max(a, b)], limit, unit)
      for (const value of [a, b, ...(limit === undefined ? [] : [limit])]) assert.ok(low <= value && value <= high)
      assert.ok(high > low)
    }),
  )
})

test('an axis of amounts starts at zero', () => {
  assert.equal(yRange([300, 320], undefined, 'per_second')[0], 0)
  assert.equal(yRange([0.2, 0.21], 0.5, 'seconds')[0], 0)
})

test('a size that hardly moves leaves zero, so that its movement is seen', () => {
  assert.ok(yRange([41e9, 41.2e9], undefined, 'bytes')[0] > 40e9)
})

test('a size next to nothing still has a range', () => {
  const [low, high] = yRange([4e-323, 4e-323], undefined, 'bytes')
  assert.ok(low <= 4e-323 && high >= 4e-323 && high > low)
})

test('ticks are few, increasing and inside', () => {
  fc.assert(
    fc.property(fc.constantFrom(...UNITS), fc.double({ min: 1e-6, max: 1e12, noNaN: true }), (unit, max) => {
      const ticks = yTicks(0, max, 220, unit)
      assert.ok(ticks.length >= 1 && ticks.length <= 12, `${ticks.length} ticks up to ${max} ${unit}`)
      for (let i = 1; i < ticks.length; i++) assert.ok(ticks[i]! > ticks[i - 1]!)
      assert.ok(ticks[ticks.length - 1]! <= max * (1 + 1e-9))
    }),
  )
})

test('latency ticks are round in milliseconds, sizes in powers of two', () => {
  assert.deepEqual(
    yTicks(0, 1.1, 220, 'seconds').map((tick) => Math.round(tick * 1000)),
    [0, 250, 500, 750, 1000],
  )
  const gib = 1024 ** 3
  assert.deepEqual(
    yTicks(0, 33 * gib, 220, 'bytes').map((tick) => tick / gib),
    [0, 8, 16, 24, 32],
  )
})

test('times fall on round minutes of the zone', () => {
  const start = Date.parse('2026-11-20T13:50:20Z') / 1000
  const ticks = xTicks(start, start + 1800, 640, 60)
  for (const at of ticks) assert.equal((at + 3600) % 300, 0)
  assert.ok(ticks.length >= 4 && ticks.length <= 8)
})

test('a grid is aligned, within the bound, and stays the same a moment later', () => {
  const at = Date.parse('2026-11-20T14:00:07Z')
  fc.assert(
    fc.property(fc.integer({ min: 1_000, max: 90 * 86_400_000 }), fc.integer({ min: 50, max: 4000 }), (span, width) => {
      const grid = gridOf(at - span, at, width)
      assert.equal(grid.start % grid.step, 0)
      assert.equal(grid.end % grid.step, 0)
      assert.ok((grid.end - grid.start) / grid.step <= 722)
    }),
  )
  assert.deepEqual(gridOf(at - 1_800_000, at, 600), gridOf(at - 1_800_000 + 500, at + 500, 600))
})
