/**
 * The cases of Prometheus' compliance suite for receivers, by its own names: what is sent, whether it succeeds, and what the
 * headers say was written. In a refusal they may say less, never more.
 *
 * Source: prometheus/compliance: remotewrite/receiver.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compressSync } from 'snappy'
import { CUSTOM_SCHEMA, Labels, type NativeHistogram, writeStale } from '#core'
import { histogramOf } from '../histograms.test-support.ts'
import { encodeWriteV1 } from './encode-v1.ts'
import {
  NOW,
  openBench,
  requestV2,
  type SentSeries,
  V1_HEADERS,
  V2_HEADERS,
  writtenOf,
} from './requests.test-support.ts'

type Case = {
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

const basic = histogramOf({ counts: [1, 3, 4, 7, 8], indices: [0, 1, 2, 5, 6], sum: 1 })
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

for (const { name, series, succeeds, written } of [...metrics, ...histograms, ...exemplars, ...metadata, ...combined]) {
  test(`compliance of a receiver: ${name}`, async () => {
    const answer = await openBench().send(requestV2(series))
    assert.equal(answer.status, succeeds ? 204 : 400, answer.body)
    assert.deepEqual(writtenOf(answer), written)
    if (succeeds) assert.equal(answer.body, '')
    else assert.match(answer.body, /^not taken: \d+ /)
  })
}

const one = requestV2([sample({ __name__: 'up' })])

for (const type of ['application/json', 'image/png']) {
  test(`compliance of a receiver: BadContentTypes/${type} is 415`, async () => {
    assert.equal((await openBench().send(one, { ...V2_HEADERS, 'content-type': type })).status, 415)
  })
}
for (const encoding of ['gzip', 'deflate']) {
  test(`compliance of a receiver: BadContentEncodings/${encoding} is 415`, async () => {
    assert.equal((await openBench().send(one, { ...V2_HEADERS, 'content-encoding': encoding })).status, 415)
  })
}

test('compliance of a receiver: CorruptRequestBody is 400', async () => {
  const body = Buffer.from(compressSync(one))
  body[0] = 0x30
  assert.equal((await openBench().sendBody(body)).status, 400)
})

test('compliance of a receiver: RW1BasicCompatibility', async () => {
  const { store, send } = openBench()
  const request = {
    series: ['up', 'http_requests_total'].map((name, i) => ({
      labels: Labels.of({ __name__: name }),
      from: i,
      to: i + 1,
      histograms: [],
      exemplars: [],
    })),
    timestamps: Float64Array.of(NOW, NOW),
    values: Float64Array.of(1, 100),
    metadata: [],
  }
  const answer = await send(encodeWriteV1(request), V1_HEADERS)
  assert.equal(answer.status, 204)
  assert.deepEqual(answer.headers, {}, 'a 1.0 sender is told nothing it does not know')
  assert.equal(store.stats().samples, 2)
})

test('compliance of a receiver: RW1ErrorHandling', async () => {
  const body = Buffer.from(compressSync(one))
  body[0] = 0xff
  assert.equal((await openBench().sendBody(body, V1_HEADERS)).status, 400)
})
