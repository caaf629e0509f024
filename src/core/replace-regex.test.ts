import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { replaceAllRegex, searchRegex } from './regex.ts'

const cases: readonly {
  readonly why: string
  readonly call: readonly [string, string, string]
  readonly is: string
}[] = [
  { why: 'every match', call: ['a', 'banana', 'o'], is: 'bonono' },
  { why: 'groups by number', call: ['(.*)-(.*)', 'a-1', '$2:$1'], is: '1:a' },
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Go's spelling of a group
  { why: 'groups by name', call: ['(?P<x>n)a', 'banana', '<${x}>'], is: 'ba<n><n>' },
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Go's spelling of a group
  { why: 'a group that is none is nothing', call: ['a', 'a', '[$1${y}$x]'], is: '[]' },
  { why: 'a dollar sign is written twice', call: ['a', 'a', '$$1 $'], is: '$1 $' },
  { why: 'nothing behind a match is no other match', call: ['b*', 'abc', '-'], is: '-a-c-' },
  { why: 'nothing is found between all characters', call: ['', 'a😀', '.'], is: '.a.😀.' },
  { why: 'assertions see what stands before', call: ['^a', 'aa', 'b'], is: 'ba' },
  { why: 'a word ends where it ends', call: ['\\bb', 'ab b', 'x'], is: 'ab x' },
  { why: 'a dot is no newline', call: ['.+', 'a\nb', 'x'], is: 'x\nx' },
  { why: 'unless it is told', call: ['(?s).+', 'a\nb', 'x'], is: 'x' },
  { why: 'of several ways the first one counts', call: ['a|ab', 'ab', 'x'], is: 'xb' },
]

for (const { why, call, is } of cases)
  test(`replacing ${JSON.stringify(call)}: ${why}`, () => assert.equal(replaceAllRegex(...call), is))

test('what backtracks for ever elsewhere is replaced at once', () => {
  const text = 'a'.repeat(5000)
  const before = process.cpuUsage().user
  assert.equal(replaceAllRegex('(a+)+$', `${text}!`, 'x'), `${text}!`)
  assert.equal(searchRegex('(a|aa)+$', `${text}!`), false)
  assert.ok(process.cpuUsage().user - before < 5_000_000)
})

const atom = fc.constantFrom('a', 'b', '[ab]', '.', '(a)', '(b|ab)', '^', '$', '(a*)', 'c')
const piece = fc.tuple(atom, fc.constantFrom('', '', '*', '+?', '?'))
const pattern = fc
  .array(piece, { minLength: 1, maxLength: 5 })
  .map((pieces) => pieces.map(([one, many]) => (/[\^$]/.test(one) ? one : one + many)).join(''))

test('what is found is what an engine that goes back would find first', () => {
  fc.assert(
    fc.property(pattern, fc.stringMatching(/^[abc\n]{0,8}$/), (source, text) => {
      assert.equal(searchRegex(source, text), new RegExp(source).test(text))
      const found = new RegExp(source).exec(text)
      const first = found === null ? text : `${text.slice(0, found.index)}<${found[0]}>`
      const replaced = replaceAllRegex(source, text, '<$0>')
      assert.ok(replaced.startsWith(first), `${source} in ${JSON.stringify(text)}: ${replaced}`)
    }),
    { numRuns: 500 },
  )
})
