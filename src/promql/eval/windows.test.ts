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
  isRate: fc.boolean(),
})

test('growth of counters that never fall is to the bit what it is where falls are looked for', () => {
  fc.assert(
    fc.property(given, ({ pattern, gap, range, first, adds, isRate }) => {
      const instants: number[] = []
      for (let step = 0; step < STEPS; step++)
        if (step !== gap) for (const at of pattern[step % pattern.length]!) instants.push(step * 10 + at)
      const timestamps = Float64Array.from(instants)
      let value = first
      const values = timestamps.map((_, i) => (value += adds[i % adds.length]!))
      const ends = Float64Array.from({ length: STEPS }, (_, step) => step * 10)
      const starts = ends.map((end) => end - range)
      const frame = { start: 0, stepMs: 10, count: STEPS }
      const windows = new Windows(timestamps, timestamps.length, { starts, ends, frame }, new NumbersRoom())
      const how = { isCounter: true, isRate }
      const fast = new Float64Array(STEPS)
      const slow = new Float64Array(STEPS)
      fillGrowth(windows, values, undefined, how, fast)
      fillGrowth(windows, values, nextResets(values, values.length), how, slow)
      const { kinds } = windows.growth(isRate)
      for (let step = 0; step < STEPS; step++)
        if (kinds[step] !== 0) assert.ok(Object.is(fast[step], slow[step]), `${fast[step]} is not ${slow[step]}`)
    }),
    { numRuns: 1000 },
  )
})
