/** Writes metric families as a client library writes them in protobuf: for tests alone. */
import { type NativeHistogram, ProtoWriter, writeBuckets, writeLabels } from '#core'

export type FamilyOf = {
  readonly name: string
  readonly help?: string
  readonly unit?: string
  readonly type: 'counter' | 'gauge' | 'summary' | 'untyped' | 'histogram' | 'gaugehistogram'
  readonly metrics: readonly MetricOf[]
}
export type ExemplarOf = {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  readonly at?: number
}
export type MetricOf = {
  readonly labels?: Readonly<Record<string, string>>
  readonly at?: number
  readonly startAt?: number
  /** Of counters, gauges and untyped. */
  readonly value?: number
  readonly exemplar?: ExemplarOf
  readonly count?: number
  readonly sum?: number
  readonly quantiles?: readonly (readonly [quantile: number, value: number])[]
  readonly buckets?: readonly { readonly bound: number; readonly count: number; readonly exemplar?: ExemplarOf }[]
  readonly native?: NativeHistogram
  readonly exemplars?: readonly ExemplarOf[]
  /** A span without buckets: "this is native, although nothing was seen yet". */
  readonly emptySpan?: boolean
  readonly floatCounts?: boolean
}

const TYPES = ['counter', 'gauge', 'summary', 'untyped', 'histogram', 'gaugehistogram']

export function encodeFamilies(families: readonly FamilyOf[]): Buffer {
  const out = new ProtoWriter()
  for (const family of families) {
    const one = new ProtoWriter()
    one.textField(1, family.name)
    if (family.help !== undefined) one.textField(2, family.help)
    one.varintField(3, TYPES.indexOf(family.type))
    for (const metric of family.metrics) one.blockField(4, () => writeMetric(one, family, metric))
    if (family.unit !== undefined) one.textField(5, family.unit)
    const bytes = one.take()
    out.varint(bytes.length)
    out.raw(bytes)
  }
  return out.take()
}

function writeMetric(out: ProtoWriter, { type }: FamilyOf, metric: MetricOf): void {
  writeLabels(out, Object.entries(metric.labels ?? {}).flat())
  const field = { counter: 3, gauge: 2, untyped: 5, summary: 4, histogram: 7, gaugehistogram: 7 }[type]
  out.blockField(field, () => {
    if (type === 'summary') {
      out.varintField(1, metric.count ?? 0)
      out.doubleField(2, metric.sum ?? 0)
      for (const [quantile, value] of metric.quantiles ?? [])
        out.blockField(3, () => {
          out.doubleField(1, quantile)
          out.doubleField(2, value)
        })
      if (metric.startAt !== undefined) writeTimestamp(out, 4, metric.startAt)
    } else if (field === 7) writeHistogram(out, metric)
    else {
      out.doubleField(1, metric.value ?? 0)
      if (metric.exemplar !== undefined) writeExemplar(out, 2, metric.exemplar)
      if (metric.startAt !== undefined) writeTimestamp(out, 3, metric.startAt)
    }
  })
  if (metric.at !== undefined) out.varintField(6, metric.at)
}

function writeHistogram(out: ProtoWriter, metric: MetricOf): void {
  const { native } = metric
  const isFloat = native?.isInteger === false || metric.floatCounts === true
  const count = native?.count ?? metric.count ?? 0
  if (isFloat) out.doubleField(4, count)
  else out.varintField(1, count)
  out.doubleField(2, native?.sum ?? metric.sum ?? 0)
  for (const { bound, count, exemplar } of metric.buckets ?? [])
    out.blockField(3, () => {
      if (metric.floatCounts === true) out.doubleField(4, count)
      else out.varintField(1, count)
      out.doubleField(2, bound)
      if (exemplar !== undefined) writeExemplar(out, 3, exemplar)
    })
  if (native !== undefined) {
    out.varint(5 << 3)
    out.zigzag(native.schema)
    out.doubleField(6, native.zeroThreshold)
    if (isFloat) out.doubleField(8, native.zeroCount)
    else out.varintField(7, native.zeroCount)
    writeBuckets(out, native.negative, 9, !isFloat)
    writeBuckets(out, native.positive, 12, !isFloat)
  }
  if (metric.emptySpan === true) out.blobField(12, Buffer.alloc(0))
  if (metric.startAt !== undefined) writeTimestamp(out, 15, metric.startAt)
  for (const exemplar of metric.exemplars ?? []) writeExemplar(out, 16, exemplar)
}

function writeExemplar(out: ProtoWriter, field: number, { labels, value, at }: ExemplarOf): void {
  out.blockField(field, () => {
    writeLabels(out, Object.entries(labels).flat())
    out.doubleField(2, value)
    if (at !== undefined) writeTimestamp(out, 3, at)
  })
}

function writeTimestamp(out: ProtoWriter, field: number, at: number): void {
  out.blockField(field, () => {
    out.varintField(1, Math.floor(at / 1000))
    out.varintField(2, (at % 1000) * 1e6)
  })
}
