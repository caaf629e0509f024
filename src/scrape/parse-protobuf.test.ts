import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatSeries, formatValue, fuzz, METRIC_NAME, type NativeHistogram, NO_BOUNDS } from '#core'
import { encodeFamilies, type FamilyOf } from './encode-families.test-support.ts'
import type { ExpositionPage } from './exposition-page.ts'
import { formatOpenMetricsNumber } from './openmetrics-number.ts'
import type { PageOptions } from './page-parser.ts'
import { parseExposition } from './parse-page.ts'

const native: NativeHistogram = {
  schema: 1,
  zeroThreshold: 0.001,
  zeroCount: 2,
  count: 17,
  sum: 100.5,
  positive: { indices: Int32Array.of(-3, 0, 1, 7), counts: Float64Array.of(1, 4, 2, 5) },
  negative: { indices: Int32Array.of(2), counts: Float64Array.of(3) },
  customBounds: NO_BOUNDS,
  resetHint: 'unknown',
  isInteger: true,
}
const BUCKETS = [
  { bound: 0.5, count: 3 },
  { bound: 1, count: 7 },
]

function read(families: readonly FamilyOf[], options: Partial<PageOptions> = {}): ExpositionPage {
  return parseExposition(encodeFamilies(families), { format: 'protobuf', ...options })
}

/** Samples as text; a native histogram shows its schema and count. */
function lines(page: ExpositionPage): string[] {
  return Array.from({ length: page.count }, (_, i) => {
    const histogram = page.histograms.get(i)
    const value =
      histogram === undefined ? formatValue(page.values[i]!) : `{schema ${histogram.schema}, count ${histogram.count}}`
    const at = page.timestamps[i]!
    return `${page.labels(i)} ${value}${Number.isNaN(at) ? '' : ` @${at}`}`
  })
}

test('each type of family gives the series that Prometheus gives it', () => {
  const page = read([
    {
      name: 'a_total',
      type: 'counter',
      help: 'Help.',
      metrics: [
        { value: 1, at: 5 },
        { labels: { b: 'c"\n\\' }, value: 2 },
      ],
    },
    { name: 'my.gauge', type: 'gauge', metrics: [{ labels: { 'x.y': 'z' }, value: Number.NaN }] },
    { name: 'u', type: 'untyped', metrics: [{ value: -Infinity }] },
    {
      name: 's',
      type: 'summary',
      metrics: [
        {
          count: 4,
          sum: 2.5,
          quantiles: [
            [0.5, 1],
            [1, 2],
          ],
        },
        { labels: { q: 'none' } },
      ],
    },
    { name: 'h', type: 'histogram', metrics: [{ count: 9, sum: 3, buckets: BUCKETS }] },
    { name: 'g', type: 'gaugehistogram', metrics: [{ count: 1, sum: 3, buckets: [{ bound: Infinity, count: 1 }] }] },
    { name: 'empty', type: 'gauge', metrics: [] },
  ])
  assert.deepEqual(lines(page), [
    'a_total 1 @5',
    'a_total{b="c\\"\\n\\\\"} 2',
    '{"my.gauge", "x.y"="z"} NaN',
    'u -Inf',
    's_count 4',
    's_sum 2.5',
    's{quantile="0.5"} 1',
    's{quantile="1.0"} 2',
    's_count{q="none"} 0',
    's_sum{q="none"} 0',
    'h_count 9',
    'h_sum 3',
    'h_bucket{le="0.5"} 3',
    'h_bucket{le="1.0"} 7',
    'h_bucket{le="+Inf"} 9',
    'g_count 1',
    'g_sum 3',
    'g_bucket{le="+Inf"} 1',
  ])
  assert.deepEqual([...page.metadata].slice(0, 3), [
    ['a_total', { type: 'counter', help: 'Help.', unit: '' }],
    ['my.gauge', { type: 'gauge', help: '', unit: '' }],
    ['u', { type: 'unknown', help: '', unit: '' }],
  ])
})

const MIXED: FamilyOf = { name: 'h', type: 'histogram', metrics: [{ count: 17, sum: 100.5, native, buckets: BUCKETS }] }
const CLASSIC = ['h_count 17', 'h_sum 100.5', 'h_bucket{le="0.5"} 3', 'h_bucket{le="1.0"} 7', 'h_bucket{le="+Inf"} 17']
const NATIVE_LINE = 'h {schema 1, count 17}'

test('what becomes of a histogram with a native and a classic part is the job to say', () => {
  const cases: readonly (readonly [options: Partial<PageOptions>, reads: readonly string[]])[] = [
    [{}, CLASSIC],
    [{ nativeHistograms: true }, [NATIVE_LINE]],
    [{ nativeHistograms: true, keepClassic: true }, [NATIVE_LINE, ...CLASSIC]],
    [{ nativeHistograms: true, convertClassic: true }, [NATIVE_LINE]],
    [{ convertClassic: true }, ['h {schema -53, count 17}']],
    [{ convertClassic: true, keepClassic: true }, ['h {schema -53, count 17}', ...CLASSIC]],
  ]
  for (const [options, reads] of cases) assert.deepEqual(lines(read([MIXED], options)), reads, JSON.stringify(options))
  const emptyNative: FamilyOf = { name: 'h', type: 'histogram', metrics: [{ emptySpan: true }] }
  assert.deepEqual(lines(read([emptyNative], { nativeHistograms: true })), ['h {schema 0, count 0}'])
})

test('a native histogram is read to the last bucket, whole or of floats, gauge or counter', () => {
  const options = { nativeHistograms: true }
  assert.deepEqual(read([MIXED], options).histograms.get(0), native)
  const floats = { ...native, isInteger: false, count: 17.5, zeroCount: 2.5 }
  const family: FamilyOf = { name: 'h', type: 'gaugehistogram', metrics: [{ native: floats }] }
  assert.deepEqual(read([family], options).histograms.get(0), { ...floats, resetHint: 'gauge' })
  const fine = { ...native, schema: 9, positive: { indices: Int32Array.of(1, 2, 3), counts: Float64Array.of(1, 4, 7) } }
  const coarse = read([{ name: 'h', type: 'histogram', metrics: [{ native: fine }] }], options).histograms.get(0)
  assert.deepEqual(
    [coarse?.schema, coarse?.positive.indices, coarse?.positive.counts],
    [8, Int32Array.of(1, 2), Float64Array.of(5, 7)],
  )
})

test('exemplars and start times come along; those of a native histogram need an instant', () => {
  const exemplar = { labels: { trace_id: 'x' }, value: 0.5 }
  const page = read(
    [
      { name: 'c', type: 'counter', metrics: [{ value: 1, exemplar: { ...exemplar, at: 1500 }, startAt: 1_234 }] },
      {
        name: 'h',
        type: 'histogram',
        metrics: [
          { native, startAt: 2000, exemplars: [exemplar, { ...exemplar, at: 7 }] },
          { labels: { a: 'b' }, count: 1, buckets: [{ bound: 1, count: 1, exemplar }] },
        ],
      },
    ],
    { nativeHistograms: true, startTimes: true },
  )
  const shown = [...page.exemplars].map(([i, found]) => [
    String(page.labels(i)),
    ...found.map(({ labels, value, at }) => `${labels} ${value} ${at}`),
  ])
  assert.deepEqual(shown, [
    ['c', '{trace_id="x"} 0.5 1500'],
    ['h', '{trace_id="x"} 0.5 7'],
    ['h_bucket{a="b", le="1.0"}', '{trace_id="x"} 0.5 undefined'],
  ])
  assert.deepEqual(
    [...page.startTimes],
    [
      [0, 1234],
      [1, 2000],
    ],
  )
})

test('type and unit become labels when the feature is on, over those of the page', () => {
  const family: FamilyOf = {
    name: 'a_seconds_total',
    type: 'counter',
    unit: 'seconds',
    metrics: [{ labels: { __type__: 'mine', b: 'c' }, value: 1 }],
  }
  assert.deepEqual(lines(read([family])), ['a_seconds_total{__type__="mine", b="c"} 1'])
  assert.deepEqual(lines(read([family], { typeAndUnitLabels: true })), [
    'a_seconds_total{__type__="counter", __unit__="seconds", b="c"} 1',
  ])
})

test('what is wrong is told, and never read as something else', () => {
  const wrong: readonly (readonly [FamilyOf, RegExp])[] = [
    [{ name: '', type: 'gauge', metrics: [{ value: 1 }] }, /a metric family has no name/],
    [
      { name: 'a', type: 'gauge', unit: 'bytes', metrics: [{ value: 1 }] },
      /the name of a must end with its unit, _bytes/,
    ],
    [
      { name: 'h', type: 'histogram', metrics: [{ native: { ...native, count: 3 } }] },
      /^AssayError: h: 17 observations in buckets, 3 in the count$/,
    ],
    [{ name: 'h', type: 'histogram', metrics: [{ native: { ...native, schema: -9 } }] }, /h: schema -9 is none/],
    [
      {
        name: 'h',
        type: 'histogram',
        metrics: [{ native: { ...native, negative: { indices: Int32Array.of(0), counts: Float64Array.of(1, 2) } } }],
      },
      /the spans and the buckets do not fit together/,
    ],
  ]
  for (const [family, says] of wrong) assert.throws(() => read([family], { nativeHistograms: true }), says)
  const twice = Buffer.from('0f0a0161220a0a030a01620a030a01621200', 'hex')
  assert.throws(() => parseExposition(twice.subarray(0, 9), { format: 'protobuf' }), { code: 'ASSAY_PROTO' })
})

test('labels that are repeated for every bucket cannot take more memory than is given them', () => {
  const metrics = [
    { labels: { a: 'x'.repeat(1 << 20) }, buckets: Array.from({ length: 400 }, (_, i) => ({ bound: i, count: 0 })) },
  ]
  assert.throws(() => read([{ name: 'h', type: 'histogram', metrics }]), { code: 'ASSAY_SCRAPE_LIMIT' })
})

const label = fc.stringMatching(/^[a-z_]{1,6}$/)
const labels = fc.dictionary(
  label.map((name) => `x${name}`),
  fc.string({ minLength: 1, maxLength: 6, unit: 'grapheme' }),
  { maxKeys: 3 },
)
const value = fc.oneof(fc.double(), fc.integer().map(Number))
const family = fc.record({
  name: label.map((name) => `f${name}`),
  type: fc.constantFrom(
    'counter' as const,
    'gauge' as const,
    'untyped' as const,
    'summary' as const,
    'histogram' as const,
  ),
  metrics: fc.array(
    fc.record({
      labels,
      value,
      at: fc.integer({ min: 1, max: 2 ** 40 }),
      count: fc.nat(),
      sum: value,
      quantiles: fc.uniqueArray(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), value), {
        maxLength: 3,
        selector: ([q]) => q,
      }),
      buckets: fc
        .uniqueArray(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 3 })
        .map((bounds) => bounds.toSorted((a, b) => a - b).map((bound, i) => ({ bound, count: i }))),
    }),
    { minLength: 1, maxLength: 3 },
  ),
})

test('protobuf and text of the same content are the same samples', () => {
  fc.assert(
    fc.property(fc.uniqueArray(family, { maxLength: 4, selector: ({ name }) => name }), (families) => {
      const fromProtobuf = read(families)
      const fromText = parseExposition(textOf(families), { format: 'text' })
      const shown = (page: ExpositionPage) => lines(page).toSorted()
      assert.deepEqual(shown(fromProtobuf), shown(fromText))
    }),
    { numRuns: 200 },
  )
})

/** The same families in text 0.0.4. Numbers in labels are written as JavaScript writes them: the parser spells them anew. */
function textOf(families: readonly FamilyOf[]): string {
  let text = ''
  for (const { name, type, metrics } of families) {
    text += `# TYPE ${name} ${type}\n`
    for (const { labels = {}, value = 0, at, count = 0, sum = 0, quantiles = [], buckets = [] } of metrics) {
      const line = (suffix: string, number: number, more: Record<string, string> = {}) => {
        text += `${formatSeries(name + suffix, { ...labels, ...more })} ${formatValue(number)} ${at}\n`
      }
      if (type !== 'summary' && type !== 'histogram') line('', value)
      else {
        line('_count', count)
        line('_sum', sum)
        for (const [quantile, one] of type === 'summary' ? quantiles : [])
          line('', one, { quantile: formatValue(quantile) })
        for (const { bound, count: one } of type === 'histogram' ? buckets : [])
          line('_bucket', one, { le: formatValue(bound) })
        if (type === 'histogram') line('_bucket', count, { le: '+Inf' })
      }
    }
  }
  return text
}

test('nonsense in protobuf is refused or read, in bounded time', () => {
  const good = encodeFamilies([
    MIXED,
    {
      name: 'c',
      type: 'counter',
      metrics: [{ value: 1, exemplar: { labels: { a: 'b' }, value: 1, at: 5 }, startAt: 7 }],
    },
    { name: 's', type: 'summary', metrics: [{ count: 1, quantiles: [[0.5, 1]] }] },
  ])
  fuzz(({ damage, pick }) => {
    const options = {
      nativeHistograms: pick([true, false]),
      keepClassic: pick([true, false]),
      convertClassic: pick([true, false]),
    }
    try {
      const page = parseExposition(damage(good), { format: 'protobuf', maxSamples: 1000, ...options })
      for (let i = 0; i < page.count; i++) assert.ok(page.labels(i).get(METRIC_NAME) !== '')
    } catch (thrown) {
      assert.match(String((thrown as { code?: string }).code), /^ASSAY_(PROTO|SCRAPE_)/)
    }
  }, 3000)
})

test('numbers in labels are spelled as Go spells them', () => {
  const spelled = [
    [1, '1.0'],
    [0, '0.0'],
    [-0, '0.0'],
    [-1, '-1.0'],
    [0.5, '0.5'],
    [123456, '123456.0'],
    [1e6, '1e+06'],
    [1234567, '1.234567e+06'],
    [1e-4, '0.0001'],
    [1.5e-5, '1.5e-05'],
    [-2.5e300, '-2.5e+300'],
    [1e21, '1e+21'],
    [Infinity, '+Inf'],
    [Number.NaN, 'NaN'],
  ] as const
  for (const [number, text] of spelled) assert.equal(formatOpenMetricsNumber(number), text)
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (n) => Number(formatOpenMetricsNumber(n)) === n),
  )
})
