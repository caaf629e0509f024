import assert from 'node:assert/strict'
import { test } from 'node:test'
import { typeOf } from './check.ts'
import { parseAll as parse } from './features.test-support.ts'
import { FUNCTIONS } from './functions.ts'

test('an expression has the type that it yields', () => {
  const types = {
    scalar: ['1', '-(1)', '1 + time()', 'scalar(up)', '1 > bool 2'],
    vector: ['up', 'up > 1', '1 - up', 'rate(up[5m])', 'sum(up)', 'vector(1)', '-up'],
    matrix: ['up[5m]', 'up[5m:1m]', '(up[5m])', 'rate(up[5m])[5m:]'],
    string: ['"a"', '("a")'],
  }
  for (const [type, texts] of Object.entries(types))
    for (const text of texts) assert.equal(typeOf(parse(text)), type, text)
})

const REFUSED: readonly (readonly [string, RegExp])[] = [
  ['rate(up)', /^1:6: expected type range vector.*write up\[5m\]/],
  ['rate(sum(up))', /^1:6: .*write \(\.\.\.\)\[5m:\]/],
  ['abs(1)', /^1:5: .*write vector\(\.\.\.\)/],
  ['clamp_min(up, up)', /^1:15: .*write scalar\(\.\.\.\)/],
  ['label_replace(up, 1, "", "", "")', /^1:19: .*write a string in quotes/],
  ['round()', /expected at least 1 argument\(s\) in call to "round", got 0; write round\(v, to\)/],
  ['time(1)', /expected 0 argument\(s\)/],
  ['label_join(up)', /at least 3 argument\(s\)/],
  ['histogram_quantiles(up, "q")', /at least/],
  ['-"a"', /unary expression only allowed/],
  ['"a" + 1', /^1:1: binary expression must contain only scalar and instant vector types; write a number or a vector/],
  ['up[5m] + 1', /put a function such as rate\(\) around the range vector/],
  ['1 > 2', /comparisons between scalars must use BOOL/],
  ['up or 1', /set operator "or" not allowed/],
  ['up + on(x) 1', /vector matching only allowed between instant vectors/],
  ['1[5m:]', /subquery is only allowed on instant vector/],
  ['topk(1, 2)', /^1:9: expected type instant vector in aggregation expression, got scalar/],
  ['topk(up, up)', /expected type scalar in aggregation parameter/],
  ['count_values(1, up)', /expected type string/],
  ['{job=""}', /at least one non-empty matcher/],
  ['up anchored', /anchored modifier can only be used with range vectors/],
  ['deriv(up[5m] smoothed)', /smoothed modifier can only be used with: delta, increase, rate - not with deriv/],
  ['info(up, up)', /expected label selectors only/],
  ['RATE(up[5m])', /unknown function with name "RATE"; write rate/],
]

test('what does not fit is refused with its place and a remedy', () => {
  for (const [text, says] of REFUSED)
    assert.throws(() => parse(text), { code: 'ASSAY_PROMQL_PARSE', message: says }, text)
})

test('the table of functions says of each how it is used', () => {
  for (const [name, { usage, summary, args }] of FUNCTIONS) {
    assert.ok(usage.startsWith(`${name}(`) && usage.endsWith(')'), usage)
    assert.ok(summary.length > 0 && !summary.endsWith('.'), name)
    const shown = usage.slice(name.length + 1, -1)
    assert.ok(shown === '' ? args.length === 0 : shown.split(', ').length >= args.length, usage)
  }
})
