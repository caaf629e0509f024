/**
 * The fast paths of selectors, functions over ranges and aggregations say what the slow ones say: answers to the bit, annotations, counts of
 * samples and limits. The slow ones are forced by samples that claim to hold histograms and hold none.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels, type QueryAnswer, unixMs } from '#core'
import { ListedSeries, memoryStore, type Querier, type Store } from '#storage'
import { createEngine } from '../engine.ts'

const STEP = 10_000
const END = 60 * STEP

/** One sample after the other: how long after the one before, and what. */
const sample = fc.record({
  after: fc.oneof(
    { weight: 10, arbitrary: fc.constant(STEP) },
    { weight: 2, arbitrary: fc.constantFrom(1, STEP + 3, 4 * STEP, 9 * STEP) },
  ),
  value: fc.oneof(
    { weight: 10, arbitrary: fc.record({ add: fc.constantFrom(0, 1, 0.1, 7, 1e6) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        set: fc.constantFrom(0, -0, 0.1, -3, Number.NaN, Infinity, -Infinity, 1.7e308, 1e-300, 2 ** 53),
      }),
    },
    { weight: 1, arbitrary: fc.constant('stale' as const) },
  ),
})
const series = fc.record({
  name: fc.constantFrom('a_total', 'a_total', 'a_total', 'b', 'c_bucket'),
  job: fc.constantFrom('x', 'y', ''),
  i: fc.nat({ max: 6 }),
  /** Series of one target share their instants. */
  target: fc.nat({ max: 2 }),
  samples: fc.array(sample, { minLength: 1, maxLength: 60 }),
  ownInstants: fc.boolean(),
})

const RANGES = ['10s', '45s', '1m', '2m30s', '10m']
const FUNCTIONS = [
  'rate',
  'increase',
  'delta',
  'irate',
  'resets',
  'changes',
  'sum_over_time',
  'avg_over_time',
  'min_over_time',
  'max_over_time',
  'count_over_time',
  'last_over_time',
  'first_over_time',
  'present_over_time',
  'stddev_over_time',
  'deriv',
  'ts_of_max_over_time',
]
const SELECTORS = ['a_total', 'b', '{job="x"}', '{__name__=~".+"}', 'a_total{job!="y"}', 'nothing', 'c_bucket']
const selector = fc.constantFrom(...SELECTORS)
const modifier = fc.constantFrom('', '', '', ' offset 30s', ' offset -20s', ' @ 300', ' @ end()')
const ranged = fc
  .record({ fn: fc.constantFrom(...FUNCTIONS), selector, range: fc.constantFrom(...RANGES), modifier })
  .map(({ fn, selector: of, range, modifier: at }) => `${fn}(${of}[${range}]${at})`)
const inner = fc.oneof(
  { weight: 4, arbitrary: ranged },
  { weight: 2, arbitrary: fc.record({ selector, modifier }).map((one) => one.selector + one.modifier) },
  {
    weight: 1,
    arbitrary: fc
      .record({ q: fc.constantFrom('0.5', '2', 'scalar(b)'), selector, range: fc.constantFrom(...RANGES) })
      .map(({ q, selector: of, range }) => `quantile_over_time(${q}, ${of}[${range}])`),
  },
  {
    weight: 1,
    arbitrary: selector.map((of) => `predict_linear(${of}[1m], 60)`),
  },
)
const grouping = fc.constantFrom('', ' by (job)', ' by (i, job)', ' by (__name__)', ' without (i)', ' without ()')
const expression = fc.oneof(
  inner,
  fc
    .record({ op: fc.constantFrom('sum', 'avg', 'min', 'max', 'count', 'group', 'stddev'), grouping, inner })
    .map((one) => `${one.op}${one.grouping} (${one.inner})`),
  fc.record({ grouping, inner }).map((one) => `max_over_time(sum${one.grouping} (${one.inner})[2m:20s])`),
)
const when = fc.oneof(
  fc.nat({ max: 70 }).map((step) => ({ at: unixMs(step * STEP + 5) })),
  fc
    .record({ from: fc.nat({ max: 60 }), steps: fc.nat({ max: 30 }), stepMs: fc.constantFrom(STEP, 15_000, 60_000) })
    .map(({ from, steps, stepMs }) => ({
      start: unixMs(from * STEP),
      end: unixMs(from * STEP + steps * stepMs),
      stepMs,
      perStepStats: true,
    })),
)

function storeOf(all: readonly (typeof series extends fc.Arbitrary<infer One> ? One : never)[]): Store {
  const store = memoryStore()
  using batch = store.appender()
  for (const { name, job, i, target, samples, ownInstants } of all) {
    const labels = Labels.of({ __name__: name, job, i: `${i}` })
    let at = target * 100
    let value = 100
    for (const [k, one] of samples.entries()) {
      at += ownInstants ? one.after : k % 17 === 3 ? 2 * STEP : STEP
      if (at > END) break
      if (one.value === 'stale') batch.appendStale(undefined, labels, unixMs(at))
      else {
        value = 'add' in one.value ? value + one.value.add : one.value.set
        batch.append(undefined, labels, unixMs(at), value)
      }
    }
  }
  batch.commit()
  return store
}

/** A querier whose every sample goes by the slow path. */
function slow(querier: Querier): Querier {
  return {
    select: (matchers) => querier.select(matchers),
    selectSet: (matchers) => {
      const listed = new ListedSeries(
        querier.select(matchers).map(({ labels, samples }) => ({
          labels,
          samples: () => ({ ...samples(), histograms: [] }),
        })),
      )
      return listed
    },
    series: (matchers) => querier.series(matchers),
    labelNames: (matchers) => querier.labelNames(matchers),
    labelValues: (name, matchers) => querier.labelValues(name, matchers),
    [Symbol.dispose]: () => querier[Symbol.dispose](),
  }
}

function bits(answer: QueryAnswer): unknown {
  const numbers = (values: Float64Array) => Array.from(values, (value) => (Object.is(value, -0) ? '-0' : value))
  if (answer.kind === 'matrix')
    return {
      ...answer,
      series: answer.series.map((one) => ({
        ...one,
        labels: one.labels.flat,
        timestamps: numbers(one.timestamps),
        values: numbers(one.values),
      })),
    }
  if (answer.kind !== 'vector') return answer
  return { ...answer, samples: answer.samples.map((one) => ({ ...one, labels: one.labels.flat })) }
}

for (const features of [[], ['promql-per-step-stats', 'promql-delayed-name-removal']] as const)
  test(`rows and folds say what columns say${features.length > 0 ? ', with names removed late' : ''}`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(series, { maxLength: 9 }),
        fc.array(expression, { minLength: 1, maxLength: 6 }),
        when,
        fc.option(fc.integer({ min: 1, max: 3000 }), { nil: undefined }),
        async (all, texts, at, maxSamples) => {
          await using store = storeOf(all)
          const engine = (slowly: boolean) =>
            createEngine({
              store: (start, end) => {
                const querier = store.querier(unixMs(start), unixMs(end))
                return slowly ? slow(querier) : querier
              },
              features: new Set(features),
              ...(maxSamples === undefined ? {} : { limits: { maxSamples } }),
            })
          const ask = async (slowly: boolean, text: string) => {
            try {
              return bits(await engine(slowly).query(text, at))
            } catch (error) {
              return String(error)
            }
          }
          for (const text of texts) assert.deepEqual(await ask(false, text), await ask(true, text), text)
        },
      ),
      { numRuns: 400 },
    )
  })
