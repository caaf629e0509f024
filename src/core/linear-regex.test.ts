import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LinearRegex } from './linear-regex.ts'
import { translateRe2 } from './re2.ts'
import { regexTree } from './regex-tree.ts'

const linear = (source: string) => new LinearRegex(regexTree(translateRe2(source)))
/**
 * V8, asked without `(?i:...)`: beside one, V8 of Node 26 folds case where it must not (`(?i:x)|\\w` takes the Kelvin sign). So case
 * is folded in the whole expression, by V8's flag.
 */
const native = (source: string, flags: 'su' | 'isu') => new RegExp(`^(?:${translateRe2(source)})$`, flags)

const atom = fc.constantFrom(
  ...['a', 'B', '.', '[^a]', '[a-c]', '\\w', '\\d', '\\s', '\\S', '\\x41', '\\x{1F600}', '\\pL', '^', '$'],
  ...['\\z', '\\A', '(?-s)', '(?m)', '\\Qa.\\E', 'é', '[[:alpha:]]', '[]a]', '\\.', '\\n', '-'],
)
/** Of ASCII in RE2, of folded letters in V8: only where case counts both mean the same. */
const boundary = fc.constantFrom('\\b', '\\B')
const times = fc.constantFrom('', '', '*', '+', '?', '*?', '+?', '??', '{2}', '{0,2}', '{1,}', '{2,3}?')
const expressionOf = (leaf: fc.Arbitrary<string>) =>
  fc.letrec<{ e: string }>((tie) => ({
    e: fc.oneof(
      { maxDepth: 3, depthIdentifier: 'e' },
      leaf,
      fc.tuple(tie('e'), times).map(([one, many]) => `(?:${one})${many}`),
      fc.tuple(tie('e'), tie('e')).map((parts) => parts.join('')),
      fc.tuple(tie('e'), tie('e')).map((parts) => parts.join('|')),
      tie('e').map((one) => `(${one})`),
    ),
  })).e
const text = fc
  .array(fc.constantFrom('a', 'A', 'b', 'B', 'k', '\u212a', 'é', 'É', '\u{1f600}', '\n', ' ', '.', '1', '-'), {
    maxLength: 8,
  })
  .map((parts) => parts.join(''))

/** Undefined for what is no expression. */
function pair(source: string, ignoresCase: boolean) {
  try {
    return { ours: linear(ignoresCase ? `(?i)${source}` : source), theirs: native(source, ignoresCase ? 'isu' : 'su') }
  } catch {
    return undefined
  }
}

for (const ignoresCase of [false, true]) {
  const when = ignoresCase ? 'where case is ignored' : 'where case counts'

  test(`it matches what a backtracking engine matches, ${when}`, () => {
    let compared = 0
    const leaf = ignoresCase ? atom : fc.oneof({ arbitrary: atom, weight: 9 }, { arbitrary: boundary, weight: 1 })
    fc.assert(
      fc.property(expressionOf(leaf), fc.array(text, { maxLength: 6 }), (source, texts) => {
        const both = pair(source, ignoresCase)
        if (both === undefined) return
        for (const one of texts) {
          assert.equal(both.ours.test(one), both.theirs.test(one), `${source} on ${JSON.stringify(one)}`)
          compared++
        }
      }),
      { numRuns: 2000 },
    )
    assert.ok(compared > 2000)
  })

  test(`it finds the groups that a backtracking engine finds, where none takes part twice, ${when}`, () => {
    const piece = fc.constantFrom('a', '.', '[^a]', 'a|b', '.*', '.+?', 'a*', 'b?', '(b)?', '(?P<x>a|k)')
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 5 }), text, (pieces, one) => {
        const source = pieces.map((each) => `(${each})`).join('')
        const both = pair(source, ignoresCase)
        if (both === undefined) return
        const [ours, theirs] = [both.ours.exec(one), both.theirs.exec(one)]
        assert.deepEqual(ours && [...ours], theirs && [...theirs], `${source} on ${JSON.stringify(one)}`)
        assert.deepEqual({ ...ours?.groups }, { ...theirs?.groups })
      }),
      { numRuns: 2000 },
    )
  })
}

test('case is ignored for the rest of a group, and no further', () => {
  assert.ok(linear('(a(?i)b|c)d').test('aBd'))
  assert.ok(linear('(a(?i)b|c)d').test('Cd'))
  assert.ok(!linear('(a(?i)b|c)d').test('ABd'))
  assert.ok(!linear('(a(?i)b|c)d').test('aBD'))
  assert.ok(!linear('(?i:x)|\\w').test('\u212a'))
  assert.ok(linear('(?i:x)|(?i)\\w').test('\u212a'))
  assert.ok(linear('(?i)K(?-i)k').test('\u212ak'))
  assert.ok(!linear('(?i)K(?-i)k').test('kK'))
  assert.ok(!linear('([^a])((?i)b?)(a*)').test('\u00c9A'))
})

test('lines end at newlines alone, and words are ASCII, as in RE2', () => {
  assert.ok(linear('(?-s).').test('\r'))
  assert.ok(!linear('(?-s).').test('\n'))
  assert.ok(linear('a\\b\u00e9').test('a\u00e9'))
  assert.ok(linear('(?m)a$\\n^b').test('a\nb'))
  assert.ok(!linear('(?m)a$\\r^b').test('a\rb'))
})

test('many texts go through one expression', () => {
  const regex = linear('(?i)(ab|a)(c|bcd)?')
  for (let i = 0; i < 1000; i++) {
    assert.deepEqual([...regex.exec('ABCD')!], ['ABCD', 'A', 'BCD'])
    assert.equal(regex.exec('abd'), null)
    assert.deepEqual([...regex.exec('a')!], ['a', 'a', undefined])
  }
})
