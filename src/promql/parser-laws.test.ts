/**
 * The laws of the parser over the scripts (ours, and Prometheus' own where ASSAY_SHARED names a folder that has them),
 * over mutations of them, and over random texts.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { fuzz } from '#core'
import { parse, parseSelector } from './index.ts'
import { checkLaws, checkRefusal } from './parser-laws.test-support.ts'
import { parseScript } from './promqltest/script.ts'

const SHARED = process.env['ASSAY_SHARED']
const FOLDERS = [
  fileURLToPath(new URL('testdata/', import.meta.url)),
  ...(SHARED === undefined ? [] : [`${SHARED}/promqltest/`]),
]
const CORPUS = FOLDERS.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.test'))
    .flatMap((name) => parseScript(readFileSync(folder + name, 'utf8')))
    .flatMap((command) => (command.kind === 'eval' ? [command.expr] : [])),
)

test('the laws hold of every expression of the scripts', () => {
  const read = CORPUS.filter(checkLaws).length
  assert.ok(read > 100 && read > CORPUS.length * 0.9, `${read} of ${CORPUS.length} are PromQL`)
})

test('the laws hold of expressions that were damaged', () => {
  let read = 0
  fuzz(({ damage, pick }) => {
    if (checkLaws(damage(Buffer.from(pick(CORPUS))).toString())) read++
  }, 2000)
  assert.ok(read > 100, 'some are PromQL still')
})

test('the laws hold of words put together at random', () => {
  const words = CORPUS.flatMap((text) => text.match(/\w+|"[^"]*"|[^\s\w]/g) ?? [])
  let read = 0
  fuzz(({ int, pick }) => {
    const text = Array.from({ length: int(12) + 1 }, () => pick(words)).join(pick(['', ' ', ' ', '\n']))
    if (checkLaws(text)) read++
  }, 2000)
  assert.ok(read > 20, 'some are PromQL')
})

test('any text at all is read or refused by the laws', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (text) => {
      checkLaws(text)
    }),
    { numRuns: 500 },
  )
})

const BEYOND: readonly { readonly why: string; readonly text: string }[] = [
  { why: 'text beyond what is read', text: 'a'.repeat(300_000) },
  { why: 'parentheses', text: `${'('.repeat(10_000)}1${')'.repeat(10_000)}` },
  { why: 'parentheses that nobody closes', text: '('.repeat(10_000) },
  { why: 'brackets', text: `x${'[5m:]'.repeat(10_000)}` },
  { why: 'open brackets', text: 'x['.repeat(10_000) },
  { why: 'braces', text: '{'.repeat(10_000) },
  { why: 'signs', text: `${'-'.repeat(10_000)}1` },
  { why: 'signs apart', text: `${'- '.repeat(10_000)}x` },
  { why: 'a sum', text: Array(100_000).fill('a').join('+') },
  { why: 'powers', text: Array(10_000).fill('2').join('^') },
  { why: 'calls', text: `${'abs('.repeat(10_000)}x${')'.repeat(10_000)}` },
  { why: 'aggregations', text: `${'sum('.repeat(10_000)}x${')'.repeat(10_000)}` },
  { why: 'terms of a duration', text: `x[${Array(10_000).fill('1m').join('+')}]` },
  { why: 'parentheses in a duration', text: `x[${'('.repeat(10_000)}1m${')'.repeat(10_000)}]` },
  { why: 'signs of an offset', text: `x offset ${'-'.repeat(10_000)}1m` },
  { why: 'powers of a duration', text: `x[${Array(10_000).fill('2').join('^')}]` },
  { why: 'minima of a duration', text: `x[${'min_of(1,'.repeat(10_000)}1${')'.repeat(10_000)}]` },
  { why: 'groups of an expression in a matcher', text: `x{a=~"${'('.repeat(10_000)}${')'.repeat(10_000)}"}` },
  { why: 'repetitions of an expression in a matcher', text: 'x{a=~"((a{1000}){1000}){1000}"}' },
]
for (const { why, text } of BEYOND) {
  test(`too much is refused with a next step, however it is nested: ${why}`, () => {
    assert.throws(
      () => parse(text),
      (thrown: unknown) => {
        checkRefusal(text, thrown)
        assert.ok((thrown as Error).message.length < 1000, 'and briefly')
        return true
      },
    )
  })
}

test('wide is not deep: thousands of arguments, labels and matchers are read', () => {
  const list = (one: (i: number) => string) => Array.from({ length: 5000 }, (_, i) => one(i)).join(',')
  parse(`sum by (${list((i) => `l${i}`)}) (x{${list((i) => `l${i}="v"`)}})`)
  parse(`label_join(x, "a", "-", ${list((i) => `"l${i}"`)})`)
  parse(`x{a=~"${list((i) => `v${i}.*`).replaceAll(',', '|')}"}`)
})

test('what is no plain selector is refused as such', () => {
  for (const text of ['up offset 5m', 'up @ 1', 'up[5m]', 'sum(up)', '1', '"up"', '{', ''])
    assert.throws(
      () => parseSelector(text),
      (thrown: unknown) => {
        checkRefusal(text, thrown)
        return true
      },
    )
})
