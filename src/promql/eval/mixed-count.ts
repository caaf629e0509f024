/**
 * resets and changes over series that hold histograms, and maybe floats: neighbours are compared whichever kind they are.
 *
 * - From a float to a histogram and back is both a reset and a change.
 */
import type { NativeHistogram } from '#core'
import { equalHistograms, isReset } from '../histogram/index.ts'
import { isStartReset } from './start-timestamps.ts'
import type { MixedFunction } from './window.ts'

type Place = {
  readonly value: number
  readonly histogram: NativeHistogram | undefined
  readonly ms: number
  readonly startMs: number
}

export const resetsOfMixed: MixedFunction = (window) =>
  countPairs(window, (before, now) => {
    if ((before.histogram === undefined) !== (now.histogram === undefined)) return true
    if (isStartReset(before.startMs, before.ms, now.startMs, now.ms)) return true
    if (before.histogram === undefined || now.histogram === undefined) return now.value < before.value
    return isReset(before.histogram, now.histogram)
  })

export const changesOfMixed: MixedFunction = (window) =>
  countPairs(window, (before, now) => {
    if ((before.histogram === undefined) !== (now.histogram === undefined)) return true
    if (before.histogram !== undefined && now.histogram !== undefined)
      return !equalHistograms(before.histogram, now.histogram)
    return now.value !== before.value && !(Number.isNaN(now.value) && Number.isNaN(before.value))
  })

function countPairs(window: Parameters<MixedFunction>[0], counts: (before: Place, now: Place) => boolean): number {
  const { timestamps, values, to, starts, histograms: run, histogramsTo } = window
  let i = window.from
  let j = window.histogramsFrom
  let count = 0
  let before: Place | undefined
  while (i < to || j < histogramsTo) {
    const isFloat = j >= histogramsTo || (i < to && timestamps[i]! < run.timestamps[j]!)
    const now: Place = isFloat
      ? { value: values[i]!, histogram: undefined, ms: timestamps[i]!, startMs: starts?.[i] ?? 0 }
      : { value: Number.NaN, histogram: run.values[j]!, ms: run.timestamps[j]!, startMs: run.starts?.[j] ?? 0 }
    if (isFloat) i++
    else j++
    if (before !== undefined && counts(before, now)) count++
    before = now
  }
  return count
}
