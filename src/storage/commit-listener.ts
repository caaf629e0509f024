/**
 * What a commit brought, for those who pass samples on (remote write): called within the commit, after the batch is kept.
 *
 * - Only what was appended, in its order; what was refused or already there is not told.
 * - The columns belong to the store and change with the next commit: whoever keeps something copies it.
 * - A listener neither throws nor writes to the store.
 */
import type { Labels, NativeHistogram } from '#core'

export type Committed = {
  readonly count: number
  /** They may be made anew by each call: whoever needs them again keeps them by `ref`. */
  readonly labels: (index: number) => Labels
  /** The series' reference; absent: the store gives none, and `labels` is the same object for the same series. */
  readonly ref?: (index: number) => number
  /** Unix milliseconds. Only the first `count` entries of each column count. */
  readonly timestamps: Float64Array
  /** A stale marker is there by its bits. */
  readonly values: Float64Array
  readonly histograms?: readonly (NativeHistogram | undefined)[] | undefined
  /** Unix milliseconds, 0 where not known. */
  readonly starts?: Float64Array | undefined
}

export type CommitListener = (committed: Committed) => void
