/**
 * Exemplars: single observations with labels of their own, usually the trace behind one. Read, thinned, found again. Pure.
 *
 * - At most MAX_EXEMPLARS are drawn, spread over the range by time with the largest of each stretch kept; `dropped` says how
 *   many more there were.
 */
import { isRecord } from '../api/client.ts'
import { parseNumber } from './distribution.ts'

export type Exemplar = {
  readonly labels: Readonly<Record<string, string>>
  readonly series: Readonly<Record<string, string>>
  readonly value: number
  /** Unix seconds. */
  readonly at: number
}

export type Exemplars = { readonly list: readonly Exemplar[]; readonly dropped: number }

/** More marks than this hide the chart. */
export const MAX_EXEMPLARS = 100

export const NO_EXEMPLARS: readonly Exemplar[] = []

/** What `query_exemplars` answered; anything else in it is left out. Ascending by time. */
export function toExemplars(data: unknown): readonly Exemplar[] {
  const all: Exemplar[] = []
  for (const row of Array.isArray(data) ? data : []) {
    if (!isRecord(row) || !Array.isArray(row['exemplars'])) continue
    const series = textsOf(row['seriesLabels'])
    for (const one of row['exemplars'] as readonly unknown[]) {
      if (!isRecord(one)) continue
      const value = parseNumber(one['value'])
      const at = one['timestamp']
      if (Number.isFinite(value) && typeof at === 'number')
        all.push({ labels: textsOf(one['labels']), series, value, at })
    }
  }
  return all.toSorted((a, b) => a.at - b.at)
}

/**
 * What is drawn beside one series: the exemplars of those series that went into it. A label that the series still has must be
 * the exemplar's; what was summed away may be anything. No series: all.
 */
export function exemplarsOf(all: readonly Exemplar[], metric?: Readonly<Record<string, string>>): Exemplars {
  const wanted = Object.entries(metric ?? {}).filter(([name]) => name !== '__name__')
  return thin(all.filter(({ series }) => wanted.every(([name, value]) => series[name] === value)))
}

function thin(all: readonly Exemplar[]): Exemplars {
  if (all.length <= MAX_EXEMPLARS) return { list: all, dropped: 0 }
  const first = all[0]!.at
  const span = all.at(-1)!.at - first || 1
  const best = new Map<number, Exemplar>()
  for (const one of all) {
    const slot = Math.min(MAX_EXEMPLARS - 1, Math.floor(((one.at - first) / span) * MAX_EXEMPLARS))
    const known = best.get(slot)
    if (known === undefined || one.value > known.value) best.set(slot, one)
  }
  const list = [...best.values()].toSorted((a, b) => a.at - b.at)
  return { list, dropped: all.length - list.length }
}

function textsOf(given: unknown): Readonly<Record<string, string>> {
  if (!isRecord(given)) return {}
  return Object.fromEntries(
    Object.entries(given).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  )
}

/** Index of the mark nearest to a point, within `reach` pixels; `undefined` when none is. */
export function nearest(
  marks: readonly { readonly x: number; readonly y: number }[],
  x: number,
  y: number,
  reach: number,
): number | undefined {
  let found: number | undefined
  let least = reach * reach
  for (const [i, mark] of marks.entries()) {
    const distance = (mark.x - x) ** 2 + (mark.y - y) ** 2
    if (distance <= least) {
      least = distance
      found = i
    }
  }
  return found
}

/**
 * Whether a question's own values are what was observed, so that an exemplar has its place on their axis. The rate of a
 * bucket is not: there, exemplars stand at the foot.
 */
export function showsObserved(expr: string): boolean {
  return /^[\s(]*(?:label_replace\s*\([\s(]*)?histogram_(?:quantiles?|avg)\s*\(/.test(expr)
}

/** Whether a question is about histograms at all: only then one more call may be worth it. */
export function mayHaveExemplars(expr: string): boolean {
  return /_bucket\b|\bhistogram_/.test(expr)
}
