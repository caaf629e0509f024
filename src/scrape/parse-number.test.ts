import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { slowNumber, tryParseNumber } from './parse-number.ts'

const parse = (text: string) => tryParseNumber(Buffer.from(text), 0, text.length)

test('the fast path gives the very double that the slow one gives', () => {
  const digits = fc.stringMatching(/^[+-]?\d{0,18}(\.\d{0,18})?(e[+-]?\d{0,3})?$/)
  fc.assert(
    fc.property(fc.oneof(digits, fc.double().map(String), fc.integer().map(String)), (text) => {
      assert.ok(Object.is(parse(text), slowNumber(text)), `${text}: ${parse(text)} is ${slowNumber(text)}`)
    }),
    { numRuns: 2000 },
  )
})

test('words and edges are read as Go reads them', () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ['', undefined],
    ['-', undefined],
    ['.', undefined],
    ['1.', 1],
    ['.5', 0.5],
    ['-0', -0],
    ['1e', undefined],
    ['1e+', undefined],
    ['1E5', 1e5],
    ['NaN', Number.NaN],
    ['-NaN', undefined],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['+inf', Number.POSITIVE_INFINITY],
    ['1e999', undefined],
    ['0x1p3', undefined],
    ['1_0', undefined],
    [' 1', undefined],
  ]
  for (const [text, value] of cases) assert.ok(Object.is(parse(text), value), `${text}: ${parse(text)}`)
})
