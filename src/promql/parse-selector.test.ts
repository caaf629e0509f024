import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAll as parse } from './features.test-support.ts'

const matchers = (text: string) => {
  const expr = parse(text)
  assert.equal(expr.kind, 'vector-selector')
  return expr.kind === 'vector-selector' ? expr.matchers.map(({ name, op, value }) => `${name}${op}${value}`) : []
}

test('a name is a matcher like any other, wherever it stands', () => {
  assert.deepEqual(matchers('up'), ['__name__=up'])
  assert.deepEqual(matchers('{"up"}'), ['__name__=up'])
  assert.deepEqual(matchers('{job="a", "my.metric", "x.y"!~"b",}'), ['job=a', '__name__=my.metric', 'x.y!~b'])
  // Without a name in front there may be several of them, as in Prometheus.
  assert.deepEqual(matchers('{"up", __name__=~"u.*"}'), ['__name__=up', '__name__=~u.*'])
  assert.deepEqual(matchers('{"a", "b"}'), ['__name__=a', '__name__=b'])
})

test('words that mean something elsewhere are labels and metrics here', () => {
  assert.deepEqual(matchers('sum{by="1", on="2", bool="3", offset="4"}'), [
    '__name__=sum',
    'by=1',
    'on=2',
    'bool=3',
    'offset=4',
  ])
  assert.equal(parse('sum by (by, on, sum) (x)').kind, 'aggregate')
})

test('what is no selector is refused where it goes wrong', () => {
  for (const [text, at] of [
    ['up{', '1:4'],
    ['up{job}', '1:7'],
    ['up{job=shop}', '1:8'],
    ['up{job="a" x="b"}', '1:12'],
    ['up{"other"}', '1:1'],
    ['up{__name__=~"u.*"}', '1:1'],
    ['up{__name__="other"}', '1:1'],
    ['{""}', '1:1'],
    ['{"a\\xff"="b"}', '1:2'],
    ['sum by (a b) (x)', '1:11'],
    ['sum by ("") (x)', '1:9'],
    ['sum without (x, inf) (m)', '1:17'],
    ['a * on (NaN) b', '1:9'],
    ['a * on () group_left (Inf) b', '1:23'],
  ] as const)
    assert.throws(
      () => parse(text),
      (thrown: Error) => thrown.message.startsWith(`${at}: `),
      text,
    )
})
