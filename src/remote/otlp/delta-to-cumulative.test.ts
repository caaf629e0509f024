import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ManualClock } from '#core'
import type { Attributes, MetricData, ResourceMetrics } from './data.ts'
import { DeltaToCumulative } from './delta-to-cumulative.ts'

const point = { attributes: [] as Attributes, startAt: 0, noValue: false, exemplars: [] }

function request(data: MetricData, resource = 'r'): readonly ResourceMetrics[] {
  const scope = { name: '', version: '', schemaUrl: '', attributes: [] }
  const metric = { name: 'm', unit: '', description: '', data }
  return [{ attributes: [['service.name', resource]], scopes: [{ ...scope, metrics: [metric] }] }]
}

const delta = (at: number, value: number, more: object = {}): MetricData => ({
  kind: 'sum',
  temporality: 'delta',
  monotonic: true,
  points: [{ ...point, at, startAt: at - 10, value, ...more }],
})

function world() {
  const clock = new ManualClock(1_000_000)
  const deltas = new DeltaToCumulative(clock)
  const refused: string[] = []
  const send = (data: MetricData, resource?: string) => {
    const made = deltas.convert(request(data, resource), (why) => refused.push(why))[0]!.scopes[0]!.metrics[0]!.data
    return made.points.map((one) => ({ ...one }))
  }
  return { clock, deltas, refused, send }
}

test('each point becomes the sum of those before it, from where the first began', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 20 }), (values) => {
      const { send, refused } = world()
      let total = 0
      for (const [i, value] of values.entries()) {
        total += value
        const [got] = send(delta(100 + i * 10, value))
        assert.deepEqual([got!.startAt, got!.at, 'value' in got! && got.value], [90, 100 + i * 10, total])
      }
      assert.deepEqual(refused, [])
    }),
  )
})

test('series are told apart by resource and attributes in any order, and cumulative metrics are left alone', () => {
  const { send, deltas } = world()
  const value = (points: ReturnType<typeof send>) => points.map((one) => ('value' in one ? one.value : undefined))
  send(
    delta(100, 1, {
      attributes: [
        ['a', '1'],
        ['b', '2'],
      ],
    }),
  )
  assert.deepEqual(
    value(
      send(
        delta(110, 1, {
          attributes: [
            ['b', '2'],
            ['a', '1'],
          ],
        }),
      ),
    ),
    [2],
  )
  assert.deepEqual(value(send(delta(110, 1, { attributes: [['a', '1']] }))), [1])
  assert.deepEqual(value(send(delta(110, 1, { attributes: [['a', '1']] }), 'other')), [1])
  assert.equal(deltas.streams, 3)
  const cumulative = { ...delta(100, 7), temporality: 'cumulative' } as MetricData
  assert.deepEqual(value(send(cumulative)), [7])
  assert.equal(deltas.streams, 3)
})

test('a point that was counted already, or begins before its series, is left out with the reason', () => {
  const { send, refused } = world()
  send(delta(100, 1))
  assert.deepEqual(send(delta(100, 1)), [])
  assert.deepEqual(send(delta(95, 1)), [])
  assert.deepEqual(send(delta(200, 1, { startAt: 50 })), [])
  assert.match(refused[0]!, /does not come after/)
  assert.match(refused[2]!, /begins before/)
})

test('explicit histograms add up bucket by bucket, and begin anew with other bounds', () => {
  const { send } = world()
  const histogram = (at: number, bounds: readonly number[], counts: readonly number[]): MetricData => ({
    kind: 'histogram',
    temporality: 'delta',
    points: [
      {
        ...point,
        at,
        startAt: at - 10,
        count: counts.reduce((a, b) => a + b, 0),
        sum: 1,
        bounds: Float64Array.from(bounds),
        counts: Float64Array.from(counts),
      },
    ],
  })
  const seen = (points: ReturnType<typeof send>) =>
    points.map((one) => ('counts' in one ? [one.startAt, one.count, one.sum, [...one.counts].join()] : []))
  send(histogram(100, [1], [1, 2]))
  assert.deepEqual(seen(send(histogram(110, [1], [3, 0]))), [[90, 6, 2, '4,2']])
  assert.deepEqual(seen(send(histogram(120, [2], [1, 1]))), [[110, 2, 1, '1,1']])
  assert.deepEqual(seen(send(histogram(130, [2], [1, 1]))), [[110, 4, 2, '2,2']])
})

test('exponential histograms meet at the coarser scale, and no observation changes its bucket there', () => {
  const { send } = world()
  const exponential = (at: number, scale: number, offset: number, counts: readonly number[]): MetricData => ({
    kind: 'exponentialHistogram',
    temporality: 'delta',
    points: [
      {
        ...point,
        at,
        count: counts.reduce((a, b) => a + b, 1),
        sum: 2,
        scale,
        zeroCount: 1,
        zeroThreshold: 0,
        positive: { offset, counts: Float64Array.from(counts) },
        negative: { offset: 0, counts: new Float64Array(0) },
      },
    ],
  })
  send(exponential(100, 1, -3, [1, 2, 3]))
  const [got] = send(exponential(110, 0, 1, [5]))
  assert.ok('scale' in got!)
  // Of scale 1, -3 goes into -2, and -2 and -1 into -1.
  assert.deepEqual([got.scale, got.count, got.sum, got.zeroCount], [0, 13, 4, 2])
  assert.deepEqual([got.positive.offset, [...got.positive.counts]], [-2, [1, 5, 0, 5]])
})

test('a series that is silent for five minutes is forgotten', async () => {
  const { send, deltas, clock } = world()
  send(delta(100, 1))
  await clock.advance(299_000)
  send(delta(100, 1), 'other')
  assert.equal(deltas.streams, 2)
  await clock.advance(2_000)
  send({ kind: 'gauge', points: [] })
  assert.equal(deltas.streams, 1)
})
