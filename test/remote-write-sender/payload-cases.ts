/**
 * What is scraped and what has to arrive: the cases of Prometheus' compliance suite for senders that look into requests, by its names.
 *
 * Longer than 400 lines because it is one table, to be read beside the suite's own. Where the suite asks for less ("at least one of these"), the whole truth is asked for here. `versions` absent: both.
 *
 * Source: prometheus/compliance: remotewrite/sender (samples, histograms, labels, symbols, exemplars, metadata, timestamps,
 * combined, edge cases, batching, rw1_compat) and its cases/.
 */
import assert from 'node:assert/strict'
import { CUSTOM_SCHEMA } from '#core'
import { histogramOf } from '../../src/remote/histograms.test-support.ts'
import { encodeFamilies } from '../../src/scrape/encode-families.test-support.ts'
import type { RawSeries } from './raw-message.ts'
import {
  type JobOf,
  type Level,
  labelOf,
  ownLabels,
  PROTOBUF,
  type Received,
  STALE_BITS,
  TEXT,
  type Version,
} from './world.ts'

export type PayloadCase = Omit<JobOf, 'name'> & {
  /** As the suite names it, its file first; also the job. */
  readonly name: string
  readonly level: Level
  readonly versions?: readonly Version[]
  /** The scrape has to fail. */
  readonly isDown?: true
  /** Holds once all that is looked at has come; absent: when `up` has, with the value that it has to have. */
  readonly arrived?: (received: Received, job: string) => boolean
  readonly check: (received: Received, job: string, version: Version) => void
}

const om = (...lines: string[]) => [...lines, '# EOF', ''].join('\n')
const text = (...lines: string[]): Pick<PayloadCase, 'page' | 'contentType'> => ({
  page: [...lines, ''].join('\n'),
  contentType: TEXT,
})

/** Values of a metric by its own labels: as `{a="1"}`. */
function values(received: Received, job: string, name: string): Readonly<Record<string, number>> {
  return Object.fromEntries(received.of(name, job).map((one) => [keyOf(one), one.samples[0]?.value ?? Number.NaN]))
}

function keyOf(series: RawSeries): string {
  const { __name__: _, ...rest } = ownLabels(series)
  return Object.entries(rest)
    .map(([name, value]) => `${name}=${value}`)
    .join()
}

function first(received: Received, job: string, name: string): RawSeries {
  const [found] = received.of(name, job)
  assert.ok(found !== undefined, `${name} has not come`)
  return found
}

const value = (received: Received, job: string, name: string) => first(received, job, name).samples[0]?.value

/** One value of one metric. */
const single = (name: string, level: Level, written: string, expected: number): PayloadCase => ({
  name,
  level,
  ...text(`test_metric ${written}`),
  check: (received, job) => assert.ok(Object.is(value(received, job, 'test_metric'), expected)),
})

/** Ahead by so little that whoever starts now takes it; not what the clock says at a scrape. */
const lately = Date.now() + 60_123
const created = Math.floor(Date.now() / 1000) - 7200

export const SAMPLE_CASES: readonly PayloadCase[] = [
  single('samples/float_value_encoding', 'MUST', '123.45', 123.45),
  single('samples/integer_value_encoding', 'MUST', '42', 42),
  single('samples/zero_value_encoding', 'MUST', '0', 0),
  single('samples/negative_value_encoding', 'MUST', '-15.5', -15.5),
  single('samples/positive_infinity_encoding', 'MUST', '+Inf', Number.POSITIVE_INFINITY),
  single('samples/negative_infinity_encoding', 'MUST', '-Inf', Number.NEGATIVE_INFINITY),
  single('samples/nan_encoding', 'MUST', 'NaN', Number.NaN),
  single('samples/large_float_values', 'MUST', '1.7976931348623157e+308', Number.MAX_VALUE),
  single('samples/small_float_values', 'MUST', '2.2250738585072014e-308', 2.2250738585072014e-308),
  single('samples/scientific_notation', 'MUST', '1.23e-4', 0.000123),
  single('samples/precision_preservation', 'SHOULD', '0.123456789012345', 0.123456789012345),
  {
    name: 'samples/nan_is_no_stale_marker',
    level: 'MUST',
    ...text('test_metric NaN'),
    check: (received, job) => assert.notEqual(first(received, job, 'test_metric').samples[0]?.bits, STALE_BITS),
  },
  {
    name: 'cases/Counter',
    level: 'MUST',
    ...text('# TYPE counter counter', 'counter 42'),
    check: (received, job) => assert.equal(value(received, job, 'counter'), 42),
  },
  {
    name: 'cases/Gauge',
    level: 'MUST',
    ...text('# TYPE gauge gauge', 'gauge -42.5'),
    check: (received, job) => assert.equal(value(received, job, 'gauge'), -42.5),
  },
  {
    name: 'cases/Histogram',
    level: 'MUST',
    ...text(
      '# TYPE histogram histogram',
      'histogram_bucket{le="1"} 1',
      'histogram_bucket{le="2"} 2',
      'histogram_bucket{le="+Inf"} 2',
      'histogram_sum 3',
      'histogram_count 2',
    ),
    // `le` as OpenMetrics spells it, as in Prometheus 3.
    check(received, job) {
      assert.deepEqual(values(received, job, 'histogram_bucket'), { 'le=1.0': 1, 'le=2.0': 2, 'le=+Inf': 2 })
      assert.deepEqual([value(received, job, 'histogram_sum'), value(received, job, 'histogram_count')], [3, 2])
    },
  },
  {
    name: 'cases/Summary',
    level: 'MUST',
    ...text(
      '# TYPE summary summary',
      'summary{quantile="0.5"} 1',
      'summary{quantile="1"} 4',
      'summary_sum 6',
      'summary_count 3',
    ),
    check(received, job) {
      assert.deepEqual(values(received, job, 'summary'), { 'quantile=0.5': 1, 'quantile=1.0': 4 })
      assert.deepEqual([value(received, job, 'summary_sum'), value(received, job, 'summary_count')], [6, 3])
    },
  },
  {
    name: 'cases/Up',
    level: 'MUST',
    ...text('gauge 42'),
    check: (received, job) => assert.ok(received.of('up', job).length > 0),
  },
  {
    name: 'cases/Invalid',
    level: 'MUST',
    ...text('# this is not valid prometheus', '1234notvali}{ 444'),
    isDown: true,
    check: (received, job) => assert.equal(value(received, job, 'up'), 0),
  },
  {
    name: 'edge_cases/empty_scrape',
    level: 'SHOULD',
    ...text('# No metrics'),
    check(received, job) {
      assert.ok(received.of('up', job).length > 0)
      assert.equal(value(received, job, 'scrape_samples_scraped'), 0)
    },
  },
  {
    name: 'edge_cases/special_float_combinations',
    level: 'MUST',
    ...text(
      'special{type="nan"} NaN',
      'special{type="inf"} +Inf',
      'special{type="ninf"} -Inf',
      'special{type="zero"} -0',
      'special{type="negative"} -123.45',
    ),
    check: (received, job) =>
      assert.deepEqual(values(received, job, 'special'), {
        'type=nan': Number.NaN,
        'type=inf': Number.POSITIVE_INFINITY,
        'type=ninf': Number.NEGATIVE_INFINITY,
        'type=zero': -0,
        'type=negative': -123.45,
      }),
  },
  {
    name: 'samples/start_timestamp',
    level: 'SHOULD',
    page: om(
      '# TYPE test_counter counter',
      'test_counter_total 101.13',
      `test_counter_created ${created}`,
      '# TYPE test_histogram histogram',
      'test_histogram_count 100',
      'test_histogram_sum 250.0',
      'test_histogram_bucket{le="+Inf"} 100',
      `test_histogram_created ${created}`,
    ),
    check(received, job, version) {
      for (const name of [
        'test_counter_total',
        'test_histogram_count',
        'test_histogram_sum',
        'test_histogram_bucket',
      ]) {
        const [sample] = first(received, job, name).samples
        assert.equal(sample?.startAt, version === 'v2' ? created * 1000 : 0, name)
        assert.ok((sample?.startAt ?? 0) <= (sample?.at ?? 0), 'a start is not behind its sample')
      }
    },
  },
  {
    name: 'timestamps/millisecond_precision',
    level: 'MUST',
    ...text('test_metric 42'),
    check(received, job) {
      const at = first(received, job, 'test_metric').samples[0]?.at ?? 0
      assert.ok(Math.abs(Date.now() - at) < 60_000, `${at}`)
    },
  },
  {
    name: 'samples/explicit_timestamp',
    level: 'RECOMMENDED',
    ...text(`test_metric 2 ${lately}`),
    arrived: (received, job) => received.of('test_metric', job).length > 0,
    check: (received, job) => assert.equal(first(received, job, 'test_metric').samples[0]?.at, lately),
  },
  {
    name: 'samples/explicit_timestamp without honor_timestamps',
    level: 'RECOMMENDED',
    ...text(`test_metric 2 ${created * 1000}`),
    settings: 'honor_timestamps: false',
    check: (received, job) =>
      assert.ok((first(received, job, 'test_metric').samples[0]?.at ?? 0) > created * 1000 + 3_600_000),
  },
  {
    name: 'edge_cases/zero_timestamp',
    level: 'SHOULD',
    ...text('test_metric 42 0'),
    check: (received, job) => assert.ok(received.of('up', job).length > 0),
  },
  {
    name: 'edge_cases/future_timestamp',
    level: 'SHOULD',
    ...text(`test_metric 42 ${Date.now() + 86_400_000}`),
    // More than ten minutes ahead is not kept, as in Prometheus, so there is nothing to send.
    check(received, job) {
      assert.ok(received.of('up', job).length > 0)
      assert.deepEqual(received.of('test_metric', job), [])
    },
  },
]

const many = (count: number, line: (i: number) => string) => Array.from({ length: count }, (_, i) => line(i))

export const LABEL_CASES: readonly PayloadCase[] = [
  {
    name: 'cases/SortedLabels',
    level: 'MUST',
    ...text('test{b="2",a="1"} 1.0'),
    check: (received, job) =>
      assert.deepEqual(
        first(received, job, 'test').labels.map(([name]) => name),
        ['__name__', 'a', 'b', 'instance', 'job'],
      ),
  },
  {
    name: 'cases/RepeatedLabels',
    level: 'MUST',
    ...text('test{a="1",a="1"} 1.0'),
    isDown: true,
    check(received, job) {
      assert.equal(value(received, job, 'up'), 0)
      assert.deepEqual(received.of('test', job), [])
    },
  },
  {
    name: 'cases/EmptyLabels, labels/empty_label_value',
    level: 'MUST',
    ...text('test{foo="",bar="qux"} 1.0'),
    check: (received, job) =>
      assert.deepEqual(ownLabels(first(received, job, 'test')), { __name__: 'test', bar: 'qux' }),
  },
  {
    name: 'cases/NameLabel',
    level: 'MUST',
    ...text('{label="value"} 1.0'),
    isDown: true,
    check: (received, job) => assert.equal(value(received, job, 'up'), 0),
  },
  {
    name: 'cases/JobLabel, cases/InstanceLabel, samples/job_instance_labels_present',
    level: 'MUST',
    ...text('test 1'),
    check(received, job) {
      const { labels } = first(received, job, 'test')
      assert.equal(labelOf(labels, 'job'), job)
      assert.match(labelOf(labels, 'instance') ?? '', /^127\.0\.0\.1:\d+$/)
    },
  },
  {
    name: 'cases/HonorLabels',
    level: 'MUST',
    ...text('test{job="original", instance="foo"} 1.0'),
    check: (received, job) =>
      assert.deepEqual(ownLabels(first(received, job, 'test')), {
        __name__: 'test',
        exported_instance: 'foo',
        exported_job: 'original',
      }),
  },
  {
    name: 'honor_labels keeps what the page says',
    level: 'RECOMMENDED',
    ...text('test_honoured{instance="foo"} 1.0'),
    settings: 'honor_labels: true',
    check: (received, job) => assert.equal(labelOf(first(received, job, 'test_honoured').labels, 'instance'), 'foo'),
  },
  {
    name: 'labels/metric_name_format_valid',
    level: 'MUST',
    ...text('valid_metric_name:subsystem_total 42'),
    check: (received, job) => assert.equal(value(received, job, 'valid_metric_name:subsystem_total'), 42),
  },
  {
    name: 'labels/metric_name_with_colons, edge_cases/metric_name_with_colons',
    level: 'MUST',
    ...text('http:request:duration:seconds 0.5'),
    check: (received, job) => assert.equal(value(received, job, 'http:request:duration:seconds'), 0.5),
  },
  {
    name: 'labels/unicode_in_label_values, edge_cases/unicode_in_labels',
    level: 'MUST',
    ...text('test{emoji="🚀",chinese="测试",arabic="مرحبا",vietnamese="tôi yêu việt nam"} 42'),
    check: (received, job) =>
      assert.deepEqual(ownLabels(first(received, job, 'test')), {
        __name__: 'test',
        arabic: 'مرحبا',
        chinese: '测试',
        emoji: '🚀',
        vietnamese: 'tôi yêu việt nam',
      }),
  },
  {
    name: 'names of any UTF-8',
    level: 'MUST',
    ...text('{"metric with spaces and ü","label.with.dots"="x"} 1'),
    check: (received, job) =>
      assert.deepEqual(ownLabels(first(received, job, 'metric with spaces and ü')), {
        __name__: 'metric with spaces and ü',
        'label.with.dots': 'x',
      }),
  },
  {
    name: 'labels/special_chars_in_label_values',
    level: 'MUST',
    ...text('test{path="/api/v1/users",query="foo=bar&baz=qux",odd="a\\"b\\\\c\\nd"} 42'),
    check: (received, job) =>
      assert.deepEqual(ownLabels(first(received, job, 'test')), {
        __name__: 'test',
        odd: 'a"b\\c\nd',
        path: '/api/v1/users',
        query: 'foo=bar&baz=qux',
      }),
  },
  {
    name: 'edge_cases/huge_label_values, labels/very_long_label_values',
    level: 'SHOULD',
    ...text(`test{large="${'x'.repeat(10_000)}"} 42`),
    check: (received, job) => assert.equal(labelOf(first(received, job, 'test').labels, 'large')?.length, 10_000),
  },
  {
    name: 'edge_cases/very_long_metric_name, labels/very_long_label_names',
    level: 'SHOULD',
    ...text(`metric_${'very_long_name_'.repeat(50)}{label_${'name_'.repeat(100)}="x"} 42`),
    check: (received, job) =>
      assert.equal(
        labelOf(first(received, job, `metric_${'very_long_name_'.repeat(50)}`).labels, `label_${'name_'.repeat(100)}`),
        'x',
      ),
  },
  {
    name: 'labels/many_labels_per_series',
    level: 'SHOULD',
    ...text(`test{${many(50, (i) => `l${i}="v${i}"`).join()}} 42`),
    check: (received, job) => assert.equal(first(received, job, 'test').labels.length, 53),
  },
  {
    name: 'edge_cases/high_cardinality, combined/high_cardinality_labels, batching/handles_varying_cardinality',
    level: 'RECOMMENDED',
    ...text(...many(1000, (i) => `http_requests{path="/api/v1/endpoint_${i}",method="GET"} ${i}`)),
    arrived: (received, job) => received.of('http_requests', job).length >= 1000,
    check: (received, job) =>
      assert.equal(new Set(received.of('http_requests', job).map((one) => labelOf(one.labels, 'path'))).size, 1000),
  },
]

const native = histogramOf({ counts: [1, 3, 2], indices: [8, 9, 12], schema: 3, sum: 250.5 })
const negative = { ...histogramOf({ counts: [], schema: 3, sum: -25 }), negative: native.positive, count: 6 }
const zero = { ...histogramOf({ counts: [], schema: 3, sum: 0 }), zeroCount: 5, count: 5 }
const large = histogramOf({ counts: [2 ** 50], schema: 3, sum: 5e9 })
const floats = histogramOf({ counts: [1.5, 2.25], schema: -1, sum: 7, isInteger: false })

const nativePage = (
  native: Parameters<typeof encodeFamilies>[0][number]['metrics'][number]['native'],
  startAt?: number,
) =>
  encodeFamilies([
    {
      name: 'native',
      help: 'A native one.',
      type: 'histogram',
      metrics: [
        { ...(native === undefined ? { emptySpan: true } : { native }), ...(startAt === undefined ? {} : { startAt }) },
      ],
    },
  ])
const NATIVE = { contentType: PROTOBUF, settings: 'scrape_native_histograms: true', versions: ['v2'] } as const

export const HISTOGRAM_CASES: readonly PayloadCase[] = [
  {
    ...NATIVE,
    name: 'histograms/native_histogram_structure, histogram_count, histogram_sum, histogram_schema, histogram_timestamp',
    level: 'MUST',
    page: nativePage(native, created * 1000),
    check(received, job) {
      const series = first(received, job, 'native')
      assert.equal(series.samples.length, 0)
      const { at, startAt, ...one } = series.histograms[0]!
      assert.ok(Math.abs(Date.now() - at) < 60_000)
      assert.equal(startAt, created * 1000)
      assert.deepEqual(one, {
        count: 6,
        isInteger: true,
        sum: 250.5,
        schema: 3,
        zeroThreshold: 1e-128,
        zeroCount: 0,
        positiveSpans: [
          { offset: 8, length: 2 },
          { offset: 2, length: 1 },
        ],
        positive: [1, 2, -1],
        negativeSpans: [],
        negative: [],
        customValues: [],
      })
    },
  },
  {
    ...NATIVE,
    name: 'histograms/histogram_negative_buckets',
    level: 'MAY',
    page: nativePage(negative),
    check: (received, job) => assert.deepEqual(first(received, job, 'native').histograms[0]?.negative, [1, 2, -1]),
  },
  {
    ...NATIVE,
    name: 'histograms/histogram_zero_bucket',
    level: 'MAY',
    page: nativePage(zero),
    check: (received, job) => assert.equal(first(received, job, 'native').histograms[0]?.zeroCount, 5),
  },
  {
    ...NATIVE,
    name: 'histograms/histogram_large_counts',
    level: 'MUST',
    page: nativePage(large),
    check: (received, job) => assert.equal(first(received, job, 'native').histograms[0]?.count, 2 ** 50),
  },
  {
    ...NATIVE,
    name: 'histograms/histogram_empty_buckets',
    level: 'SHOULD',
    page: nativePage(undefined),
    check(received, job) {
      const [one] = first(received, job, 'native').histograms
      assert.deepEqual([one?.count, one?.sum, one?.positive], [0, 0, []])
    },
  },
  {
    ...NATIVE,
    name: 'histograms/float_histogram',
    level: 'MAY',
    page: nativePage(floats),
    check(received, job) {
      const [one] = first(received, job, 'native').histograms
      assert.deepEqual([one?.isInteger, one?.count, one?.positive, one?.schema], [false, 3.75, [1.5, 2.25], -1])
    },
  },
  {
    name: 'histograms/native_histogram_custom_buckets (NHCB)',
    level: 'MAY',
    versions: ['v2'],
    ...text(
      '# TYPE latency histogram',
      'latency_bucket{le="0.5"} 2',
      'latency_bucket{le="2"} 5',
      'latency_bucket{le="+Inf"} 6',
      'latency_sum 7.5',
      'latency_count 6',
    ),
    settings: 'convert_classic_histograms_to_nhcb: true',
    check(received, job) {
      const [one] = first(received, job, 'latency').histograms
      assert.deepEqual([one?.schema, one?.customValues, one?.positive], [CUSTOM_SCHEMA, [0.5, 2], [2, 1, -2]])
      assert.deepEqual(received.of('latency_bucket', job), [])
    },
  },
  {
    name: 'rw1_compat/rw1_no_native_histograms',
    level: 'MUST',
    versions: ['v1'],
    page: encodeFamilies([
      {
        name: 'native',
        type: 'histogram',
        metrics: [{ native, count: 6, sum: 250.5, buckets: [{ bound: 1, count: 6 }] }],
      },
    ]),
    contentType: PROTOBUF,
    settings: 'scrape_native_histograms: true, always_scrape_classic_histograms: true',
    check(received, job) {
      assert.deepEqual(received.of('native', job), [])
      assert.equal(value(received, job, 'native_count'), 6)
    },
  },
  {
    name: 'histograms/classic_histogram_encoding, combined/complete_metric_family',
    level: 'MUST',
    page: om(
      '# TYPE api_seconds histogram',
      'api_seconds_bucket{le="0.1"} 50',
      'api_seconds_bucket{le="0.5"} 150',
      'api_seconds_bucket{le="1.0"} 250',
      'api_seconds_bucket{le="+Inf"} 300',
      'api_seconds_sum 200.5',
      'api_seconds_count 300',
    ),
    check(received, job) {
      assert.deepEqual(values(received, job, 'api_seconds_bucket'), {
        'le=0.1': 50,
        'le=0.5': 150,
        'le=1.0': 250,
        'le=+Inf': 300,
      })
      assert.deepEqual(
        [value(received, job, 'api_seconds_sum'), value(received, job, 'api_seconds_count')],
        [200.5, 300],
      )
    },
  },
]

const COUNTER = 1
const GAUGE = 2
const HISTOGRAM = 3
const SUMMARY = 5

const exemplarPage = om(
  '# TYPE http_seconds histogram',
  'http_seconds_bucket{le="0.1"} 50 # {trace_id="abc123xyz"} 0.05 1234567890.123',
  'http_seconds_bucket{le="0.5"} 50 # {trace_id="abc124"} 0.3 1234567890.124',
  'http_seconds_bucket{le="+Inf"} 100',
  'http_seconds_sum 10.5',
  'http_seconds_count 100',
  '# TYPE http_requests counter',
  'http_requests_total 1000 # {trace_id="abc123",span_id="def456"} 999',
  '# TYPE custom counter',
  'custom_total 50 # {user_id="user123",request_id="req456"} 49 1234567890.5',
)
const withExemplars = (received: Received, job: string) =>
  received.of('custom_total', job).some(({ exemplars }) => exemplars.length > 0) &&
  received.of('http_requests_total', job).some(({ exemplars }) => exemplars.length > 0) &&
  received.of('http_seconds_bucket', job).filter(({ exemplars }) => exemplars.length > 0).length >= 2

export const DESCRIBED_CASES: readonly PayloadCase[] = [
  {
    name: 'exemplars/exemplar_per_sample (value, labels, timestamp, custom labels, on histograms, several)',
    level: 'MAY',
    page: exemplarPage,
    arrived: withExemplars,
    check(received, job) {
      const found = (name: string) => received.of(name, job).flatMap(({ exemplars }) => exemplars)
      const buckets = found('http_seconds_bucket')
      assert.deepEqual(
        buckets.slice(0, 2).map(({ labels, value: one, at }) => [labels, one, at]),
        [
          [[['trace_id', 'abc123xyz']], 0.05, 1_234_567_890_123],
          [[['trace_id', 'abc124']], 0.3, 1_234_567_890_124],
        ],
      )
      const [request] = found('http_requests_total')
      assert.deepEqual(
        [request?.value, Object.fromEntries(request?.labels ?? [])],
        [999, { trace_id: 'abc123', span_id: 'def456' }],
      )
      // Without one on the page, it has that of its scrape.
      assert.ok(Math.abs(Date.now() - (request?.at ?? 0)) < 60_000)
      assert.deepEqual(Object.fromEntries(found('custom_total')[0]?.labels ?? []), {
        user_id: 'user123',
        request_id: 'req456',
      })
      // The same exemplar is news once.
      assert.equal(found('custom_total').length, 1)
      assert.ok(received.series().every(({ samples, histograms }) => samples.length + histograms.length === 1))
    },
  },
  {
    name: 'metadata/type, help, unit',
    level: 'SHOULD',
    versions: ['v2'],
    page: om(
      '# HELP served_seconds Total HTTP requests',
      '# TYPE served_seconds counter',
      '# UNIT served_seconds seconds',
      'served_seconds_total 100',
      '# HELP memory_usage_bytes Current memory usage',
      '# TYPE memory_usage_bytes gauge',
      '# UNIT memory_usage_bytes bytes',
      'memory_usage_bytes 1048576',
      '# TYPE request_seconds histogram',
      'request_seconds_bucket{le="+Inf"} 100',
      'request_seconds_sum 50.0',
      'request_seconds_count 100',
      '# TYPE rpc_seconds summary',
      'rpc_seconds{quantile="0.5"} 0.05',
      'rpc_seconds_sum 100.0',
      'rpc_seconds_count 1000',
    ),
    check(received, job) {
      const of = (name: string) => first(received, job, name).metadata
      assert.deepEqual(of('served_seconds_total'), { type: COUNTER, help: 'Total HTTP requests', unit: 'seconds' })
      assert.deepEqual(of('memory_usage_bytes'), { type: GAUGE, help: 'Current memory usage', unit: 'bytes' })
      for (const name of ['request_seconds_bucket', 'request_seconds_sum', 'request_seconds_count'])
        assert.deepEqual(of(name), { type: HISTOGRAM, help: '', unit: '' })
      for (const name of ['rpc_seconds', 'rpc_seconds_sum', 'rpc_seconds_count'])
        assert.deepEqual(of(name), { type: SUMMARY, help: '', unit: '' })
    },
  },
  {
    name: 'metadata/help_with_special_chars, metadata_help_with_newlines, metadata_consistent_across_series',
    level: 'RECOMMENDED',
    versions: ['v2'],
    ...text(
      '# HELP special_a 🚀 测试 yolo/d "quoted" \\\\ and\\na line',
      '# TYPE special_a gauge',
      'special_a{a="1"} 42',
      'special_a{a="2"} 42',
      '# TYPE special_b counter',
      'special_b 1',
    ),
    check(received, job) {
      for (const { metadata } of received.of('special_a', job))
        assert.deepEqual(metadata, { type: GAUGE, help: '🚀 测试 yolo/d "quoted" \\ and\na line', unit: '' })
      assert.deepEqual(first(received, job, 'special_b').metadata, { type: COUNTER, help: '', unit: '' })
    },
  },
  {
    name: 'metadata of what the scrape itself says',
    level: 'SHOULD',
    versions: ['v2'],
    ...text('test 1'),
    check(received, job) {
      for (const name of ['up', 'scrape_duration_seconds', 'scrape_samples_scraped', 'scrape_series_added'])
        assert.equal(first(received, job, name).metadata?.type, GAUGE, name)
    },
  },
  {
    name: 'metadata of a type that nobody told',
    level: 'MAY',
    versions: ['v2'],
    ...text('nobody_told 1'),
    check: (received, job) => assert.equal(first(received, job, 'nobody_told').metadata?.type ?? 0, 0),
  },
  {
    name: 'rw1_compat/rw1_metadata_handling',
    level: 'MAY',
    versions: ['v1'],
    ...text('# HELP rw1_described Test metric description', '# TYPE rw1_described counter', 'rw1_described 42'),
    arrived: (received) =>
      received.requests.some(({ message }) => message.families.some(({ family }) => family === 'rw1_described')),
    check: (received) =>
      assert.deepEqual(
        received.requests.flatMap(({ message }) => message.families).find(({ family }) => family === 'rw1_described'),
        { type: COUNTER, family: 'rw1_described', help: 'Test metric description', unit: '' },
      ),
  },
  {
    name: 'combined/real_world_scenario, combined/multiple_metric_types, edge_cases/mixed_sample_and_histogram_families',
    level: 'MUST',
    ...text(
      '# TYPE up gauge',
      'up 1',
      '# TYPE process_cpu_seconds_total counter',
      'process_cpu_seconds_total 45.67',
      '# TYPE go_memstats_alloc_bytes gauge',
      'go_memstats_alloc_bytes 2097152',
      '# TYPE http_duration_seconds histogram',
      'http_duration_seconds_bucket{le="0.05"} 100',
      'http_duration_seconds_bucket{le="+Inf"} 500',
      'http_duration_seconds_sum 125.5',
      'http_duration_seconds_count 500',
      '# TYPE http_total counter',
      'http_total{method="GET",code="200"} 5000',
      'http_total{method="POST",code="201"} 1000',
      '# TYPE rpc summary',
      'rpc{quantile="0.5"} 0.05',
    ),
    check(received, job) {
      assert.equal(value(received, job, 'process_cpu_seconds_total'), 45.67)
      assert.equal(value(received, job, 'go_memstats_alloc_bytes'), 2_097_152)
      assert.equal(value(received, job, 'http_duration_seconds_count'), 500)
      assert.equal(value(received, job, 'rpc'), 0.05)
      assert.deepEqual(values(received, job, 'http_total'), {
        'code=200,method=GET': 5000,
        'code=201,method=POST': 1000,
      })
      // A series that the page has as well as the scrape is one sample an instant.
      const instants = received.of('up', job).map(({ samples }) => samples[0]?.at)
      assert.equal(new Set(instants).size, instants.length)
    },
  },
]
