/** Golden cases of the translation, one kind of metric after the other. Longer than 400 lines because they share one sink and one vocabulary. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Labels, NativeHistogram } from '#core'
import type { Metadata } from '#storage'
import type { Attributes, MetricData, OtlpMetric, ResourceMetrics } from './data.ts'
import { DEFAULT_OTLP_SETTINGS, type OtlpSettings } from './settings.ts'
import { type OtlpSink, plainDecimal, type SampleValue, type TranslateOptions, translate } from './translate.ts'

const AT = 1_700_000_000_000

/** Writes down what it is given, as text. */
class Notes implements OtlpSink {
  readonly samples: string[] = []
  readonly histograms: NativeHistogram[] = []
  readonly exemplars: string[] = []
  readonly targets: string[] = []
  readonly refused: string[] = []
  readonly families = new Map<string, Metadata>()

  sample(labels: Labels, at: number, value: SampleValue, startAt: number): void {
    const told =
      typeof value === 'object' ? `histogram of ${value.count}` : value === undefined ? 'stale' : String(value)
    if (typeof value === 'object') this.histograms.push(value)
    this.samples.push(`${labels} ${told} ${at - AT}${startAt === 0 ? '' : ` since ${startAt - AT}`}`)
  }
  exemplar(labels: Labels, exemplar: { readonly labels: Labels; readonly value: number; readonly at: number }): void {
    this.exemplars.push(`${labels} # ${exemplar.labels} ${exemplar.value} ${exemplar.at - AT}`)
  }
  metadata(family: string, metadata: Metadata): void {
    this.families.set(family, metadata)
  }
  target(labels: Labels, at: number): void {
    this.targets.push(`${labels} ${at - AT}`)
  }
  refuse(why: string, points: number): void {
    this.refused.push(`${points}: ${why}`)
  }
}

type Given = {
  readonly metrics: readonly OtlpMetric[]
  readonly resource?: Attributes
  readonly scope?: {
    readonly name: string
    readonly version?: string
    readonly schemaUrl?: string
    readonly attributes?: Attributes
  }
  readonly settings?: Partial<OtlpSettings>
  readonly options?: Partial<TranslateOptions>
}

function translated({ metrics, resource = [], scope, settings, options }: Given): Notes {
  const notes = new Notes()
  const scopes = [{ name: '', version: '', schemaUrl: '', attributes: [], ...scope, metrics }]
  const resources: readonly ResourceMetrics[] = [{ attributes: resource, scopes }]
  translate(resources, notes, { settings: { ...DEFAULT_OTLP_SETTINGS, ...settings }, lookbackMs: 300_000, ...options })
  return notes
}

function metric(name: string, data: MetricData, unit = ''): OtlpMetric {
  return { name, unit, description: `About ${name}.`, data }
}

const point = { attributes: [] as Attributes, startAt: AT - 1000, at: AT, noValue: false, exemplars: [] }
const gauge = (value: number, more: object = {}): MetricData => ({
  kind: 'gauge',
  points: [{ ...point, value, ...more }],
})
const sum = (value: number, more: object = {}): MetricData => ({
  kind: 'sum',
  temporality: 'cumulative',
  monotonic: true,
  points: [{ ...point, value }],
  ...more,
})
const explicit = (more: object = {}) => ({
  ...point,
  count: 6,
  sum: 12.5,
  bounds: Float64Array.of(0.005, 1, 1e21),
  counts: Float64Array.of(1, 0, 2, 3),
  ...more,
})
const histogram = (more: object = {}): MetricData => ({
  kind: 'histogram',
  temporality: 'cumulative',
  points: [explicit(more)],
})
const exponential = (more: object = {}): MetricData => ({
  kind: 'exponentialHistogram',
  temporality: 'cumulative',
  points: [
    {
      ...point,
      count: 10,
      sum: 7,
      scale: 0,
      zeroCount: 1,
      zeroThreshold: 0,
      positive: { offset: -2, counts: Float64Array.of(1, 0, 2) },
      negative: { offset: 3, counts: Float64Array.of(6) },
      ...more,
    },
  ],
})

test('a gauge, a counter and an up-down counter are one series each; only the counter has a start', () => {
  const notes = translated({
    metrics: [
      metric('system.memory', gauge(1.5), 'By'),
      metric('http.requests', sum(3), '{request}'),
      metric('queue.size', sum(-2, { monotonic: false })),
    ],
  })
  assert.deepEqual(notes.samples, [
    'system_memory_bytes 1.5 0',
    'http_requests_total 3 0 since -1000',
    'queue_size -2 0',
  ])
  assert.deepEqual(
    [...notes.families],
    [
      ['system_memory_bytes', { type: 'gauge', help: 'About system.memory.', unit: 'bytes' }],
      ['http_requests_total', { type: 'counter', help: 'About http.requests.', unit: '' }],
      ['queue_size', { type: 'gauge', help: 'About queue.size.', unit: '' }],
    ],
  )
})

test('each strategy names metrics and labels its way', () => {
  const given = (strategy: OtlpSettings['strategy']) =>
    translated({
      metrics: [
        metric(
          'http.requests',
          { kind: 'gauge', points: [{ ...point, value: 1, attributes: [['http.method', 'GET']] }] },
          's',
        ),
      ],
      settings: { strategy },
    }).samples
  assert.deepEqual(given('UnderscoreEscapingWithSuffixes'), ['http_requests_seconds{http_method="GET"} 1 0'])
  assert.deepEqual(given('UnderscoreEscapingWithoutSuffixes'), ['http_requests{http_method="GET"} 1 0'])
  assert.deepEqual(given('NoUTF8EscapingWithSuffixes'), ['{"http.requests_seconds", "http.method"="GET"} 1 0'])
  assert.deepEqual(given('NoTranslation'), ['{"http.requests", "http.method"="GET"} 1 0'])
})

test('labels come from point, resource and scope, and each has its rank', () => {
  const attributes: Attributes = [
    ['b.c', 'two'],
    ['b_c', 'three'],
    ['b!c', 'one'],
    ['job', 'never'],
    ['cloud.region', 'own'],
    ['__name__', 'never'],
    ['empty', ''],
  ]
  const resource: Attributes = [
    ['service.name', 'shop'],
    ['service.namespace', 'eu'],
    ['service.instance.id', 'i-1'],
    ['cloud.region', 'r1'],
    ['host.name', 'h1'],
  ]
  const given: Given = {
    metrics: [metric('m', gauge(1, { attributes }))],
    resource,
    scope: { name: 'lib', version: '1.2', schemaUrl: 'https://x', attributes: [['a.b', 'c']] },
  }
  const joined = 'b_c="one;two;three"'
  assert.deepEqual(translated(given).samples, [`m{${joined}, cloud_region="own", instance="i-1", job="eu/shop"} 1 0`])
  assert.deepEqual(
    translated({ ...given, settings: { promoteResourceAttributes: ['host.name', 'cloud.region'] } }).samples,
    [`m{${joined}, cloud_region="own", host_name="h1", instance="i-1", job="eu/shop"} 1 0`],
  )
  const all = {
    promoteResourceAttributes: 'all',
    ignoreResourceAttributes: ['host.name', 'service.instance.id'],
  } as const
  assert.deepEqual(translated({ ...given, settings: all }).samples, [
    `m{${joined}, cloud_region="own", instance="i-1", job="eu/shop", service_name="shop", service_namespace="eu"} 1 0`,
  ])
  assert.deepEqual(translated({ ...given, settings: { promoteScopeMetadata: true } }).samples, [
    `m{${joined}, cloud_region="own", instance="i-1", job="eu/shop", otel_scope_a_b="c", otel_scope_name="lib", otel_scope_schema_url="https://x", otel_scope_version="1.2"} 1 0`,
  ])
  const typed = translated({
    ...given,
    resource: [],
    metrics: [metric('m', sum(1), 'By/s')],
    options: { typeAndUnitLabels: true },
  })
  assert.deepEqual(typed.samples, [
    'm_bytes_per_second_total{__type__="counter", __unit__="bytes_per_second"} 1 0 since -1000',
  ])
})

test('an explicit histogram is classic series, buckets added up, exemplars where they belong', () => {
  const exemplar = (value: number | undefined, more: object = {}) => ({
    at: 0,
    value,
    traceId: 'ab01',
    spanId: '',
    attributes: [] as Attributes,
    ...more,
  })
  const long: Attributes = [['long', 'x'.repeat(128)]]
  const notes = translated({
    metrics: [
      metric(
        'latency',
        histogram({
          attributes: [['le', 'never']],
          exemplars: [
            exemplar(0.5, { at: AT - 7, spanId: 'cd', attributes: [['user', 'u']] }),
            exemplar(1, { attributes: long }),
            exemplar(1e22),
            exemplar(undefined),
          ],
        }),
        's',
      ),
    ],
  })
  assert.deepEqual(notes.samples, [
    'latency_seconds_sum{le="never"} 12.5 0 since -1000',
    'latency_seconds_count{le="never"} 6 0 since -1000',
    'latency_seconds_bucket{le="0.005"} 1 0 since -1000',
    'latency_seconds_bucket{le="1"} 1 0 since -1000',
    'latency_seconds_bucket{le="1000000000000000000000"} 3 0 since -1000',
    'latency_seconds_bucket{le="+Inf"} 6 0 since -1000',
  ])
  assert.deepEqual(notes.exemplars, [
    'latency_seconds_bucket{le="1"} # {span_id="cd", trace_id="ab01", user="u"} 0.5 -7',
    'latency_seconds_bucket{le="1"} # {trace_id="ab01"} 1 0',
    'latency_seconds_bucket{le="+Inf"} # {trace_id="ab01"} 1e+22 0',
  ])
  const bare = { sum: undefined, bounds: new Float64Array(0), counts: new Float64Array(0) }
  assert.deepEqual(translated({ metrics: [metric('m', histogram(bare))] }).samples, [
    'm_count 6 0 since -1000',
    'm_bucket{le="+Inf"} 6 0 since -1000',
  ])
})

test('an explicit histogram becomes a native one with custom buckets when that is asked for', () => {
  const settings = { convertHistogramsToNhcb: true }
  const notes = translated({ metrics: [metric('latency', histogram(), 's')], settings })
  assert.deepEqual(notes.samples, ['latency_seconds histogram of 6 0 since -1000'])
  const [one] = notes.histograms
  assert.deepEqual([...one!.customBounds], [0.005, 1, 1e21])
  assert.deepEqual(
    [[...one!.positive.indices], [...one!.positive.counts]],
    [
      [0, 1, 2, 3],
      [1, 0, 2, 3],
    ],
  )
  assert.deepEqual([one!.schema, one!.sum, one!.zeroThreshold, one!.resetHint], [-53, 12.5, 0, 'unknown'])
  const bare = { count: 4, bounds: new Float64Array(0), counts: new Float64Array(0) }
  const [all] = translated({ metrics: [metric('m', histogram(bare))], settings }).histograms
  assert.deepEqual([[...all!.positive.indices], [...all!.positive.counts]], [[0], [4]])
  const empty = { count: 0, sum: 0, counts: Float64Array.of(0, 0, 0, 0) }
  assert.equal(
    translated({ metrics: [metric('m', histogram(empty))], settings }).histograms[0]!.positive.indices.length,
    0,
  )
})

test('an exponential histogram is a native one: indices go up by one, empty buckets stay in small gaps', () => {
  const [one] = translated({ metrics: [metric('m', exponential())] }).histograms
  assert.deepEqual(
    [one!.schema, one!.zeroThreshold, one!.zeroCount, one!.count, one!.sum, one!.resetHint, one!.isInteger],
    [0, 1e-128, 1, 10, 7, 'unknown', true],
  )
  assert.deepEqual(
    [[...one!.positive.indices], [...one!.positive.counts]],
    [
      [-1, 0, 1],
      [1, 0, 2],
    ],
  )
  assert.deepEqual([[...one!.negative.indices], [...one!.negative.counts]], [[4], [6]])
  const counts = Float64Array.of(0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0)
  const gaps = { count: 4, negative: { offset: 0, counts: new Float64Array(0) }, positive: { offset: 0, counts } }
  const [wide] = translated({ metrics: [metric('m', exponential(gaps))] }).histograms
  assert.deepEqual([...wide!.positive.indices], [4, 5, 6, 7, 11, 12])
  const [given] = translated({ metrics: [metric('m', exponential({ zeroThreshold: 0.25 }))] }).histograms
  assert.equal(given!.zeroThreshold, 0.25)
})

test('a scale above 8 is brought to 8 without moving an observation over a bound', () => {
  const side = fc.record({
    offset: fc.integer({ min: -3000, max: 3000 }),
    counts: fc.array(fc.nat(3), { maxLength: 40 }).map((list) => Float64Array.from(list)),
  })
  fc.assert(
    fc.property(side, fc.integer({ min: 9, max: 20 }), (positive, scale) => {
      const count = positive.counts.reduce((all, one) => all + one, 0)
      const negative = { offset: 0, counts: new Float64Array(0) }
      const [made] = translated({
        metrics: [metric('m', exponential({ scale, count, zeroCount: 0, positive, negative }))],
      }).histograms
      assert.equal(made!.schema, 8)
      // Bucket i of OpenTelemetry ends at base^(i+1); ours with index k at base8^k.
      const ends = new Map<number, number>()
      for (const [i, one] of positive.counts.entries()) {
        const end = Math.ceil((positive.offset + i + 1) / 2 ** (scale - 8))
        ends.set(end, (ends.get(end) ?? 0) + one)
      }
      const got = [...made!.positive.indices].map((index, i) => [index, made!.positive.counts[i]!] as const)
      assert.deepEqual(
        got.filter(([, one]) => one > 0),
        [...ends].filter(([, one]) => one > 0),
      )
    }),
  )
})

test('a summary is sum, count and quantiles', () => {
  const summary: MetricData = {
    kind: 'summary',
    points: [
      {
        ...point,
        count: 4,
        sum: 10,
        quantiles: [
          { quantile: 0.5, value: 2 },
          { quantile: 0.99, value: 9 },
        ],
      },
    ],
  }
  assert.deepEqual(translated({ metrics: [metric('rpc', summary, 'ms')] }).samples, [
    'rpc_milliseconds_sum 10 0 since -1000',
    'rpc_milliseconds_count 4 0 since -1000',
    'rpc_milliseconds{quantile="0.5"} 2 0 since -1000',
    'rpc_milliseconds{quantile="0.99"} 9 0 since -1000',
  ])
})

test('a point without a recorded value ends its series', () => {
  const over = { noValue: true, value: undefined }
  const notes = translated({
    metrics: [
      metric('g', gauge(0, over)),
      metric('h', histogram({ ...over, sum: undefined })),
      metric('e', exponential(over)),
      metric('s', { kind: 'summary', points: [{ ...point, noValue: true, count: 0, sum: 0, quantiles: [] }] }),
    ],
  })
  assert.ok(notes.samples.every((line) => line.includes(' stale ')))
  assert.equal(notes.samples.length, 1 + 6 + 1 + 2)
})

test('deltas are left out with the reason, or taken as they are when that is asked for', () => {
  const metrics = [
    metric('a', sum(1, { temporality: 'delta' })),
    metric('b', sum(1, { temporality: 'unspecified' })),
    metric('c', { ...(exponential() as Extract<MetricData, { kind: 'exponentialHistogram' }>), temporality: 'delta' }),
    metric('d', gauge(1)),
  ]
  const notes = translated({ metrics })
  assert.deepEqual(notes.samples, ['d 1 0'])
  assert.deepEqual(notes.refused, [
    '1: metric "a": delta temporality is not taken; let the exporter send cumulative values',
    '1: metric "b": unspecified temporality is not taken; let the exporter send cumulative values',
    '1: metric "c": delta temporality is not taken; let the exporter send cumulative values',
  ])
  const taken = translated({ metrics, options: { takesDeltas: true } })
  assert.deepEqual(taken.samples, ['a_total 1 0 since -1000', 'c histogram of 10 0 since -1000', 'd 1 0'])
  assert.equal(taken.families.get('a_total')?.type, 'unknown')
  assert.equal(taken.histograms[0]!.resetHint, 'gauge')
  assert.equal(taken.refused.length, 1)
})

test('what cannot be taken is told, the rest is taken', () => {
  const cases: readonly (readonly [data: MetricData, why: RegExp])[] = [
    [gauge(1, { at: 0 }), /no timestamp/],
    [gauge(1, { value: undefined }), /no value/],
    [
      gauge(1, {
        attributes: [
          ['字', 'x'],
          ['字符', 'y'],
        ],
      }),
      /"字.*leaves nothing that a label can be named/,
    ],
    [gauge(1, { attributes: Array.from({ length: 1001 }, (_, i) => [`a${i}`, 'x'] as const) }), /1001 labels/],
    [histogram({ counts: Float64Array.of(1, 2) }), /2 buckets for 3 bounds/],
    [histogram({ bounds: Float64Array.of(1, 1, 2) }), /bound 1 does not come after 1/],
    [exponential({ scale: -5 }), /scale must be >= -4, was -5/],
    [exponential({ count: 99 }), /10 observations in buckets, 99 in the count/],
    [exponential({ zeroThreshold: -1 }), /zero threshold -1/],
    [exponential({ positive: { offset: 2 ** 31 - 1, counts: Float64Array.of(1) } }), /further out than 32 bits/],
    [{ kind: 'unknown', points: [] }, /no data of a kind that is known/],
  ]
  for (const [data, why] of cases) {
    const notes = translated({ metrics: [metric('m', data), metric('other', gauge(1))] })
    assert.deepEqual(notes.samples, ['other 1 0'], String(why))
    assert.match(notes.refused.join(), why)
  }
  assert.match(translated({ metrics: [metric('', gauge(1))] }).refused.join(), /nothing that a metric can be named/)
  assert.deepEqual(translated({ metrics: [metric('m', { kind: 'gauge', points: [] })] }).refused, [])
})

test('target_info says what a resource is, from its first point to its last', () => {
  const resource: Attributes = [
    ['service.name', 'shop'],
    ['service.instance.id', 'i'],
    ['host.name', 'h'],
  ]
  const points = [-400_000, 0, -1000].map((ago) => ({ ...point, at: AT + ago, value: 1 }))
  const given: Given = { metrics: [metric('m', { kind: 'gauge', points })], resource }
  const labels = 'target_info{host_name="h", instance="i", job="shop"}'
  assert.deepEqual(translated(given).targets, [
    `${labels} -400000`,
    `${labels} -250000`,
    `${labels} -100000`,
    `${labels} 0`,
  ])
  const keep = translated({ ...given, settings: { keepIdentifyingResourceAttributes: true } }).targets.at(-1)
  assert.equal(
    keep,
    'target_info{host_name="h", instance="i", job="shop", service_instance_id="i", service_name="shop"} 0',
  )
  assert.deepEqual(
    translated({ ...given, resource: resource.slice(0, 2) }).targets,
    [],
    'job and instance alone say nothing more',
  )
  assert.deepEqual(
    translated({ ...given, resource: [['host.name', 'h']] }).targets,
    [],
    'without job or instance nothing can be joined',
  )
  const old = translated({
    ...given,
    metrics: [metric('m', { kind: 'gauge', points: [{ ...point, at: 1, value: 1 }, ...points] })],
  })
  assert.equal(old.targets.length, 1153, 'a point of 1970 does not ask for ten million samples')
})

test('decimals are written without exponents, with the same digits', () => {
  assert.deepEqual([5e-324, 1.5e-7, 1e21, 1.25e23, -1e-7, 0.1, 5].map(plainDecimal).slice(1), [
    '0.00000015',
    '1000000000000000000000',
    '125000000000000000000000',
    '-0.0000001',
    '0.1',
    '5',
  ])
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const text = plainDecimal(value)
      assert.match(text, /^-?\d+(\.\d+)?$/)
      assert.ok(Object.is(Number(text), value))
    }),
  )
})
