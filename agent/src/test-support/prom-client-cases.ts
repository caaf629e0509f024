/**
 * The same calls for prom-client and for the drop-in. A case answers with a value, or throws; both must do the same.
 *
 * - `client` is whichever is asked; its global registry is empty when a case begins.
 * - One list, longer than a file should be: a case is read on its own.
 * - DIFFERENCES are those that are meant: what each answers, and why. docs/guide/from-prom-client.md lists the reasons.
 */
import type real from 'prom-client'

export type Client = typeof real
export type Case = { readonly why: string; readonly run: (client: Client) => unknown }
export type Difference = Case & { readonly theirs: unknown; readonly ours: unknown; readonly reason: string }

/** A page with its labels in one order: what a parser sees. */
export function canonical(page: string): string {
  return page.replace(/\{([^}]*)\}/g, (_all, labels: string) => {
    const parts = labels.match(/[a-zA-Z_]\w*="(?:[^"\\]|\\.)*"/g) ?? []
    return `{${parts.sort().join(',')}}`
  })
}

const pageOf = async (client: Client): Promise<string> => canonical(await client.register.metrics())
const help = 'Help.'

/** What callers hand over without types. */
// biome-ignore lint/suspicious/noExplicitAny: the point of these cases is what the types would refuse.
const any = (value: unknown): any => value

const openMetrics = (client: Client): InstanceType<Client['Registry']> =>
  new (any(client.Registry))(client.Registry.OPENMETRICS_CONTENT_TYPE)

export const CASES: readonly Case[] = [
  {
    why: 'counters without labels begin at zero, with labels at the first inc',
    async run(client) {
      const one = new client.Counter({ name: 'one', help })
      const two = new client.Counter({ name: 'two', help, labelNames: ['a', 'b'] })
      const first = await pageOf(client)
      one.inc()
      one.inc(2.5)
      one.inc(0)
      two.inc({ a: 'x' })
      two.inc({ b: 'y', a: 'x' }, 4)
      two.labels('p', 'q').inc()
      two.labels({ a: 'p', b: 'q' }).inc(3)
      two.labels({}).inc()
      return [first, await pageOf(client), await two.get()]
    },
  },
  {
    why: 'a counter refuses to fall and what is no number',
    async run(client) {
      const counter = new client.Counter({ name: 'c', help, labelNames: ['a'] })
      const refused = [
        () => counter.inc(-1),
        () => counter.inc({ a: 'x' }, -1),
        () => counter.inc({ a: 'x' }, Infinity),
        () => counter.inc({ a: 'x' }, any('7')),
        () => counter.inc(any({ z: 'x' })),
        () => counter.labels('x', 'y'),
        () => counter.labels(),
        () => counter.labels({ a: 'x' }).inc(-2),
        () => counter.labels('x').inc(any(true)),
        () => counter.remove('x', 'y'),
        () => counter.remove(any({ z: '1' })),
      ].map(messageOf)
      return [refused, await pageOf(client)]
    },
  },
  {
    why: 'a counter removes and resets',
    async run(client) {
      const counter = new client.Counter({ name: 'c', help, labelNames: ['a'] })
      const child = counter.labels('x')
      child.inc(5)
      counter.inc({ a: 'y' })
      counter.remove('x')
      counter.remove('never')
      const removed = await pageOf(client)
      child.inc()
      const again = await pageOf(client)
      counter.reset()
      const empty = await pageOf(client)
      child.inc(2)
      counter.remove({ a: 'x' })
      const plain = new client.Counter({ name: 'plain', help })
      plain.inc(3)
      plain.reset()
      return [removed, again, empty, await pageOf(client)]
    },
  },
  {
    why: 'a gauge goes up, down and anywhere',
    async run(client) {
      const gauge = new client.Gauge({ name: 'g', help, labelNames: ['a'] })
      const plain = new client.Gauge({ name: 'plain', help })
      plain.set(3)
      plain.inc()
      plain.inc(0.5)
      plain.dec()
      plain.dec(10)
      gauge.set({ a: 'x' }, -0)
      gauge.set({ a: 'inf' }, Infinity)
      gauge.set({ a: 'neg' }, -Infinity)
      gauge.inc({ a: 'y' })
      gauge.dec({ a: 'y' }, 4)
      const child = gauge.labels('z')
      child.set(8)
      child.inc()
      child.inc(2)
      child.dec()
      child.dec(0.25)
      gauge.set(5)
      return [await pageOf(client), await gauge.get(), await plain.get()]
    },
  },
  {
    why: 'a gauge refuses what is no number',
    run(client) {
      const gauge = new client.Gauge({ name: 'g', help, labelNames: ['a'] })
      return [
        () => gauge.set(any('7')),
        () => gauge.set(any(null)),
        () => gauge.set(any(undefined)),
        () => gauge.set({ a: 'x' }, any('7')),
        () => gauge.set(any({ z: 'x' }), 1),
        () => gauge.inc(any('x')),
        () => gauge.inc(any(null)),
        () => gauge.dec({ a: 'x' }, any({})),
        () => gauge.labels('x').set(any('x')),
        () => gauge.labels('x').inc(any('x')),
        () => gauge.labels(any({ z: '1' })),
      ].map(messageOf)
    },
  },
  {
    why: 'time: set to now, and timers',
    async run(client) {
      const gauge = new client.Gauge({ name: 'g', help, labelNames: ['a'] })
      gauge.setToCurrentTime({ a: 'now' })
      gauge.labels('child').setToCurrentTime()
      const stopped = gauge.startTimer({ a: 'timer' })()
      const child = gauge.labels('t2').startTimer()()
      const histogram = new client.Histogram({ name: 'h', help, labelNames: ['a', 'b'] })
      const seconds = histogram.startTimer({ a: 'x' })({ b: 'y' })
      const summary = new client.Summary({ name: 's', help, labelNames: ['a'] })
      const waited = summary.startTimer({ a: 'x' })()
      const { values } = await gauge.get()
      const now = Date.now() / 1000
      return [
        [stopped, child, seconds, waited].map((one) => one >= 0 && one < 1),
        values.map(({ labels, value }) => [labels, Math.abs(value - now) < 5 || value < 1]),
        (await histogram.get()).values.filter((one) => one.metricName === 'h_count'),
      ]
    },
  },
  {
    why: 'a histogram counts into its buckets',
    async run(client) {
      const histogram = new client.Histogram({ name: 'h', help, labelNames: ['a'], buckets: [0.1, 1, 10] })
      for (const value of [0, 0.1, 0.100001, 1, 10, 11, -3]) histogram.observe({ a: 'x' }, value)
      histogram.labels('y').observe(0.5)
      histogram.zero({ a: 'z' })
      histogram.observe(3)
      return [await pageOf(client), await histogram.get()]
    },
  },
  {
    why: 'the default buckets; a histogram without labels begins at zero; reset forgets it',
    async run(client) {
      const histogram = new client.Histogram({ name: 'h', help })
      const first = await pageOf(client)
      histogram.observe(0.3)
      histogram.observe(0)
      histogram.observe(any(undefined), 2)
      const second = await pageOf(client)
      histogram.reset()
      const third = await pageOf(client)
      histogram.observe(7)
      return [first, second, third, await pageOf(client)]
    },
  },
  {
    why: 'a histogram refuses what is no number and reserved labels',
    run(client) {
      const histogram = new client.Histogram({ name: 'h', help, labelNames: ['a'] })
      return [
        () => histogram.observe(any('1')),
        () => histogram.observe(any(undefined)),
        () => histogram.observe(Number.NaN),
        () => histogram.observe({ a: 'x' }, Number.NaN),
        () => histogram.observe({ a: 'x' }, Infinity),
        () => histogram.observe(any({ z: 'x' }), 1),
        () => histogram.labels('x').observe(any('1')),
        () => new client.Histogram({ name: 'h2', help, labelNames: ['le'] }),
        () => new client.Summary({ name: 's2', help, labelNames: ['quantile'] }),
      ].map(messageOf)
    },
  },
  {
    why: 'a histogram removes',
    async run(client) {
      const histogram = new client.Histogram({ name: 'h', help, labelNames: ['a'], buckets: [1] })
      const child = histogram.labels('x')
      child.observe(2)
      histogram.observe({ a: 'y' }, 1)
      histogram.remove('x')
      const removed = await pageOf(client)
      child.observe(0.5)
      histogram.remove({ a: 'y' })
      return [removed, await pageOf(client)]
    },
  },
  {
    why: 'a summary counts and sums; its quantiles of one value are that value',
    async run(client) {
      const summary = new client.Summary({ name: 's', help, labelNames: ['a'], percentiles: [0.5, 0.99] })
      summary.observe({ a: 'x' }, 4)
      summary.labels('y').observe(8)
      const plain = new client.Summary({ name: 'plain', help })
      const empty = await plain.get()
      plain.observe(3)
      plain.observe(0)
      plain.reset()
      summary.remove('y')
      return [await pageOf(client), empty]
    },
  },
  {
    why: 'a summary refuses what is no number',
    run(client) {
      const summary = new client.Summary({ name: 's', help, labelNames: ['a'] })
      return [
        () => summary.observe({ a: 'x' }, Number.NaN),
        () => summary.observe({ a: 'x' }, Infinity),
        () => summary.observe(any({ z: 'x' }), 1),
        () => summary.labels('x').observe(any('1')),
        () => summary.labels('x', 'y'),
      ].map(messageOf)
    },
  },
  {
    why: 'declarations that are refused',
    run: (client) =>
      [
        {},
        { name: 'x' },
        { help },
        { name: '', help },
        { name: '9x', help },
        { name: 'a-b', help },
        { name: 'x', help, labelNames: ['9'] },
        { name: 'x', help, labelNames: ['a-b'] },
        { name: 'x', help, collect: 5 },
        undefined,
        'x',
      ].map((config) => messageOf(() => new client.Gauge(any(config)))),
  },
  {
    why: 'a name is taken once a registry',
    run(client) {
      const registry = new client.Registry()
      const make = (registers?: unknown) => () => new client.Counter({ name: 'c', help, registers: any(registers) })
      return [make(), make(), make([registry]), make([registry]), make([]), make(undefined)].map(messageOf)
    },
  },
  {
    why: 'registries give pages, metrics and JSON of their own',
    async run(client) {
      const registry = new client.Registry()
      const gauge = new client.Gauge({ name: 'g', help, registers: [registry, client.register] })
      const counter = new client.Counter({ name: 'c', help, registers: [registry] })
      gauge.set(4)
      counter.inc()
      registry.setDefaultLabels({ app: 'shop', zone: 'b' })
      const json = await registry.getMetricsAsJSON()
      const single = await registry.getSingleMetricAsString('g')
      const had = [registry.getSingleMetric('g') === gauge, registry.getSingleMetric('none')]
      const names = registry.getMetricsAsArray().map(({ name }) => name)
      registry.removeSingleMetric('g')
      const rest = canonical(await registry.metrics())
      registry.resetMetrics()
      const reset = canonical(await registry.metrics())
      registry.clear()
      return [json, single, had, names, rest, reset, await registry.metrics()]
    },
  },
  {
    why: 'default labels stand behind a series own, on buckets and summaries too',
    async run(client) {
      client.register.setDefaultLabels({ app: 'shop', a: 'default' })
      new client.Counter({ name: 'c', help, labelNames: ['a'] }).inc({ a: 'own' })
      new client.Gauge({ name: 'g', help, labelNames: ['b'] }).set({ b: '1' }, 2)
      new client.Histogram({ name: 'h', help, labelNames: ['a'], buckets: [1] }).observe({ a: 'own' }, 1)
      new client.Histogram({ name: 'h0', help, buckets: [1] }).observe(1)
      new client.Summary({ name: 's', help, percentiles: [0.5] }).observe(1)
      return await pageOf(client)
    },
  },
  {
    why: 'labels and help are escaped; values that are no text keep their type in JSON',
    async run(client) {
      const counter = new client.Counter({ name: 'c', help: 'a\\b\n"c"', labelNames: ['a', 'b'] })
      counter.inc({ a: 'x"y\\z\nw', b: 200 })
      counter.inc({ a: 'ä☃', b: any(true) })
      return [await pageOf(client), await counter.get()]
    },
  },
  {
    why: 'OpenMetrics: _total, # EOF, exemplars',
    async run(client) {
      const registry = openMetrics(client)
      const registers = any([registry])
      const counter = new client.Counter(
        any({ name: 'c_total', help, labelNames: ['a'], registers, enableExemplars: true }),
      )
      counter.inc({ labels: { a: 'x' }, value: 2, exemplarLabels: { trace_id: '4bf9"' } })
      counter.inc({ labels: { a: 'y' } })
      const histogram = new client.Histogram({ name: 'h', help, registers, buckets: [1, 2], enableExemplars: true })
      histogram.observe({ value: 1.5, exemplarLabels: { trace_id: '1' } })
      histogram.observe({ value: 9, exemplarLabels: { trace_id: '2' } })
      histogram.observe({ value: 0.5 })
      new client.Counter({ name: 'plain', help, registers }).inc()
      const page = canonical(await registry.metrics()).replace(/ \d{10}(\.\d+)?$/gm, ' TIME')
      const tooLong = messageOf(() => counter.inc({ labels: { a: 'x' }, exemplarLabels: { t: 'x'.repeat(128) } }))
      const wrongKind = messageOf(() => new client.Counter({ name: 'e', help, enableExemplars: true }))
      return [page, tooLong, wrongKind, registry.contentType]
    },
  },
  {
    why: 'content types',
    run: (client) => [
      client.contentType,
      client.prometheusContentType,
      client.openMetricsContentType,
      messageOf(() => new (any(client.Registry))('text/html')),
      messageOf(() => client.register.setContentType(any('text/html'))),
    ],
  },
  {
    why: 'collect functions are asked for a page, in order or not, and may fail',
    async run(client) {
      const seen: unknown[] = []
      new client.Gauge({
        name: 'g',
        help,
        collect() {
          seen.push(this instanceof client.Gauge)
          this.set(42)
        },
      })
      new client.Counter({
        name: 'c',
        help,
        async collect() {
          await Promise.resolve()
          this.inc(2)
        },
      })
      const page = await pageOf(client)
      new client.Gauge({
        name: 'bad',
        help,
        collect() {
          throw new Error('no luck')
        },
      })
      const failed = await client.register.metrics().then(
        () => 'page',
        (cause: Error) => cause.message,
      )
      return [page, seen, failed]
    },
  },
  {
    why: 'merged registries',
    async run(client) {
      const one = new client.Registry()
      const two = new client.Registry()
      new client.Counter({ name: 'c1', help, registers: [one] }).inc()
      new client.Counter({ name: 'c2', help, registers: [two] }).inc(2)
      const merged = canonical(await client.Registry.merge([one, two]).metrics())
      const other = openMetrics(client)
      new client.Counter({ name: 'c2', help, registers: [one] })
      return [
        merged,
        messageOf(() => client.Registry.merge(any([one, other]))),
        messageOf(() => client.Registry.merge([one, two])),
      ]
    },
  },
  {
    why: 'JSON of several processes is joined by each metric’s aggregator',
    async run(client) {
      const told = async (factor: number): Promise<never> => {
        const registry = new client.Registry()
        for (const aggregator of ['sum', 'first', 'min', 'max', 'average', 'omit'] as const) {
          const config = { name: aggregator, help, labelNames: ['a'], aggregator, registers: [registry] }
          new client.Gauge(config).set({ a: 'x' }, 3 * factor)
        }
        new client.Histogram({ name: 'h', help, buckets: [1], registers: [registry] }).observe(factor)
        new client.Counter({ name: 'c', help, registers: [registry] }).inc(factor)
        return (await registry.getMetricsAsJSON()) as never
      }
      const joined = client.AggregatorRegistry.aggregate([await told(1), await told(5)])
      return [
        canonical(await joined.metrics()),
        messageOf(() => client.AggregatorRegistry.setRegistries(any([{}]))),
        messageOf(() => client.AggregatorRegistry.setRegistries(client.register)),
        Object.keys(any(client).aggregators),
      ]
    },
  },
  {
    why: 'bounds of histograms in steps',
    run: (client) => [
      client.linearBuckets(0, 0.1, 7),
      client.exponentialBuckets(0.001, 1.7, 9),
      messageOf(() => client.linearBuckets(0, 1, 0)),
      messageOf(() => client.exponentialBuckets(0, 2, 3)),
      messageOf(() => client.exponentialBuckets(1, 2, 0)),
      messageOf(() => client.exponentialBuckets(1, 1, 3)),
    ],
  },
  {
    why: 'what collectDefaultMetrics takes and refuses',
    run(client) {
      const registry = new client.Registry()
      const names = (): string[] => registry.getMetricsAsArray().map(({ name }) => name)
      client.collectDefaultMetrics({ register: registry, prefix: 'app_' })
      return [
        names().sort(),
        messageOf(() => client.collectDefaultMetrics({ register: registry, prefix: 'app_' })),
        messageOf(() => client.collectDefaultMetrics(any('x'))),
        [...client.collectDefaultMetrics.metricsList].sort(),
      ]
    },
  },
  {
    why: 'a child may be taken apart',
    async run(client) {
      const { inc } = new client.Counter({ name: 'c', help, labelNames: ['a'] }).labels('x')
      inc()
      inc(2)
      const { set, dec } = new client.Gauge({ name: 'g', help, labelNames: ['a'] }).labels('x')
      set(9)
      dec()
      const { observe } = new client.Histogram({ name: 'h', help, labelNames: ['a'] }).labels('x')
      for (const value of [1, 2]) observe(value)
      return await pageOf(client)
    },
  },
  {
    why: 'metrics tell what they are',
    run(client) {
      const counter = new client.Counter({ name: 'c', help, labelNames: ['a', 'b'], aggregator: 'max' })
      const { name, labelNames, aggregator, type } = any(counter)
      class Own extends client.Gauge {}
      return [name, help, labelNames, aggregator, type, new Own({ name: 'own', help }) instanceof client.Gauge]
    },
  },
]

export const DIFFERENCES: readonly Difference[] = [
  {
    why: 'NaN added to a counter',
    reason: 'A counter that has become NaN stays NaN for ever; the value is left out instead.',
    async run(client) {
      const counter = new client.Counter({ name: 'c', help })
      counter.inc(4)
      counter.inc(Number.NaN)
      return (await counter.get()).values[0]?.value
    },
    theirs: Number.NaN,
    ours: 4,
  },
  {
    why: 'NaN on a page',
    reason: 'Both formats write it NaN.',
    async run(client) {
      new client.Gauge({ name: 'g', help }).set(Number.NaN)
      return (await client.register.metrics()).split('\n').at(-2)
    },
    theirs: 'g Nan',
    ours: 'g NaN',
  },
  {
    why: 'what inc answers',
    reason: 'An object for each call is garbage that nobody reads.',
    run: (client) => new client.Counter({ name: 'c', help }).inc(),
    theirs: { labelHash: '' },
    ours: undefined,
  },
  {
    why: 'an empty label and an absent one',
    reason: 'They are one series to Prometheus, which refuses a page that has both.',
    async run(client) {
      const counter = new client.Counter({ name: 'c', help, labelNames: ['a'] })
      counter.inc({ a: '' })
      counter.inc({})
      counter.inc({ a: any(undefined) })
      return (await client.register.metrics()).split('\n').slice(2, -1)
    },
    theirs: ['c{a=""} 1', 'c 2'],
    ours: ['c 3'],
  },
  {
    why: 'bounds out of order, twice, or infinite',
    reason: 'Such a page cannot be read; the bounds are put in order.',
    async run(client) {
      const histogram = new client.Histogram({ name: 'h', help, buckets: [5, 1, 1, Infinity] })
      histogram.observe(3)
      return (await client.register.metrics()).split('\n').filter((line) => line.startsWith('h_bucket'))
    },
    theirs: [
      'h_bucket{le="5"} 1',
      'h_bucket{le="1"} 1',
      'h_bucket{le="1"} 1',
      'h_bucket{le="Infinity"} 1',
      'h_bucket{le="+Inf"} 1',
    ],
    ours: ['h_bucket{le="1"} 0', 'h_bucket{le="5"} 1', 'h_bucket{le="+Inf"} 1'],
  },
  {
    why: 'a metric that was removed from its registries',
    reason: 'Its place is given back at once; what it records afterwards begins anew.',
    async run(client) {
      const counter = new client.Counter({ name: 'c', help })
      counter.inc(4)
      client.register.clear()
      counter.inc()
      return (await counter.get()).values[0]?.value
    },
    theirs: 5,
    ours: 1,
  },
  {
    why: 'a refused histogram',
    reason: 'What was refused is registered nowhere, so that it can be declared rightly.',
    run(client) {
      messageOf(() => new client.Histogram({ name: 'h', help, labelNames: ['le'] }))
      return client.register.getSingleMetric('h') !== undefined
    },
    theirs: true,
    ours: false,
  },
  {
    why: 'a summary that is given a text',
    reason: 'It is no number; there its letters are taken for labels.',
    run: (client) => messageOf(() => new client.Summary({ name: 's', help, labelNames: ['a'] }).observe(any('1'))),
    theirs: `Error: Added label "0" is not included in initial labelset: [ 'a' ]`,
    ours: 'TypeError: Value is not a valid number: 1',
  },
  {
    why: 'default labels after getMetricsAsJSON',
    reason: 'There they are written into the metric, which then shows them in other registries too.',
    async run(client) {
      const registry = new client.Registry()
      new client.Gauge({ name: 'g', help, registers: [registry, client.register] }).set(4)
      registry.setDefaultLabels({ app: 'shop' })
      await registry.getMetricsAsJSON()
      return (await client.register.metrics()).split('\n').at(-2)
    },
    theirs: 'g{app="shop"} 4',
    ours: 'g 4',
  },
  {
    why: 'the Pushgateway',
    reason: 'Left out: the name is there, so that a service that only imports it goes on.',
    run: (client) => messageOf(() => new client.Pushgateway('http://127.0.0.1:9091')),
    theirs: undefined,
    ours: 'Error: ASSAY_AGENT_PUSHGATEWAY: the drop-in cannot push; keep prom-client for this, or have the job scraped while it runs',
  },
]

/** What a call throws, as `Name: message`. */
export function messageOf(call: () => unknown): string | undefined {
  try {
    call()
    return undefined
  } catch (cause) {
    return String(cause)
  }
}
