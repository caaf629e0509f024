import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels, unixMs } from '#core'
import { memoryStore } from '#storage'
import { createEngine } from '../engine.ts'
import { parseSamples } from '../series-notation.ts'
import { LONG, longMadOverTime, longQuantile, type Pace } from './long-window.ts'
import { madOverTime } from './over-time.ts'
import { quantile } from './quantile.ts'
import { FLOATS_ALONE } from './window.test-support.ts'

const unhurried: Pace = { spend: () => false, breathe: async () => {} }

const SPECIAL = [0, -0, Infinity, -Infinity, 5e-324, -5e-324, 1.7976931348623157e308]

const NOWHERE = {
  timestamps: new Float64Array(0),
  startMs: 0,
  endMs: 0,
  atMs: 0,
  args: new Float64Array(0),
  nextReset: undefined,
}

/** Long columns from a few numbers: what they repeat decides, not how long they are. */
const samples = fc
  .record({
    some: fc.array(fc.oneof(fc.double(), fc.constantFrom(...SPECIAL)), { minLength: 1, maxLength: 40 }),
    length: fc.integer({ min: LONG - 1, max: 2 * LONG + 5 }),
    stride: fc.integer({ min: 1, max: 1000 }),
  })
  .map(({ some, length, stride }) => Float64Array.from({ length }, (_, i) => some[(i * stride) % some.length]!))

test('a quantile of a long window is to the bit the one of sorting it at once', async () => {
  const q = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1, 0.5, -1, 2, Number.NaN))
  await fc.assert(
    fc.asyncProperty(samples, q, async (values, q) => {
      const expected = quantile(q, values.slice())
      assert.ok(Object.is(await longQuantile(q, values.slice(), unhurried), expected))
    }),
    { numRuns: 15 },
  )
})

test('the median distance of a long window is that of a short one', async () => {
  await fc.assert(
    fc.asyncProperty(samples, async (values) => {
      const window = { ...FLOATS_ALONE, ...NOWHERE, values, from: 0, to: values.length }
      const out = new Float64Array(1)
      madOverTime(window, out, 0)
      assert.ok(Object.is(await longMadOverTime(window, unhurried), out[0]))
    }),
    { numRuns: 8 },
  )
})

test('between pieces others have their turn, and what stops the query stops it there', async () => {
  let left = 3
  const stopped = new Error('stopped')
  const pace: Pace = {
    spend: () => true,
    breathe: async () => {
      if (--left === 0) throw stopped
    },
  }
  await assert.rejects(longQuantile(0.5, new Float64Array(10 * LONG), pace), stopped)
  assert.equal(left, 0)
})

test('a query over long windows answers as over short ones, with all that is to be said', async () => {
  const store = memoryStore()
  const labels = Labels.of({ __name__: 'm' })
  const count = LONG + 10
  using batch = store.appender()
  for (let i = 1; i <= count; i++) batch.append(undefined, labels, unixMs(i), (i * 7919) % count)
  const [histogram] = parseSamples('{{schema:0 count:1 sum:1 buckets:[1]}}')
  assert.ok(typeof histogram === 'object')
  batch.appendHistogram(undefined, labels, unixMs(count + 1), histogram.histogram)
  batch.commit()
  const { query } = createEngine({
    store: (start, end) => store.querier(unixMs(start), unixMs(end)),
    features: new Set(['promql-experimental-functions']),
  })
  const ask = async (text: string, at: number) => {
    const { warnings, infos, ...answer } = await query(text, { at: unixMs(at) })
    assert.ok(answer.kind === 'vector')
    return { values: answer.samples.map(({ value }) => value), warnings, infos }
  }
  // Of 0, 1, ... each once: `count` and the factor have no divisor in common.
  assert.deepEqual(await ask('quantile_over_time(0.25, m[1h])', count), {
    values: [(count - 1) / 4],
    warnings: [],
    infos: [],
  })
  assert.deepEqual(await ask('mad_over_time(m[1h])', count), { values: [count / 4], warnings: [], infos: [] })
  const { values, warnings, infos } = await ask('quantile_over_time(2, m[1h])', count + 1)
  assert.deepEqual(values, [Infinity])
  assert.deepEqual(warnings, ['PromQL warning: quantile value should be between 0 and 1, got 2 (1:20)'])
  assert.match(infos.join(), /ignored histograms in a range containing both floats and histograms/)
})
