/**
 * The last sample of each series that has not ended: what federation shows, and what rules go on from after a restart.
 *
 * Asked for as a function, because a store answers it at once and an engine behind an API does not.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { isStaleAt, type Labels, type Matcher, type NativeHistogram, type UnixMs, unixMs } from '#core'
import { compareLabels } from './compare-labels.ts'
import type { Store } from './types.ts'

/** With `histogram` the sample is that native histogram. */
export type Latest = {
  readonly labels: Labels
  readonly at: UnixMs
  readonly value: number
  readonly histogram?: NativeHistogram
}

/** Inclusive at both ends. */
export type Span = { readonly start: UnixMs; readonly end: UnixMs }

/**
 * Of the series that match one of `sets`, each once, ordered by labels: its last sample in the span, unless that is a stale marker.
 * Rejects with the signal's reason when aborted.
 */
export type LatestFn = (
  sets: readonly (readonly Matcher[])[],
  span: Span,
  signal?: AbortSignal,
) => Promise<readonly Latest[]>

/** Series between which others have their turn. */
const SERIES_A_TURN = 2000

export function latestIn(store: Pick<Store, 'querier'>): LatestFn {
  return async (sets, { start, end }, signal) => {
    using querier = store.querier(start, end)
    const found = new Map<string, Latest>()
    let looked = 0
    for (const matchers of sets) {
      for (const { labels, samples } of querier.select(matchers)) {
        if (++looked % SERIES_A_TURN === 0) await nextTurn()
        signal?.throwIfAborted()
        if (found.has(labels.key)) continue
        const { timestamps, values, count, histograms } = samples()
        const last = count - 1
        if (count === 0 || isStaleAt(values, last)) continue
        const histogram = histograms?.[last]
        found.set(labels.key, {
          labels,
          at: unixMs(timestamps[last]!),
          value: values[last]!,
          ...(histogram === undefined ? {} : { histogram }),
        })
      }
    }
    return [...found.values()].sort((a, b) => compareLabels(a.labels, b.labels))
  }
}
