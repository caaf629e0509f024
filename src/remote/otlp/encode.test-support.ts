/** Requests of OpenTelemetry as an exporter makes them, in both encodings: for tests alone. */
import { ProtoWriter } from '#core'
import {
  type Attributes,
  type ExponentialBuckets,
  type OtlpExemplar,
  type OtlpMetric,
  type ResourceMetrics,
  TEMPORALITIES,
} from './data.ts'

/** Nanoseconds behind the millisecond, so that rounding is seen. */
const REST = 999_999n

export function encodeProto(resources: readonly ResourceMetrics[]): Buffer {
  const w = new ProtoWriter()
  for (const resource of resources) {
    w.blockField(1, () => {
      w.blockField(1, () => attributes(w, 1, resource.attributes))
      for (const scope of resource.scopes) {
        w.blockField(2, () => {
          w.blockField(1, () => {
            w.textField(1, scope.name)
            w.textField(2, scope.version)
            attributes(w, 3, scope.attributes)
          })
          for (const metric of scope.metrics) w.blockField(2, () => writeMetric(w, metric))
          w.textField(3, scope.schemaUrl)
        })
      }
    })
  }
  return w.take()
}

const FIELDS = { gauge: 5, sum: 7, histogram: 9, exponentialHistogram: 10, summary: 11, unknown: 99 } as const

function writeMetric(w: ProtoWriter, { name, description, unit, data }: OtlpMetric): void {
  w.textField(1, name)
  w.textField(2, description)
  w.textField(3, unit)
  w.blockField(FIELDS[data.kind], () => {
    for (const point of data.points) {
      w.blockField(1, () => {
        instant(w, 2, point.startAt)
        instant(w, 3, point.at)
        if ('scale' in point) {
          attributes(w, 1, point.attributes)
          fixed(w, 4, BigInt(point.count))
          if (point.sum !== undefined) w.doubleField(5, point.sum)
          w.zigzagField(6, point.scale)
          fixed(w, 7, BigInt(point.zeroCount))
          for (const [field, buckets] of [
            [8, point.positive],
            [9, point.negative],
          ] as const) {
            w.blockField(field, () => {
              w.zigzagField(1, buckets.offset)
              w.blockField(2, () => {
                for (const count of buckets.counts) w.varint(count)
              })
            })
          }
          if (point.noValue) w.varintField(10, 1)
          exemplars(w, 11, point.exemplars)
          w.doubleField(14, point.zeroThreshold)
        } else if ('bounds' in point) {
          attributes(w, 9, point.attributes)
          fixed(w, 4, BigInt(point.count))
          if (point.sum !== undefined) w.doubleField(5, point.sum)
          w.blockField(6, () => {
            for (const count of point.counts) w.raw(bytes8(BigInt(count)))
          })
          for (const bound of point.bounds) w.doubleField(7, bound)
          exemplars(w, 8, point.exemplars)
          if (point.noValue) w.varintField(10, 1)
        } else if ('quantiles' in point) {
          attributes(w, 7, point.attributes)
          fixed(w, 4, BigInt(point.count))
          w.doubleField(5, point.sum)
          for (const { quantile, value } of point.quantiles) {
            w.blockField(6, () => {
              w.doubleField(1, quantile)
              w.doubleField(2, value)
            })
          }
          if (point.noValue) w.varintField(8, 1)
        } else {
          attributes(w, 7, point.attributes)
          if (point.value !== undefined) number(w, 4, point.value)
          exemplars(w, 5, point.exemplars)
          if (point.noValue) w.varintField(8, 1)
        }
      })
    }
    if ('temporality' in data) w.varintField(2, TEMPORALITIES.indexOf(data.temporality))
    if ('monotonic' in data && data.monotonic) w.varintField(3, 1)
  })
}

/** Whole numbers go as such, so that both fields are seen. */
function number(w: ProtoWriter, doubleField: number, value: number): void {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) fixed(w, 6, BigInt(value))
  else w.doubleField(doubleField, value)
}

function exemplars(w: ProtoWriter, field: number, list: readonly OtlpExemplar[]): void {
  for (const one of list) {
    w.blockField(field, () => {
      instant(w, 2, one.at)
      if (one.value !== undefined) number(w, 3, one.value)
      w.blobField(4, Buffer.from(one.spanId, 'hex'))
      w.blobField(5, Buffer.from(one.traceId, 'hex'))
      attributes(w, 7, one.attributes)
    })
  }
}

function attributes(w: ProtoWriter, field: number, list: Attributes): void {
  for (const [name, value] of list) {
    w.blockField(field, () => {
      w.textField(1, name)
      w.blockField(2, () => w.textField(1, value))
    })
  }
}

function instant(w: ProtoWriter, field: number, at: number): void {
  if (at !== 0) fixed(w, field, nanosOf(at))
}

function nanosOf(at: number): bigint {
  return BigInt(at) * 1_000_000n + REST
}

function fixed(w: ProtoWriter, field: number, value: bigint): void {
  w.varint((field << 3) | 1)
  w.raw(bytes8(value))
}

function bytes8(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value))
  return bytes
}

export function encodeJson(resources: readonly ResourceMetrics[]): string {
  return JSON.stringify({
    resourceMetrics: resources.map((resource) => ({
      resource: { attributes: pairs(resource.attributes) },
      scopeMetrics: resource.scopes.map((scope) => ({
        scope: { name: scope.name, version: scope.version, attributes: pairs(scope.attributes) },
        schemaUrl: scope.schemaUrl,
        metrics: scope.metrics.map(({ name, description, unit, data }) => ({
          name,
          description,
          unit,
          [data.kind]: {
            dataPoints: data.points.map((point) => ({
              attributes: pairs(point.attributes),
              ...(point.startAt === 0 ? {} : { startTimeUnixNano: String(nanosOf(point.startAt)) }),
              ...(point.at === 0 ? {} : { timeUnixNano: String(nanosOf(point.at)) }),
              flags: point.noValue ? 1 : 0,
              ...('exemplars' in point ? { exemplars: point.exemplars.map(exemplarOf) } : {}),
              ...('value' in point ? numberOf(point.value) : {}),
              ...('count' in point ? { count: String(point.count), sum: doubleOf(point.sum) } : {}),
              ...('bounds' in point
                ? { explicitBounds: [...point.bounds].map(doubleOf), bucketCounts: [...point.counts].map(String) }
                : {}),
              ...('scale' in point
                ? {
                    scale: point.scale,
                    zeroCount: String(point.zeroCount),
                    zeroThreshold: doubleOf(point.zeroThreshold),
                    positive: bucketsOf(point.positive),
                    negative: bucketsOf(point.negative),
                  }
                : {}),
              ...('quantiles' in point
                ? {
                    quantileValues: point.quantiles.map(({ quantile, value }) => ({
                      quantile: doubleOf(quantile),
                      value: doubleOf(value),
                    })),
                  }
                : {}),
            })),
            ...('temporality' in data
              ? { aggregationTemporality: `AGGREGATION_TEMPORALITY_${data.temporality.toUpperCase()}` }
              : {}),
            ...('monotonic' in data ? { isMonotonic: data.monotonic } : {}),
          },
        })),
      })),
    })),
  })
}

function exemplarOf({ at, value, traceId, spanId, attributes: own }: OtlpExemplar) {
  return {
    ...(at === 0 ? {} : { timeUnixNano: String(nanosOf(at)) }),
    ...numberOf(value),
    traceId: traceId.toUpperCase(),
    spanId,
    filteredAttributes: pairs(own),
  }
}

function numberOf(value: number | undefined) {
  if (value === undefined) return {}
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? { asInt: String(value) } : { asDouble: doubleOf(value) }
}

function doubleOf(value: number | undefined): number | string | undefined {
  if (value === undefined || (Number.isFinite(value) && !Object.is(value, -0))) return value
  return Object.is(value, -0) ? '-0' : String(value)
}

function bucketsOf({ offset, counts }: ExponentialBuckets) {
  return { offset, bucketCounts: [...counts].map(String) }
}

function pairs(list: Attributes) {
  return list.map(([key, value]) => ({ key, value: { stringValue: value } }))
}
