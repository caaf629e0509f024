import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decimalEnd, readDecimal, slowNumber, tryParseNumber } from './parse-number.ts'

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

test('a number read up to where it ends is the number of that text', () => {
  const texts = fc.oneof(
    fc.double().map(String),
    fc.integer().map(String),
    fc.string({ unit: fc.constantFrom(...'0123456789.eE+-NaInf'), maxLength: 20 }),
    fc.constantFrom('NaN', '+Inf', '-Inf', '1e5', '-0', '.5', '5.', '0.1234567890123456789', '9'.repeat(400)),
  )
  fc.assert(
    fc.property(texts, fc.constantFrom('\n', ' ', '\t', ''), (text, behind) => {
      const body = Buffer.from(`xx${text}${behind}`)
      const expected = tryParseNumber(body, 2, 2 + text.length)
      const found = readDecimal(body, 2)
      // What is cut off, or longer than any number that is written, is left to the parser.
      if (expected === undefined || behind === '' || text.length >= 64) assert.equal(decimalEnd(), -1)
      else {
        assert.equal(decimalEnd(), 2 + text.length)
        assert.ok(Object.is(found, expected), `${text}: ${found}`)
      }
    }),
    { numRuns: 2000 },
  )
})
