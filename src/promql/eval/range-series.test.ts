import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels } from '#core'
import { ABSENT, FLOAT } from './column.ts'
import { asSeries } from './range-series.ts'

const column = fc.oneof(
  fc.array(fc.constantFrom(FLOAT, FLOAT, ABSENT), { minLength: 12, maxLength: 12 }),
  // A run with nothing before and behind it.
  fc
    .tuple(fc.nat({ max: 12 }), fc.nat({ max: 12 }))
    .map(([a, b]) => Array.from({ length: 12 }, (_, i) => (i >= a && i < b ? FLOAT : ABSENT))),
)

test('a series of a subquery has the floats of its column, each at its step', () => {
  fc.assert(
    fc.property(fc.array(column, { maxLength: 5 }), (all) => {
      const frame = { start: 1000, stepMs: 250, count: 12 }
      const columns = all.map((kinds, i) => ({
        labels: Labels.of({ i: `${i}` }),
        dropName: i % 2 === 0,
        values: Float64Array.from(kinds, (_, step) => i * 100 + step),
        kinds: Uint8Array.from(kinds),
      }))
      const told = asSeries(columns, frame).map((one) => ({
        ...one,
        points: Array.from(one.values, (value, k) => [one.timestamps[k], value]),
      }))
      for (const [i, { labels, dropName, values, kinds }] of columns.entries()) {
        const points = Array.from(values, (value, step) => [1000 + step * 250, value]).filter(
          (_, step) => kinds[step] === FLOAT,
        )
        const { points: got, count, timestamps, ...rest } = told[i]!
        assert.deepEqual([got, count, timestamps.length], [points, points.length, points.length])
        assert.deepEqual([rest.labels, rest.dropName], [labels, dropName])
      }
    }),
  )
})
