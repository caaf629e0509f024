/** Series of several sources come together as by their keys, whatever was remembered of other times. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels } from '#core'
import { compareLabels } from '#storage'
import type { Part } from '../columns/part.ts'
import { joinSeries } from './join-series.ts'

const all = Array.from({ length: 8 }, (_, i) => Labels.of({ __name__: i % 2 ? 'a' : 'b', i: `${i}` })).sort(
  compareLabels,
)

/** An index that numbers the series in its own way, and which of them a question finds there. */
const source = fc.record({
  order: fc.shuffledSubarray([...all.keys()], { minLength: all.length }),
  hasIndex: fc.boolean(),
  isLate: fc.boolean(),
})
const questions = fc.array(fc.array(fc.subarray([...all.keys()]), { minLength: 4, maxLength: 4 }), { maxLength: 6 })

test('what is remembered of series that are the same changes nothing', () => {
  fc.assert(
    fc.property(fc.array(source, { minLength: 1, maxLength: 4 }), questions, (sources, asked) => {
      // The late ones come last, as a querier has them.
      const ordered = [...sources].sort((a, b) => Number(a.isLate) - Number(b.isLate))
      const indexes = ordered.map(() => ({}))
      for (const found of asked) {
        const given = ordered.map(({ order, hasIndex, isLate }, s) => ({
          isLate,
          parts: found[s]!.map(
            (i): Part => ({
              labels: all[i]!,
              maxCount: s,
              read: () => 0,
              ...(hasIndex ? { index: indexes[s]!, series: order[i]! } : {}),
            }),
          ),
        }))
        const byKey = all.flatMap((labels) => {
          const of = (isLate: boolean) =>
            given
              .filter((one) => one.isLate === isLate)
              .flatMap(({ parts }) => parts.filter((one) => one.labels === labels))
          const [parts, late] = [of(false), of(true)]
          return parts.length + late.length === 0 ? [] : [{ labels, parts, late }]
        })
        const joined = joinSeries(given).map(({ labels, parts, late }) => ({ labels, parts, late: late ?? [] }))
        assert.deepEqual(joined, byKey)
      }
    }),
  )
})
