/**
 * `ExportMetricsServiceRequest` from protobuf.
 *
 * - Unknown fields are skipped, as the protocol wants; of a field that comes twice the last one counts.
 * - Bounded by `OTLP_LIMITS`; what makes no sense throws `ASSAY_PROTO` with its byte.
 *
 * Source: opentelemetry-proto 1.9: metrics/v1/metrics.proto, common/v1/common.proto, resource/v1/resource.proto.
 */
import { bytesTag, fixed64Tag, MAX_BUCKETS, ProtoReader, varintTag } from '#core'
import { type AnyValue, attributeText, NO_VALUE } from './attribute-text.ts'
import {
  type ExponentialBuckets,
  type ExponentialPoint,
  type HistogramPoint,
  type MetricData,
  millisOf,
  NO_RECORDED_VALUE,
  type NumberPoint,
  type OtlpExemplar,
  type OtlpMetric,
  type ResourceMetrics,
  type ScopeMetrics,
  type SummaryPoint,
  TEMPORALITIES,
} from './data.ts'
import { MAX_DEPTH, OtlpBudget } from './limits.ts'

/** Throws `ASSAY_PROTO` and `ASSAY_REMOTE_TOO_LARGE`. */
export function decodeOtlpProto(bytes: Uint8Array): readonly ResourceMetrics[] {
  return new Decoder(bytes).request()
}

const NO_NUMBERS = new Float64Array(0)

class Decoder {
  readonly #reader: ProtoReader
  readonly #budget = new OtlpBudget()

  constructor(bytes: Uint8Array) {
    this.#reader = new ProtoReader(bytes)
  }

  request(): readonly ResourceMetrics[] {
    const resources: ResourceMetrics[] = []
    this.#fields(this.#reader.end, (tag) => {
      if (tag !== bytesTag(1)) return false
      resources.push(this.#resource())
      return true
    })
    return resources
  }

  /** Reads the fields up to `end`; those that `take` does not take are skipped. */
  #fields(end: number, take: (tag: number) => boolean): void {
    const reader = this.#reader
    while (reader.at < end) {
      const tag = reader.varint()
      if (!take(tag)) reader.skip(tag)
    }
    reader.expect(end)
  }

  /** As `#fields`, of a message within; it counts as a part. */
  #message(take: (tag: number) => boolean): void {
    this.#budget.part()
    this.#fields(this.#reader.block(), take)
  }

  #resource(): ResourceMetrics {
    let attributes: [string, string][] = []
    const scopes: ScopeMetrics[] = []
    this.#message((tag) => {
      if (tag === bytesTag(1)) {
        attributes = []
        this.#message((inner) => inner === bytesTag(1) && this.#attribute(attributes))
      } else if (tag === bytesTag(2)) scopes.push(this.#scope())
      else return false
      return true
    })
    return { attributes, scopes }
  }

  #scope(): ScopeMetrics {
    const reader = this.#reader
    let name = ''
    let version = ''
    let schemaUrl = ''
    const attributes: [string, string][] = []
    const metrics: OtlpMetric[] = []
    this.#message((tag) => {
      if (tag === bytesTag(1)) {
        this.#message((inner) => {
          if (inner === bytesTag(1)) name = reader.text()
          else if (inner === bytesTag(2)) version = reader.text()
          else return inner === bytesTag(3) && this.#attribute(attributes)
          return true
        })
      } else if (tag === bytesTag(2)) metrics.push(this.#metric())
      else if (tag === bytesTag(3)) schemaUrl = reader.text()
      else return false
      return true
    })
    return { name, version, schemaUrl, attributes, metrics }
  }

  #metric(): OtlpMetric {
    const reader = this.#reader
    let name = ''
    let description = ''
    let unit = ''
    let data: MetricData = { kind: 'unknown', points: [] }
    this.#message((tag) => {
      if (tag === bytesTag(1)) name = reader.text()
      else if (tag === bytesTag(2)) description = reader.text()
      else if (tag === bytesTag(3)) unit = reader.text()
      else if (tag === bytesTag(5)) data = { kind: 'gauge', points: this.#points(() => this.#numberPoint()).points }
      else if (tag === bytesTag(7)) data = { kind: 'sum', ...this.#points(() => this.#numberPoint()) }
      else if (tag === bytesTag(9)) {
        const { points, temporality } = this.#points(() => this.#histogramPoint())
        data = { kind: 'histogram', points, temporality }
      } else if (tag === bytesTag(10)) {
        const { points, temporality } = this.#points(() => this.#exponentialPoint())
        data = { kind: 'exponentialHistogram', points, temporality }
      } else if (tag === bytesTag(11))
        data = { kind: 'summary', points: this.#points(() => this.#summaryPoint()).points }
      else return false
      return true
    })
    return { name, description, unit, data }
  }

  /** All kinds of metrics number their fields alike. */
  #points<Point>(read: () => Point) {
    const reader = this.#reader
    const points: Point[] = []
    let temporality = 0
    let monotonic = false
    this.#message((tag) => {
      if (tag === bytesTag(1)) points.push(read())
      else if (tag === varintTag(2)) temporality = reader.varint()
      else if (tag === varintTag(3)) monotonic = reader.varint() !== 0
      else return false
      return true
    })
    return { points, temporality: TEMPORALITIES[temporality] ?? 'unspecified', monotonic }
  }

  #numberPoint(): NumberPoint {
    const reader = this.#reader
    const head = this.#head()
    let value: number | undefined
    const exemplars: OtlpExemplar[] = []
    this.#message((tag) => {
      if (tag === fixed64Tag(4)) value = reader.double()
      else if (tag === fixed64Tag(6)) value = reader.sfixed64()
      else if (tag === bytesTag(5)) exemplars.push(this.#exemplar())
      else return head.take(tag, 7, varintTag(8))
      return true
    })
    return { ...head.read(), value, exemplars }
  }

  #histogramPoint(): HistogramPoint {
    const reader = this.#reader
    const head = this.#head()
    let count = 0
    let sum: number | undefined
    let bounds = NO_NUMBERS
    let counts = NO_NUMBERS
    const exemplars: OtlpExemplar[] = []
    this.#message((tag) => {
      if (tag === fixed64Tag(4)) count = reader.fixed64()
      else if (tag === fixed64Tag(5)) sum = reader.double()
      else if (tag === bytesTag(6) || tag === fixed64Tag(6)) counts = this.#fixeds(tag, counts, () => reader.fixed64())
      else if (tag === bytesTag(7) || tag === fixed64Tag(7)) bounds = this.#fixeds(tag, bounds, () => reader.double())
      else if (tag === bytesTag(8)) exemplars.push(this.#exemplar())
      else return head.take(tag, 9, varintTag(10))
      return true
    })
    return { ...head.read(), count, sum, bounds, counts, exemplars }
  }

  #exponentialPoint(): ExponentialPoint {
    const reader = this.#reader
    const head = this.#head()
    let count = 0
    let sum: number | undefined
    let scale = 0
    let zeroCount = 0
    let zeroThreshold = 0
    let positive: ExponentialBuckets = { offset: 0, counts: NO_NUMBERS }
    let negative = positive
    const exemplars: OtlpExemplar[] = []
    this.#message((tag) => {
      if (tag === fixed64Tag(4)) count = reader.fixed64()
      else if (tag === fixed64Tag(5)) sum = reader.double()
      else if (tag === varintTag(6)) scale = reader.zigzag()
      else if (tag === fixed64Tag(7)) zeroCount = reader.fixed64()
      else if (tag === bytesTag(8)) positive = this.#buckets()
      else if (tag === bytesTag(9)) negative = this.#buckets()
      else if (tag === bytesTag(11)) exemplars.push(this.#exemplar())
      else if (tag === fixed64Tag(14)) zeroThreshold = reader.double()
      else return head.take(tag, 1, varintTag(10))
      return true
    })
    return { ...head.read(), count, sum, scale, zeroCount, zeroThreshold, positive, negative, exemplars }
  }

  #buckets(): ExponentialBuckets {
    const reader = this.#reader
    let offset = 0
    const counts: number[] = []
    const push = () => {
      if (counts.length === MAX_BUCKETS) throw reader.broken(`a histogram has more than ${MAX_BUCKETS} buckets`)
      counts.push(reader.uvarint())
    }
    this.#message((tag) => {
      if (tag === varintTag(1)) offset = reader.zigzag()
      else if (tag === varintTag(2)) push()
      else if (tag === bytesTag(2)) {
        const end = reader.block()
        while (reader.at < end) push()
        reader.expect(end)
      } else return false
      return true
    })
    this.#budget.numbers(counts.length)
    return { offset, counts: Float64Array.from(counts) }
  }

  #summaryPoint(): SummaryPoint {
    const reader = this.#reader
    const head = this.#head()
    let count = 0
    let sum = 0
    const quantiles: { quantile: number; value: number }[] = []
    this.#message((tag) => {
      if (tag === fixed64Tag(4)) count = reader.fixed64()
      else if (tag === fixed64Tag(5)) sum = reader.double()
      else if (tag === bytesTag(6)) {
        const one = { quantile: 0, value: 0 }
        this.#message((inner) => {
          if (inner === fixed64Tag(1)) one.quantile = reader.double()
          else if (inner === fixed64Tag(2)) one.value = reader.double()
          else return false
          return true
        })
        quantiles.push(one)
      } else return head.take(tag, 7, varintTag(8))
      return true
    })
    return { ...head.read(), count, sum, quantiles }
  }

  /** What every point has: instants as fields 2 and 3, attributes and flags under numbers of its own. */
  #head() {
    const attributes: [string, string][] = []
    let startAt = 0
    let at = 0
    let flags = 0
    return {
      take: (tag: number, attributesField: number, flagsTag: number): boolean => {
        if (tag === fixed64Tag(2)) startAt = this.#instant()
        else if (tag === fixed64Tag(3)) at = this.#instant()
        else if (tag === flagsTag) flags = this.#reader.varint()
        else return tag === bytesTag(attributesField) && this.#attribute(attributes)
        return true
      },
      read: () => ({ attributes, startAt, at, noValue: (flags & NO_RECORDED_VALUE) !== 0 }),
    }
  }

  #exemplar(): OtlpExemplar {
    const reader = this.#reader
    const attributes: [string, string][] = []
    let at = 0
    let value: number | undefined
    let traceId = ''
    let spanId = ''
    this.#message((tag) => {
      if (tag === fixed64Tag(2)) at = this.#instant()
      else if (tag === fixed64Tag(3)) value = reader.double()
      else if (tag === fixed64Tag(6)) value = reader.sfixed64()
      else if (tag === bytesTag(4)) spanId = hexOf(reader.blob())
      else if (tag === bytesTag(5)) traceId = hexOf(reader.blob())
      else return tag === bytesTag(7) && this.#attribute(attributes)
      return true
    })
    return { at, value, traceId, spanId, attributes }
  }

  /** Nanoseconds in 64 bits, without sign. */
  #instant(): number {
    const low = this.#reader.fixed32()
    return millisOf(this.#reader.fixed32(), low)
  }

  /** A list of 8-byte numbers, packed or one by one. */
  #fixeds(tag: number, before: Float64Array<ArrayBuffer>, read: () => number): Float64Array<ArrayBuffer> {
    const reader = this.#reader
    const end = (tag & 7) === 2 ? reader.block() : reader.at + 8
    const more = Math.ceil((end - reader.at) / 8)
    this.#budget.numbers(before.length + more)
    const all = new Float64Array(before.length + more)
    all.set(before)
    for (let i = before.length; i < all.length; i++) all[i] = read()
    reader.expect(end)
    return all
  }

  /** One `KeyValue`; always true, so that it can stand at the end of a condition. */
  #attribute(into: [string, string][]): true {
    const [name, value] = this.#keyValue(0)
    into.push([name, attributeText(value)])
    return true
  }

  #keyValue(depth: number): [string, AnyValue] {
    const reader = this.#reader
    let name = ''
    let value = NO_VALUE
    this.#message((tag) => {
      if (tag === bytesTag(1)) name = reader.text()
      else if (tag === bytesTag(2)) value = this.#anyValue(depth)
      else return false
      return true
    })
    return [name, value]
  }

  #anyValue(depth: number): AnyValue {
    const reader = this.#reader
    if (depth > MAX_DEPTH) throw reader.broken(`the value of an attribute is more than ${MAX_DEPTH} lists deep`)
    let value: AnyValue = NO_VALUE
    this.#message((tag) => {
      if (tag === bytesTag(1)) value = { kind: 'text', value: reader.text() }
      else if (tag === varintTag(2)) value = { kind: 'bool', value: reader.varint() !== 0 }
      else if (tag === varintTag(3)) value = { kind: 'int', value: this.#wholeText() }
      else if (tag === fixed64Tag(4)) value = { kind: 'double', value: reader.double() }
      else if (tag === bytesTag(5)) {
        const list: AnyValue[] = []
        this.#message((inner) => inner === bytesTag(1) && list.push(this.#anyValue(depth + 1)) > 0)
        value = { kind: 'list', value: list }
      } else if (tag === bytesTag(6)) {
        const map: [string, AnyValue][] = []
        this.#message((inner) => inner === bytesTag(1) && map.push(this.#keyValue(depth + 1)) > 0)
        value = { kind: 'map', value: map }
      } else if (tag === bytesTag(7)) value = { kind: 'bytes', value: reader.blob() }
      else return false
      return true
    })
    return value
  }

  /** A signed 64-bit number with all its digits. */
  #wholeText(): string {
    const reader = this.#reader
    const from = reader.at
    const value = reader.varint()
    if (Number.isSafeInteger(value)) return String(value)
    let exact = 0n
    for (let i = reader.at - 1; i >= from; i--) exact = (exact << 7n) | BigInt(reader.bytes[i]! & 0x7f)
    return BigInt.asIntN(64, exact).toString()
  }
}

/** Ids that are all zeros are none. */
function hexOf(bytes: Uint8Array): string {
  return bytes.some((byte) => byte !== 0) ? Buffer.from(bytes).toString('hex') : ''
}
