/**
 * Brings late samples into the series of an ordinary block: the source of the block that takes its place. Ordered by labels.
 *
 * - A series with histograms comes in parts as its block gives it; each takes the late samples up to its end, the last ones follow.
 * - A late sample that begins a series here says nothing of a counter reset: what was before it lies in another block.
 */
import type { Labels } from '#core'
import { compareLabels } from '#storage'
import type { Part } from '../columns/part.ts'
import type { SeriesColumns } from '../columns/series-columns.ts'
import { type Columns, type WeaveState, weave, weaveParts } from '../columns/weave.ts'
import { lowerBound } from './late-table.ts'

/** One series' late samples, from several places, the earlier winning. */
export type LateSeriesParts = { readonly labels: Labels; readonly parts: readonly Part[] }

/** Parts of several sources by series, in order of labels. */
export function joinParts(sources: readonly (readonly Part[])[]): readonly LateSeriesParts[] {
  const byKey = new Map<string, { readonly labels: Labels; readonly parts: Part[] }>()
  for (const part of sources.flat()) {
    const known = byKey.get(part.labels.key)
    if (known === undefined) byKey.set(part.labels.key, { labels: part.labels, parts: [part] })
    else known.parts.push(part)
  }
  return [...byKey.values()].sort((a, b) => compareLabels(a.labels, b.labels))
}

export function* mergeLate(
  block: Iterator<SeriesColumns, void, undefined>,
  late: readonly LateSeriesParts[],
): Generator<SeriesColumns, void, undefined> {
  let next = 0
  let one = step(block)
  while (one !== undefined || next < late.length) {
    const order = one === undefined ? 1 : next === late.length ? -1 : compareLabels(one.labels, late[next]!.labels)
    if (order < 0) {
      yield one!
      one = step(block)
      continue
    }
    const { labels, parts } = late[next++]!
    let rest: Columns = weaveParts(parts)
    const state: WeaveState = { last: 'first' }
    for (; one !== undefined && compareLabels(one.labels, labels) === 0; one = step(block)) {
      const end = lowerBound(rest.timestamps, rest.count, one.timestamps[one.count - 1]! + 1)
      yield { labels, ...weave(one, cut(rest, 0, end), state) }
      rest = cut(rest, end, rest.count)
    }
    if (rest.count > 0) yield { labels, ...weave(NONE, rest, state) }
  }
}

const NONE: Columns = { timestamps: new Float64Array(0), values: new Float64Array(0), count: 0 }

function cut({ timestamps, values, histograms, starts }: Columns, from: number, to: number): Columns {
  return {
    timestamps: timestamps.subarray(from, to),
    values: values.subarray(from, to),
    count: to - from,
    ...(histograms === undefined ? {} : { histograms: histograms.slice(from, to) }),
    ...(starts === undefined ? {} : { starts: starts.subarray(from, to) }),
  }
}

function step(source: Iterator<SeriesColumns, void, undefined>): SeriesColumns | undefined {
  const found = source.next()
  return found.done === true ? undefined : found.value
}
