/**
 * Who keeps numbers: prom-client, OpenTelemetry's SDK, the drop-in, the agent's own metrics and its store. Each in a process of its own.
 *
 * A contender makes one metric with its series and gives what is measured: a page, recording with the series known, recording with labels.
 */
import type real from 'prom-client'
import { requirePeer } from './peers.ts'

export const CONTENDERS = ['prom-client', 'OpenTelemetry', 'drop-in', 'agent'] as const
export type Contender = (typeof CONTENDERS)[number]
export const METRICS = ['counter', 'histogram'] as const
export type MetricKind = (typeof METRICS)[number]
export type SeriesLabels = Readonly<Record<'route' | 'method' | 'status', string>>

export type Made = {
  /** Records into the series of that index, known since it was made. */
  recordKnown(index: number, value: number): void
  /** Records with the labels as an object. */
  recordLabels(labels: SeriesLabels, value: number): void
  /** The same into another metric of this kind, which is on the page too once it has a series. */
  recordOther(labels: SeriesLabels, value: number): void
  /** A whole page; its length in bytes. */
  page(): number | Promise<number>
  /** The same by a writer that keeps nothing of the page before. */
  coldPage(): number | Promise<number>
  /** Bytes that the process' own accounting does not show as heap. */
  sharedBytes(): number
}

/** OpenTelemetry's default boundaries in seconds: 14 buckets. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
const AGENT = Symbol.for('assay.agent.1')
const NAMES = ['route', 'method', 'status'] as const

const routes: string[] = []

/** 500 routes x 4 methods x 5 statuses; with more, more routes. A route is one text, as a router hands it out. */
export function labelsOf(index: number): SeriesLabels {
  const methods = ['GET', 'POST', 'PUT', 'DELETE']
  const statuses = ['200', '201', '400', '404', '500']
  return {
    route: (routes[Math.floor(index / 20)] ??= oneText(`/api/v1/things/${Math.floor(index / 20)}/:id`)),
    method: methods[index % 4]!,
    status: statuses[Math.floor(index / 4) % 5]!,
  }
}

/** The text itself: one that is put together is in pieces until it is used, which would show as memory given back. */
function oneText(text: string): string {
  return Object.keys({ [text]: 1 })[0]!
}

/** One label runs wild, as a raw path would. */
export function uniqueLabelsOf(index: number): SeriesLabels {
  return { route: `/orders/${(index * 2_654_435_761) % 4_294_967_296}`, method: 'GET', status: '200' }
}

export const FORMATS = ['text', 'openmetrics', 'protobuf'] as const
export type PageFormat = (typeof FORMATS)[number]

/** With `labels` made; there is room for `most` series. The agent alone has pages of more than one format. */
export async function make(
  who: Contender,
  kind: MetricKind,
  labels: readonly SeriesLabels[],
  { most = labels.length, format }: { readonly most?: number; readonly format?: PageFormat | undefined } = {},
): Promise<Made> {
  if (who === 'OpenTelemetry') return makeOtel(kind, labels, most)
  if (who === 'agent') return await makeAgent(kind, labels, most, format)
  if (who === 'drop-in') process.env['ASSAY_AGENT_MAX_SERIES'] = String(most)
  process.env['ASSAY_AGENT_LISTEN'] = '127.0.0.1:0'
  const client =
    who === 'prom-client'
      ? (requirePeer('prom-client') as typeof real)
      : ((await import('../../agent/src/prom-client/index.ts')).default as unknown as typeof real)
  const config = { name: 'bench_things', help: 'Things.', labelNames: NAMES }
  const otherConfig = { ...config, name: 'bench_others' }
  const page = async (): Promise<number> => (await client.register.metrics()).length
  if (kind === 'counter') {
    const counter = new client.Counter(config)
    const other = new client.Counter(otherConfig)
    const known = labels.map((one) => counter.labels(one))
    for (const one of known) one.inc()
    return {
      recordKnown: (index) => known[index]!.inc(),
      recordLabels: (one, value) => counter.inc(one, value),
      recordOther: (one, value) => other.inc(one, value),
      page,
      coldPage: page,
      sharedBytes,
    }
  }
  const histogram = new client.Histogram({ ...config, buckets: BOUNDS })
  const other = new client.Histogram({ ...otherConfig, buckets: BOUNDS })
  const known = labels.map((one) => histogram.labels(one))
  for (const one of known) one.observe(0.1)
  return {
    recordKnown: (index, value) => known[index]!.observe(value),
    recordLabels: (one, value) => histogram.observe(one, value),
    recordOther: (one, value) => other.observe(one, value),
    page,
    coldPage: page,
    sharedBytes,
  }
}

/** Of the agent that is loaded in this process, if one is. */
function sharedBytes(): number {
  const agent = (globalThis as { [AGENT]?: { readonly store: { readonly usedBytes: number } } })[AGENT]
  return agent?.store.usedBytes ?? 0
}

async function makeAgent(
  kind: MetricKind,
  labels: readonly SeriesLabels[],
  most: number,
  format: PageFormat = 'text',
): Promise<Made> {
  const { add, observe, Store } = await import('../../agent/src/store/index.ts')
  const { StorePages } = await import('../../agent/src/exposition/page.ts')
  const { OwnMetrics } = await import('../../agent/src/metrics/own-metrics.ts')
  const store = new Store()
  store.maxSeries = most
  const own = new OwnMetrics(store)
  const name = 'bench_things_total'
  const pages = new StorePages(store.shared)
  const declared = (as: string): ((one: SeriesLabels, value: number) => void) => {
    if (kind === 'counter') return own.counter(as, { help: 'Things.', labels: NAMES }).inc
    const { observe: observeAs } = own.histogram(as, { help: 'Things.', labels: NAMES, bounds: BOUNDS })
    return (one, value) => observeAs(value, one)
  }
  const recordLabels = declared(name)
  const family = [...store.families()].find((one) => one.name === name)!
  const slots = labels.map((one) => family.series(NAMES.map((label) => [label, one[label]] as const)))
  for (const slot of slots) {
    if (kind === 'counter') add(slot, 1)
    else observe(slot, 0.1)
  }
  return {
    recordKnown:
      kind === 'counter'
        ? (index, value) => add(slots[index]!, value)
        : (index, value) => observe(slots[index]!, value),
    recordLabels,
    recordOther: declared('bench_others_total'),
    page: () => pages.whole(format).length,
    coldPage: () => new StorePages(store.shared).whole(format).length,
    sharedBytes: () => store.usedBytes,
  }
}

type OtelInstrument = { add(value: number, labels: object): void; record(value: number, labels: object): void }

function makeOtel(kind: MetricKind, labels: readonly SeriesLabels[], most: number): Made {
  const { PrometheusExporter, PrometheusSerializer } = requirePeer('@opentelemetry/exporter-prometheus') as {
    PrometheusExporter: new (options: object) => { collect(): Promise<{ resourceMetrics: object }> }
    PrometheusSerializer: new () => { serialize(metrics: object): string }
  }
  const { MeterProvider } = requirePeer('@opentelemetry/sdk-metrics') as {
    MeterProvider: new (
      options: object,
    ) => { getMeter(name: string): Record<string, (name: string, options: object) => OtelInstrument> }
  }
  const exporter = new PrometheusExporter({ preventServerStart: true })
  const views = [{ instrumentName: '*', aggregationCardinalityLimit: most + 2 }]
  const meter = new MeterProvider({ readers: [exporter], views }).getMeter('bench')
  const recorder = (name: string): ((one: object, value: number) => void) => {
    const instrument = meter[kind === 'counter' ? 'createCounter' : 'createHistogram']!(name, {
      description: 'Things.',
      advice: { explicitBucketBoundaries: BOUNDS },
    })
    return kind === 'counter'
      ? (one, value) => instrument.add(value, one)
      : (one, value) => instrument.record(value, one)
  }
  const record = recorder('bench_things')
  for (const one of labels) record(one, 1)
  const serializer = new PrometheusSerializer()
  const page = async (): Promise<number> => serializer.serialize((await exporter.collect()).resourceMetrics).length
  return {
    recordKnown: (index, value) => record(labels[index]!, value),
    recordLabels: record,
    recordOther: recorder('bench_others'),
    page,
    coldPage: page,
    sharedBytes: () => 0,
  }
}
