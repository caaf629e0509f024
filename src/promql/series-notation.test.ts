import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatNotation } from './histogram/index.ts'
import { parseSamples, parseSeries } from './series-notation.ts'

test('a series is described by its labels and its samples', () => {
  const { labels, samples } = parseSeries('up{job="shop", "a.b"="c}"} 1 -2.5 _ stale Inf')
  assert.equal(labels.toString(), 'up{"a.b"="c}", job="shop"}')
  assert.deepEqual(samples, [1, -2.5, undefined, 'stale', Infinity])
  assert.equal(parseSeries('{} 1').labels.size, 0)
  assert.equal(parseSeries('{"my.metric"} 1').labels.name, 'my.metric')
})

test('repetitions count what follows the first', () => {
  assert.deepEqual(parseSamples('1+2x3'), [1, 3, 5, 7])
  assert.deepEqual(parseSamples('0-10x2'), [0, -10, -20])
  assert.deepEqual(parseSamples('7x2 _x2'), [7, 7, 7, undefined, undefined])
})

test('histograms repeat and grow as numbers do', () => {
  const shown = (text: string) =>
    parseSamples(text).map((sample) =>
      typeof sample === 'object' ? `${formatNotation(sample.histogram)}${sample.hintStated ? '!' : ''}` : sample,
    )
  assert.deepEqual(shown('{{schema:1 sum:1 count:1}}x1 1'), Array(2).fill('{{schema:1 count:1 sum:1}}').concat([1]))
  assert.deepEqual(shown('{{sum:1 buckets:[1]}}+{{sum:2 offset:1 buckets:[3]}}x2'), [
    '{{sum:1 buckets:[1]}}',
    '{{sum:3 buckets:[1 3]}}',
    '{{sum:5 buckets:[1 6]}}',
  ])
  assert.deepEqual(shown('{{count:5 counter_reset_hint:reset}}-{{count:2 counter_reset_hint:reset}}x1'), [
    '{{count:5 counter_reset_hint:reset}}!',
    '{{count:3 counter_reset_hint:reset}}!',
  ])
})

const HISTOGRAMS = [
  'h {{count:1}}+{{count:1}}',
  'h {{schema:1}}+{{schema:0}}x1',
  'h {{schema:-53 custom_values:[1]}}+{{schema:0}}x1',
  'h {{buckets:[1 2 3]}}+{{buckets:[1 2 3]}}x999999',
  'h {{count:1}',
  'h {{{}}}',
  'h {{count:1}}1',
  'h 1{2',
  'h {{1',
  'h 1}}',
]

test('what is no series says what to write', () => {
  for (const line of ['up{a=} 1', '1 2', 'up 1 two', 'up{a="b" 1', 'up 0x9999999999', ...HISTOGRAMS])
    assert.throws(() => parseSeries(line), { code: /ASSAY_PROMQL_(SERIES|PARSE)/ }, line)
})

test('no text makes the reader crash', () => {
  const word = fc.constantFrom(
    'up',
    '{',
    '}',
    '{{',
    '}}',
    '"',
    'a',
    '=',
    '1',
    'x3',
    '+',
    '-',
    '_',
    'stale',
    ' ',
    'count:2',
    'NaN',
    'x1e9',
    '0x1f',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(word, { maxLength: 14 }).map((words) => words.join('')),
      ),
      (line) => {
        try {
          assert.ok(parseSeries(line).samples.length <= 1_000_000)
        } catch (thrown) {
          assert.match((thrown as { code?: string }).code ?? String(thrown), /^ASSAY_PROMQL_(SERIES|PARSE)$/)
        }
      },
    ),
    { numRuns: 1000 },
  )
})
