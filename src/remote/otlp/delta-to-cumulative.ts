/**
 * Sums of what came in differences: metrics with delta temporality become cumulative ones.
 *
 * - A stream is a resource, a scope, a metric and a set of attributes. It begins with its first point.
 * - A point that begins before the stream, or does not come after the one before, is left out: it would be counted twice.
 * - Buckets of explicit histograms whose bounds changed begin anew; exponential ones meet at the coarser scale.
 * - Bounded: streams without a point for `STALE_MS` are forgotten; beyond `MAX_STREAMS`, or `MAX_NUMBERS` of all their buckets, none begins.
 *
 * Source: opentelemetry-collector-contrib: processor/deltatocumulativeprocessor.
 */
import type { Clock } from '#core'
import type {
  Attributes,
  ExponentialBuckets,
  ExponentialPoint,
  HistogramPoint,
  MetricData,
  NumberPoint,
  ResourceMetrics,
  Temporality,
} from './data.ts'

const STALE_MS = 300_000
const MAX_STREAMS = 100_000
const MAX_NUMBERS = 10_000_000

type AnyPoint = NumberPoint | HistogramPoint | ExponentialPoint
type Stream = { readonly point: AnyPoint; readonly seenAt: number }

/** Lives as long as the server; told of what it left out by `refuse`. */
export class DeltaToCumulative {
  readonly #clock: Clock
  /** By identity, the one seen longest ago first. */
  readonly #streams = new Map<string, Stream>()
  #numbers = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get streams(): number {
    return this.#streams.size
  }

  convert(
    resources: readonly ResourceMetrics[],
    refuse: (why: string, points: number) => void,
  ): readonly ResourceMetrics[] {
    this.#forget()
    return resources.map((resource) => ({
      ...resource,
      scopes: resource.scopes.map((scope) => ({
        ...scope,
        metrics: scope.metrics.map((metric) => {
          if (!('temporality' in metric.data) || metric.data.temporality !== 'delta') return metric
          const key = JSON.stringify([
            sorted(resource.attributes),
            [scope.name, scope.version, scope.schemaUrl, sorted(scope.attributes)],
            [metric.name, metric.unit, metric.data.kind, 'monotonic' in metric.data && metric.data.monotonic],
          ])
          return { ...metric, data: this.#metric(metric.data, key, refuse) }
        }),
      })),
    }))
  }

  #metric(
    data: Extract<MetricData, { readonly temporality: Temporality }>,
    key: string,
    refuse: (why: string, points: number) => void,
  ): MetricData {
    const all = <Point extends AnyPoint>(points: readonly Point[], add: (sum: Point, point: Point) => Point): Point[] =>
      points.flatMap((point) => {
        // A series that ends here needs no sum.
        if (point.noValue) return [point]
        const next = this.#next(`${key}${JSON.stringify(sorted(point.attributes))}`, point, add)
        if (typeof next !== 'string') return [next]
        refuse(next, 1)
        return []
      })
    switch (data.kind) {
      case 'sum':
        return { ...data, temporality: 'cumulative', points: all(data.points, addNumbers) }
      case 'histogram':
        return { ...data, temporality: 'cumulative', points: all(data.points, addHistograms) }
      case 'exponentialHistogram':
        return { ...data, temporality: 'cumulative', points: all(data.points, addExponential) }
      default:
        return data satisfies never
    }
  }

  #next<Point extends AnyPoint>(key: string, point: Point, add: (sum: Point, point: Point) => Point): Point | string {
    const stream = this.#streams.get(key)
    if (stream === undefined) {
      if (this.#streams.size >= MAX_STREAMS || this.#numbers > MAX_NUMBERS)
        return `it is of a new series, and ${this.#streams.size} are summed up already (delta to cumulative)`
      this.#put(key, point)
      return point
    }
    // The same key is the same kind of metric, and so of point.
    const sum = stream.point as Point
    if (point.startAt !== 0 && point.startAt < sum.startAt)
      return 'it begins before its series did (delta to cumulative)'
    if (point.at <= sum.at) return 'it does not come after the one before it (delta to cumulative)'
    const added = add(sum, point)
    const next = added === point ? point : { ...added, startAt: sum.startAt }
    this.#drop(key)
    this.#put(key, next)
    return next
  }

  #put(key: string, point: AnyPoint): void {
    this.#numbers += numbersOf(point)
    this.#streams.set(key, { point: { ...point, exemplars: [] }, seenAt: this.#clock.now() })
  }

  #drop(key: string): void {
    const stream = this.#streams.get(key)
    if (stream !== undefined) this.#numbers -= numbersOf(stream.point)
    this.#streams.delete(key)
  }

  #forget(): void {
    const oldest = this.#clock.now() - STALE_MS
    for (const [key, { seenAt }] of this.#streams) {
      if (seenAt >= oldest) return
      this.#drop(key)
    }
  }
}

function numbersOf(point: AnyPoint): number {
  if ('counts' in point) return point.counts.length + point.bounds.length
  return 'scale' in point ? point.positive.counts.length + point.negative.counts.length : 0
}

function sorted(attributes: Attributes): Attributes {
  return attributes.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}

function addNumbers(sum: NumberPoint, point: NumberPoint): NumberPoint {
  return { ...point, value: point.value === undefined ? undefined : (sum.value ?? 0) + point.value }
}

function addHistograms(sum: HistogramPoint, point: HistogramPoint): HistogramPoint {
  if (!sameNumbers(sum.bounds, point.bounds) || sum.counts.length !== point.counts.length) return point
  return {
    ...point,
    count: sum.count + point.count,
    sum: sum.sum === undefined || point.sum === undefined ? undefined : sum.sum + point.sum,
    counts: point.counts.map((count, i) => count + sum.counts[i]!),
  }
}

function addExponential(sum: ExponentialPoint, point: ExponentialPoint): ExponentialPoint {
  const scale = Math.min(sum.scale, point.scale)
  // Buckets that fall into the wider zero bucket would have to move there; one threshold is what exporters send.
  if (sum.zeroThreshold !== point.zeroThreshold) return point
  const side = (a: ExponentialBuckets, b: ExponentialBuckets) =>
    addBuckets(coarser(a, sum.scale - scale), coarser(b, point.scale - scale))
  return {
    ...point,
    scale,
    count: sum.count + point.count,
    sum: sum.sum === undefined || point.sum === undefined ? undefined : sum.sum + point.sum,
    zeroCount: sum.zeroCount + point.zeroCount,
    positive: side(sum.positive, point.positive),
    negative: side(sum.negative, point.negative),
  }
}

/** Bucket i lies above base^i, so that 2i and 2i + 1 meet. */
function coarser({ offset, counts }: ExponentialBuckets, by: number): ExponentialBuckets {
  if (by === 0 || counts.length === 0) return { offset: counts.length === 0 ? 0 : offset, counts }
  const width = 2 ** Math.min(by, 40)
  const first = Math.floor(offset / width)
  const out = new Float64Array(Math.floor((offset + counts.length - 1) / width) - first + 1)
  for (let i = 0; i < counts.length; i++) out[Math.floor((offset + i) / width) - first]! += counts[i]!
  return { offset: first, counts: out }
}

/** Most buckets that a sum of two may span: what lies further apart is not one histogram's. */
const MAX_SPAN = 100_000

function addBuckets(a: ExponentialBuckets, b: ExponentialBuckets): ExponentialBuckets {
  if (a.counts.length === 0) return b
  if (b.counts.length === 0) return a
  const offset = Math.min(a.offset, b.offset)
  const length = Math.max(a.offset + a.counts.length, b.offset + b.counts.length) - offset
  if (length > MAX_SPAN) return b
  const counts = new Float64Array(length)
  for (const one of [a, b]) for (const [i, count] of one.counts.entries()) counts[one.offset - offset + i]! += count
  return { offset, counts }
}

function sameNumbers(a: Float64Array, b: Float64Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}
