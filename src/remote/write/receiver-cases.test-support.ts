/**
 * The cases of Prometheus' compliance suite for receivers, by its own names: what is sent, whether it succeeds, and what the
 * headers say was written. In a refusal they may say less, never more.
 *
 * Longer than 400 lines because it is one table, to be read beside the suite's own.
 *
 * Source: prometheus/compliance: remotewrite/receiver.
 */
import { CUSTOM_SCHEMA, type NativeHistogram, writeStale } from '#core'
import { histogramOf } from '../histograms.test-support.ts'
import { NOW, type SentSeries } from './requests.test-support.ts'

export type Case = {
  readonly name: string
  readonly series: readonly SentSeries[]
  readonly succeeds: boolean
  /** Samples, histograms, exemplars. */
  readonly written: readonly [number, number, number]
}

const stale = new Float64Array(1)
writeStale(stale, 0)
const VALUES: readonly (readonly [string, number | Float64Array])[] = [
  ['1.0', 1],
  ['StaleNaN', stale],
  ['NaN', Number.NaN],
  ['Inf', Number.POSITIVE_INFINITY],
  ['-Inf', Number.NEGATIVE_INFINITY],
]

const flat = (record: Readonly<Record<string, string>>) => Object.entries(record).flat()
const sample = (
  labels: Readonly<Record<string, string>>,
  value: number | Float64Array = 1,
  more: Partial<SentSeries> = {},
): SentSeries => ({
  labels: flat(labels),
  samples: [{ at: NOW, value }],
  ...more,
})
const exemplar = (labels: Readonly<Record<string, string>>, value = 1, at = NOW) => ({
  labels: flat(labels),
  value,
  at,
})
const withHistogram = (
  labels: Readonly<Record<string, string>>,
  histogram: NativeHistogram,
  more: Partial<SentSeries> = {},
): SentSeries => ({ labels: flat(labels), histograms: [{ at: NOW, histogram }], ...more })

const basic = { ...histogramOf({ counts: [1, 3, 4, 7, 8], indices: [0, 1, 2, 5, 6], sum: 1 }), zeroThreshold: 0 }
const zeroOnly = { ...histogramOf({ counts: [], sum: 1 }), zeroCount: 1, count: 1 }
const custom = histogramOf({
  counts: [2, 3, 5, 8, 7, 5],
  schema: CUSTOM_SCHEMA,
  customBounds: [0.1, 0.5, 1, 2.5, 5, 10],
  sum: 1,
})
const negative: NativeHistogram = {
  ...histogramOf({ counts: [], sum: 1 }),
  negative: histogramOf({ counts: [1, 2] }).positive,
  count: 3,
}

const UP = (instance: string) => ({ __name__: 'up', job: 'testjob', instance })
const NAMELESS = (instance: string) => ({ job: 'testjob', instance })

const metrics: readonly Case[] = VALUES.flatMap(([value, bits]): readonly Case[] => [
  ...(
    [
      ['simple metric', { __name__: 'up' }, true],
      ['simple metric with multiple labels', UP('localhost:9090'), true],
      ['simple metric with newlines', { __name__: 'up', job: 'test\njob\n', instance: 'localhost:9090' }, true],
      ['simple metric with dots', { __name__: 'resource.cpu.usage', 'job.name': 'x', 'instance.name': 'y' }, true],
      ['simple metric with spaces', { __name__: 'resource cpu usage', 'job name': 'x', 'instance name': 'y' }, true],
      ['simple metric without name label', NAMELESS('localhost:9090'), false],
      ['empty metric', {}, false],
    ] as const
  ).map(
    ([name, labels, succeeds]): Case => ({
      name: `SingleMetric/${value}/${name}`,
      series: [sample(labels, bits)],
      succeeds,
      written: [succeeds ? 1 : 0, 0, 0],
    }),
  ),
  {
    name: `MultipleMetrics/${value}/multiple metrics`,
    series: ['1', '2', '3', '4'].map((one) => sample(UP(one), bits)),
    succeeds: true,
    written: [4, 0, 0],
  },
  {
    name: `MultipleMetrics/${value}/multiple metrics, without name label`,
    series: ['1', '2', '3', '4'].map((one) => sample(NAMELESS(one), bits)),
    succeeds: false,
    written: [0, 0, 0],
  },
  {
    name: `MultipleMetrics/${value}/multiple metrics, 1 without name label`,
    series: [sample(NAMELESS('1'), bits), ...['2', '3', '4'].map((one) => sample(UP(one), bits))],
    succeeds: false,
    written: [3, 0, 0],
  },
])

const histograms: readonly Case[] = [
  ...(
    [
      ['basic_histogram', { ...basic, negative: negative.negative, zeroCount: 1, count: 27 }, true],
      ['custom_buckets_histogram', custom, true],
      ['positive_only_histogram', { ...basic, zeroCount: 1, count: 24 }, true],
      ['negative_only_histogram', negative, true],
      ['minimal_histogram', zeroOnly, true],
      ['bad_count_histogram', { ...basic, count: 99 }, false],
    ] as const
  ).map(
    ([name, histogram, succeeds]): Case => ({
      name: `Histograms/${name}`,
      series: [withHistogram({ __name__: 'test_histogram' }, histogram)],
      succeeds,
      written: [0, succeeds ? 1 : 0, 0],
    }),
  ),
  {
    name: 'HistogramWithCreatedTimestamp',
    series: [{ labels: ['__name__', 'h'], histograms: [{ at: NOW, histogram: basic, startAt: NOW - 1_800_000 }] }],
    succeeds: true,
    written: [0, 1, 0],
  },
  {
    name: 'MultipleHistograms',
    series: [withHistogram({ __name__: 'hist1' }, basic), withHistogram({ __name__: 'hist2' }, negative)],
    succeeds: true,
    written: [0, 2, 0],
  },
  {
    name: 'EmptyHistogram',
    series: [withHistogram({ __name__: 'empty_hist' }, histogramOf({ counts: [], sum: 0 }))],
    succeeds: true,
    written: [0, 1, 0],
  },
  {
    name: 'HistogramWithMetadataAndExemplar',
    series: [
      withHistogram({ __name__: 'response_size_bytes', service: 'upload' }, basic, {
        metadata: { type: 3, help: 'HTTP response size in bytes', unit: 'bytes' },
        exemplars: [exemplar({ trace_id: 'large_upload_trace', user_id: 'user456' })],
      }),
    ],
    succeeds: true,
    written: [0, 1, 1],
  },
]

const exemplars: readonly Case[] = [
  ...(
    [
      ['basic_exemplar', { __name__: 'x', job: 'api' }, { trace_id: 'abc123def456' }],
      ['exemplar_with_span_id', { __name__: 'x', method: 'GET' }, { trace_id: 'xyz789', span_id: 'span123' }],
      ['exemplar_without_trace_id', { __name__: 'x' }, { user_id: 'user123' }],
      ['exemplar_no_labels', { __name__: 'x' }, {}],
      ['exemplar_with_unicode', { __name__: 'x', region: '🌍' }, { trace_id: 'unicode_trace_测试' }],
    ] as const
  ).map(
    ([name, labels, own]): Case => ({
      name: `Exemplars/${name}`,
      series: [sample(labels, 1, { exemplars: [exemplar(own)] })],
      succeeds: true,
      written: [1, 0, 1],
    }),
  ),
  ...([0, -123.456, 1e10, 1e-10, Number.NaN, Infinity, -Infinity] as const).map(
    (value): Case => ({
      name: `ExemplarSpecialValues/${value}`,
      series: [sample({ __name__: 'test_metric' }, value, { exemplars: [exemplar({ trace_id: 'special' }, value)] })],
      succeeds: true,
      written: [1, 0, 1],
    }),
  ),
  ...(
    [
      ['exemplar_without_name_label', { job: 'test' }, false],
      ['exemplar_with_empty_name', { __name__: '' }, false],
      ['exemplar_with_valid_name', { __name__: 'valid_metric' }, true],
    ] as const
  ).map(
    ([name, labels, succeeds]): Case => ({
      name: `ExemplarValidation/${name}`,
      series: [sample(labels, 1, { exemplars: [exemplar({ trace_id: 'test_trace' })] })],
      succeeds,
      written: succeeds ? [1, 0, 1] : [0, 0, 0],
    }),
  ),
  {
    name: 'ExemplarTimestamps',
    series: [-3_600_000, -60_000, 0].map((offset) => ({
      labels: ['__name__', 'latency_hist'],
      samples: [{ at: NOW + offset, value: 0.05 }],
      exemplars: [exemplar({ trace_id: `t${offset}` }, 0.05, NOW + offset)],
    })),
    succeeds: true,
    written: [3, 0, 3],
  },
]

const metadata: readonly Case[] = [
  ...[0, 1, 2, 3, 4, 5, 6, 7].map(
    (type): Case => ({
      name: `Metadata/type ${type}`,
      series: [
        sample({ __name__: 'm' }, 1, {
          metadata: { type, help: 'Help with\nnewlines and "quotes"', unit: 'bytes/sec' },
        }),
      ],
      succeeds: true,
      written: [1, 0, 0],
    }),
  ),
  {
    name: 'Metadata/metadata_no_help_no_unit',
    series: [sample({ __name__: 'm' }, 1, { metadata: { type: 1, help: '', unit: '' } })],
    succeeds: true,
    written: [1, 0, 0],
  },
  {
    name: 'MetadataValidation/metadata_with_empty_name',
    series: [sample({ __name__: '' }, 1, { metadata: { type: 2, help: 'Test help', unit: 'unit' } })],
    succeeds: false,
    written: [0, 0, 0],
  },
  {
    name: 'CounterMetadataWithCreatedTimestamp',
    series: [
      {
        labels: ['__name__', 'http_requests_total', 'job', 'api'],
        samples: [{ at: NOW, value: 150, startAt: NOW - 3_600_000 }],
        metadata: { type: 1, help: 'Total HTTP requests', unit: 'requests' },
      },
    ],
    succeeds: true,
    written: [1, 0, 0],
  },
]

const many = Array.from({ length: 50 }, (_, i) => i)
const combined: readonly Case[] = [
  {
    name: 'EdgeCaseCombinations/metadata_without_data',
    series: [
      { labels: ['__name__', 'orphan_metric'], metadata: { type: 1, help: 'Orphaned metric metadata', unit: 'count' } },
    ],
    succeeds: true,
    written: [0, 0, 0],
  },
  {
    name: 'EdgeCaseCombinations/exemplars_without_data',
    series: [{ labels: ['__name__', 'orphan_metric'], exemplars: [exemplar({ trace_id: 'orphan_trace' })] }],
    succeeds: true,
    written: [0, 0, 1],
  },
  {
    name: 'EdgeCaseCombinations/mixed_timestamp_data',
    series: [
      {
        labels: ['__name__', 'old_metric'],
        samples: [{ at: NOW - 3_600_000, value: 1 }],
        exemplars: [exemplar({ trace_id: 'old_trace' }, 1, NOW - 1_800_000)],
      },
      sample({ __name__: 'new_metric' }, 2),
    ],
    succeeds: true,
    written: [2, 0, 1],
  },
  {
    name: 'ManySamples',
    series: many.map((i) =>
      sample({ __name__: `counter_metric_${i}`, series: `series_${i}` }, i * 100, {
        metadata: { type: 1, help: `Counter metric number ${i}`, unit: 'count' },
        exemplars: [exemplar({ trace_id: `trace_${i}` })],
      }),
    ),
    succeeds: true,
    written: [50, 0, 50],
  },
  {
    name: 'ManyHistograms',
    series: many.map((i) =>
      withHistogram({ __name__: `histogram_metric_${i}`, bucket: `bucket_${i}` }, i % 2 === 0 ? custom : basic, {
        metadata: { type: 3, help: `Histogram metric number ${i}`, unit: 'seconds' },
        exemplars: [exemplar({ trace_id: `trace_${i}` })],
      }),
    ),
    succeeds: true,
    written: [0, 50, 50],
  },
  {
    name: 'SpecialCharactersCombined',
    series: [
      sample({ __name__: 'test_metric', job: 'test-job_with.special@chars', environment: 'test🚀' }, 42, {
        metadata: { type: 2, help: 'special characters: äöü, newlines\nand "quotes"', unit: 'special/units' },
        exemplars: [exemplar({ trace_id: 'special_trace_äöü-123', span_id: 'span_with.dots-and_underscores' })],
      }),
    ],
    succeeds: true,
    written: [1, 0, 1],
  },
]

const counter = (name: string, labels: Readonly<Record<string, string>>) => ({ __name__: name, ...labels })
const API = counter('http_requests_total', { job: 'api' })
const HOUR_AGO = NOW - 3_600_000
const described = (type: number, help: string, unit: string): Partial<SentSeries> => ({
  metadata: { type, help, unit },
})
const traced = (labels: Readonly<Record<string, string>>, value = 1): Partial<SentSeries> => ({
  exemplars: [exemplar(labels, value)],
})

/** Those that the suite has got since, and those that combine what stands above. */
const later: readonly Case[] = [
  {
    name: 'CounterWithCreatedTimestamp',
    series: [{ labels: flat(API), samples: [{ at: NOW, value: 100, startAt: HOUR_AGO }] }],
    succeeds: true,
    written: [1, 0, 0],
  },
  {
    name: 'ExemplarWithCreatedTimestamp',
    series: [
      {
        labels: flat(API),
        samples: [{ at: NOW, value: 250, startAt: NOW - 7_200_000 }],
        ...traced({ trace_id: 'abc123', span_id: 'span456' }, 250),
      },
    ],
    succeeds: true,
    written: [1, 0, 1],
  },
  {
    name: 'MultipleExemplars',
    series: [
      sample(counter('request_duration', { method: 'GET' }), 0.1, traced({ trace_id: 'trace1', span_id: 's1' })),
      sample(counter('request_duration', { method: 'POST' }), 0.25, traced({ trace_id: 'trace2', span_id: 's2' })),
      sample(counter('error_count', { service: 'payment' }), 1, traced({ trace_id: 'trace3', user: 'test_user' })),
    ],
    succeeds: true,
    written: [3, 0, 3],
  },
  {
    name: 'Exemplars/exemplar_with_multiple_labels',
    series: [
      sample(counter('request_latency', { service: 'auth' }), 0.05, {
        ...traced({ trace_id: 'trace456', user: 'admin', endpoint: '/login' }, 0.05),
      }),
    ],
    succeeds: true,
    written: [1, 0, 1],
  },
  {
    name: 'Exemplars/exemplar_with_special_chars',
    series: [
      sample({ __name__: 'test_metric' }, 42, traced({ trace_id: 'trace-with-dashes_and_underscores.123' }, 42)),
    ],
    succeeds: true,
    written: [1, 0, 1],
  },
  {
    name: 'HistogramWithMetadata',
    series: [
      withHistogram(counter('request_duration_seconds', { job: 'api' }), basic, described(3, 'Help', 'seconds')),
    ],
    succeeds: true,
    written: [0, 1, 0],
  },
  {
    name: 'HistogramWithExemplar',
    series: [
      withHistogram(counter('http_request_duration_seconds', { method: 'GET' }), basic, {
        ...traced({ trace_id: 'abc123def456', span_id: 'span789' }, 1.23),
      }),
    ],
    succeeds: true,
    written: [0, 1, 1],
  },
  {
    name: 'MultipleHistogramsWithMetadata, ComplexHistogramsRequest',
    series: [
      withHistogram(counter('cpu_usage_histogram', { instance: 'server1' }), basic, described(3, 'CPU', 'ratio')),
      withHistogram(counter('memory_usage_histogram', { instance: 'server1' }), negative, {
        ...described(3, 'Memory', 'bytes'),
        ...traced({ trace_id: 'fast_response', user: 'premium' }, 0.125),
      }),
    ],
    succeeds: true,
    written: [0, 2, 1],
  },
  {
    name: 'MetadataWithSamples, MultipleMetadata, ComplexSamplesRequest, MultipleMetricFamiliesSamples',
    series: [
      sample(counter('cpu_usage', { instance: 'server1' }), 85.5, {
        ...described(2, 'CPU usage percentage', 'percent'),
        ...traced({ trace_id: 'high_cpu_trace', process: 'worker' }, 0.85),
      }),
      sample({ __name__: 'memory_usage' }, 4_096_000_000, described(2, 'Memory usage in bytes', 'bytes')),
      sample(counter('disk_usage', { device: 'sda1' }), 75.2, described(2, 'Disk usage percentage', 'percent')),
    ],
    succeeds: true,
    written: [3, 0, 1],
  },
  {
    name: 'MetadataWithComplexLabels',
    series: [
      withHistogram(
        counter('http_request_duration_seconds', {
          job: 'api-server',
          instance: 'localhost:8080',
          method: 'GET',
          status: '200',
          endpoint: '/api/v1/users',
        }),
        basic,
        described(3, 'HTTP request duration in seconds', 'seconds'),
      ),
    ],
    succeeds: true,
    written: [0, 1, 0],
  },
  ...(
    [
      ['metadata_without_name_label', { job: 'test' }, false],
      ['metadata_with_valid_name', { __name__: 'valid_metric_name' }, true],
    ] as const
  ).map(
    ([name, labels, succeeds]): Case => ({
      name: `MetadataValidation/${name}`,
      series: [sample(labels, 1, described(1, 'Test help', 'unit'))],
      succeeds,
      written: [succeeds ? 1 : 0, 0, 0],
    }),
  ),
  {
    name: 'SamplesWithMetadataAndExemplars',
    series: [
      sample(counter('http_requests_total', { job: 'api', method: 'POST' }), 1, {
        ...described(1, 'Total number of HTTP requests', 'requests'),
        ...traced({ trace_id: 'request_trace_123', user_id: 'user789' }),
      }),
    ],
    succeeds: true,
    written: [1, 0, 1],
  },
  {
    name: 'HistogramsWithMetadataAndExemplars, MultipleMetricFamiliesHistograms',
    series: [
      withHistogram(counter('request_duration_seconds', { service: 'auth' }), basic, {
        ...described(3, 'HTTP request duration distribution', 'seconds'),
        ...traced({ trace_id: 'slow_request_trace', endpoint: '/login' }, 0.456),
      }),
    ],
    succeeds: true,
    written: [0, 1, 1],
  },
  {
    name: 'CustomBucketsHistogramWithExemplar',
    series: [
      withHistogram(counter('custom_latency_hist', { version: 'v2' }), custom, {
        ...traced({ trace_id: 'custom_bucket_trace', bucket: '0.1' }, 0.05),
      }),
    ],
    succeeds: true,
    written: [0, 1, 1],
  },
]

export const RECEIVER_CASES: readonly Case[] = [
  ...metrics,
  ...histograms,
  ...exemplars,
  ...metadata,
  ...combined,
  ...later,
]

/** The same, as it would be sent so much later than `NOW`. */
export function sentLater(series: readonly SentSeries[], byMs: number): readonly SentSeries[] {
  const start = (at: number | undefined) => (at === undefined ? {} : { startAt: at + byMs })
  return series.map(({ samples, histograms, exemplars, ...rest }) => ({
    ...rest,
    ...(samples === undefined
      ? {}
      : { samples: samples.map(({ at, value, startAt }) => ({ at: at + byMs, value, ...start(startAt) })) }),
    ...(histograms === undefined
      ? {}
      : {
          histograms: histograms.map(({ at, histogram, startAt }) => ({ at: at + byMs, histogram, ...start(startAt) })),
        }),
    ...(exemplars === undefined ? {} : { exemplars: exemplars.map((one) => ({ ...one, at: one.at + byMs })) }),
  }))
}
