/** Durations, sizes, values and expressions as people write them: parse and format, both ways. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseSize } from './bytes.ts'
import { formatDuration, parseDuration, tryParseDuration } from './duration.ts'
import { redactUrl, resolveText } from './env.ts'
import { Labels } from './labels.ts'
import { matcher, matchesAll } from './matcher.ts'
import { compileRegex } from './regex.ts'
import { isStaleAt, writeStale } from './stale.ts'
import { formatValue, tryParseValue } from './value.ts'

test('a formatted duration reads back the same', () => {
  fc.assert(fc.property(fc.nat({ max: 4e12 }), (ms) => assert.equal(parseDuration(formatDuration(ms)), ms)))
})

const durations = [
  ['5m', 300_000],
  ['1h30m', 5_400_000],
  ['1d', 86_400_000],
  ['2w', 1_209_600_000],
  ['500ms', 500],
  ['0', 0],
] as const
for (const [text, ms] of durations) test(`${text} is ${ms} ms`, () => assert.equal(parseDuration(text), ms))
for (const text of ['', '5', 'm', '5m1h', '1.5h', '-5m', '5 m', '5M']) {
  test(`${JSON.stringify(text)} is no duration`, () => {
    assert.equal(tryParseDuration(text), undefined)
    assert.throws(() => parseDuration(text), { code: 'ASSAY_DURATION' })
  })
}

test('sizes keep binary and decimal units apart', () => {
  assert.equal(parseSize('1 KiB'), 1024)
  assert.equal(parseSize('1kB'), 1000)
  assert.equal(parseSize('1.5 GiB'), 1.5 * 2 ** 30)
  for (const text of ['', '5', 'GiB', '5 gib', '5 XiB', '-1 MB'])
    assert.throws(() => parseSize(text), { code: 'ASSAY_SIZE' })
})

test('a formatted value reads back to the same bits', () => {
  fc.assert(fc.property(fc.double(), (value) => assert.ok(Object.is(tryParseValue(formatValue(value)), value))))
})

test('values are spelled as Prometheus spells them', () => {
  const spelled = [Number.NaN, Infinity, -Infinity, -0, 0.1, 1e-7, 1e21, 1e20, 1e-6, 123456789].map(formatValue)
  assert.deepEqual(spelled, [
    'NaN',
    '+Inf',
    '-Inf',
    '-0',
    '0.1',
    '1e-07',
    '1e+21',
    '100000000000000000000',
    '0.000001',
    '123456789',
  ])
})

test('stale markers are bits, and no other NaN is one', () => {
  const column = new Float64Array(4)
  writeStale(column, 1)
  column[2] = Number.NaN
  assert.deepEqual(
    [0, 1, 2, 3].map((i) => isStaleAt(column, i)),
    [false, true, false, false],
  )
  assert.ok(isStaleAt(column.slice(1), 0), 'a copied column keeps the marker')
})

test('matchers are anchored, and a missing label is empty', () => {
  const labels = Labels.of({ job: 'shop', code: '503' })
  assert.ok(matchesAll([matcher('job', '=', 'shop'), matcher('code', '=~', '5..')], labels))
  assert.ok(!matchesAll([matcher('code', '=~', '5')], labels))
  assert.ok(matchesAll([matcher('nosuch', '=', ''), matcher('nosuch', '!~', '.+')], labels))
  assert.ok(!matchesAll([matcher('nosuch', '=~', '.+')], labels))
})

test('RE2 spellings are understood', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['a|b', 'b', true],
    ['a|b', 'ab', false],
    ['(?i)shop', 'SHOP', true],
    ['a.c', 'a\nc', true],
    ['(?P<x>a+)', 'aaa', true],
    ['[[:digit:]]+', '123', true],
    ['', '', true],
    ['a\\-b', 'a-b', true],
    ['x*', '', true],
  ]
  for (const [source, value, expected] of cases)
    assert.equal(compileRegex(source)(value), expected, `${source} on ${value}`)
  for (const source of ['(', 'a(?=b)', '(a)\\1', '*'])
    assert.throws(() => compileRegex(source), { code: 'ASSAY_REGEX' }, source)
})

test('a secret comes from the environment and never into a message', () => {
  assert.equal(resolveText({ env: 'A' }, { A: 'x' }), 'x')
  assert.equal(resolveText('plain', {}), 'plain')
  assert.throws(
    () => resolveText({ env: 'MISSING' }, { OTHER: 'secret' }),
    (error: Error) => error.message.includes('MISSING') && !error.message.includes('secret'),
  )
  assert.equal(redactUrl('postgres://u:secret@h:5432/db?sslkey=secret'), 'postgres://u:***@h:5432/db')
  assert.equal(redactUrl('not a url secret'), '***')
})
