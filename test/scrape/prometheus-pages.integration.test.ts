/**
 * The same pages, the same `prometheus.yml`: a real Prometheus and we scrape them side by side, and hold the same series.
 *
 * A difference that is meant stands in the table with its reason.
 */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { bucketsOf, formatValue, isStaleAt, matcher, type NativeHistogram, silentLog, systemClock, unixMs } from '#core'
import { parsePrometheusConfig } from '#model'
import { createScraper, discover } from '#scrape'
import { ExemplarStore, MetadataStore, memoryStore } from '#storage'
import { encodeFamilies } from '../../src/scrape/encode-families.test-support.ts'
import { peersMissing, startPrometheus } from '../support/prometheus3.ts'

type Case = {
  readonly why: string
  readonly body: string | Buffer
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly status?: number
  /** More keys of the job. */
  readonly job?: string
  /** Names that are not compared, and why stands in `why`. */
  readonly without?: readonly string[]
}

const TEXT = 'text/plain; version=0.0.4'
const OPEN = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
const PROTO = 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'
const KEEP = 'metric_relabel_configs:\n      - { source_labels: [__name__], regex: "go_.*", action: drop }'
const native: NativeHistogram = {
  schema: 2,
  zeroThreshold: 0.001,
  zeroCount: 2,
  count: 17,
  sum: 100.5,
  positive: { indices: Int32Array.of(-3, 0, 1, 2, 7, 12), counts: Float64Array.of(1, 4, 1, 1, 1, 4) },
  negative: { indices: Int32Array.of(2), counts: Float64Array.of(3) },
  customBounds: new Float64Array(0),
  resetHint: 'unknown',
  isInteger: true,
}
const buckets = [
  { bound: 0.5, count: 3 },
  { bound: 1, count: 7 },
  { bound: 2e6, count: 9 },
]
const MIXED = encodeFamilies([
  {
    name: 'h',
    type: 'histogram',
    help: 'x',
    metrics: [{ labels: { a: 'b' }, count: 17, sum: 100.5, native, buckets }],
  },
  {
    name: 'g',
    type: 'gaugehistogram',
    metrics: [{ native: { ...native, isInteger: false, count: 17.5, zeroCount: 2.5 } }],
  },
  {
    name: 'k',
    type: 'histogram',
    metrics: [
      { count: 9, sum: 1, buckets },
      { labels: { f: 'g' }, count: 9.5, sum: 1, buckets, floatCounts: true },
    ],
  },
  {
    name: 's',
    type: 'summary',
    metrics: [
      {
        count: 2,
        sum: 3,
        quantiles: [
          [0.5, 1],
          [1, 2],
        ],
      },
      {},
    ],
  },
  { name: 'c_total', type: 'counter', metrics: [{ value: 1 }, { labels: { 'x.y': 'ä"\\\n' }, value: 2 }] },
  { name: 'u', type: 'untyped', metrics: [{ value: Infinity }] },
])
const HISTOGRAM = `# TYPE h histogram
h_bucket{a="1",le="0.5"} 1
h_bucket{a="1",le="1"} 3
h_bucket{a="1",le="1e6"} 3
h_bucket{a="1",le="+Inf"} 4
h_sum{a="1"} 2.5
h_count{a="1"} 4
h_bucket{a="2",le="+Inf"} 0.5
h_count{a="2"} 0.5
# TYPE s summary
s{quantile="0.5"} 1
s{quantile="1"} 1
other{le="1",quantile="2"} 1
`

const COUNT = ['scrape_samples_scraped']

const CASES: readonly Case[] = [
  { why: 'plain text', body: 'a 1\nb{c="d"} 2\n# HELP x y\n' },
  { why: 'bounds and quantiles are spelled anew', body: HISTOGRAM },
  { why: 'the same in OpenMetrics', type: OPEN, body: `${HISTOGRAM.replace('# TYPE s', '# TYPE s')}# EOF\n` },
  {
    why: 'numbers',
    body: 'a NaN\nb +Inf\nc -inf\nd 1e3\ne .5\nf 5.\ng -0\nh 4.9e-324\ni 1.7976931348623157e308\nj 0.1\n',
  },
  { why: 'a hexadecimal number', body: 'a 0x10\n' },
  { why: 'a number with an underscore', body: 'a 1_000\n' },
  { why: 'a number that overflows', body: 'a 1e999\n' },
  { why: 'blanks and tabs', body: 'a { b = "c" , d="e" , }\t1  \nb{}\t2\n\n  \nc{d="e"}3\n' },
  {
    why: 'a blank before the name, which Prometheus takes for a part of it',
    body: ' a{b="c"} 1\n',
    without: ['a', ' a'],
  },
  { why: 'escapes', body: 'a{b="x\\\\y\\"z\\n\\t"} 1\n' },
  { why: 'a line break in a value', body: 'a{b="x\ny"} 1\n' },
  { why: 'quoted names', body: '{"my.metric","a.b"="c"} 1\n{"x"} 2\n{a="b","y"} 3\n' },
  { why: 'two names', body: 'a{"b"} 1\n' },
  { why: 'no name', body: '{a="b"} 1\n' },
  { why: 'an empty quoted name: Prometheus counts the sample it refuses', body: '{""} 1\n', without: COUNT },
  { why: 'a label twice: the same', body: 'a{b="c",b="d"} 1\n', without: COUNT },
  { why: 'an empty label', body: 'a{b=""} 1\n' },
  { why: 'a label name that begins with a digit', body: 'ok 1\na{1b="c"} 1\n' },
  { why: 'a series twice', body: 'a 1\na 2\nb 1\n' },
  { why: 'a series in two spellings', body: 'a{b="c",d="e"} 1\na{d="e",b="c"} 2\n' },
  { why: 'a wrong line in the middle', body: 'a 1\nb 2\nc{ 3\nd 4\n' },
  { why: 'CR LF', body: 'a 1\r\nb 2\r\n' },
  { why: 'no line break at the end', body: 'a 1\nb 2' },
  { why: 'comments of all kinds', body: '#\n# \n# HELP\n# x y\n#HELP a b\n# TYPE\na 1\n' },
  { why: 'an unknown type', body: '# TYPE a thing\na 1\n' },
  { why: 'a type without a word', body: '# TYPE a\na 1\n' },
  { why: 'an instant of its own', body: `a 1 ${Date.now() - 1000}\nb 2\n` },
  { why: 'an instant that is ignored', body: 'a 1 5\n', job: 'honor_timestamps: false' },
  { why: 'an instant far ahead', body: `a 1 ${Date.now() + 3_600_000}\nb 2\n` },
  { why: 'an instant with a fraction', body: 'a 1 1.5\n' },
  { why: 'a negative instant', body: 'a 1 -5\n' },
  { why: 'an exemplar in text', body: 'a 1 # {b="c"} 1\n' },
  {
    why: 'OpenMetrics with everything',
    type: OPEN,
    body: '# HELP a x\\"y\n# TYPE a_s counter\n# UNIT a_s s\na_s_total 1 # {t="x"} 0.5 1.5\na_s_created 5\n# TYPE i info\ni_info{v="1"} 1\n# TYPE st stateset\nst{st="on"} 1\n# TYPE gh gaugehistogram\ngh_bucket{le="1"} 1\ngh_gsum 1\ngh_gcount 1\n# EOF\n',
  },
  { why: 'OpenMetrics without its end', type: OPEN, body: 'a 1\n' },
  { why: 'OpenMetrics with more behind its end', type: OPEN, body: 'a 1\n# EOF\nb 1\n' },
  { why: 'OpenMetrics with a comment', type: OPEN, body: '# hello\na 1\n# EOF\n' },
  { why: 'OpenMetrics with an empty line', type: OPEN, body: 'a 1\n\n# EOF\n' },
  { why: 'OpenMetrics with blanks', type: OPEN, body: 'a{b="c", d="e"} 1\n# EOF\n' },
  { why: 'OpenMetrics with two blanks', type: OPEN, body: 'a  1\n# EOF\n' },
  { why: 'OpenMetrics with a wrong unit', type: OPEN, body: '# TYPE a counter\n# UNIT a seconds\na_total 1\n# EOF\n' },
  { why: 'OpenMetrics with quoted names', type: OPEN, body: '# TYPE "m.n" gauge\n{"m.n","a.b"="c"} 1\n# EOF\n' },
  { why: 'an empty page', body: '' },
  { why: 'an empty page of OpenMetrics', type: OPEN, body: '' },
  { why: 'an end alone', type: OPEN, body: '# EOF\n' },
  { why: 'a page packed by gzip', body: gzipSync('a 1\n'), headers: { 'content-encoding': 'gzip' } },
  { why: 'a page of another type', type: 'text/html', body: 'a 1\n' },
  {
    why: 'a page of another type with a fallback',
    type: 'text/html',
    body: 'a 1\n',
    job: 'fallback_scrape_protocol: PrometheusText0.0.4',
  },
  {
    why: 'a fallback that does not fit',
    type: '',
    body: 'a 1\n',
    job: 'fallback_scrape_protocol: OpenMetricsText1.0.0',
  },
  { why: 'a type of text without a version', type: 'text/plain', body: 'a 1\n' },
  { why: 'a status', status: 500, body: 'a 1\n' },
  { why: 'the status of nothing', status: 204, body: '' },
  { why: 'the sample limit', body: 'a 1\nb 2\nc 3\n', job: 'sample_limit: 2' },
  { why: 'the sample limit after relabelling', body: 'a 1\nb 2\ngo_c 3\n', job: `sample_limit: 2\n    ${KEEP}` },
  { why: 'the label limit', body: 'a{b="c",d="e"} 1\n', job: 'label_limit: 4' },
  { why: 'the label limit, kept', body: 'a{b="c"} 1\n', job: 'label_limit: 4' },
  { why: 'the length of names', body: 'ok 1\na{longer_name="c"} 1\n', job: 'label_name_length_limit: 9' },
  { why: 'the length of values', body: 'a{b="123456789"} 1\n', job: 'label_value_length_limit: 30' },
  { why: 'the size limit, exactly', body: 'a 1\n', job: 'body_size_limit: 4B' },
  { why: 'the size limit, kept', body: 'a 1\n', job: 'body_size_limit: 5B' },
  { why: 'labels in conflict', body: 'a{job="x",instance="y",exported_job="z"} 1\n' },
  { why: 'labels honoured', body: 'a{job="x",instance="",b="c"} 1\n', job: 'honor_labels: true', without: ['a'] },
  {
    why: 'legacy names',
    body: '{"a.b"} 1\n',
    job: 'metric_name_validation_scheme: legacy\n    metric_name_escaping_scheme: underscores',
  },
  {
    why: 'relabelling of every kind',
    body: 'a{b="Ab",c="Ab",x_y="1",drop_me="2"} 1\nb{b="other",c="z"} 2\n',
    job: `metric_relabel_configs:
      - { source_labels: [b], action: lowercase, target_label: low }
      - { source_labels: [b], action: uppercase, target_label: up }
      - { source_labels: [b, c], separator: '-', regex: '(\\w+)-(?P<two>\\w+)', target_label: both, replacement: '\${two}_$1_$3' }
      - { regex: 'x_(.+)', action: labelmap, replacement: 'mapped_$1' }
      - { regex: 'drop_.*', action: labeldrop }
      - { source_labels: [b], action: hashmod, modulus: 1000, target_label: shard }
      - { source_labels: [b], action: keepequal, target_label: c }`,
  },
  {
    why: 'relabelling that takes the name away',
    body: 'a 1\n',
    job: 'metric_relabel_configs:\n      - { regex: __name__, action: labeldrop }',
  },
  { why: 'protobuf, classic histograms alone', type: PROTO, body: MIXED },
  { why: 'protobuf with native histograms', type: PROTO, body: MIXED, job: 'scrape_protocols: [PrometheusProto]' },
  { why: 'protobuf with both', type: PROTO, body: MIXED, job: 'always_scrape_classic_histograms: true' },
  { why: 'protobuf converted', type: PROTO, body: MIXED, job: 'convert_classic_histograms_to_nhcb: true' },
  {
    why: 'protobuf converted and kept',
    type: PROTO,
    body: MIXED,
    job: 'convert_classic_histograms_to_nhcb: true\n    always_scrape_classic_histograms: true',
  },
  { why: 'protobuf with fewer buckets', type: PROTO, body: MIXED, job: 'native_histogram_bucket_limit: 4' },
  { why: 'protobuf with wider buckets', type: PROTO, body: MIXED, job: 'native_histogram_min_bucket_factor: 1.9' },
  { why: 'protobuf cut off', type: PROTO, body: MIXED.subarray(0, -5) },
  { why: 'text converted', body: HISTOGRAM, job: 'convert_classic_histograms_to_nhcb: true' },
  {
    why: 'text converted and kept',
    body: HISTOGRAM,
    job: 'convert_classic_histograms_to_nhcb: true\n    always_scrape_classic_histograms: true',
  },
  {
    why: 'a histogram that does not add up, converted',
    body: '# TYPE h histogram\nh_bucket{le="1"} 3\nh_bucket{le="2"} 2\nh_count 4\n',
    job: 'convert_classic_histograms_to_nhcb: true',
  },
]

const NOT_COMPARED = ['scrape_duration_seconds']

test('a real Prometheus and we hold the same series of the same pages', { skip: await peersMissing() }, async () => {
  await using owned = new AsyncDisposableStack()
  const address = owned.use(await serving())
  const yaml = (native: boolean) => `global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
${CASES.map(
  ({ job = '' }, i) => `  - job_name: 'case${i}'
    metrics_path: /${i}
    static_configs: [{ targets: ['${address.at}'] }]
    ${native ? '' : 'scrape_native_histograms: true\n    '}${job}
`,
).join('')}`
  // Prometheus 3.5 has no key for native histograms yet, but a flag; assay has the key of 3.14.
  const prometheus = owned.use(
    await startPrometheus({ config: yaml(true), features: ['native-histograms', 'extra-scrape-metrics'] }),
  )
  const store = memoryStore()
  const scraper = owned.use(
    createScraper({
      clock: systemClock,
      log: silentLog,
      store,
      metadata: new MetadataStore(),
      features: new Set(['extra-scrape-metrics']),
      exemplars: new ExemplarStore(),
    }),
  )
  owned.use(
    await discover(parsePrometheusConfig(yaml(false), 'prometheus.yml').scrapes, {
      clock: systemClock,
      log: silentLog,
      resolve: String,
      onChange: ({ targets }) => scraper.apply(targets),
    }),
  )
  const asked = async (promql: string) => {
    const response = await fetch(`${prometheus.url}/api/v1/query?${new URLSearchParams({ query: promql })}`)
    return ((await response.json()) as { data: { result: Result[] } }).data.result
  }
  for (let turn = 0; ; turn++) {
    const done = (await asked('count(count_over_time(up[1h]) >= 3)'))[0]?.value?.[1] === String(CASES.length)
    if (done && scraper.status().every(({ lastScrape }) => lastScrape !== undefined) && turn > 6) break
    assert.ok(turn < 60, 'not everything was scraped in time')
    await systemClock.sleep(500)
  }
  const differencesOf = async (i: number): Promise<readonly string[]> => {
    const { why, without = [] } = CASES[i]!
    const job = `case${i}`
    const omitted = [...NOT_COMPARED, ...without]
    const theirs = (await asked(`{job="${job}"}`)).map(shownTheirs)
    const now = systemClock.now()
    using querier = store.querier(unixMs(now - 300_000), unixMs(now + 7_200_000))
    const ours = querier.select([matcher('job', '=', job)]).flatMap(({ labels, samples }) => {
      const { values, histograms, count } = samples()
      if (isStaleAt(values, count - 1)) return []
      return [`${name(labels.toJSON())} ${shownOurs(values[count - 1]!, histograms?.[count - 1])}`]
    })
    const visible = (all: readonly string[]) =>
      all.filter((line) => !omitted.some((one) => line.startsWith(`{"__name__":"${one}"`))).toSorted()
    const [a, b] = [visible(ours), visible(theirs)]
    return [
      ...a.filter((line) => !b.includes(line)).map((line) => `${why}: only here: ${line}`),
      ...b.filter((line) => !a.includes(line)).map((line) => `${why}: only there: ${line}`),
    ]
  }
  // On a busy machine either may have been too slow for its last scrape: the next ones tell whether that was it.
  let pending = CASES.map((_, i) => i)
  let differences: string[] = []
  for (let round = 0; round < 10 && pending.length > 0; round++) {
    if (round > 0) await systemClock.sleep(1000)
    const left: number[] = []
    differences = []
    for (const i of pending) {
      const found = await differencesOf(i)
      if (found.length > 0) left.push(i)
      differences.push(...found)
    }
    pending = left
  }
  assert.deepEqual(differences, [])
})

type Result = {
  readonly metric: Record<string, string>
  readonly value?: readonly [number, string]
  readonly histogram?: readonly [
    number,
    {
      readonly count: string
      readonly sum: string
      readonly buckets?: readonly (readonly [number, string, string, string])[]
    },
  ]
}

function name(labels: Record<string, string>): string {
  const sorted = Object.entries(labels).toSorted(([a], [b]) =>
    a === '__name__' ? -1 : b === '__name__' ? 1 : a < b ? -1 : 1,
  )
  return JSON.stringify(Object.fromEntries(sorted))
}

function shownTheirs({ metric, value, histogram }: Result): string {
  if (histogram === undefined) return `${name(metric)} ${formatValue(numberOf(value![1]))}`
  const { count, sum, buckets: all = [] } = histogram[1]
  return `${name(metric)} ${count}/${sum} ${all.map(([, lower, upper, one]) => `${numberOf(lower)}..${numberOf(upper)}:${one}`).join(' ')}`
}

function shownOurs(value: number, histogram: NativeHistogram | undefined): string {
  if (histogram === undefined) return formatValue(value)
  const all = [...bucketsOf(histogram)].map(({ lower, upper, count }) => `${lower}..${upper}:${formatValue(count)}`)
  return `${formatValue(histogram.count)}/${formatValue(histogram.sum)} ${all.join(' ')}`
}

function numberOf(text: string): number {
  return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text)
}

async function serving(): Promise<AsyncDisposable & { readonly at: string }> {
  const server: Server = createServer((request, response) => {
    const { body, type = TEXT, headers = {}, status = 200 } = CASES[Number(request.url!.slice(1))]!
    response.writeHead(status, { ...(type === '' ? {} : { 'content-type': type }), ...headers }).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    at: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
