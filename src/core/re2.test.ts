import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileGroups, compileRegex, toRegExp } from './regex.ts'

const CASES: readonly { readonly re: string; readonly yes: readonly string[]; readonly no: readonly string[] }[] = [
  { re: '(?i)pro.*', yes: ['production', 'PROD'], no: ['xpro'] },
  { re: '((?i)PRO).*', yes: ['production', 'PROduction'], no: ['roduction'] },
  { re: '.*((?i)DUC)tion', yes: ['production', 'proDUCtion'], no: ['producTION'] },
  { re: 'x(?i)a|b', yes: ['xa', 'xA', 'b', 'B'], no: ['XA', 'a'] },
  { re: '(?i:a)b', yes: ['ab', 'Ab'], no: ['aB'] },
  { re: '(?P<x>a+)', yes: ['aa'], no: [''] },
  { re: '[[:alpha:]_]+', yes: ['a_Z'], no: ['a1'] },
  { re: '[[:^digit:]]', yes: ['a'], no: ['1'] },
  { re: '[]a]+', yes: [']a'], no: ['b'] },
  { re: 'a{,2}', yes: ['a{,2}'], no: ['aa'] },
  { re: 'a{2,3}', yes: ['aa', 'aaa'], no: ['a'] },
  { re: '\\Qa.b\\E+', yes: ['a.b', 'a.bb'], no: ['axb'] },
  { re: '\\-\\_\\:\\"', yes: ['-_:"'], no: [''] },
  { re: '[\\-\\_a]+', yes: ['-_a'], no: ['b'] },
  { re: '\\pL\\p{Greek}', yes: ['aα'], no: ['α1'] },
  { re: '\\x41\\x{1F600}', yes: ['A😀'], no: ['A'] },
  { re: '\\s', yes: [' ', '\n'], no: ['\u00a0', '\v'] },
  { re: 'a.b', yes: ['a\nb', 'a😀b'], no: ['ab'] },
  { re: '(?-s)a.b', yes: ['axb'], no: ['a\nb'] },
  { re: 'a\\z', yes: ['a'], no: ['a\n'] },
  { re: 'shop-.*', yes: ['shop-', 'shop-1\n2'], no: ['shop'] },
  { re: 'a|b|', yes: ['a', ''], no: ['c'] },
]

test('an RE2 expression matches whole strings as Prometheus matches them', () => {
  for (const { re, yes, no } of CASES) {
    const matches = compileRegex(re)
    for (const text of yes) assert.ok(matches(text), `${re} on ${JSON.stringify(text)}`)
    for (const text of no) assert.ok(!matches(text), `${re} on ${JSON.stringify(text)}`)
  }
})

test('what RE2 does not know is refused', () => {
  for (const re of ['(?=a)', '(?<!a)b', '(a)\\1', '(?U)a', '(', 'a)', '[a', 'a{1001}', '\\y', 'a\\', '[[:nope:]]', '*'])
    assert.throws(() => compileRegex(re), { code: 'ASSAY_REGEX' }, re)
})

test('literals and prefixes mean the same with and without the engine', () => {
  const words = fc.stringMatching(/^[a-c\-/]{0,4}$/)
  fc.assert(
    fc.property(
      fc.array(words, { minLength: 1, maxLength: 3 }),
      fc.constantFrom('', '.*', '.+'),
      words,
      (parts, tail, text) => {
        const source = tail === '' ? parts.join('|') : `${parts[0]}${tail}`
        assert.equal(compileRegex(source)(text), toRegExp(source).test(text), `${source} on ${text}`)
      },
    ),
  )
})

test('an expression that would backtrack for ages is answered in linear time', () => {
  const matches = compileRegex('(a+)+b')
  // A minute and more with the default engine.
  assert.equal(matches('a'.repeat(5000)), false)
  assert.equal(matches(`${'a'.repeat(5000)}b`), true)
})

test('characters above U+FFFF are one character, whichever way they are matched', () => {
  assert.ok(compileRegex('.')('😀'))
  assert.ok(compileRegex('[^a]')('😀'))
  assert.ok(!compileRegex('..')('😀'))
  assert.equal(compileGroups('(.)(.*)')('😀ab')?.[1], '😀')
  assert.equal(compileGroups('(.)(.*)')('cab')?.[2], 'ab')
})

test('with and without u mode an expression says the same of plain text', () => {
  const piece = fc.constantFrom(
    'a',
    'B',
    '.',
    '[^a]',
    '\\w',
    '\\s',
    '(?i:b)',
    'a{2}',
    '(',
    ')',
    '|',
    '*',
    '+?',
    '\\.',
    '[]-]',
    '\\x41',
  )
  const source = fc.array(piece, { maxLength: 6 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(source, fc.stringMatching(/^[aAbB .-]{0,5}$/), (re, text) => {
      let exact: RegExp
      try {
        exact = toRegExp(re)
      } catch {
        return
      }
      assert.equal(compileRegex(re)(text), exact.test(text), `${re} on ${JSON.stringify(text)}`)
    }),
    { numRuns: 500 },
  )
})
