import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseAll as parse } from './features.test-support.ts'
import { meaning } from './parser-laws.test-support.ts'
import { formatExpr } from './print.ts'

const name = fc.constantFrom('up', 'sum', 'a:b', 'http_requests_total', 'by', 'group')
const label = fc.constantFrom('job', 'le', 'by', '"a.b"')
const duration = fc.constantFrom('5m', '1h30m', '90', '1500ms', '2*3m', 'step()+1', '-(1m)+5m', 'max_of(1m, step())')
const selector = fc
  .tuple(name, fc.array(fc.tuple(label, fc.constantFrom('=', '!=', '=~', '!~')), { maxLength: 3 }))
  .map(([metric, matchers]) => `${metric}{${matchers.map(([one, op]) => `${one}${op}"v"`).join(',')}}`)
const modified = fc
  .tuple(selector, fc.constantFrom('', ' offset 5m', ' offset -1h', ' @ 10', ' @ end() offset 3', ' offset (1+2)'))
  .map((parts) => parts.join(''))
const range = fc
  .tuple(selector, duration, fc.constantFrom('', ' offset 1m', ' @ start()'))
  .map(([one, length, modifier]) => `${one}[${length}]${modifier}`)

/** Texts of vectors, as wild as the grammar allows. */
const vector = fc.letrec<{ v: string }>((tie) => ({
  v: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'v' },
    modified,
    range.map((one) => `rate(${one})`),
    fc
      .tuple(tie('v'), duration, fc.constantFrom('', '1m'))
      .map(([one, l, step]) => `max_over_time((${one})[${l}:${step}])`),
    fc
      .tuple(fc.constantFrom('sum', 'AVG', 'stddev'), tie('v'), label)
      .map(([op, one, by]) => `${op}(${one}) by (${by})`),
    fc.tuple(tie('v'), label).map(([one, without]) => `topk without (${without},) (3, ${one})`),
    fc
      .tuple(
        tie('v'),
        fc.constantFrom(
          '+',
          '- on(job)',
          '* ignoring(le) group_left(x)',
          'and',
          'or on()',
          '> bool',
          '^',
          'atan2',
          '/ fill(0)',
        ),
        tie('v'),
      )
      .map((parts) => parts.join(' ')),
    tie('v').map((one) => `-${one}`),
    tie('v').map((one) => `(${one})`),
    tie('v').map((one) => `${one} * 1_0.5e-3`),
    tie('v').map((one) => `label_replace(${one}, "a", '$1', \`b\`, "(.*)")`),
  ),
})).v

test('what is printed reads back as what was printed', () => {
  fc.assert(
    fc.property(vector, (text) => {
      const printed = formatExpr(parse(text))
      assert.equal(formatExpr(parse(printed)), printed)
    }),
    { numRuns: 150 },
  )
})

test('printing keeps the meaning: the tree of what is printed has the same shape', () => {
  fc.assert(
    fc.property(vector, (text) => {
      const expr = parse(text)
      assert.deepEqual(meaning(parse(formatExpr(expr))), meaning(expr))
    }),
    { numRuns: 150 },
  )
})

test('a grouping label that is spelt like a number is printed in quotes, and a matcher plain', () => {
  assert.equal(formatExpr(parse('sum by ("inf", a) (x{nan="1"})')), 'sum by ("inf", a) (x{nan="1"})')
})

test('within a calculation numbers stay as they are written, and plain ones lose their parentheses', () => {
  for (const [text, printed] of [
    ['x[200 - min_of(step() + 10s, -max_of(step() ^ 2, 3))]', 'x[200 - min_of(step() + 10s, -max_of(step() ^ 2, 3))]'],
    ['x[(5m)]', 'x[5m]'],
    ['x[(300)]', 'x[5m]'],
    ['x[(90) * 1]', 'x[90 * 1]'],
    ['x[(-1) ^ 2]', 'x[(-1) ^ 2]'],
    ['x offset -(5m)', 'x offset -5m'],
    ['x offset +(5m + 1)', 'x offset (5m + 1)'],
    ['a + fill(1e6) b', 'a + fill (1e+06) b'],
  ] as const)
    assert.equal(formatExpr(parse(text)), printed)
})
