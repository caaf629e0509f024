import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { tryParseGoFloat } from './go-float.ts'

const cases: readonly { text: string; value: number | undefined; why: string }[] = [
  { text: '1e3', value: 1000, why: 'an exponent' },
  { text: '.5', value: 0.5, why: 'no digit before the point' },
  { text: '+Inf', value: Infinity, why: 'infinity by its short name' },
  { text: '-infinity', value: -Infinity, why: 'and by its long one' },
  { text: '0x1.8p1', value: 3, why: 'hexadecimal with a fraction' },
  { text: '-0X_1_0P0', value: -16, why: 'digits parted after the prefix' },
  { text: '1_000.5', value: 1000.5, why: 'decimal digits parted too' },
  { text: '1__000', value: undefined, why: 'but by one at a time' },
  { text: '_1', value: undefined, why: 'and only between digits' },
  { text: '1_e3', value: undefined, why: 'of which the e is none' },
  { text: '0x.p1', value: undefined, why: 'no digits at all' },
  { text: '1e999', value: undefined, why: 'out of range is an error in Go' },
  { text: ' 1', value: undefined, why: 'a space' },
]
for (const { text, value, why } of cases)
  test(`${JSON.stringify(text)} is read as Go reads it: ${why}`, () => assert.equal(tryParseGoFloat(text), value))

test('every finite double reads back from its own text', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) =>
      assert.equal(tryParseGoFloat(String(value)), value + 0),
    ),
  )
})
