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
  BucketFields,
  bytesTag,
  ClassicHistogram,
  compactBuckets,
  fixed64Tag,
  histogramFault,
  Labels,
  MAX_SCHEMA,
  type NativeHistogram,
  NO_BOUNDS,
  ProtoReader,
  type ResetHint,
  readLabel,
  reduceResolution,
  varintTag,
} from '#core'
import { ExpositionPage, type PageExemplar } from './exposition-page.ts'
import { formatOpenMetricsNumber } from './openmetrics-number.ts'
import { tooManySamples } from './parse-exposition.ts'
import type { PageOptions, PageParser } from './parse-page.ts'
import { quoted, SeriesText } from './series-text.ts'

const COUNTER = 0
const GAUGE = 1
const SUMMARY = 2
const UNTYPED = 3
const HISTOGRAM = 4
const GAUGE_HISTOGRAM = 5
const TYPES = ['counter', 'gauge', 'summary', 'unknown', 'histogram', 'gaugehistogram'] as const

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
    const typeName = TYPES[type]
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

type Metric = {
  /** `,"name"="value"` for each. */
  labels: string
  /** Unix milliseconds; 0 is none. */
  at: number
  startAt: number | undefined
  value: number
  exemplars: readonly PageExemplar[]
  summary: Summary | undefined
  histogram: HistogramParts | undefined
}
type Summary = {
  readonly count: number
  readonly sum: number
  readonly quantiles: readonly { readonly quantile: number; readonly value: number }[]
}

/** One metric, as far as its family's type has use for it. */
function readMetric(reader: ProtoReader, start: number, end: number, type: number): Metric {
  const metric: Metric = {
    labels: '',
    at: 0,
    startAt: undefined,
    value: 0,
    exemplars: [],
    summary: type === SUMMARY ? { count: 0, sum: 0, quantiles: [] } : undefined,
    histogram: type === HISTOGRAM || type === GAUGE_HISTOGRAM ? emptyParts() : undefined,
  }
  const labels: string[] = []
  reader.at = start
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === bytesTag(1)) readLabel(reader, labels)
    else if (tag === varintTag(6)) metric.at = reader.varint()
    else if ((tag === bytesTag(2) && type === GAUGE) || (tag === bytesTag(5) && type === UNTYPED))
      readCounter(reader, metric)
    else if (tag === bytesTag(3) && type === COUNTER) readCounter(reader, metric)
    else if (tag === bytesTag(4) && type === SUMMARY) readSummary(reader, metric)
    else if (tag === bytesTag(7) && metric.histogram !== undefined)
      metric.startAt = readHistogram(reader, metric.histogram) ?? metric.startAt
    else reader.skip(tag)
  }
  reader.expect(end)
  for (let i = 0; i < labels.length; i += 2) metric.labels += `,${quoted(labels[i]!)}=${quoted(labels[i + 1]!)}`
  return metric
}

/** A counter; gauges and untyped have its first field alone. */
function readCounter(reader: ProtoReader, metric: Metric): void {
  const end = reader.block()
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === fixed64Tag(1)) metric.value = reader.double()
    else if (tag === bytesTag(2)) metric.exemplars = [readExemplar(reader)]
    else if (tag === bytesTag(3)) metric.startAt = readTimestamp(reader)
    else reader.skip(tag)
  }
  reader.expect(end)
}

function readSummary(reader: ProtoReader, metric: Metric): void {
  const end = reader.block()
  let count = 0
  let sum = 0
  const quantiles: { quantile: number; value: number }[] = []
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === varintTag(1)) count = reader.uvarint()
    else if (tag === fixed64Tag(2)) sum = reader.double()
    else if (tag === bytesTag(3)) {
      const until = reader.block()
      const one = { quantile: 0, value: 0 }
      while (reader.at < until) {
        const inner = reader.varint()
        if (inner === fixed64Tag(1)) one.quantile = reader.double()
        else if (inner === fixed64Tag(2)) one.value = reader.double()
        else reader.skip(inner)
      }
      reader.expect(until)
      quantiles.push(one)
    } else if (tag === bytesTag(4)) metric.startAt = readTimestamp(reader)
    else reader.skip(tag)
  }
  reader.expect(end)
  metric.summary = { count, sum, quantiles }
}

function readExemplar(reader: ProtoReader): PageExemplar {
  const end = reader.block()
  const labels: string[] = []
  let value = 0
  let at: number | undefined
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === bytesTag(1)) readLabel(reader, labels)
    else if (tag === fixed64Tag(2)) value = reader.double()
    else if (tag === bytesTag(3)) at = readTimestamp(reader)
    else reader.skip(tag)
  }
  reader.expect(end)
  return { labels: Labels.fromFlat(labels), value, at }
}

/** A `google.protobuf.Timestamp` in Unix milliseconds. */
function readTimestamp(reader: ProtoReader): number {
  const end = reader.block()
  let seconds = 0
  let nanos = 0
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === varintTag(1)) seconds = reader.varint()
    else if (tag === varintTag(2)) nanos = reader.varint()
    else reader.skip(tag)
  }
  reader.expect(end)
  return seconds * 1000 + Math.trunc(nanos / 1e6)
}

type HistogramParts = {
  count: number
  countFloat: number
  sum: number
  schema: number
  zeroThreshold: number
  zeroCount: number
  zeroCountFloat: number
  readonly positive: BucketFields
  readonly negative: BucketFields
  readonly buckets: {
    readonly bound: number
    readonly cumulative: number
    readonly exemplar: PageExemplar | undefined
  }[]
  readonly exemplars: PageExemplar[]
}

function emptyParts(): HistogramParts {
  return {
    count: 0,
    countFloat: 0,
    sum: 0,
    schema: 0,
    zeroThreshold: 0,
    zeroCount: 0,
    zeroCountFloat: 0,
    positive: new BucketFields(12),
    negative: new BucketFields(9),
    buckets: [],
    exemplars: [],
  }
}

/** Fills `into`; returns when the histogram began, where it says so. */
function readHistogram(reader: ProtoReader, into: HistogramParts): number | undefined {
  const end = reader.block()
  let startAt: number | undefined
  while (reader.at < end) {
    const tag = reader.varint()
    switch (tag) {
      case varintTag(1):
        into.count = reader.uvarint()
        break
      case fixed64Tag(2):
        into.sum = reader.double()
        break
      case bytesTag(3):
        into.buckets.push(readBucket(reader))
        break
      case fixed64Tag(4):
        into.countFloat = reader.double()
        break
      case varintTag(5):
        into.schema = reader.zigzag()
        break
      case fixed64Tag(6):
        into.zeroThreshold = reader.double()
        break
      case varintTag(7):
        into.zeroCount = reader.uvarint()
        break
      case fixed64Tag(8):
        into.zeroCountFloat = reader.double()
        break
      case bytesTag(15):
        startAt = readTimestamp(reader)
        break
      case bytesTag(16):
        into.exemplars.push(readExemplar(reader))
        break
      default:
        if (!into.negative.take(reader, tag) && !into.positive.take(reader, tag)) reader.skip(tag)
    }
  }
  reader.expect(end)
  return startAt
}

function readBucket(reader: ProtoReader): HistogramParts['buckets'][number] {
  const end = reader.block()
  let count = 0
  let countFloat = 0
  let bound = 0
  let exemplar: PageExemplar | undefined
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === varintTag(1)) count = reader.uvarint()
    else if (tag === fixed64Tag(2)) bound = reader.double()
    else if (tag === bytesTag(3)) exemplar = readExemplar(reader)
    else if (tag === fixed64Tag(4)) countFloat = reader.double()
    else reader.skip(tag)
  }
  reader.expect(end)
  return { bound, cumulative: countFloat === 0 ? count : countFloat, exemplar }
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
