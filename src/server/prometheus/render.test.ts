import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels, type QueryAnswer, unixMs } from '#core'
import { envelope, errorEnvelope, renderAnswer, renderInstant } from './render.ts'

const plain = { warnings: [], infos: [] }

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
    why: 'a scalar',
    answer: { kind: 'scalar', at: unixMs(4000), value: 2 },
    text: '{"resultType":"scalar","result":[4,"2"]}',
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
  assert.equal(JSON.parse(cut.data).result.length, 1)
})

test('caveats stand beside the data, and only when there are some', () => {
  assert.equal(envelope({ data: '[]' }), '{"status":"success","data":[]}')
  assert.equal(
    envelope({ data: '1', warnings: ['w'], infos: ['i'] }),
    '{"status":"success","data":1,"warnings":["w"],"infos":["i"]}',
  )
  assert.equal(errorEnvelope('bad_data', 'x'), '{"status":"error","errorType":"bad_data","error":"x"}')
})
