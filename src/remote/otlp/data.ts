/**
 * Metrics of OpenTelemetry (opentelemetry.proto.metrics.v1) as they are decoded, from protobuf or JSON alike.
 *
 * - Instants are Unix milliseconds, rounded down from nanoseconds; 0 is "not given".
 * - Values of attributes are text already, as Prometheus writes them into labels.
 * - Counts are doubles; beyond 2^53 their last digits are gone.
 */
export type Attributes = readonly (readonly [name: string, value: string])[]

/** `unspecified` is not a temporality that can be taken. */
export const TEMPORALITIES = ['unspecified', 'delta', 'cumulative'] as const
export type Temporality = (typeof TEMPORALITIES)[number]

export type OtlpExemplar = {
  readonly at: number
  /** `undefined`: it came without one. */
  readonly value: number | undefined
  /** Lower-case hex, or ''. */
  readonly traceId: string
  readonly spanId: string
  readonly attributes: Attributes
}

/** The bit of a point's flags that says it has no value. */
export const NO_RECORDED_VALUE = 1

type Point = {
  readonly attributes: Attributes
  readonly startAt: number
  readonly at: number
  /** The series has no value here: it ends. */
  readonly noValue: boolean
}

export type NumberPoint = Point & { readonly value: number | undefined; readonly exemplars: readonly OtlpExemplar[] }

export type HistogramPoint = Point & {
  readonly count: number
  readonly sum: number | undefined
  /** Upper bounds, inclusive; one bucket more than bounds, or none of both. */
  readonly bounds: Float64Array
  readonly counts: Float64Array
  readonly exemplars: readonly OtlpExemplar[]
}

/** `counts[i]` lie in (base^(offset+i), base^(offset+i+1)], base 2^(2^-scale). */
export type ExponentialBuckets = { readonly offset: number; readonly counts: Float64Array }

export type ExponentialPoint = Point & {
  readonly count: number
  readonly sum: number | undefined
  readonly scale: number
  readonly zeroCount: number
  readonly zeroThreshold: number
  readonly positive: ExponentialBuckets
  readonly negative: ExponentialBuckets
  readonly exemplars: readonly OtlpExemplar[]
}

export type SummaryPoint = Point & {
  readonly count: number
  readonly sum: number
  readonly quantiles: readonly { readonly quantile: number; readonly value: number }[]
}

export type MetricData =
  | { readonly kind: 'gauge'; readonly points: readonly NumberPoint[] }
  | {
      readonly kind: 'sum'
      readonly points: readonly NumberPoint[]
      readonly temporality: Temporality
      readonly monotonic: boolean
    }
  | { readonly kind: 'histogram'; readonly points: readonly HistogramPoint[]; readonly temporality: Temporality }
  | {
      readonly kind: 'exponentialHistogram'
      readonly points: readonly ExponentialPoint[]
      readonly temporality: Temporality
    }
  | { readonly kind: 'summary'; readonly points: readonly SummaryPoint[] }
  /** A kind that came later than this. */
  | { readonly kind: 'unknown'; readonly points: readonly [] }

export type OtlpMetric = {
  readonly name: string
  readonly description: string
  readonly unit: string
  readonly data: MetricData
}

export type ScopeMetrics = {
  readonly name: string
  readonly version: string
  readonly schemaUrl: string
  readonly attributes: Attributes
  readonly metrics: readonly OtlpMetric[]
}

export type ResourceMetrics = { readonly attributes: Attributes; readonly scopes: readonly ScopeMetrics[] }

/** What a metric counts as when it is named. */
export type MetricKind = 'gauge' | 'counter' | 'upDownCounter' | 'histogram' | 'summary'

/** Milliseconds of nanoseconds in two halves of 32 bits: exact, which a double of nanoseconds is not. */
export function millisOf(high: number, low: number): number {
  // 2^32 = 4294 * 10^6 + 967296.
  return high * 4294 + Math.floor((high * 967_296 + low) / 1e6)
}
