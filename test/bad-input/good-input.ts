/**
 * Input that is right, in every form that comes in: what the fuzzer damages, and what tells that a server still takes it.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { Labels, type NativeHistogram, NO_BOUNDS, NO_BUCKETS, unixMs } from '#core'
import { encodeReadRequest } from '#remote'
import { memoryStore, type Store } from '#storage'
import { parseScript } from '../../src/promql/promqltest/script.ts'
import { encodeJson, encodeProto } from '../../src/remote/otlp/encode.test-support.ts'
import { encodeWriteRequest } from '../../src/remote/write/encode-write-request.test-support.ts'
import { requestV2 } from '../../src/remote/write/requests.test-support.ts'
import { encodeFamilies } from '../../src/scrape/encode-families.test-support.ts'
import { dataSet } from '../prometheus/data-set.ts'

/** The clock of whoever takes this input. */
export const NOW = 1_700_000_000_000

const HISTOGRAM: NativeHistogram = {
  schema: 1,
  zeroThreshold: 0.001,
  zeroCount: 2,
  count: 17,
  sum: 100.5,
  positive: { indices: Int32Array.of(-3, 0, 1, 7), counts: Float64Array.of(1, 2, 4, 5) },
  negative: { indices: Int32Array.of(2), counts: Float64Array.of(3) },
  customBounds: NO_BOUNDS,
  resetHint: 'unknown',
  isInteger: true,
}
const CUSTOM: NativeHistogram = {
  ...HISTOGRAM,
  schema: -53,
  zeroThreshold: 0,
  zeroCount: 0,
  count: 6,
  positive: { indices: Int32Array.of(0, 1, 2), counts: Float64Array.of(1, 2, 3) },
  negative: NO_BUCKETS,
  customBounds: Float64Array.of(0.5, 1),
}

/** Expressions of our scripts. */
export function expressions(): readonly string[] {
  const folder = new URL('../../src/promql/testdata/', import.meta.url)
  return readdirSync(folder)
    .filter((name) => name.endsWith('.test'))
    .flatMap((name) => parseScript(readFileSync(new URL(name, folder), 'utf8')))
    .flatMap((command) => (command.kind === 'eval' ? [command.expr] : []))
}

/** The series that the differential test asks about: every kind, with everything odd. */
export function oddStore(): Store {
  const store = memoryStore()
  using batch = store.appender()
  for (const { labels, timestamps, values, histograms } of dataSet(1)) {
    for (let i = 0; i < timestamps.length; i++) {
      const histogram = histograms?.[i]
      const at = unixMs(timestamps[i]!)
      if (histogram === undefined) batch.append(undefined, labels, at, values[i]!)
      else batch.appendHistogram(undefined, labels, at, histogram)
    }
  }
  batch.commit()
  return store
}

export const TEXT_PAGE: string = `# HELP http_requests_total The \\n number.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1699999990000
{"my.metric","a.b"="c\\"\\\\"} -Inf
http_requests_total{method="get",} 3.5e-3
# TYPE h histogram
h_bucket{a="1",le="0.5"} 1
h_bucket{a="1",le="1"} 3
h_bucket{a="1",le="+Inf"} 4
h_count{a="1"} 4
h_sum{a="1"} NaN
# TYPE s summary
s{quantile="0.5"} 4773
s_sum 1.7560473e+07
s_count 2693
`

export const OPENMETRICS_PAGE: string = `# TYPE a counter
# UNIT a_seconds seconds
# HELP a What "it" \\\\ is
a_total{x="y"} 1 1699999990.5 # {trace_id="0123",b=""} 0.67 1699999990.123
a_created{x="y"} 1699999000.25
# TYPE h histogram
h_bucket{le="0.5"} 1 # {t="x"} 0.3
h_bucket{le="+Inf"} 4
h_count 4
h_sum 2.5
h_created 1699999000
# TYPE i info
i_info{version="1"} 1
# TYPE st stateset
st{st="on"} 1
st{st="off"} 0
{"my.metric","a.b"="c"} 1
# EOF
`

export const PROTOBUF_PAGE: Buffer = encodeFamilies([
  {
    name: 'c',
    type: 'counter',
    metrics: [{ value: 1, exemplar: { labels: { a: 'b' }, value: 1, at: 5 }, startAt: 7, labels: { x: 'ü' } }],
  },
  { name: 's', type: 'summary', metrics: [{ count: 1, quantiles: [[0.5, 1]] }] },
  {
    name: 'h',
    type: 'histogram',
    unit: 'seconds',
    metrics: [
      {
        count: 17,
        sum: 100.5,
        native: HISTOGRAM,
        buckets: [{ bound: 0.5, count: 3 }],
        exemplars: [{ labels: { t: 'x' }, value: 1, at: NOW - 1000 }],
      },
    ],
  },
  { name: 'g', type: 'gaugehistogram', metrics: [{ native: { ...HISTOGRAM, isInteger: false, count: 17.5 } }] },
])

export const WRITE_V1: Buffer = encodeWriteRequest({
  series: [
    {
      labels: Labels.of({ __name__: 'a', job: 'shop' }),
      timestamps: Float64Array.of(NOW - 2000, NOW - 1000),
      values: Float64Array.of(1, -0),
    },
    {
      labels: Labels.of({ __name__: 'b', x: '\u{1f600}' }),
      timestamps: Float64Array.of(NOW),
      values: Float64Array.of(2.5),
    },
  ],
  metadata: [{ family: 'a', type: 'counter', help: 'How many.', unit: '' }],
})

export const WRITE_V2: Buffer = requestV2([
  {
    labels: ['__name__', 'a_total', 'job', 'shop'],
    samples: [
      { at: NOW - 2000, value: 1, startAt: NOW - 5000 },
      { at: NOW - 1000, value: 2 },
    ],
    exemplars: [{ labels: ['trace_id', 'x'], value: 1, at: NOW - 1500 }],
    metadata: { type: 1, help: 'How many.', unit: '' },
  },
  {
    labels: ['__name__', 'h', 'job', 'shop'],
    histograms: [
      { at: NOW - 2000, histogram: HISTOGRAM, startAt: NOW - 9000 },
      { at: NOW - 1000, histogram: CUSTOM },
      { at: NOW, histogram: { ...HISTOGRAM, isInteger: false } },
    ],
    createdAt: NOW - 9000,
  },
])

export const READ_REQUEST: Buffer = encodeReadRequest({
  queries: [
    {
      start: 1_700_003_000_000,
      end: 1_700_004_000_000,
      matchers: [
        { name: '__name__', op: '=~', value: 'up|rpc.*|odd' },
        { name: 'job', op: '!=', value: 'none' },
      ],
      hints: { stepMs: 1000, func: 'rate', start: 0, end: 1, grouping: ['a'], by: true, rangeMs: 5 },
    },
  ],
  accepted: ['streamedXorChunks'],
})

const POINT = { attributes: [['route', '/a']] as const, startAt: NOW - 60_000, at: NOW - 1000, noValue: false }
const RESOURCES: Parameters<typeof encodeProto>[0] = [
  {
    attributes: [
      ['service.name', 'shop'],
      ['service.instance.id', 'a'],
    ],
    scopes: [
      {
        name: 'meter',
        version: '1',
        schemaUrl: '',
        attributes: [],
        metrics: [
          {
            name: 'a.b',
            description: 'd',
            unit: 'By',
            data: { kind: 'gauge', points: [{ ...POINT, value: 1.5, exemplars: [] }] },
          },
          {
            name: 'sum',
            description: '',
            unit: '1',
            data: {
              kind: 'sum',
              temporality: 'cumulative',
              monotonic: true,
              points: [
                {
                  ...POINT,
                  value: 3,
                  exemplars: [
                    { at: NOW - 2000, value: 1, traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), attributes: [] },
                  ],
                },
              ],
            },
          },
          {
            name: 'hist',
            description: '',
            unit: 's',
            data: {
              kind: 'histogram',
              temporality: 'cumulative',
              points: [
                {
                  ...POINT,
                  count: 6,
                  sum: 3,
                  counts: Float64Array.of(1, 2, 3),
                  bounds: Float64Array.of(0.5, 1),
                  exemplars: [],
                },
              ],
            },
          },
          {
            name: 'exp',
            description: '',
            unit: '',
            data: {
              kind: 'exponentialHistogram',
              temporality: 'delta',
              points: [
                {
                  ...POINT,
                  count: 8,
                  sum: 3,
                  scale: 3,
                  zeroCount: 2,
                  zeroThreshold: 0.1,
                  positive: { offset: -2, counts: Float64Array.of(1, 2) },
                  negative: { offset: 5, counts: Float64Array.of(3) },
                  exemplars: [],
                },
              ],
            },
          },
        ],
      },
    ],
  },
]

const RECORDED = new URL('../../src/remote/otlp/testdata/', import.meta.url)
export const OTLP_PROTO: readonly Buffer[] = [
  encodeProto(RESOURCES),
  gunzipSync(readFileSync(new URL('opentelemetry-js.pb.gz', RECORDED))),
]
export const OTLP_JSON: readonly Buffer[] = [
  Buffer.from(encodeJson(RESOURCES)),
  readFileSync(new URL('opentelemetry-js.json', RECORDED)),
]
