/**
 * Laws of evaluation as a whole, on random data: the columns of a range against the instants they are made of.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type QueryAnswer, unixMs } from '#core'
import { memoryStore } from '#storage'
import { createEngine } from '../engine.ts'
import { ALL_FEATURES } from '../features.test-support.ts'
import { FUNCTIONS } from '../functions.ts'
import { formatHistogram } from '../histogram/index.ts'
import { type DescribedSample, parseLabels, parseSamples } from '../series-notation.ts'

const STEP = 30_000

const HISTOGRAMS = parseSamples(
  '{{schema:0 count:3 sum:5 buckets:[1 2]}} {{schema:1 count:6 sum:9 buckets:[1 2 3]}} {{schema:-53 count:2 sum:3 buckets:[1 1] custom_values:[1 2]}}',
)

const sample: fc.Arbitrary<DescribedSample> = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 20 }) },
  { weight: 1, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.constant('stale' as const) },
  { weight: 1, arbitrary: fc.constant(Number.NaN) },
  { weight: 1, arbitrary: fc.constantFrom(...HISTOGRAMS) },
)
const data = fc.array(fc.array(sample, { minLength: 1, maxLength: 12 }), { minLength: 4, maxLength: 4 })
const SERIES = ['a{x="1",le="1"}', 'a{x="2",le="+Inf"}', 'b{x="1"}', 'b{x="2",y="z"}']

function engineOf(columns: readonly (readonly DescribedSample[])[]) {
  const store = memoryStore()
  using batch = store.appender()
  for (const [i, samples] of columns.entries()) {
    const { labels } = parseLabels(SERIES[i]!)
    for (const [at, one] of samples.entries()) {
      if (one === 'stale') batch.appendStale(undefined, labels, unixMs(at * STEP))
      else if (typeof one === 'number') batch.append(undefined, labels, unixMs(at * STEP), one)
      else if (one !== undefined) batch.appendHistogram(undefined, labels, unixMs(at * STEP), one.histogram)
    }
  }
  batch.commit()
  return createEngine({
    store: (start, end) => store.querier(unixMs(start), unixMs(end)),
    lookbackMs: 60_000,
    subqueryStepMs: 20_000,
    features: ALL_FEATURES,
  })
}

const EXPRESSIONS = [
  'a',
  'a offset 45s',
  'a @ 90',
  'rate(a[1m])',
  'rate(a[1m] @ end())',
  'increase(a[2m] smoothed)',
  'changes(a[1m] anchored)',
  'a smoothed',
  'max_over_time(a[2m:15s] offset 10s)',
  'sum_over_time(rate(a[1m])[2m:])',
  'quantile_over_time(0.3, a[90s])',
  'predict_linear(a[2m], 60)',
  'predict_linear(a[2m] @ 120, 60)',
  'stddev_over_time(a[2m])',
  'sum(a)',
  'avg by (x) ({__name__=~"a|b"})',
  'count_values("v", a)',
  'topk(1, {__name__=~"a|b"})',
  'quantile(0.5, {__name__=~"a|b"})',
  'limit_ratio(0.5, {__name__=~"a|b"})',
  'a + on(x) b',
  'a > on(x) group_left(y) b',
  'a and on(x) b',
  'a or b',
  'a unless on(x) b > 5',
  'a - on(x) fill(3) b',
  'absent(a{x="1"})',
  'absent_over_time(a{x="1"}[1m])',
  'scalar(a{x="1"}) + time()',
  'timestamp(a)',
  'histogram_quantile(0.9, a)',
  'label_replace(a, "z", "$1", "x", "(.*)")',
  '-a',
  'hour() + a',
  'irate(a[1m])',
  'idelta(a[1m])',
  'resets(a[2m])',
  'avg_over_time(a[2m])',
  'last_over_time(a[2m])',
  'present_over_time(a[1m])',
  'sum by (x) (a)',
  'avg(a)',
  'limitk(1, a)',
  'a * 2',
  'a </ 1.5',
  'a == on(x) b',
  'histogram_sum(a)',
  'histogram_fraction(0, 2, a)',
]

/** Values by label set at one moment. */
function momentOf(answer: QueryAnswer, at: number): ReadonlyMap<string, number | string> {
  if (answer.kind === 'scalar') return new Map([['{}', answer.value]])
  if (answer.kind === 'vector')
    return new Map(
      answer.samples.map(({ labels, value, histogram }) => [
        labels.toString(),
        histogram ? formatHistogram(histogram) : value,
      ]),
    )
  assert.ok(answer.kind === 'matrix')
  const found = new Map<string, number | string>()
  for (const { labels, timestamps, values, histograms } of answer.series) {
    const i = timestamps.indexOf(at)
    if (i >= 0) found.set(labels.toString(), values[i]!)
    const j = histograms?.timestamps.indexOf(at) ?? -1
    if (j >= 0) found.set(labels.toString(), formatHistogram(histograms!.values[j]!))
  }
  return found
}

test('a range query is its instant queries, step by step', async () => {
  await fc.assert(
    fc.asyncProperty(data, fc.constantFrom(...EXPRESSIONS), async (columns, expr) => {
      const { query } = engineOf(columns)
      const [start, end, stepMs] = [unixMs(0), unixMs(360_000), 40_000]
      const pinned = expr.replaceAll('end()', String(end / 1000))
      const ranged = await query(pinned, { start, end, stepMs })
      for (let at = 0; at <= end; at += stepMs) {
        const instant = await query(pinned, { at: unixMs(at) })
        const [got, wanted] = [momentOf(ranged, at), momentOf(instant, at)]
        assert.deepEqual([...got].sort(), [...wanted].sort(), `${expr} at ${at}`)
      }
    }),
    { numRuns: 150 },
  )
})

/** An argument of each type that any function takes. */
const ARGUMENT = { vector: 'a', matrix: 'a[1m]', scalar: '0.5', string: '"x"' } as const

test('every function of the table is evaluated', async () => {
  const { query } = engineOf([[1, 2, 3], [2], [3], [4]])
  for (const { name, args } of FUNCTIONS.values()) {
    const given = args.map((type, i) => (name === 'info' && i === 1 ? '{y="z"}' : ARGUMENT[type]))
    await assert.doesNotReject(query(`${name}(${given.join(', ')})`, { at: unixMs(60_000) }), name)
  }
})

test('series that match one to one give what they give under group_left, where nothing is taken for granted', async () => {
  const operators = ['+', '-', '*', '/', '==', '!=', '> bool', '<', 'atan2']
  await fc.assert(
    fc.asyncProperty(data, fc.constantFrom(...operators), async (columns, op) => {
      const { query } = engineOf(columns)
      const range = { start: unixMs(0), end: unixMs(360_000), stepMs: 40_000 }
      const quick = await query(`a ${op} on(x) b`, range)
      const slow = await query(`sum by (x) (a ${op} on(x) group_left() b)`, range)
      for (let at = 0; at <= range.end; at += range.stepMs)
        assert.deepEqual([...momentOf(quick, at)].sort(), [...momentOf(slow, at)].sort(), `${op} at ${at}`)
      assert.deepEqual([...quick.infos, ...quick.warnings].length, [...slow.infos, ...slow.warnings].length)
    }),
    { numRuns: 60 },
  )
})
