import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Labels, ManualClock, type QueryAnswer, type QueryFn, silentLog, unixMs } from '#core'
import { emptyPlan } from '../server.test-support.ts'
import { planPart, signal } from './assay.test-support.ts'
import { numberOf, ReadingsCache, SPARK_POINTS, sparkOf, sparkStepMs } from './readings.ts'

const START = 1_800_000_000_000
const plain = { warnings: [], infos: [] }
const never = new AbortController().signal

function vector(...values: readonly number[]): QueryAnswer {
  return { kind: 'vector', samples: values.map((value) => ({ labels: Labels.empty, at: unixMs(0), value })), ...plain }
}

function matrix(points: readonly (readonly [number, number])[]): QueryAnswer {
  const timestamps = Float64Array.from(points, ([at]) => at)
  return {
    kind: 'matrix',
    series: [{ labels: Labels.empty, timestamps, values: Float64Array.from(points, ([, v]) => v) }],
    ...plain,
  }
}

/** A cache over a plan of one part with signals `a` and `b`, and the questions it asks. */
function open(answer: (promql: string) => QueryAnswer, downJobs: readonly string[] = []) {
  const clock = new ManualClock(START)
  const asked: string[] = []
  const query: QueryFn = async (promql, when) => {
    asked.push('at' in when ? promql : `${promql}[]`)
    return 'at' in when
      ? answer(promql)
      : matrix([
          [when.end - 60_000, 1],
          [when.end, 0],
        ])
  }
  const plan = {
    ...emptyPlan,
    evaluationIntervalMs: 5000,
    parts: [planPart('p', { kind: 'bucket', signals: [signal('a'), signal('b')] })],
  }
  const cache = new ReadingsCache({ query, clock, log: silentLog, plan: () => plan, downJobs: () => downJobs }, never)
  return { cache, clock, asked }
}

test('ten callers in one step cost as one', async () => {
  const { cache, clock, asked } = open(() => vector(1))
  await Promise.all(Array.from({ length: 10 }, () => cache.read()))
  assert.deepEqual(asked.sort(), ['a', 'a[]', 'b', 'b[]'])
  await clock.advance(5000)
  await cache.read()
  assert.deepEqual(asked.slice(4).sort(), ['a', 'b'], 'the lines are kept, the numbers asked anew')
  await clock.advance(30_000)
  await cache.read()
  assert.equal(asked.length, 10)
})

test('a round that takes longer than a step is waited for, not asked a second time', async () => {
  const clock = new ManualClock(START)
  const release = Promise.withResolvers<QueryAnswer>()
  let asked = 0
  const query: QueryFn = () => {
    asked++
    return release.promise
  }
  const plan = { ...emptyPlan, evaluationIntervalMs: 1000, parts: [planPart('p', { kind: 'bucket' })] }
  const cache = new ReadingsCache({ query, clock, log: silentLog, plan: () => plan, downJobs: () => [] }, never)
  const first = cache.read()
  await clock.advance(3000)
  assert.equal(cache.read(), first)
  assert.equal(asked, 2)
  release.resolve(vector(1))
  await first
  assert.notEqual(cache.read(), first)
})

test('a query that fails is a number that is not there, and takes no other along', async () => {
  const { cache } = open((promql) => {
    if (promql === 'a') throw new Error('no')
    return vector(2)
  })
  const { values, failed } = await cache.read()
  assert.deepEqual([[...values], [...failed]], [[['b', 2]], ['a']])
  assert.equal(cache.failures, 1)
})

test('a line ends with the number of now', async () => {
  const { cache, clock } = open((promql) => (promql === 'a' ? vector(7) : vector()))
  const { sparks } = await cache.read()
  assert.deepEqual(sparks.get('a')?.at(-1), [clock.now() / 1000, 7])
  assert.deepEqual(sparks.get('b')?.at(-1), [clock.now() / 1000, null])
})

test('what is down is asked when it was up last', async () => {
  const { cache } = open(() => vector(1), ['crm'])
  const { lastUp } = await cache.read()
  assert.deepEqual([...lastUp], [['crm', START - 60_000]])
})

test('only one finite number is a number', () => {
  assert.equal(numberOf(vector(3)), 3)
  for (const answer of [vector(), vector(1, 2), vector(Number.NaN), vector(Infinity)])
    assert.equal(numberOf(answer), undefined)
  assert.equal(numberOf({ kind: 'scalar', at: unixMs(0), value: 4, ...plain }), 4)
})

test('a gap in a line is null, never bridged', () => {
  const stepMs = 30_000
  const end = stepMs * 1000
  const spark = sparkOf(
    matrix([
      [end - stepMs, 5],
      [end, Number.NaN],
    ]),
    end,
    stepMs,
  )
  assert.equal(spark.length, SPARK_POINTS + 1)
  assert.deepEqual(
    spark.slice(-3).map(([, value]) => value),
    [null, 5, null],
  )
  assert.ok(sparkOf(undefined, end, stepMs).every(([, value]) => value === null))
})

test('a line spans what its scrapes can fill', () => {
  const steps = [1000, 15_000, 60_000].map((scrapeIntervalMs) => sparkStepMs({ ...emptyPlan, scrapeIntervalMs }))
  assert.deepEqual(steps, [5000, 30_000, 30_000])
})
