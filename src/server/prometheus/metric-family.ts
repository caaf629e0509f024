/**
 * A family of samples as `io.prometheus.client.MetricFamily`, with its length before it.
 *
 * Source of the field numbers: prometheus/client_model: io/prometheus/client/metrics.proto. Counts of native histograms are written as
 * floats, since that is what they are here.
 */
import { type Buckets, type NativeHistogram, ProtoWriter, spansOf } from '#core'

const TYPES = { untyped: 3, histogram: 4, gaugehistogram: 5 } as const
export type FamilyKind = keyof typeof TYPES

/** One sample of a family: labels as they are written, without the name. */
export type FederatedSample = {
  readonly labels: Readonly<Record<string, string>>
  readonly at: number
  readonly value: number
  readonly histogram?: NativeHistogram
}
export type FederatedFamily = { readonly name: string; readonly kind: FamilyKind; readonly samples: FederatedSample[] }

export function encodeFamily({ name, kind, samples }: FederatedFamily): Buffer {
  const out = new ProtoWriter()
  out.textField(1, name)
  out.varintField(3, TYPES[kind])
  for (const sample of samples) out.blockField(4, () => writeMetric(out, sample))
  const message = out.take()
  out.varint(message.length)
  out.raw(message)
  return out.take()
}

function writeMetric(out: ProtoWriter, { labels, at, value, histogram }: FederatedSample): void {
  for (const [name, text] of Object.entries(labels))
    out.blockField(1, () => {
      out.textField(1, name)
      out.textField(2, text)
    })
  if (histogram === undefined) out.blockField(5, () => out.doubleField(1, value))
  out.varintField(6, at)
  if (histogram === undefined) return
  out.blockField(7, () => {
    out.doubleField(2, histogram.sum)
    out.doubleField(4, histogram.count)
    out.zigzagField(5, histogram.schema)
    out.doubleField(6, histogram.zeroThreshold)
    out.doubleField(8, histogram.zeroCount)
    writeBuckets(out, histogram.negative, 9, 11)
    writeBuckets(out, histogram.positive, 12, 14)
    // Readers tell a native histogram by its spans or its zero bucket; an empty one needs a sign too.
    if (histogram.positive.indices.length + histogram.negative.indices.length === 0) writeSpan(out, 12, 0, 0)
  })
}

function writeBuckets(out: ProtoWriter, buckets: Buckets, spanField: number, countField: number): void {
  for (const { offset, length } of spansOf(buckets)) writeSpan(out, spanField, offset, length)
  for (const count of buckets.counts) out.doubleField(countField, count)
}

function writeSpan(out: ProtoWriter, field: number, offset: number, length: number): void {
  out.blockField(field, () => {
    out.zigzagField(1, offset)
    out.varintField(2, length)
  })
}
