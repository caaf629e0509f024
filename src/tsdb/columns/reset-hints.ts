/** What becomes of the reset hint of a histogram that finds its place among others, or loses it. */
import { type NativeHistogram, sameHistogram } from '#core'
import { settleHint } from '#storage'

/** The histogram with its hint settled against the sample before it. */
export function settled(before: NativeHistogram | undefined, histogram: NativeHistogram): NativeHistogram {
  const resetHint = settleHint(before, histogram)
  return resetHint === histogram.resetHint ? histogram : { ...histogram, resetHint }
}

/** A histogram of whose place nothing is known any more. */
export function unsettled(histogram: NativeHistogram): NativeHistogram {
  return histogram.resetHint === 'gauge' || histogram.resetHint === 'unknown'
    ? histogram
    : { ...histogram, resetHint: 'unknown' }
}

/** Whether two samples of the same value and instant are the same. */
export function isSameOrNone(known: NativeHistogram | undefined, again: NativeHistogram | undefined): boolean {
  return known === again || (known !== undefined && again !== undefined && sameHistogram(known, again))
}
