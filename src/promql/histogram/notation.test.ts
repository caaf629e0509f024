import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AssayError, CUSTOM_SCHEMA, type NativeHistogram, sameHistogram } from '#core'
import { anyHistogram } from './histogram.test-support.ts'
import { compactHistogram, formatNotation, parseHistogram } from './index.ts'

test('every property is read', () => {
  const { histogram, hintStated } = parseHistogram(
    '{{schema:1 count:10 sum:-3.5 z_bucket:2 z_bucket_w:0.5 buckets:[1 0 2] offset:-1 n_buckets:[4 1] n_offset:2 counter_reset_hint:not_reset}}',
  )
  const wanted: NativeHistogram = {
    schema: 1,
    zeroThreshold: 0.5,
    zeroCount: 2,
    count: 10,
    sum: -3.5,
    positive: { indices: Int32Array.of(-1, 0, 1), counts: Float64Array.of(1, 0, 2) },
    negative: { indices: Int32Array.of(2, 3), counts: Float64Array.of(4, 1) },
    customBounds: new Float64Array(0),
    resetHint: 'none',
    isInteger: false,
  }
  assert.deepEqual(histogram, wanted)
  assert.equal(hintStated, true)
  assert.deepEqual(
    [...parseHistogram('{{schema:-53 custom_values:[1 2.5] buckets:[1 2 3]}}').histogram.customBounds],
    [1, 2.5],
  )
  for (const empty of ['{{}}', '{{ }}']) {
    const { histogram: h, hintStated: stated } = parseHistogram(empty)
    assert.deepEqual([h.schema, h.count, h.sum, h.resetHint, stated], [0, 0, 0, 'unknown', false])
  }
  assert.ok(Number.isNaN(parseHistogram('{{sum:NaN}}').histogram.sum))
})

test('what is written reads back the same', () => {
  fc.assert(
    fc.property(anyHistogram, (h) => {
      const { histogram } = parseHistogram(formatNotation(h))
      assert.ok(sameHistogram(compactHistogram(histogram), compactHistogram(h)), formatNotation(h))
      assert.equal(histogram.resetHint, h.resetHint)
    }),
  )
})

test('what is no histogram says what to write', () => {
  for (const text of [
    '{{',
    'count:1',
    '{{count}}',
    '{{count:}}',
    '{{count:one}}',
    '{{counts:1}}',
    '{{count:1 count:2}}',
    '{{count:1,sum:2}}',
    '{{buckets:[]}}',
    '{{buckets:[1 x]}}',
    '{{buckets:1}}',
    '{{schema:9}}',
    '{{schema:0.5}}',
    '{{schema:1 custom_values:[1]}}',
    '{{schema:-53 custom_values:[2 1]}}',
    '{{schema:-53 custom_values:[1 Inf]}}',
    '{{schema:-53 custom_values:[1] buckets:[1 1 1]}}',
    '{{schema:-53 z_bucket:1}}',
    '{{schema:-53 n_buckets:[1]}}',
    '{{z_bucket_w:-1}}',
    '{{z_bucket_w:NaN}}',
    '{{offset:3000000000 buckets:[1]}}',
    '{{offset:2147483647 buckets:[1 1]}}',
    '{{counter_reset_hint:toString}}',
    `{{buckets:[${'1 '.repeat(100_001)}]}}`,
  ])
    assert.throws(() => parseHistogram(text), { code: 'ASSAY_PROMQL_SERIES' }, text.slice(0, 80))
})

test('no text makes the reader crash or return a broken layout', () => {
  const word = fc.constantFrom(
    'schema:',
    'buckets:[',
    ']',
    ' ',
    '1',
    '-53',
    'custom_values:[',
    'offset:',
    'NaN',
    'Inf',
    '1e9',
    '{{',
    '}}',
    'count:',
    'z_bucket_w:',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(word, { maxLength: 12 }).map((words) => `{{${words.join('')}}}`),
      ),
      (text) => {
        try {
          const { histogram: h } = parseHistogram(text)
          assert.ok(h.schema === CUSTOM_SCHEMA || (h.schema >= -4 && h.schema <= 8))
          assert.ok(h.zeroThreshold >= 0)
        } catch (thrown) {
          assert.ok(thrown instanceof AssayError, String(thrown))
          assert.ok(thrown.message.length < 600)
        }
      },
    ),
    { numRuns: 500 },
  )
})
