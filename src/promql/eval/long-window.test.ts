import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LONG, longMadOverTime, longQuantile, type Pace } from './long-window.ts'
import { madOverTime } from './over-time.ts'
import { quantile } from './quantile.ts'
import { FLOATS_ALONE } from './window.test-support.ts'

const unhurried: Pace = { spend: () => false, breathe: async () => {} }

const SPECIAL = [0, -0, Infinity, -Infinity, 5e-324, -5e-324, 1.7976931348623157e308]

const NOWHERE = {
  timestamps: new Float64Array(0),
  startMs: 0,
  endMs: 0,
  atMs: 0,
  args: new Float64Array(0),
  nextReset: undefined,
}

/** Long columns from a few numbers: what they repeat decides, not how long they are. */
const samples = fc
  .record({
    some: fc.array(fc.oneof(fc.double(), fc.constantFrom(...SPECIAL)), { minLength: 1, maxLength: 40 }),
    length: fc.integer({ min: LONG - 1, max: 2 * LONG + 5 }),
    stride: fc.integer({ min: 1, max: 1000 }),
  })
  .map(({ some, length, stride }) => Float64Array.from({ length }, (_, i) => some[(i * stride) % some.length]!))

test('a quantile of a long window is to the bit the one of sorting it at once', async () => {
  const q = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1, 0.5, -1, 2, Number.NaN))
  await fc.assert(
    fc.asyncProperty(samples, q, async (values, q) => {
      const expected = quantile(q, values.slice())
      assert.ok(Object.is(await longQuantile(q, values.slice(), unhurried), expected))
    }),
    { numRuns: 30 },
  )
})

test('the median distance of a long window is that of a short one', async () => {
  await fc.assert(
    fc.asyncProperty(samples, async (values) => {
      const window = { ...FLOATS_ALONE, ...NOWHERE, values, from: 0, to: values.length }
      const out = new Float64Array(1)
      madOverTime(window, out, 0)
      assert.ok(Object.is(await longMadOverTime(window, unhurried), out[0]))
    }),
    { numRuns: 20 },
  )
})

test('between pieces others have their turn, and what stops the query stops it there', async () => {
  let left = 3
  const stopped = new Error('stopped')
  const pace: Pace = {
    spend: () => true,
    breathe: async () => {
      if (--left === 0) throw stopped
    },
  }
  await assert.rejects(longQuantile(0.5, new Float64Array(10 * LONG), pace), stopped)
  assert.equal(left, 0)
})
