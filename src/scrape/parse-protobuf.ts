/**
 * The protobuf format: messages of `io.prometheus.client.MetricFamily`, each with its length in front.
 *
 * - Read by hand, metric by metric, into the same columns as text; series are written out (`SeriesText`), in the order in which
 *   Prometheus lists them: of a histogram the native one, then `_count`, `_sum`, the buckets.
 * - A histogram is native when it has spans, a zero threshold or a zero count; exemplars of a native one need a timestamp.
 * - A timestamp of 0 is none, as in Prometheus: the format could not tell them apart.
 *
 * Source of fields and numbers: prometheus/client_model: io/prometheus/client/metrics.proto.
 */
import {
  AssayError,
  bytesTag,
  ClassicHistogram,
  compactBuckets,
  histogramFault,
  MAX_SCHEMA,
  type NativeHistogram,
  NO_BOUNDS,
  ProtoReader,
  type ResetHint,
  reduceResolution,
  varintTag,
} from '#core'
import { ExpositionPage, type PageExemplar } from './exposition-page.ts'
import { tooManySamples } from './limits.ts'
import { formatOpenMetricsNumber } from './openmetrics-number.ts'
import type { PageOptions, PageParser } from './page-parser.ts'
import { COUNTER, FAMILY_TYPES, GAUGE_HISTOGRAM, type HistogramParts, readMetric } from './protobuf-metric.ts'
import { quoted, SeriesText } from './series-text.ts'

type Family = {
  readonly name: string
  readonly type: number
  readonly unit: string
  /** Where its metrics lie: start, end, start, end, ... */
  readonly metrics: readonly number[]
}

export class ProtobufParser implements PageParser {
  readonly page: ExpositionPage
  readonly #options: PageOptions
  readonly #maxSamples: number
  readonly #text: SeriesText
  readonly #reader: ProtoReader
  #nextFamily = 0
  #family: Family | undefined
  #nextMetric = 0

  constructor(body: Buffer, options: PageOptions) {
    this.#options = options
    this.#maxSamples = options.maxSamples ?? Number.POSITIVE_INFINITY
    this.#reader = new ProtoReader(body)
    this.#text = new SeriesText(body.length)
    this.page = new ExpositionPage(Buffer.alloc(0), false, options.typeAndUnitLabels)
  }

  step(samples: number): boolean {
    try {
      return this.#read(samples)
    } finally {
      this.page.body = this.#text.take()
    }
  }

  #read(samples: number): boolean {
    const pause = this.page.count + samples
    while (this.page.count < pause) {
      const family = this.#family
      if (family !== undefined && this.#nextMetric < family.metrics.length) {
        const start = family.metrics[this.#nextMetric++]!
        const end = family.metrics[this.#nextMetric++]!
        this.#metric(family, start, end)
      } else if (this.#nextFamily >= this.#reader.end) return true
      else this.#openFamily()
    }
    return false
  }

  #openFamily(): void {
    const reader = this.#reader
    reader.at = this.#nextFamily
    const end = reader.block()
    this.#nextFamily = end
    let name = ''
    let help = ''
    let type = COUNTER
    let unit = ''
    const metrics: number[] = []
    while (reader.at < end) {
      const tag = reader.varint()
      if (tag === bytesTag(1)) name = reader.text()
      else if (tag === bytesTag(2)) help = reader.text()
      else if (tag === varintTag(3)) type = reader.varint()
      else if (tag === bytesTag(5)) unit = reader.text()
      else if (tag === bytesTag(4)) {
        const until = reader.block()
        metrics.push(reader.at, until)
        reader.at = until
      } else reader.skip(tag)
    }
    reader.expect(end)
    this.#nextMetric = 0
    this.#family = undefined
    // Families without metrics are passed over, whatever else they say.
    if (metrics.length === 0) return
    if (name === '') throw wrong('a metric family has no name')
    const typeName = FAMILY_TYPES[type]
    if (typeName === undefined) throw wrong(`${name}: there is no metric type ${type}`)
    if (unit !== '') checkUnit(name, type, unit)
    this.page.describe(name, { type: typeName, help, unit })
    this.#family = { name, type, unit, metrics }
  }

  #metric(family: Family, start: number, end: number): void {
    const { page } = this
    const metric = readMetric(this.#reader, start, end, family.type)
    const series = (suffix: string, magic = '') =>
      `{${quoted(family.name + suffix)}${metric.labels}${magic === '' ? '' : `,${magic}`}}`
    const { startAt } = metric
    const push = (text: string, value: number, extra: Extra = {}) => {
      if (page.count >= this.#maxSamples) throw tooManySamples(this.#maxSamples)
      const from = this.#text.length
      this.#text.write(text)
      const i = page.count
      if (extra.histogram !== undefined) page.histograms.set(i, extra.histogram)
      if (extra.exemplars !== undefined && extra.exemplars.length > 0) page.exemplars.set(i, extra.exemplars)
      if (startAt !== undefined && startAt !== 0 && this.#options.startTimes === true) page.startTimes.set(i, startAt)
      page.push(from, this.#text.length, value, metric.at === 0 ? Number.NaN : metric.at)
    }
    if (metric.histogram !== undefined) this.#histogram(family, metric.histogram, { push, series })
    else if (metric.summary !== undefined) {
      push(series('_count'), metric.summary.count)
      push(series('_sum'), metric.summary.sum)
      for (const { quantile, value } of metric.summary.quantiles)
        push(series('', `"quantile"=${quoted(formatOpenMetricsNumber(quantile))}`), value)
    } else push(series(''), metric.value, { exemplars: metric.exemplars })
  }

  #histogram(family: Family, parts: HistogramParts, { push, series }: Push): void {
    const { nativeHistograms = false, convertClassic = false, keepClassic = false } = this.#options
    const resetHint = family.type === GAUGE_HISTOGRAM ? 'gauge' : 'unknown'
    const isNative = nativeHistograms && isNativeHistogram(parts)
    if (isNative || (convertClassic && parts.buckets.length > 0)) {
      const timed = parts.exemplars.filter(({ at }) => at !== undefined)
      const ofBuckets = parts.buckets.flatMap(({ exemplar }) => (exemplar?.at === undefined ? [] : [exemplar]))
      const exemplars = parts.exemplars.length > 0 ? timed : ofBuckets
      const histogram = isNative ? nativeOf(family.name, parts, resetHint) : customOf(parts, resetHint)
      if (histogram !== undefined) push(series(''), Number.NaN, { histogram, exemplars })
      if (!keepClassic || parts.buckets.length === 0) return
    }
    const count = parts.countFloat === 0 ? parts.count : parts.countFloat
    push(series('_count'), count)
    push(series('_sum'), parts.sum)
    for (const { bound, cumulative, exemplar } of parts.buckets) {
      const exemplars = exemplar === undefined ? {} : { exemplars: [exemplar] }
      push(series('_bucket', `"le"=${quoted(formatOpenMetricsNumber(bound))}`), cumulative, exemplars)
      if (bound === Number.POSITIVE_INFINITY) return
    }
    push(series('_bucket', '"le"="+Inf"'), count)
  }
}

type Extra = { readonly histogram?: NativeHistogram; readonly exemplars?: readonly PageExemplar[] }
type Push = {
  readonly push: (text: string, value: number, extra?: Extra) => void
  readonly series: (suffix: string, magic?: string) => string
}

function isNativeHistogram({ positive, negative, zeroThreshold, zeroCount, zeroCountFloat }: HistogramParts): boolean {
  return positive.hasSpans || negative.hasSpans || zeroThreshold > 0 || zeroCount > 0 || zeroCountFloat > 0
}

function nativeOf(name: string, parts: HistogramParts, resetHint: ResetHint): NativeHistogram {
  const isFloat = parts.countFloat > 0 || parts.zeroCountFloat > 0
  const positive = parts.positive.buckets(!isFloat)
  const negative = parts.negative.buckets(!isFloat)
  if (positive === undefined || negative === undefined)
    throw wrong(`${name}: the spans and the buckets do not fit together`)
  const histogram: NativeHistogram = {
    schema: parts.schema,
    zeroThreshold: parts.zeroThreshold,
    zeroCount: isFloat ? parts.zeroCountFloat : parts.zeroCount,
    count: isFloat ? parts.countFloat : parts.count,
    sum: parts.sum,
    positive: compactBuckets(positive),
    negative: compactBuckets(negative),
    customBounds: NO_BOUNDS,
    resetHint,
    isInteger: !isFloat,
  }
  // Finer resolutions than are calculated with exist on the wire, up to 52.
  const known = parts.schema > MAX_SCHEMA && parts.schema <= 52 ? reduceResolution(histogram, MAX_SCHEMA) : histogram
  const fault = histogramFault(known)
  if (fault !== undefined) throw wrong(`${name}: ${fault}`)
  return known
}

function customOf(parts: HistogramParts, resetHint: ResetHint): NativeHistogram | undefined {
  const histogram = new ClassicHistogram()
  for (const { bound, cumulative } of parts.buckets) histogram.bucket(bound, cumulative)
  histogram.count(parts.countFloat === 0 ? parts.count : parts.countFloat)
  histogram.sum(parts.sum)
  return histogram.convert(resetHint)
}

function checkUnit(name: string, type: number, unit: string): void {
  const base = type === COUNTER && name.endsWith('_total') ? name.slice(0, -'_total'.length) : name
  if (!base.endsWith(`_${unit}`)) throw wrong(`the name of ${name} must end with its unit, _${unit}`)
}

function wrong(what: string): AssayError<'ASSAY_SCRAPE_PARSE'> {
  return new AssayError('ASSAY_SCRAPE_PARSE', what)
}
