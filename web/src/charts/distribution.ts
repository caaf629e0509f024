/**
 * A native histogram as it travels on Prometheus' API, read once into numbers: what bars, heatmaps and their words are made of.
 *
 * - Only buckets with a finite count above zero are kept, ascending; empty ones do not travel. What has no such count (a
 *   quotient by zero, a difference below zero) can't be drawn: `undrawn` counts it, so that the page can say so.
 * - Bounds may be infinite; the edges of a bucket of zero enclose zero. Nothing is ever interpolated.
 *
 * Source: prometheus: docs/querying/api.md, "Native histograms".
 */
import type { Unit } from '../api/wire.ts'
import { formatText } from '../format/value.ts'

export type Bucket = {
  readonly lower: number
  readonly upper: number
  /** Whether the edge itself lies in the bucket. */
  readonly lowerIn: boolean
  readonly upperIn: boolean
  readonly count: number
}

export type Distribution = {
  readonly count: number
  readonly sum: number
  readonly buckets: readonly Bucket[]
  readonly undrawn: number
}

/** As it travels: numbers are texts, a bucket is `[rule, lower, upper, count]`. */
export type HistogramWire = {
  readonly count: string
  readonly sum: string
  readonly buckets?: readonly (readonly [rule: number, lower: string, upper: string, count: string])[]
}

/** Prometheus' own writing of infinity; `Number` knows none of `+Inf` and `-Inf`. */
export function parseNumber(text: unknown): number {
  if (text === '+Inf' || text === 'Inf') return Number.POSITIVE_INFINITY
  if (text === '-Inf') return Number.NEGATIVE_INFINITY
  return typeof text === 'string' && text !== '' ? Number(text) : Number.NaN
}

/** What an answer holds, or `undefined` when it is no histogram. */
export function tryDistribution(wire: unknown): Distribution | undefined {
  if (typeof wire !== 'object' || wire === null || !('count' in wire) || !('sum' in wire)) return undefined
  const listed = 'buckets' in wire && Array.isArray(wire.buckets) ? (wire.buckets as readonly unknown[]) : []
  const buckets: Bucket[] = []
  let undrawn = 0
  for (const row of listed) {
    if (!Array.isArray(row) || row.length < 4) return undefined
    const [rule, lower, upper, count] = [row[0], ...row.slice(1, 4).map(parseNumber)] as [
      unknown,
      number,
      number,
      number,
    ]
    if (Number.isNaN(lower) || Number.isNaN(upper) || lower > upper) return undefined
    if (count === 0) continue
    if (!(count > 0) || count === Number.POSITIVE_INFINITY) undrawn++
    else buckets.push({ lower, upper, lowerIn: rule === 1 || rule === 3, upperIn: rule === 0 || rule === 3, count })
  }
  return { count: parseNumber(wire.count), sum: parseNumber(wire.sum), buckets, undrawn }
}

/** `above 20 ms to 25 ms`, `up to 1 KiB`, `above 1 MiB`, `−1 ms to 1 ms`: with the word that says which edge is inside. */
export function bucketWords(bucket: Bucket, unit: Unit): string {
  const [lower, upper] = [formatText(unit, bucket.lower), formatText(unit, bucket.upper)]
  if (bucket.lower === Number.NEGATIVE_INFINITY)
    return bucket.upper === Number.POSITIVE_INFINITY ? 'any value' : `${bucket.upperIn ? 'up to' : 'below'} ${upper}`
  if (bucket.upper === Number.POSITIVE_INFINITY) return `${bucket.lowerIn ? 'from' : 'above'} ${lower}`
  return `${bucket.lowerIn ? '' : 'above '}${lower} to ${bucket.upperIn ? '' : 'below '}${upper}`
}

/** Sum by count, or `undefined` where there is nothing to divide by. */
export function averageOf({ count, sum }: Distribution): number | undefined {
  const average = sum / count
  return count > 0 && Number.isFinite(average) ? average : undefined
}

/** The fullest bucket; of equals the first. */
export function fullest(buckets: readonly Bucket[]): Bucket | undefined {
  let found = buckets[0]
  for (const bucket of buckets) if (found !== undefined && bucket.count > found.count) found = bucket
  return found
}

/** One sentence for who can't see the bars. `countUnit`: `per_second` for a rate. */
export function describeDistribution(given: Distribution, unit: Unit, countUnit: Unit = 'count'): string {
  const { buckets, undrawn } = given
  const average = averageOf(given)
  const parts = [
    `${formatText(countUnit, given.count)} observations`,
    ...(average === undefined ? [] : [`${formatText(unit, average)} on average`]),
  ]
  const most = fullest(buckets)
  const first = buckets[0]
  const last = buckets.at(-1)
  if (most !== undefined && first !== undefined && last !== undefined) {
    parts.push(
      `${buckets.length === 1 ? 'one bucket' : `${buckets.length} buckets`} from ${formatEdge(first.lower, unit)} to ${formatEdge(last.upper, unit)}`,
      `most of them ${bucketWords(most, unit)}: ${formatText(countUnit, most.count)}`,
    )
  } else parts.push('no buckets')
  if (undrawn > 0) parts.push(`${undrawn} buckets without a count that could be drawn`)
  return `${parts.join(', ')}.`
}

/** An edge in words: infinity is no number with a unit. */
export function formatEdge(value: number, unit: Unit): string {
  if (value === Number.POSITIVE_INFINITY) return 'infinity'
  if (value === Number.NEGATIVE_INFINITY) return 'minus infinity'
  return formatText(unit, value)
}
