import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { unixMs } from '../brand.ts'
import { type NativeHistogram, NO_BOUNDS, NO_BUCKETS } from '../histogram.ts'
import { Labels } from '../labels.ts'
import type { MatrixSeries, QueryAnswer, VectorSample } from '../query.ts'
import { formatValue } from '../value.ts'
import { PIECE_BYTES, type Piece } from './json-bytes.ts'
import { renderAnswer } from './render-answer.ts'
import { renderLabelSets, renderTexts } from './render-lists.ts'
import { answerText, labelsText } from './render-text.test-support.ts'
import { instantJson, NUMBER_ROOM, writeInstant, writeValue } from './write-number.ts'

const plain = { warnings: [], infos: [] }
const textOf = (pieces: Iterable<Piece>) => Buffer.concat([...pieces]).toString()

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

const cases: readonly { why: string; answer: QueryAnswer; data: string }[] = [
  {
    why: 'a vector',
    answer: {
      kind: 'vector',
      samples: [{ labels: Labels.of({ __name__: 'up', job: 'a"b' }), at: unixMs(1500), value: 1 }],
      ...plain,
    },
    data: '{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a\\"b"},"value":[1.500,"1"]}]}',
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
    data: '{"resultType":"matrix","result":[{"metric":{},"values":[[0,"NaN"],[1,"-Inf"]]}]}',
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
    data: `{"resultType":"vector","result":[{"metric":{},"histogram":[1,${HISTOGRAM}]},{"metric":{},"histogram":[1,{"count":"9.5","sum":"-3"}]}]}`,
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
    data: `{"resultType":"matrix","result":[{"metric":{},"values":[[0,"1"]],"histograms":[[1,{"count":"3","sum":"1e-07","buckets":[[3,"-Inf","0.5","1"],[0,"5","+Inf","2"]]}]]},{"metric":{"a":"b"},"histograms":[[1.500,${HISTOGRAM}]]}]}`,
  },
  {
    why: 'a scalar',
    answer: { kind: 'scalar', at: unixMs(4000), value: 2, ...plain },
    data: '{"resultType":"scalar","result":[4,"2"]}',
  },
  {
    why: 'a large scalar has no exponent',
    answer: { kind: 'scalar', at: unixMs(4000), value: 7e22, ...plain },
    data: '{"resultType":"scalar","result":[4,"70000000000000000000000"]}',
  },
  {
    why: 'a string',
    answer: { kind: 'string', at: unixMs(4000), value: 'x', ...plain },
    data: '{"resultType":"string","result":[4,"x"]}',
  },
]

for (const { why, answer, data } of cases)
  test(`${why} is spelled as Prometheus spells it`, () =>
    assert.equal(textOf(renderAnswer(answer).pieces()), `{"status":"success","data":${data}}`))

/** Of every kind that a fast path takes for its own, and some that it leaves; some come again and again. */
const value = fc.oneof(
  fc.double(),
  fc.constantFrom(0.1 + 0.2, 12_345, 1 / 3),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.tuple(fc.maxSafeInteger(), fc.nat({ max: 12 })).map(([digits, places]) => digits / 10 ** places),
  fc.constantFrom(0, -0, Number.NaN, Infinity, -Infinity, 1e-6, 1e-7, 1e21, 2 ** 53, 2 ** 31, 999_999_999.999_999),
)
const instant = fc.oneof(
  fc.integer({ min: 0, max: 4e12 }),
  fc.nat({ max: 4e9 }).map((s) => s * 1000),
  fc.integer({ min: -8.64e15, max: 8.64e15 }),
)

test('a value and an instant written as bytes are spelled as their texts are', () => {
  const bytes = new Uint8Array(NUMBER_ROOM)
  const view = new DataView(bytes.buffer)
  const written = (end: number) => String.fromCharCode(...bytes.subarray(0, end))
  fc.assert(
    fc.property(value, (one) => assert.equal(written(writeValue(view, 0, one)), formatValue(one))),
    {
      numRuns: 5000,
    },
  )
  fc.assert(
    fc.property(instant, (one) => assert.equal(written(writeInstant(view, 0, one)), instantJson(one))),
    {
      numRuns: 1000,
    },
  )
  for (let power = -9; power <= 22; power++)
    for (const digits of [1, 9, 10, 99, 123_456_789])
      for (const sign of [1, -1]) {
        const one = (sign * digits) / 10 ** power
        assert.equal(written(writeValue(view, 0, one)), formatValue(one))
      }
})

test('an instant is the same number as its milliseconds', () => {
  fc.assert(
    fc.property(fc.integer({ min: -4e12, max: 4e12 }), (ms) =>
      assert.equal(Math.round(Number(instantJson(ms)) * 1000), ms),
    ),
  )
  assert.equal(instantJson(1001), '1.001')
})

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('\u0000', '"', '\\', '\u007f', '\ud800', '\u2028', 'é'.repeat(300), 'x'.repeat(300)),
)
const labels = fc.array(fc.tuple(text, text), { maxLength: 4 }).map((pairs) => Labels.fromPairs(pairs))

/** The steps of one question, of which a series has some; or instants of its own. */
const series: fc.Arbitrary<MatrixSeries> = fc
  .record({
    labels,
    first: fc.constantFrom(1_795_281_900_000, 1_795_281_900_125, 0, -3000, 9_999_999_990_000),
    step: fc.constantFrom(1000, 15_000, 250),
    own: fc.nat({ max: 20 }),
    points: fc.array(fc.option(value, { nil: undefined, freq: 4 }), { maxLength: 40 }),
    histograms: fc.option(
      fc.array(fc.constantFrom(histogram, custom), { maxLength: 2 }).map((values) => ({
        timestamps: Float64Array.from(values, (_, i) => 1500 * i),
        values,
      })),
      { nil: undefined },
    ),
  })
  .map(({ labels, first, step, own, points, histograms }) => {
    const shift = own === 1 ? 7 : 0
    const there = points.flatMap((one, i) => (one === undefined ? [] : [[first + shift + i * step, one] as const]))
    return {
      labels,
      timestamps: Float64Array.from(there, ([at]) => at),
      values: Float64Array.from(there, ([, one]) => one),
      ...(histograms === undefined ? {} : { histograms }),
    }
  })
const sample: fc.Arbitrary<VectorSample> = fc
  .tuple(labels, instant, value, fc.option(fc.constantFrom(histogram, custom), { nil: undefined }))
  .map(([labels, at, one, histogram]) => ({
    labels,
    at: unixMs(at),
    value: one,
    ...(histogram === undefined ? {} : { histogram }),
  }))
const caveats = fc.record({ warnings: fc.array(text, { maxLength: 2 }), infos: fc.array(text, { maxLength: 2 }) })
const answer: fc.Arbitrary<QueryAnswer> = fc.oneof(
  fc
    .tuple(fc.array(series, { maxLength: 8 }), caveats)
    .map(([series, notes]) => ({ kind: 'matrix', series, ...notes }) as const),
  fc
    .tuple(fc.array(sample, { maxLength: 8 }), caveats)
    .map(([samples, notes]) => ({ kind: 'vector', samples, ...notes }) as const),
  fc
    .tuple(instant, value, caveats)
    .map(([at, one, notes]) => ({ kind: 'scalar', at: unixMs(at), value: one, ...notes }) as const),
  fc
    .tuple(instant, text, caveats)
    .map(([at, one, notes]) => ({ kind: 'string', at: unixMs(at), value: one, ...notes }) as const),
)

test('an answer written as bytes is the answer written as text', () => {
  fc.assert(
    fc.property(answer, (one) => {
      const { text } = renderAnswer(one)
      const pieces = [...renderAnswer(one).pieces()]
      assert.ok(
        pieces.every(
          (piece) => (piece.length <= PIECE_BYTES && piece.buffer !== pieces[0]!.buffer) || piece === pieces[0],
        ),
      )
      assert.equal(textOf(pieces), Buffer.from(answerText(one)).toString())
      // Twice, as the room is used again.
      for (let i = 0; i < 2; i++) assert.equal(Buffer.from(text!() ?? 'too long', 'latin1').toString(), textOf(pieces))
    }),
    { numRuns: 500 },
  )
})

test('a list of names and one of label sets are the JSON of them', () => {
  fc.assert(
    fc.property(fc.array(text), fc.array(labels), fc.array(text, { maxLength: 1 }), (texts, sets, warnings) => {
      const caveats = warnings.length === 0 ? '' : `,"warnings":${JSON.stringify(warnings)}`
      const encoded = (data: string) => Buffer.from(`{"status":"success","data":${data}${caveats}}`).toString()
      assert.equal(textOf(renderTexts(texts, warnings).pieces()), encoded(JSON.stringify(texts)))
      assert.equal(textOf(renderLabelSets(sets, warnings).pieces()), encoded(`[${sets.map(labelsText).join(',')}]`))
    }),
  )
})

test('a label set that was written before is written the same, whatever was forgotten in between', () => {
  fc.assert(
    fc.property(fc.array(labels, { maxLength: 6 }), fc.nat({ max: 4 }), (sets, times) => {
      const expected = `{"status":"success","data":[${sets.map(labelsText).join(',')}]}`
      for (let i = 0; i <= times; i++)
        assert.equal(textOf(renderLabelSets(sets).pieces()), Buffer.from(expected).toString())
    }),
  )
  // More than what is kept: those that were kept first are forgotten, and kept anew.
  const many = Array.from({ length: 1200 }, (_, i) => Labels.of({ job: `${i}`.padStart(3900, 'x') }))
  const expected = Buffer.from(`{"status":"success","data":[${many.map(labelsText).join(',')}]}`)
  for (let i = 0; i < 4; i++) assert.ok(Buffer.concat([...renderLabelSets(many).pieces()]).equals(expected))
})

test('a long answer comes in pieces of bounded length, each with memory of its own', () => {
  const points = 30_000
  const one = (job: string) => ({
    labels: Labels.of({ job }),
    timestamps: Float64Array.from({ length: points }, (_, i) => i * 1000),
    values: Float64Array.from({ length: points }, (_, i) => i / 7),
  })
  const long = { kind: 'matrix', series: ['a', 'b', 'c'].map(one), ...plain, warnings: ['w'] } as const
  const { points: held, pieces } = renderAnswer(long)
  assert.equal(held, 1 + 3 * (points + 1))
  const all = [...pieces()]
  assert.ok(all.length > 8 && all.every(({ length }) => length <= PIECE_BYTES), `${all.length} pieces`)
  assert.equal(new Set(all.map(({ buffer }) => buffer)).size, all.length)
  assert.ok(textOf(all) === answerText(long))
})

test('what turns out too long for a text is told in pieces alone, and the next short one is whole', () => {
  const single = (value: string) => renderAnswer({ kind: 'string', at: unixMs(0), value, ...plain })
  const short = textOf(single('x').pieces())
  assert.equal(single('x').text?.(), short)
  for (const long of ['x'.repeat(70_000), '\u0000'.repeat(20_000)]) {
    assert.equal(single(long).text?.(), undefined)
    assert.equal(single('x').text?.(), short)
  }
  const many = { labels: Labels.empty, timestamps: new Float64Array(5000), values: new Float64Array(5000) }
  assert.equal(renderAnswer({ kind: 'matrix', series: [many], ...plain }).text?.(), undefined)
})

test('a list longer than is written at once is whole', () => {
  for (const count of [0, 1, 499, 500, 501, 1001]) {
    const texts = Array.from({ length: count }, (_, i) => `é${i}`)
    assert.deepEqual(JSON.parse(textOf(renderTexts(texts).pieces())).data, texts)
  }
})

test('a text longer than a piece makes a longer piece', () => {
  const long = 'ä'.repeat(PIECE_BYTES)
  assert.equal(JSON.parse(textOf(renderTexts(['a', long, 'b']).pieces())).data[1], long)
})

test('what is cut off by a limit is said, and further warnings come last', () => {
  const one = { labels: Labels.empty, at: unixMs(0), value: 1 }
  const vector = { kind: 'vector', samples: [one, one], ...plain, warnings: ['w'] } as const
  const cut = JSON.parse(textOf(renderAnswer(vector, { limit: 1, warnings: ['z'], stats: '{"a":1}' }).pieces()))
  assert.deepEqual(cut.warnings, ['w', 'results truncated due to limit', 'z'])
  assert.deepEqual([cut.data.result.length, cut.data.stats], [1, { a: 1 }])
  const series = { labels: Labels.empty, timestamps: Float64Array.of(0), values: Float64Array.of(0) }
  const matrix = { kind: 'matrix', series: [series, series], ...plain } as const
  assert.equal(JSON.parse(textOf(renderAnswer(matrix, { limit: 1 }).pieces())).data.result.length, 1)
})

test('beyond ten caveats, it is told how many more there are', () => {
  const many = {
    kind: 'vector',
    samples: [],
    warnings: Array.from({ length: 12 }, (_, i) => `w${i}`),
    infos: Array.from({ length: 10 }, (_, i) => `i${i}`),
  } as const
  const { warnings, infos } = JSON.parse(textOf(renderAnswer(many).pieces()))
  assert.deepEqual([warnings.length, warnings.at(-1)], [11, '2 more warning annotations omitted'])
  assert.deepEqual(infos, many.infos)
})
