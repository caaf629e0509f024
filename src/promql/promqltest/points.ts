/**
 * What an answer holds, series by series and instant by instant, beside what a script expects of it.
 *
 * - Floats may differ by 1e-6 of their size, counts of histograms too; schemas, bounds and zero thresholds may not.
 * - Empty buckets do not count, and a counter reset hint only where the script states it.
 *
 * Source: prometheus: promql/promqltest/test.go (`compareNativeHistogram`), util/almost.
 */
import { type Buckets, Labels, type NativeHistogram, type QueryAnswer } from '#core'
import { compareLabels } from '#storage'
import { compactHistogram, formatNotation, type ParsedHistogram } from '../histogram/index.ts'

export type Point = number | NativeHistogram
/** A point, and whether its hint has to be the same. */
export type Wanted = number | ParsedHistogram
export type Found = Map<string, { readonly labels: Labels; readonly points: Map<number, Point> }>

const EPSILON = 1e-6
const MIN_NORMAL = 2 ** -1022

/** By the key of the labels; `undefined` for a string. */
export function pointsOf(answer: QueryAnswer): Found | undefined {
  const found: Found = new Map()
  const add = (labels: Labels, at: number, point: Point): void => {
    const one = found.get(labels.key) ?? { labels, points: new Map<number, Point>() }
    found.set(labels.key, one)
    one.points.set(at, point)
  }
  switch (answer.kind) {
    case 'string':
      return undefined
    case 'scalar':
      add(Labels.empty, answer.at, answer.value)
      return found
    case 'vector':
      for (const { labels, at, value, histogram } of answer.samples) add(labels, at, histogram ?? value)
      return found
    default:
      for (const { labels, timestamps, values, histograms } of answer.series) {
        for (let i = 0; i < timestamps.length; i++) add(labels, timestamps[i]!, values[i]!)
        for (const [i, histogram] of (histograms?.values ?? []).entries())
          add(labels, histograms!.timestamps[i]!, histogram)
      }
      return found
  }
}

/** What differs, or `undefined`. */
export function comparePoints(
  wanted: ReadonlyMap<number, Wanted>,
  got: ReadonlyMap<number, Point>,
): string | undefined {
  for (const [at, point] of wanted) {
    const found = got.get(at)
    if (found === undefined) return `no sample at ${at}, expected ${show(point)}`
    if (!fits(point, found)) return `${show(found)} at ${at}, expected ${show(point)}`
  }
  for (const [at, point] of got) if (!wanted.has(at)) return `${show(point)} at ${at} was not expected`
  return undefined
}

export function describe(found: Found): string {
  const all = [...found.values()].sort((a, b) => compareLabels(a.labels, b.labels)).slice(0, 3)
  return (
    all.map(({ labels, points }) => `${labels} ${[...points.values()].slice(0, 5).map(show).join(' ')}`).join(', ') ||
    'nothing'
  )
}

function show(point: Point | Wanted): string {
  if (typeof point === 'number') return String(point)
  return formatNotation('histogram' in point ? point.histogram : point)
}

function fits(wanted: Wanted, found: Point): boolean {
  if (typeof wanted === 'number') return typeof found === 'number' && almostEqual(found, wanted)
  if (typeof found === 'number') return false
  const [a, b] = [compactHistogram(wanted.histogram), compactHistogram(found)]
  return (
    a.schema === b.schema &&
    a.zeroThreshold === b.zeroThreshold &&
    almostEqual(a.zeroCount, b.zeroCount) &&
    almostEqual(a.count, b.count) &&
    almostEqual(a.sum, b.sum) &&
    a.customBounds.length === b.customBounds.length &&
    a.customBounds.every((bound, i) => bound === b.customBounds[i]) &&
    sameSide(a.positive, b.positive) &&
    sameSide(a.negative, b.negative) &&
    (!wanted.hintStated || a.resetHint === b.resetHint)
  )
}

function sameSide(a: Buckets, b: Buckets): boolean {
  return (
    a.indices.length === b.indices.length &&
    a.indices.every((index, i) => index === b.indices[i] && almostEqual(a.counts[i]!, b.counts[i]!))
  )
}

export function almostEqual(a: number, b: number): boolean {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b)
  if (a === b) return true
  const sum = Math.abs(a) + Math.abs(b)
  const difference = Math.abs(a - b)
  if (a === 0 || b === 0 || sum < MIN_NORMAL) return difference < EPSILON * MIN_NORMAL
  return difference / Math.min(sum, Number.MAX_VALUE) < EPSILON
}
