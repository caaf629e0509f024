import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatNotation } from '../histogram/index.ts'
import { parseSeries } from '../series-notation.ts'
import { customBucketSeries } from './custom-buckets.ts'

const native = (...lines: readonly string[]) =>
  customBucketSeries(lines.map(parseSeries)).map(
    ({ labels, samples }) =>
      `${labels} ${samples.map((one) => (typeof one === 'object' ? formatNotation(one.histogram) : String(one))).join(' ')}`,
  )

test('classic buckets, sum and count become one histogram a step', () => {
  assert.deepEqual(
    native(
      'h_bucket{le="1",x="y"} 1 _ 2',
      'h_bucket{le="5",x="y"} 4 _ 2',
      'h_bucket{le="+Inf",x="y"} 4 _ 5',
      'h_sum{x="y"} 7 _ 9',
      'h_count{x="y"} 4 _ 5',
      'other{x="y"} 1',
    ),
    [
      'h{x="y"} {{schema:-53 count:4 sum:7 custom_values:[1 5] buckets:[1 3]}} undefined {{schema:-53 count:5 sum:9 custom_values:[1 5] buckets:[2 0 3]}}',
    ],
  )
})

test('what is missing is made up as Prometheus does', () => {
  assert.deepEqual(native('h_bucket{le="1"} 3'), ['h {{schema:-53 count:3 custom_values:[1] buckets:[3]}}'])
  assert.deepEqual(native('h_bucket{le="1"} 3', 'h_count 5'), [
    'h {{schema:-53 count:5 custom_values:[1] buckets:[3 2]}}',
  ])
  assert.deepEqual(native('h_count 5'), ['h {{schema:-53 count:5 buckets:[5]}}'])
  assert.deepEqual(native('h_bucket{le="one"} 3', 'h_bucket 3'), [])
})
