import assert from 'node:assert/strict'
import { test } from 'node:test'
import { averageOf, bucketWords, describeDistribution, type HistogramWire, tryDistribution } from './distribution.ts'

const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, ' ')

/** As Prometheus' documentation shows one. */
const WIRE: HistogramWire = {
  count: '60',
  sum: '33897',
  buckets: [
    [1, '-0.5', '-0.25', '2'],
    [3, '-0.001', '0.001', '4'],
    [0, '0.25', '0.5', '50'],
    [0, '0.5', '+Inf', '4'],
  ],
}

test('an answer becomes numbers, with infinity and the rule of each bound', () => {
  const given = tryDistribution(WIRE)!
  assert.equal(given.count, 60)
  assert.deepEqual(given.buckets[0], { lower: -0.5, upper: -0.25, lowerIn: true, upperIn: false, count: 2 })
  assert.deepEqual(given.buckets[1], { lower: -0.001, upper: 0.001, lowerIn: true, upperIn: true, count: 4 })
  assert.equal(given.buckets[3]!.upper, Number.POSITIVE_INFINITY)
})

test('a histogram without buckets has none; what is no histogram is none', () => {
  assert.deepEqual(tryDistribution({ count: '0', sum: '0' })?.buckets, [])
  for (const wrong of [undefined, null, 'x', [], { count: '1' }, { count: '1', sum: '1', buckets: [[0, '1']] }])
    assert.equal(tryDistribution(wrong), undefined, JSON.stringify(wrong))
  assert.equal(tryDistribution({ count: '1', sum: '1', buckets: [[0, 'x', '1', '1']] }), undefined)
  assert.equal(tryDistribution({ count: '1', sum: '1', buckets: [[0, '2', '1', '1']] }), undefined)
})

test('a count that is no number or below zero is not drawn, and is counted', () => {
  const given = tryDistribution({
    count: 'NaN',
    sum: 'NaN',
    buckets: [
      [0, '1', '2', 'NaN'],
      [0, '2', '4', '-3'],
      [0, '4', '8', '+Inf'],
      [0, '8', '16', '0'],
      [0, '16', '32', '1'],
    ],
  })!
  assert.equal(given.undrawn, 3)
  assert.deepEqual(
    given.buckets.map(({ lower }) => lower),
    [16],
  )
})

test('words say which edge belongs to a bucket', () => {
  const of = (rule: number, lower: string, upper: string) =>
    plain(
      bucketWords(
        tryDistribution({ count: '1', sum: '1', buckets: [[rule, lower, upper, '1']] })!.buckets[0]!,
        'seconds',
      ),
    )
  assert.equal(of(0, '0.02', '0.025'), 'above 20 ms to 25 ms')
  assert.equal(of(1, '-0.025', '-0.02'), '−25 ms to below −20 ms')
  assert.equal(of(3, '-0.001', '0.001'), '−1 ms to 1 ms')
  assert.equal(of(2, '0.02', '0.025'), 'above 20 ms to below 25 ms')
  assert.equal(of(3, '-Inf', '0.1'), 'up to 100 ms')
  assert.equal(of(0, '0.5', '+Inf'), 'above 500 ms')
  assert.equal(of(0, '-Inf', '+Inf'), 'any value')
})

test('the sentence for who cannot see has count, average, range and the fullest bucket', () => {
  const text = plain(describeDistribution(tryDistribution({ ...WIRE, sum: '24' })!, 'seconds'))
  assert.equal(
    text,
    '60 observations, 400 ms on average, 4 buckets from −500 ms to infinity, most of them above 250 ms to 500 ms: 50.',
  )
  assert.match(describeDistribution(tryDistribution({ count: '0', sum: '0' })!, 'count'), /no buckets/)
})

test('nothing has no average', () => {
  assert.equal(averageOf({ count: 0, sum: 0, buckets: [], undrawn: 0 }), undefined)
  assert.equal(averageOf({ count: Number.NaN, sum: 1, buckets: [], undrawn: 0 }), undefined)
  assert.equal(averageOf({ count: 4, sum: 2, buckets: [], undrawn: 0 }), 0.5)
})
