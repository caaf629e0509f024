/** Growth over stretches where windows move evenly is what each step says by itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NumbersRoom } from './numbers-room.ts'
import { nextResets } from './window.ts'
import { fillGrowth, Windows } from './windows.ts'

const STEPS = 24

/** Instants within a step of ten, step after step: so windows hold different numbers of samples between the same ends. */
const pattern = fc.array(fc.constantFrom([1, 9], [1, 9], [1, 5, 9], [1, 5, 9], [1, 4, 5, 9], [5], []), {
  minLength: 1,
  maxLength: 4,
})
const given = fc.record({
  pattern,
  gap: fc.option(fc.nat({ max: STEPS })),
  range: fc.constantFrom(10, 20, 20, 30, 45),
  first: fc.constantFrom(0, 0.5, 3, 1e6),
  adds: fc.array(fc.constantFrom(0, 1, 0.1, 7), { minLength: 1, maxLength: 9 }),
  /** It begins anew at every so many samples. */
  resets: fc.option(fc.integer({ min: 2, max: 20 })),
  isRate: fc.boolean(),
})

test('growth at all steps is to the bit what it is at each step asked by itself', () => {
  fc.assert(
    fc.property(given, ({ pattern, gap, range, first, adds, resets, isRate }) => {
      const instants: number[] = []
      for (let step = 0; step < STEPS; step++)
        if (step !== gap) for (const at of pattern[step % pattern.length]!) instants.push(step * 10 + at)
      const timestamps = Float64Array.from(instants)
      let value: number = first
      const values = timestamps.map(
        (_, i) => (value = resets !== null && i % resets === 1 ? 1 : value + adds[i % adds.length]!),
      )
      const nextReset = resets === null ? undefined : nextResets(values, values.length)
      const how = { isCounter: true, isRate }
      const growth = (ends: Float64Array) => {
        const starts = ends.map((end) => end - range)
        const frame = { start: ends[0]!, stepMs: 10, count: ends.length }
        const windows = new Windows(timestamps, timestamps.length, { starts, ends, frame }, new NumbersRoom())
        const out = new Float64Array(ends.length)
        fillGrowth(windows, values, nextReset, how, out)
        return { out, kinds: windows.growth(isRate).kinds }
      }
      const all = growth(Float64Array.from({ length: STEPS }, (_, step) => step * 10))
      for (let step = 0; step < STEPS; step++) {
        const one = growth(Float64Array.of(step * 10))
        assert.equal(all.kinds[step], one.kinds[0])
        if (one.kinds[0] !== 0) assert.ok(Object.is(all.out[step], one.out[0]), `${all.out[step]} is not ${one.out[0]}`)
      }
    }),
    { numRuns: 1000 },
  )
})
