import assert from 'node:assert/strict'
import { test } from 'node:test'
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
  assert.deepEqual(parseSamples('{{schema:0 sum:1 count:1}}x1 {{sum:1}}+{{sum:2}}x1'), Array(4).fill('histogram'))
})

test('what is no series says what to write', () => {
  for (const line of ['up{a=} 1', '1 2', 'up 1 two', 'up{a="b" 1', 'up 0x9999999999'])
    assert.throws(() => parseSeries(line), { code: /ASSAY_PROMQL_(SERIES|PARSE)/ }, line)
})
