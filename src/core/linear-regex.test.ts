import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LinearRegex } from './linear-regex.ts'
import { translateRe2 } from './re2.ts'
import { regexTree } from './regex-tree.ts'

const linear = (source: string) => new LinearRegex(regexTree(translateRe2(source)))
const native = (source: string) => new RegExp(`^(?:${translateRe2(source)})$`, 'su')

const atom = fc.constantFrom(
  ...[
    'a',
    'B',
    '.',
    '[^a]',
    '[a-c]',
    '\\w',
    '\\d',
    '\\s',
    '\\S',
    '\\x41',
    '\\x{1F600}',
    '\\pL',
    '\\b',
    '\\B',
    '^',
    '$',
  ],
  ...['\\z', '\\A', '(?i)', '(?-s)', '(?m)', '(?i:K)', '\\Qa.\\E', 'é', '[[:alpha:]]', '[]a]', '\\.', '\\n', '-'],
)
const times = fc.constantFrom('', '', '*', '+', '?', '*?', '+?', '??', '{2}', '{0,2}', '{1,}', '{2,3}?')
const expression = fc.letrec<{ e: string }>((tie) => ({
  e: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'e' },
    atom,
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

/** Undefined for what is no expression: an empty assertion repeated, say. */
function pair(source: string) {
  try {
    return { ours: linear(source), theirs: native(source) }
  } catch {
    return undefined
  }
}

test('it matches what a backtracking engine matches', () => {
  let compared = 0
  fc.assert(
    fc.property(expression, fc.array(text, { maxLength: 6 }), (source, texts) => {
      const both = pair(source)
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

test('it finds the groups that a backtracking engine finds, where none takes part twice', () => {
  const piece = fc.constantFrom('a', '.', '[^a]', 'a|b', '.*', '.+?', 'a*', '(?i)b?', '(b)?', '(?P<x>a|k)')
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 5 }), text, (pieces, one) => {
      const source = pieces.map((each) => `(${each})`).join('')
      const both = pair(source)
      if (both === undefined) return
      const [ours, theirs] = [both.ours.exec(one), both.theirs.exec(one)]
      assert.deepEqual(ours && [...ours], theirs && [...theirs], `${source} on ${JSON.stringify(one)}`)
      assert.deepEqual({ ...ours?.groups }, { ...theirs?.groups })
    }),
    { numRuns: 2000 },
  )
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
