/**
 * Metrics of OpenTelemetry as series: what each point becomes, handed to a sink.
 *
 * - A gauge or sum is one series; a summary and an explicit histogram are those that Prometheus' own have (or, asked for, a
 *   native histogram with custom buckets); an exponential histogram is a native one.
 * - A point without a recorded value ends its series.
 * - Sums and histograms must be cumulative. Deltas are left out unless they are asked for as they are; then nothing is known
 *   of their type, and their histograms are gauges.
 * - Start timestamps go with what counts up from them.
 * - Each resource gets `target_info` from its first to its last point, often enough that an instant query always meets it.
 * - What cannot be taken is told with its reason; everything else is taken.
 *
 * Source: prometheus: storage/remote/otlptranslator/prometheusremotewrite.
 */
import { Labels, METRIC_NAME, type NativeHistogram } from '#core'
import type { Metadata, MetricType } from '#storage'
import { TOO_FAR_AHEAD } from '../refusals.ts'
import type {
  ExponentialPoint,
  HistogramPoint,
  MetricKind,
  NumberPoint,
  OtlpExemplar,
  OtlpMetric,
  ResourceMetrics,
  SummaryPoint,
} from './data.ts'
import { metricName, unitName } from './names.ts'
import { boundsFault, customOf, nativeOf } from './native-histogram.ts'
import {
  hasSuffixes,
  isEscaping,
  LabelMaker,
  type MadeLabels,
  type ResourceLabels,
  type ScopeLabels,
} from './point-labels.ts'
import type { OtlpSettings } from './settings.ts'

/** A number, a histogram, or the end of the series. */
export type SampleValue = number | NativeHistogram | undefined

export type MadeExemplar = { readonly labels: Labels; readonly value: number; readonly at: number }

/** Takes what is made, in the order of the request. Instants in Unix milliseconds; `startAt` 0: not known. */
export interface OtlpSink {
  sample(labels: Labels, at: number, value: SampleValue, startAt: number): void
  exemplar(labels: Labels, exemplar: MadeExemplar): void
  metadata(family: string, metadata: Metadata): void
  /** A sample of `target_info`, which is 1. */
  target(labels: Labels, at: number): void
  /** `points` points cannot be taken. */
  refuse(why: string, points: number): void
}

export type TranslateOptions = {
  readonly settings: OtlpSettings
  /** How far a query looks back, milliseconds. */
  readonly lookbackMs: number
  /** The feature type-and-unit-labels. */
  readonly typeAndUnitLabels?: boolean
  /** The feature otlp-native-delta-ingestion. */
  readonly takesDeltas?: boolean
  /** Points behind this instant are too far ahead of our clock, Unix milliseconds; absent: none is. */
  readonly latestAt?: number
}

/** Characters of all labels of an exemplar, as OpenMetrics allows. */
const MAX_EXEMPLAR_CHARACTERS = 128
/** Most samples of `target_info` for one resource of one request: two days. */
const MAX_TARGET_SAMPLES = 1152
/** Labels times samples of one request: about 300 MB. */
const MAX_CELLS = 32_000_000

export function translate(resources: readonly ResourceMetrics[], sink: OtlpSink, options: TranslateOptions): void {
  const translator = new Translator(sink, options)
  for (const resource of resources) translator.resource(resource)
}

type Family = {
  readonly name: string
  readonly added: readonly (readonly [string, string])[]
  readonly isDelta: boolean
}

class Translator {
  readonly #sink: OtlpSink
  readonly #options: TranslateOptions
  readonly #labels: LabelMaker
  #resource: ResourceLabels = { identity: [], promoted: [] }
  #scope: ScopeLabels = []
  #cells = 0

  constructor(sink: OtlpSink, options: TranslateOptions) {
    this.#sink = sink
    this.#options = options
    this.#labels = new LabelMaker(options.settings)
  }

  resource({ attributes, scopes }: ResourceMetrics): void {
    this.#resource = this.#labels.resource(attributes)
    const span = { first: Number.POSITIVE_INFINITY, last: Number.NEGATIVE_INFINITY }
    for (const scope of scopes) {
      this.#scope = this.#labels.scope(scope)
      for (const metric of scope.metrics) {
        for (const { at } of metric.data.points) {
          if (at === 0) continue
          span.first = Math.min(span.first, at)
          span.last = Math.max(span.last, at)
        }
        this.#metric(metric)
      }
    }
    if (span.first <= span.last) this.#targetInfo(attributes, span)
  }

  #metric(metric: OtlpMetric): void {
    const { data } = metric
    const count = data.points.length
    const refuse = (why: string) =>
      this.#sink.refuse(`metric ${JSON.stringify(metric.name.slice(0, 200))}: ${why}`, count)
    if (data.kind === 'unknown') {
      refuse('it has no data of a kind that is known')
      return
    }
    // Nothing is lost with it.
    if (count === 0) return
    const isDelta = 'temporality' in data && data.temporality === 'delta'
    if (
      'temporality' in data &&
      data.temporality !== 'cumulative' &&
      !(isDelta && this.#options.takesDeltas === true)
    ) {
      refuse(`${data.temporality} temporality is not taken; let the exporter send cumulative values`)
      return
    }
    const { settings } = this.#options
    const kind = kindOf(metric)
    const name = metricName(
      { name: metric.name, unit: metric.unit, kind },
      { escaping: isEscaping(settings), suffixes: hasSuffixes(settings) },
    )
    if (name === undefined) {
      refuse('its name leaves nothing that a metric can be named')
      return
    }
    const type = isDelta ? 'unknown' : TYPES[kind]
    this.#sink.metadata(name, { type, help: metric.description, unit: unitName(metric.unit) })
    const family: Family = { name, isDelta, added: this.#typeAndUnit(type, metric.unit) }
    switch (data.kind) {
      case 'gauge':
        for (const point of data.points) this.#number(point, family, false)
        return
      case 'sum':
        for (const point of data.points) this.#number(point, family, data.monotonic)
        return
      case 'summary':
        for (const point of data.points) this.#summary(point, family)
        return
      case 'exponentialHistogram':
        for (const point of data.points) this.#native(point, family, nativeOf)
        return
      case 'histogram':
        for (const point of data.points) {
          if (settings.convertHistogramsToNhcb) this.#native(point, family, customOf)
          else this.#classic(point, family)
        }
    }
  }

  #typeAndUnit(type: MetricType, unit: string): Family['added'] {
    if (this.#options.typeAndUnitLabels !== true) return []
    return [
      ['__type__', type === 'unknown' ? '' : type],
      ['__unit__', unitName(unit, isEscaping(this.#options.settings))],
    ]
  }

  /** The labels of a point without its name; `undefined`: it cannot be taken, and that is told. */
  #base(point: NumberPoint | HistogramPoint | ExponentialPoint | SummaryPoint, family: Family): Labels | undefined {
    const made: MadeLabels =
      point.at === 0
        ? 'it has no timestamp'
        : point.at > (this.#options.latestAt ?? Number.POSITIVE_INFINITY)
          ? TOO_FAR_AHEAD
          : this.#cells > MAX_CELLS
            ? `the request makes more than ${MAX_CELLS} labels of samples; let the exporter send smaller batches`
            : this.#labels.point(point.attributes, this.#resource, this.#scope, family.added)
    if (typeof made !== 'string') return made
    this.#refuse(family, made)
    return undefined
  }

  #refuse({ name }: Family, why: string): void {
    this.#sink.refuse(`${name}: ${why}`, 1)
  }

  #put(labels: Labels, at: number, value: SampleValue, startAt: number): void {
    this.#cells += labels.size
    this.#sink.sample(labels, at, value, startAt < at ? startAt : 0)
  }

  #number(point: NumberPoint, family: Family, countsUp: boolean): void {
    if (!point.noValue && point.value === undefined) {
      this.#refuse(family, 'a point has no value')
      return
    }
    const base = this.#base(point, family)
    if (base === undefined) return
    const labels = base.with(METRIC_NAME, family.name)
    this.#put(labels, point.at, point.noValue ? undefined : point.value, countsUp ? point.startAt : 0)
    if (countsUp) for (const exemplar of point.exemplars) this.#exemplar(labels, exemplar, point.at)
  }

  #summary(point: SummaryPoint, family: Family): void {
    const base = this.#base(point, family)
    if (base === undefined) return
    const put = (suffix: string, value: number, startAt: number, quantile = '') => {
      const labels = base.withAll({ [METRIC_NAME]: family.name + suffix, ...(quantile === '' ? {} : { quantile }) })
      this.#put(labels, point.at, point.noValue ? undefined : value, startAt)
    }
    put('_sum', point.sum, point.startAt)
    put('_count', point.count, point.startAt)
    for (const { quantile, value } of point.quantiles) put('', value, point.startAt, plainDecimal(quantile))
  }

  #classic(point: HistogramPoint, family: Family): void {
    const fault = boundsFault(point)
    if (fault !== undefined) {
      this.#refuse(family, fault)
      return
    }
    const base = this.#base(point, family)
    if (base === undefined) return
    const put = (labels: Labels, value: number) =>
      this.#put(labels, point.at, point.noValue ? undefined : value, point.startAt)
    if (point.sum !== undefined || point.noValue) put(base.with(METRIC_NAME, `${family.name}_sum`), point.sum ?? 0)
    put(base.with(METRIC_NAME, `${family.name}_count`), point.count)
    const buckets: { readonly bound: number; readonly labels: Labels }[] = []
    let total = 0
    for (const [i, bound] of point.bounds.entries()) {
      // The bucket that ends at +Inf is there anyway, with all.
      if (bound === Number.POSITIVE_INFINITY) break
      total += point.counts[i]!
      const labels = base.withAll({ [METRIC_NAME]: `${family.name}_bucket`, le: plainDecimal(bound) })
      put(labels, total)
      buckets.push({ bound, labels })
    }
    const last = base.withAll({ [METRIC_NAME]: `${family.name}_bucket`, le: '+Inf' })
    put(last, point.count)
    for (const exemplar of point.exemplars) {
      const { value } = exemplar
      const bucket = value === undefined ? undefined : buckets.find(({ bound }) => value <= bound)
      this.#exemplar(bucket?.labels ?? last, exemplar, point.at)
    }
  }

  #native<Point extends HistogramPoint | ExponentialPoint>(
    point: Point,
    family: Family,
    make: (point: Point, isDelta: boolean) => NativeHistogram | string,
  ): void {
    const fault = 'bounds' in point ? boundsFault(point) : undefined
    const made = fault ?? (point.noValue ? undefined : make(point, family.isDelta))
    if (typeof made === 'string') {
      this.#refuse(family, made)
      return
    }
    const base = this.#base(point, family)
    if (base === undefined) return
    const labels = base.with(METRIC_NAME, family.name)
    this.#put(labels, point.at, made, point.startAt)
    for (const exemplar of point.exemplars) this.#exemplar(labels, exemplar, point.at)
  }

  #exemplar(labels: Labels, { value, at, traceId, spanId, attributes }: OtlpExemplar, pointAt: number): void {
    if (value === undefined) return
    const ids: (readonly [string, string])[] = []
    if (traceId !== '') ids.push(['trace_id', traceId])
    if (spanId !== '') ids.push(['span_id', spanId])
    const all = [...ids, ...attributes]
    const fits =
      all.reduce((sum, [name, text]) => sum + charactersOf(name) + charactersOf(text), 0) <= MAX_EXEMPLAR_CHARACTERS
    this.#sink.exemplar(labels, { labels: Labels.fromPairs(fits ? all : ids), value, at: at === 0 ? pointAt : at })
  }

  #targetInfo(attributes: ResourceMetrics['attributes'], { first, last }: { first: number; last: number }): void {
    const labels = this.#labels.targetInfo(attributes)
    if (labels === undefined || typeof labels === 'string') return
    const stepMs = Math.max(1, Math.floor(this.#options.lookbackMs / 2))
    // One point of long ago would ask for one a step ever since.
    for (let at = Math.max(first, last - MAX_TARGET_SAMPLES * stepMs); at < last; at += stepMs)
      this.#sink.target(labels, at)
    this.#sink.target(labels, last)
  }
}

function kindOf({ data }: OtlpMetric): MetricKind {
  switch (data.kind) {
    case 'sum':
      return data.monotonic ? 'counter' : 'upDownCounter'
    case 'histogram':
    case 'exponentialHistogram':
      return 'histogram'
    case 'summary':
      return 'summary'
    default:
      return 'gauge'
  }
}

const TYPES: Readonly<Record<MetricKind, MetricType>> = {
  gauge: 'gauge',
  counter: 'counter',
  upDownCounter: 'gauge',
  histogram: 'histogram',
  summary: 'summary',
}

/** The shortest digits without an exponent, as Go's format `f`. */
export function plainDecimal(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  const text = Object.is(value, -0) ? '-0' : String(value)
  const parts = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text)
  if (parts === null) return text
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = parts
  const digits = whole + fraction
  const point = 1 + Number(exponent)
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`
  return sign + digits.padEnd(point, '0')
}

function charactersOf(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}
