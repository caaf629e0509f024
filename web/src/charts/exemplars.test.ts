import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exemplarsOf, MAX_EXEMPLARS, mayHaveExemplars, nearest, showsObserved, toExemplars } from './exemplars.ts'

const ANSWER = [
  {
    seriesLabels: { __name__: 'x', service: 'shop' },
    exemplars: [
      { labels: { trace_id: 'b' }, value: '2', timestamp: 20 },
      { labels: { trace_id: 'a' }, value: '1', timestamp: 10 },
    ],
  },
  { seriesLabels: { __name__: 'x', service: 'mes' }, exemplars: [{ labels: {}, value: '3', timestamp: 15 }] },
]

test('exemplars of all series come in order of time', () => {
  assert.deepEqual(
    toExemplars(ANSWER).map(({ value, series }) => [value, series['service']]),
    [
      [1, 'shop'],
      [3, 'mes'],
      [2, 'shop'],
    ],
  )
})

test('what is no exemplar is left out', () => {
  assert.deepEqual(toExemplars(undefined), [])
  assert.deepEqual(
    toExemplars([
      7,
      { exemplars: 'x' },
      { exemplars: [null, { labels: {}, value: 'NaN', timestamp: 1 }, { labels: {}, value: '1', timestamp: 'x' }] },
    ]),
    [],
  )
})

test('beside one series stand the exemplars of what went into it', () => {
  const all = toExemplars(ANSWER)
  assert.equal(exemplarsOf(all, { service: 'shop' }).list.length, 2)
  assert.equal(exemplarsOf(all, { __name__: 'other' }).list.length, 3, 'a rate has no name')
  assert.equal(exemplarsOf(all, { service: 'crm' }).list.length, 0)
  assert.equal(exemplarsOf(all).list.length, 3)
})

test('of too many, the largest of each stretch is kept, and the others are counted', () => {
  const all = Array.from({ length: 1000 }, (_, i) => ({ labels: {}, series: {}, value: i === 500 ? 99 : 1, at: i }))
  const { list, dropped } = exemplarsOf(all)
  assert.ok(list.length <= MAX_EXEMPLARS)
  assert.equal(list.length + dropped, 1000)
  assert.ok(list.some(({ value }) => value === 99))
})

test('the nearest mark within reach is found', () => {
  const marks = [
    { x: 0, y: 0 },
    { x: 10, y: 0 },
  ]
  assert.equal(nearest(marks, 7, 1, 9), 1)
  assert.equal(nearest(marks, 30, 0, 9), undefined)
})

test('an exemplar has its place only on an axis of what was observed', () => {
  assert.ok(showsObserved('histogram_quantile(0.9, rate(x[5m]))'))
  assert.ok(showsObserved('label_replace(histogram_quantile(0.5, (x\n)), "q", "p50", "", "") or x'))
  assert.ok(showsObserved(' (histogram_avg(x))'))
  assert.ok(!showsObserved('sum by (le) (rate(x_bucket[5m]))'))
  assert.ok(!showsObserved('histogram_count(x)'))
})

test('only questions about histograms ask for exemplars', () => {
  assert.ok(mayHaveExemplars('rate(x_bucket[5m])'))
  assert.ok(mayHaveExemplars('histogram_count(x)'))
  assert.ok(!mayHaveExemplars('x_buckets'))
  assert.ok(!mayHaveExemplars('up'))
})
