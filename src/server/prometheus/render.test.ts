import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels, type NativeHistogram, NO_BOUNDS, NO_BUCKETS, type QueryAnswer, unixMs } from '#core'
import { envelope, errorEnvelope, renderAnswer, renderInstant } from './render.ts'

const plain = { warnings: [], infos: [] }
const buckets = (indices: readonly number[], counts: readonly number[]) => ({
  indices: Int32Array.from(indices),
  counts: Float64Array.from(counts),
})
const histogram: NativeHistogram = {
  schema: 0,
  zeroThreshold: 0.001,
  zeroCount: 2,
  count: 9.5,
  sum: -3,
  positive: buckets([1, 2, 4], [1, 0, 2.5]),
  negative: buckets([0], [4]),
  customBounds: NO_BOUNDS,
  resetHint: 'unknown',
  isInteger: false,
}
const HISTOGRAM =
  '{"count":"9.5","sum":"-3","buckets":[[1,"-1","-0.5","4"],[3,"-0.001","0.001","2"],[0,"1","2","1"],[0,"8","16","2.5"]]}'
const custom: NativeHistogram = {
  ...histogram,
  schema: -53,
  zeroThreshold: 0,
  zeroCount: 0,
  count: 3,
  sum: 1e-7,
  positive: buckets([0, 2], [1, 2]),
  negative: NO_BUCKETS,
  customBounds: Float64Array.of(0.5, 5),
}

const cases: readonly { why: string; answer: QueryAnswer; text: string }[] = [
  {
    why: 'a vector',
    answer: {
      kind: 'vector',
      samples: [{ labels: Labels.of({ __name__: 'up', job: 'a"b' }), at: unixMs(1500), value: 1 }],
      ...plain,
    },
    text: '{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a\\"b"},"value":[1.500,"1"]}]}',
  },
  {
    why: 'a matrix with values that are no JSON numbers',
    answer: {
      kind: 'matrix',
      series: [
        { labels: Labels.empty, timestamps: Float64Array.of(0, 1000), values: Float64Array.of(Number.NaN, -Infinity) },
      ],
      ...plain,
    },
    text: '{"resultType":"matrix","result":[{"metric":{},"values":[[0,"NaN"],[1,"-Inf"]]}]}',
  },
  {
    why: 'a vector of native histograms',
    answer: {
      kind: 'vector',
      samples: [
        { labels: Labels.empty, at: unixMs(1000), value: Number.NaN, histogram },
        {
          labels: Labels.empty,
          at: unixMs(1000),
          value: Number.NaN,
          histogram: { ...histogram, zeroCount: 0, positive: NO_BUCKETS, negative: NO_BUCKETS },
        },
      ],
      ...plain,
    },
    text: `{"resultType":"vector","result":[{"metric":{},"histogram":[1,${HISTOGRAM}]},{"metric":{},"histogram":[1,{"count":"9.5","sum":"-3"}]}]}`,
  },
  {
    why: 'a matrix of floats and native histograms',
    answer: {
      kind: 'matrix',
      series: [
        {
          labels: Labels.empty,
          timestamps: Float64Array.of(0),
          values: Float64Array.of(1),
          histograms: { timestamps: Float64Array.of(1000), values: [custom] },
        },
        {
          labels: Labels.of({ a: 'b' }),
          timestamps: new Float64Array(0),
          values: new Float64Array(0),
          histograms: { timestamps: Float64Array.of(1500), values: [histogram] },
        },
      ],
      ...plain,
    },
    text: `{"resultType":"matrix","result":[{"metric":{},"values":[[0,"1"]],"histograms":[[1,{"count":"3","sum":"1e-07","buckets":[[3,"-Inf","0.5","1"],[0,"5","+Inf","2"]]}]]},{"metric":{"a":"b"},"histograms":[[1.500,${HISTOGRAM}]]}]}`,
  },
  {
    why: 'a scalar',
    answer: { kind: 'scalar', at: unixMs(4000), value: 2 },
    text: '{"resultType":"scalar","result":[4,"2"]}',
  },
  {
    why: 'a large scalar has no exponent',
    answer: { kind: 'scalar', at: unixMs(4000), value: 7e22 },
    text: '{"resultType":"scalar","result":[4,"70000000000000000000000"]}',
  },
  {
    why: 'a string',
    answer: { kind: 'string', at: unixMs(4000), value: 'x' },
    text: '{"resultType":"string","result":[4,"x"]}',
  },
].map((one) => ({ ...one, answer: { ...plain, ...one.answer } as QueryAnswer }))

for (const { why, answer, text } of cases)
  test(`${why} is spelled as Prometheus spells it`, () => assert.equal(renderAnswer(answer).data, text))

test('an instant is the same number as its milliseconds', () => {
  fc.assert(
    fc.property(fc.integer({ min: -4e12, max: 4e12 }), (ms) =>
      assert.equal(Math.round(Number(renderInstant(ms)) * 1000), ms),
    ),
  )
  assert.equal(renderInstant(1001), '1.001')
})

test('what is cut off by a limit is said', () => {
  const sample = { labels: Labels.empty, at: unixMs(0), value: 1 }
  const cut = renderAnswer({ kind: 'vector', samples: [sample, sample], ...plain }, 1)
  assert.deepEqual(cut.warnings, ['results truncated due to limit'])
  assert.equal(JSON.parse(String(cut.data)).result.length, 1)
})

test('a long answer comes in pieces of bounded length, and together they are what a short one would be', () => {
  const points = 150_000
  const series = (job: string) => ({
    labels: Labels.of({ job }),
    timestamps: Float64Array.from({ length: points }, (_, i) => i * 1000),
    values: Float64Array.from({ length: points }, (_, i) => i / 8),
  })
  const answer = { kind: 'matrix', series: [series('a'), series('b')], ...plain, warnings: ['w'] } as const
  const body = envelope(renderAnswer(answer))
  assert.ok(typeof body !== 'string')
  assert.equal(body.points, 2 * points + 2)
  const pieces = [...body.pieces()]
  assert.ok(pieces.length > 10 && pieces.every((piece) => piece.length < 600_000), `${pieces.length} pieces`)
  const whole = answer.series.map((one) => envelope(renderAnswer({ ...answer, series: [one] })))
  assert.ok(whole.every((one) => typeof one === 'string'))
  const result = (text: unknown) => JSON.parse(String(text)).data.result
  const { data, warnings } = JSON.parse(pieces.join(''))
  assert.deepEqual([data.resultType, warnings], ['matrix', ['w']])
  assert.deepEqual(data.result, whole.flatMap(result))
})

test('caveats stand beside the data, and only when there are some', () => {
  assert.equal(envelope({ data: '[]' }), '{"status":"success","data":[]}')
  assert.equal(
    envelope({ data: '1', warnings: ['w'], infos: ['i'] }),
    '{"status":"success","data":1,"warnings":["w"],"infos":["i"]}',
  )
  assert.equal(errorEnvelope('bad_data', 'x'), '{"status":"error","errorType":"bad_data","error":"x"}')
})

test('beyond ten caveats, it is told how many more there are', () => {
  const answer = {
    kind: 'vector',
    samples: [],
    warnings: Array.from({ length: 12 }, (_, i) => `w${i}`),
    infos: Array.from({ length: 10 }, (_, i) => `i${i}`),
  } as const
  const { warnings = [], infos = [] } = renderAnswer(answer)
  assert.deepEqual([warnings.length, warnings.at(-1)], [11, '2 more warning annotations omitted'])
  assert.deepEqual(infos, answer.infos)
})
