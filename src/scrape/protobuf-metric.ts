/**
 * One `io.prometheus.client.Metric`: its bytes to its parts, as far as its family's type has use for them.
 *
 * - Unknown fields are passed over; a block that does not end where it says is `ASSAY_PROTO`, with its byte.
 * - Times are cut to milliseconds.
 *
 * Source of fields and numbers: prometheus/client_model: io/prometheus/client/metrics.proto.
 */
import { BucketFields, bytesTag, fixed64Tag, Labels, type ProtoReader, readLabel, varintTag } from '#core'
import type { PageExemplar } from './exposition-page.ts'
import { quoted } from './series-text.ts'

export const COUNTER = 0
const GAUGE = 1
const SUMMARY = 2
const UNTYPED = 3
const HISTOGRAM = 4
export const GAUGE_HISTOGRAM = 5
/** By number. */
export const FAMILY_TYPES = ['counter', 'gauge', 'summary', 'unknown', 'histogram', 'gaugehistogram'] as const

export type Metric = {
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
export function readMetric(reader: ProtoReader, start: number, end: number, type: number): Metric {
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

export type HistogramParts = {
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
