/**
 * A batch on its way into the head: as it comes, and what of it is taken.
 *
 * `Accepted` is filled anew for each batch, so that its large columns are made once.
 */
import type { Labels, NativeHistogram } from '#core'
import type { Rejections } from '#storage'
import type { Extras } from './columns/extra-columns.ts'

/** A batch that was checked: slots instead of references, only what is to be taken. */
export type Accepted = {
  slots: Uint32Array
  timestamps: Float64Array
  values: Float64Array
  /** By entry, where the batch has any: histograms with their hints settled; start timestamps, 0 where not known. */
  histograms: (NativeHistogram | undefined)[] | undefined
  starts: Float64Array | undefined
  count: number
  minTime: number
  maxTime: number
}

/** Room for none yet: whoever fills it makes it larger. */
export function emptyAccepted(): Accepted {
  return {
    slots: new Uint32Array(0),
    timestamps: new Float64Array(0),
    values: new Float64Array(0),
    histograms: undefined,
    starts: undefined,
    count: 0,
    minTime: Infinity,
    maxTime: -Infinity,
  }
}

/** What is to be checked: columns as a batch has them. */
export type Unchecked = Extras & {
  readonly timestamps: Float64Array
  readonly values: Float64Array
  readonly count: number
}

export type CheckInto = {
  readonly rejections: Rejections
  /** The last sample that blocks hold of a series, if it is a histogram. Left out (when replaying): hints are taken as they are. */
  readonly before?: (labels: Labels) => NativeHistogram | undefined
  /** Gets the entries that came late, to be decided by `checkLate`. Left out: they are rejected. */
  readonly late?: number[] | undefined
}
