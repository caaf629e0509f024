import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatPlainValue, formatValue } from './value.ts'

const cases: readonly (readonly [value: number, text: string])[] = [
  [7.777777777777778e23, '777777777777777800000000'],
  [1e21, '1000000000000000000000'],
  [-1.5e-7, '-0.00000015'],
  [5e-324, `0.${'0'.repeat(323)}5`],
  [0.000001, '0.000001'],
  [-0, '-0'],
  [Number.NaN, 'NaN'],
  [Number.NEGATIVE_INFINITY, '-Inf'],
]

for (const [value, text] of cases)
  test(`${formatValue(value)} is plainly ${text.slice(0, 30)}`, () => assert.equal(formatPlainValue(value), text))

test('a plain value has no exponent and is the same number', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const text = formatPlainValue(value)
      assert.match(text, /^-?\d+(\.\d+)?$/)
      assert.ok(Object.is(Number(text), value), text)
    }),
  )
})
