/** A group of rows that have a float at each step comes out as if nobody had known that they do. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels } from '#core'
import { FLOAT } from './column.ts'
import { FOLDS } from './group-folds.ts'

const value = fc.oneof(
  fc.constantFrom(0, -0, 0.1, 1, -3, 1e16, 2 ** 53),
  fc.constantFrom(1.7e308, -1.7e308, Infinity, -Infinity, Number.NaN),
  fc.double(),
)

/** Rows of three steps of two groups. */
const rows = fc.array(
  fc.record({
    group: fc.nat({ max: 1 }),
    values: fc.array(value, { minLength: 3, maxLength: 3 }),
    absent: fc.oneof({ weight: 6, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.nat({ max: 2 }) }),
  }),
  { maxLength: 12 },
)

const GROUPS = [Labels.of({ job: 'a' }), Labels.of({ job: 'b' })]

test('rows with a float at each step are folded to the bit as rows with gaps are', () => {
  for (const [op, makeFold] of Object.entries(FOLDS))
    fc.assert(
      fc.property(rows, (given) => {
        const known = makeFold(GROUPS, 3)
        const unknown = makeFold(GROUPS, 3)
        for (const { group, values, absent } of given) {
          const row = Float64Array.from(values)
          const kinds = Uint8Array.from(values, (_, step) => (step === absent ? 0 : FLOAT))
          known.add(group, row, kinds, absent < 0)
          unknown.add(group, row, kinds, false)
        }
        const said = (fold: typeof known) => fold.finish().map((one) => [one.labels, one.kinds, [...one.values]])
        assert.deepEqual(said(known), said(unknown), op)
      }),
    )
})
