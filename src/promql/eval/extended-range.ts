/**
 * rate, increase, delta, changes and resets over `anchored` and `smoothed` ranges (Prometheus' proposal PROM-52).
 *
 * - The window a function gets reaches one lookback further: before its start, and for `smoothed` behind its end too.
 * - anchored: from the last sample at or before the start to the last one in the range, nothing extrapolated.
 * - smoothed: both ends interpolated between the samples around them.
 */
import { divideHistogram } from '../histogram/index.ts'
import { mixedTypes } from './annotations.ts'
import { extendedGrowthOf } from './histogram-rate.ts'
import type { MixedFunction, RangeFunction, Window } from './window.ts'

/** The variant of a function for an extended range. */
export function extendedFunction(name: string, run: RangeFunction, smoothed: boolean): RangeFunction {
  switch (name) {
    case 'rate':
    case 'increase':
    case 'delta':
      return extendedRate(name !== 'delta', name === 'rate', smoothed)
    default:
      return anchoredCount(run)
  }
}

/** The same where the series holds histograms. */
export function extendedMixed(name: string, run: MixedFunction, smoothed: boolean): MixedFunction {
  switch (name) {
    case 'rate':
    case 'increase':
    case 'delta':
      return extendedHistogramRate(name !== 'delta', name === 'rate', smoothed)
    default:
      return anchoredMixedCount(run)
  }
}

function extendedHistogramRate(isCounter: boolean, isRate: boolean, smoothed: boolean): MixedFunction {
  return (window) => {
    const { histograms: run, histogramsFrom: from, histogramsTo: to, startMs, endMs, notes } = window
    if (window.from < window.to) {
      notes.annotations.warn(notes.span, mixedTypes(notes.name))
      return undefined
    }
    const growth = extendedGrowthOf({ run, from, to }, { startMs, endMs, smoothed }, isCounter, notes)
    return growth !== undefined && isRate ? divideHistogram(growth, (endMs - startMs) / 1000) : growth
  }
}

/** The anchor is the newest sample at or before the start, whichever kind it is; older ones of both kinds are left out. */
function anchoredMixedCount(run: MixedFunction): MixedFunction {
  return (window) => {
    const { timestamps, histograms, startMs } = window
    let float = window.from - 1
    while (float + 1 < window.to && timestamps[float + 1]! <= startMs) float++
    let histogram = window.histogramsFrom - 1
    while (histogram + 1 < window.histogramsTo && histograms.timestamps[histogram + 1]! <= startMs) histogram++
    if (float + 1 >= window.to && histogram + 1 >= window.histogramsTo) return undefined
    const floatMs = float < window.from ? -Infinity : timestamps[float]!
    const histogramMs = histogram < window.histogramsFrom ? -Infinity : histograms.timestamps[histogram]!
    const floatIsAnchor = floatMs >= histogramMs
    if (floatMs !== -Infinity || histogramMs !== -Infinity) {
      window.from = floatIsAnchor ? float : float + 1
      window.histogramsFrom = floatIsAnchor ? histogram + 1 : histogram
    }
    return run(window)
  }
}

function extendedRate(isCounter: boolean, isRate: boolean, smoothed: boolean): RangeFunction {
  return (window, out, step) => {
    const { timestamps, values, from, startMs, endMs } = window
    let last = window.to - 1
    let first = lastAtOrBefore(window)
    if (smoothed) {
      let at = from
      while (at < last && timestamps[at]! < endMs) at++
      last = at
    }
    // Nothing at all in the range, or all of it behind: no answer rather than an invented one.
    if (timestamps[last]! <= startMs || timestamps[first]! > endMs) return false
    const cutLeft = smoothed && timestamps[first]! < startMs
    const cutRight = smoothed && last > from && timestamps[last]! > endMs
    const left = cutLeft ? interpolate(window, first, startMs, isCounter) : values[first]!
    const right = cutRight ? interpolate(window, last - 1, endMs, isCounter) : values[last]!
    let result = right - left
    if (isCounter) {
      // The ends have taken care of resets beside them; only samples strictly inside are left to look at.
      if (timestamps[first]! <= startMs) first++
      if (timestamps[last]! >= endMs) last--
      let before = left
      for (let i = first; i <= last; i++) {
        if (values[i]! < before) result += before
        before = values[i]!
      }
      if (right < before) result += before
    }
    out[step] = isRate ? result / ((endMs - startMs) / 1000) : result
    return true
  }
}

/** changes and resets count from the anchor on. */
function anchoredCount(run: RangeFunction): RangeFunction {
  return (window, out, step) => {
    if (window.timestamps[window.to - 1]! <= window.startMs) return false
    window.from = lastAtOrBefore(window)
    return run(window, out, step)
  }
}

/** Index of the newest sample at or before the start, or of the first one there is. */
function lastAtOrBefore({ timestamps, from, to, startMs }: Window): number {
  let at = from
  while (at + 1 < to && timestamps[at + 1]! <= startMs) at++
  return at
}

/** The value at `time`, between sample `i` and the next. A counter that was reset between them began at zero. */
function interpolate({ timestamps, values }: Window, i: number, time: number, isCounter: boolean): number {
  const after = values[i + 1]!
  const before = isCounter && after < values[i]! ? 0 : values[i]!
  return before + ((after - before) * (time - timestamps[i]!)) / (timestamps[i + 1]! - timestamps[i]!)
}
