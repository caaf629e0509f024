import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NativeHistogram } from '#core'
import { selectorsOf } from '../ast.ts'
import { parse } from '../parser.ts'
import { parseSamples } from '../series-notation.ts'
import { heard, selectorsOfStatistics } from './reset-hints.ts'

const histogram = (text: string): NativeHistogram => {
  const [sample] = parseSamples(text)
  assert.ok(typeof sample === 'object')
  return sample.histogram
}

test('a stored reset is heard as unknown, everything else as it was stored', () => {
  const one = histogram('{{count:1 sum:1 buckets:[1]}}')
  for (const [stored, told] of [
    ['reset', 'unknown'],
    ['unknown', 'unknown'],
    ['none', 'none'],
    ['gauge', 'gauge'],
  ] as const)
    assert.equal(heard({ ...one, resetHint: stored }, undefined).resetHint, told)
})

test('where neighbours are compared an unknown hint becomes a known one', () => {
  const [low, high] = [histogram('{{count:1 sum:1 buckets:[1]}}'), histogram('{{count:2 sum:2 buckets:[2]}}')]
  assert.equal(heard({ ...high, resetHint: 'unknown' }, low).resetHint, 'none')
  assert.equal(heard({ ...low, resetHint: 'reset' }, high).resetHint, 'reset')
})

test('buckets do not matter below the functions of count and sum, unless something in between needs them', () => {
  const names = (text: string) => {
    const expr = parse(text)
    const found = selectorsOfStatistics(expr)
    return selectorsOf(expr)
      .filter((one) => found.has(one))
      .map(({ name }) => name)
  }
  assert.deepEqual(names('histogram_count(rate(a[5m])) + histogram_sum(sum(b)) + c'), ['a', 'b'])
  assert.deepEqual(names('histogram_avg(increase(a[5m:1m]))'), [])
  assert.deepEqual(names('histogram_quantile(0.9, a)'), [])
})
