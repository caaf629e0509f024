import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { AssayError } from './error.ts'
import { LinearRegex } from './linear-regex.ts'
import { translateRe2 } from './re2.ts'
import { compileGroups, compileRegex, toRegExp } from './regex.ts'
import { regexTree } from './regex-tree.ts'

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

test('an assertion may be repeated as it stands', () => {
  for (const [source, text, is] of [
    ['$*', '', true],
    ['$*', 'a', false],
    ['a$+', 'a', true],
    ['^{2}a\\b?$*', 'a', true],
    ['\\Aa\\z*', 'a', true],
    ['(a\\B*)+', 'aaa', true],
    ['^?b', 'ab', false],
  ] as const) {
    assert.equal(compileRegex(source)(text), is, `${source} on ${text}`)
    assert.equal(compileGroups(source)(text) !== null, is, `${source} on ${text}`)
    assert.equal(
      new LinearRegex(regexTree(translateRe2(source))).test(text),
      is,
      `${source} on ${text}, in linear time`,
    )
  }
  for (const source of ['$**', '*', '(?i)*', '^{1001}'])
    assert.throws(() => compileRegex(source), { code: 'ASSAY_REGEX' })
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
  // Each takes V8's default engine a minute and more; half of them its linear one does not take.
  const slow = [
    ...['(a+)+b', '(a+)+b\\z', '(?i)(a+)+B', '(\\pL+)+\\x62', '(\\ba+)+b', '(a|a)*b', '(a*)*b', '(.*)*(.*)*(.*)*b'],
    ...['(a{0,30}){0,30}b', '(?:a?){500}a{500}b', '(?s:(.|a)+)b', '(a|aa)+?b', '((a|b)*?a?)*b'],
  ]
  for (const source of slow) {
    const matches = compileRegex(source)
    assert.equal(matches('a'.repeat(600)), false, source)
    assert.equal(matches(`${'a'.repeat(600)}b`), true, source)
    assert.equal(matches(`${'a'.repeat(600)}\u{1f600}`), false, source)
  }
  assert.equal(compileRegex('(é+)+')(`${'é'.repeat(600)}e`), false)
})

test('a long text is no trouble, nor are ten thousand alternatives', () => {
  const long = 'ab'.repeat(100_000)
  assert.ok(compileRegex('(a|b)*')(long))
  assert.ok(compileRegex('(?i)(A|b)*')(long))
  const many = compileRegex(Array.from({ length: 10_000 }, (_, i) => `host${i}\\..*`).join('|'))
  assert.ok(many('host9999.example'))
  assert.ok(!many('host10000.example'))
})

test('an expression that would be written out to too much is refused, as in RE2', () => {
  const cases = [
    ['((a{1000}){1000}){1000}', /invalid repeat count/],
    ['(a{2,40}b{2}){26}', /invalid repeat count/],
    ['('.repeat(1001) + ')'.repeat(1001), /nests too deeply/],
    [`(${'abcdefghij'.repeat(100)}){1000}`, /too large/],
  ] as const
  for (const [source, says] of cases)
    assert.throws(
      () => compileRegex(source),
      ({ code, cause, message }: AssayError & { cause: Error }) =>
        code === 'ASSAY_REGEX' && says.test(cause.message) && message.length < 300,
    )
  assert.ok(compileRegex('('.repeat(500) + ')'.repeat(500))(''))
})

test('a group that takes part again and again keeps what it took last', () => {
  assert.deepEqual([...compileGroups('(?:(a)|b)*')('ab')!], ['ab', 'a'])
  assert.deepEqual([...compileGroups('(?:(?P<x>a.)|(b))*')('a1ba2')!], ['a1ba2', 'a2', 'b'])
  assert.equal(compileGroups('(?:(?P<x>a.)|(b))*')('a1ba2')?.groups?.['x'], 'a2')
  assert.equal(compileGroups('(?:(?P<x>a.)|(b))*')('c'), null)
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
