/**
 * What an engine answers, from its JSON: vectors, matrices, scalars, strings, label sets, lists of texts.
 *
 * - The answer comes from outside: each thing is looked at before it is used, and what is none is `undefined`.
 * - A native histogram is written as its buckets alone, so that its schema is lost: it comes back with custom bounds, its count and
 *   sum as they were. Buckets below zero have no place there; they are left out.
 */
import {
  CUSTOM_SCHEMA,
  Labels,
  type MatrixSeries,
  type NativeHistogram,
  NO_BUCKETS,
  type QueryAnswer,
  tryParseValue,
  type UnixMs,
  unixMs,
  type VectorSample,
} from '#core'

type Annotations = { readonly warnings: readonly string[]; readonly infos: readonly string[] }

/** `undefined` when it is no result of a query. */
export function parseResult(data: unknown, { warnings, infos }: Annotations): QueryAnswer | undefined {
  if (!isObject(data)) return undefined
  const { resultType, result } = data
  const more = { warnings, infos }
  if (resultType === 'scalar' || resultType === 'string') {
    const point = pair(result)
    if (point === undefined) return undefined
    if (resultType === 'string') return { kind: 'string', at: point.at, value: point.text, ...more }
    const value = tryParseValue(point.text)
    return value === undefined ? undefined : { kind: 'scalar', at: point.at, value, ...more }
  }
  if (!Array.isArray(result)) return undefined
  if (resultType === 'vector') {
    const samples = all(result, vectorSample)
    return samples === undefined ? undefined : { kind: 'vector', samples, ...more }
  }
  if (resultType !== 'matrix') return undefined
  const series = all(result, matrixSeries)
  return series === undefined ? undefined : { kind: 'matrix', series, ...more }
}

export function parseLabelSets(data: unknown): readonly Labels[] | undefined {
  return Array.isArray(data) ? all(data, labelsOf) : undefined
}

export function parseTexts(data: unknown): readonly string[] | undefined {
  // Nothing found is null in some stores.
  if (data === null) return []
  return Array.isArray(data) && data.every((one) => typeof one === 'string') ? data : undefined
}

function vectorSample(given: unknown): VectorSample | undefined {
  if (!isObject(given)) return undefined
  const labels = labelsOf(given['metric'])
  if (labels === undefined) return undefined
  if (given['histogram'] !== undefined) {
    const point = histogramPair(given['histogram'])
    return point === undefined ? undefined : { labels, at: point.at, value: Number.NaN, histogram: point.histogram }
  }
  const point = pair(given['value'])
  const value = point === undefined ? undefined : tryParseValue(point.text)
  return point === undefined || value === undefined ? undefined : { labels, at: point.at, value }
}

function matrixSeries(given: unknown): MatrixSeries | undefined {
  if (!isObject(given)) return undefined
  const labels = labelsOf(given['metric'])
  const points = given['values'] ?? []
  if (labels === undefined || !Array.isArray(points)) return undefined
  const timestamps = new Float64Array(points.length)
  const values = new Float64Array(points.length)
  for (let i = 0; i < points.length; i++) {
    const point = pair(points[i])
    const value = point === undefined ? undefined : tryParseValue(point.text)
    if (point === undefined || value === undefined) return undefined
    timestamps[i] = point.at
    values[i] = value
  }
  if (!Array.isArray(given['histograms'])) return { labels, timestamps, values }
  const histograms = all(given['histograms'], histogramPair)
  if (histograms === undefined) return undefined
  return {
    labels,
    timestamps,
    values,
    histograms: {
      timestamps: Float64Array.from(histograms, ({ at }) => at),
      values: histograms.map(({ histogram }) => histogram),
    },
  }
}

function labelsOf(given: unknown): Labels | undefined {
  if (!isObject(given)) return undefined
  const texts: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== 'string') return undefined
    texts[name] = value
  }
  return Labels.of(texts)
}

function pair(given: unknown): { readonly at: UnixMs; readonly text: string } | undefined {
  if (!Array.isArray(given) || given.length !== 2) return undefined
  const [seconds, text] = given as readonly unknown[]
  if (typeof seconds !== 'number' || typeof text !== 'string') return undefined
  return { at: unixMs(Math.round(seconds * 1000)), text }
}

function histogramPair(given: unknown): { readonly at: UnixMs; readonly histogram: NativeHistogram } | undefined {
  if (!Array.isArray(given) || typeof given[0] !== 'number' || !isObject(given[1])) return undefined
  const { count, sum, buckets = [] } = given[1]
  const [total, all] = [count, sum].map((text) => (typeof text === 'string' ? tryParseValue(text) : undefined))
  if (total === undefined || all === undefined || !Array.isArray(buckets)) return undefined
  const bounds: number[] = []
  const indices: number[] = []
  const counts: number[] = []
  for (const bucket of buckets as readonly unknown[]) {
    if (!Array.isArray(bucket) || bucket.length !== 4) return undefined
    const [low, high, inside] = bucket
      .slice(1)
      .map((text) => (typeof text === 'string' ? tryParseValue(text) : undefined))
    if (low === undefined || high === undefined || inside === undefined) return undefined
    if (high < 0 || high === 0) continue
    if (Number.isFinite(low) && low > 0 && (bounds.at(-1) ?? Number.NEGATIVE_INFINITY) < low) bounds.push(low)
    indices.push(bounds.length)
    counts.push(inside)
    if (Number.isFinite(high)) bounds.push(high)
  }
  return {
    at: unixMs(Math.round(given[0] * 1000)),
    histogram: {
      schema: CUSTOM_SCHEMA,
      zeroThreshold: 0,
      zeroCount: 0,
      count: total,
      sum: all,
      positive: { indices: Int32Array.from(indices), counts: Float64Array.from(counts) },
      negative: NO_BUCKETS,
      customBounds: Float64Array.from(bounds),
      resetHint: 'unknown',
      isInteger: false,
    },
  }
}

function all<T>(list: readonly unknown[], parse: (one: unknown) => T | undefined): T[] | undefined {
  const parsed: T[] = []
  for (const one of list) {
    const value = parse(one)
    if (value === undefined) return undefined
    parsed.push(value)
  }
  return parsed
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
