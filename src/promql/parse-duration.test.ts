import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAll as parse } from './features.test-support.ts'
import { formatExpr } from './print.ts'

const range = (text: string) => formatExpr(parse(`x[${text}]`)).slice(2, -1)

test('ranges are durations, numbers of seconds, and arithmetic of both', () => {
  for (const [given, printed] of [
    ['5m', '5m'],
    ['90', '1m30s'],
    ['1h30m', '1h30m'],
    ['0.5', '500ms'],
    ['-5m+35m', '-5m + 35m'],
    ['2m*(10+5)', '2m * (10 + 5)'],
    ['2^3^2', '2 ^ 3 ^ 2'],
    ['-2^2', '-2 ^ 2'],
    ['STEP()', 'step()'],
    ['max_of(min_of(step(), 1h), range())', 'max_of(min_of(step(), 1h), range())'],
  ] as const)
    assert.equal(range(given), printed)
})

test('behind offset an operator belongs to the expression around', () => {
  assert.equal(parse('x offset 5m + 2').kind, 'binary')
  assert.equal(parse('x offset (5m + 2)').kind, 'vector-selector')
  assert.equal(parse('x offset -step()*2').kind, 'binary')
})

test('what is no duration is refused', () => {
  for (const text of [
    'x[]',
    'x[0]',
    'x[-5m]',
    'x[5m',
    'x[y]',
    'x[step]',
    'x offset',
    'x[300y]',
    `x[${'('.repeat(200)}1${')'.repeat(200)}]`,
  ])
    assert.throws(() => parse(text), { code: 'ASSAY_PROMQL_PARSE' }, text)
})
