/**
 * rate, increase, delta and their kin.
 *
 * - Extrapolation is Prometheus': up to the window's ends when the first and last sample are near them (1.1 average
 *   gaps), else by half a gap, and never to before the instant where a counter would have been zero.
 * - A counter that is known to have begun within the window, behind its start and before its first sample, was zero then:
 *   nothing is extrapolated on that side, and one sample is enough.
 * - Floats and histograms in one window do not go together: a warning, and no result.
 */
import { scaleHistogram } from '../histogram/index.ts'
import { mixedTypes, startOverlap } from './annotations.ts'
import { growthOf, stepOf, withFirst } from './histogram-rate.ts'
import { isStartReset, overlapsStart } from './start-timestamps.ts'
import { type MixedFunction, type RangeFunction, resetFrom, type Window } from './window.ts'

export const rate: RangeFunction = (window, out, step) => extrapolated(window, out, step, true, true)
export const increase: RangeFunction = (window, out, step) => extrapolated(window, out, step, true, false)
export const delta: RangeFunction = (window, out, step) => extrapolated(window, out, step, false, false)

export const rateOfMixed: MixedFunction = (window) => extrapolatedHistogram(window, true, true)
export const increaseOfMixed: MixedFunction = (window) => extrapolatedHistogram(window, true, false)
export const deltaOfMixed: MixedFunction = (window) => extrapolatedHistogram(window, false, false)

function extrapolated(window: Window, out: Float64Array, step: number, isCounter: boolean, isRate: boolean): boolean {
  const { timestamps, values, from, to, starts } = window
  const gaps = to - from - 1
  const first = values[from]!
  const firstMs = timestamps[from]!
  const beganMs = isCounter && starts !== undefined ? beganWithin(window, starts[from]!, firstMs) : 0
  if (gaps < 1 && beganMs === 0) return false
  let result = values[to - 1]! - first
  if (isCounter) {
    for (let i = resetFrom(window, from + 1); i < to; i = resetFrom(window, i + 1)) result += values[i - 1]!
    if (starts !== undefined) noteOverlap(window, starts, timestamps, from, to)
  }
  if (beganMs !== 0) result += first
  const zeroShare = isCounter && result > 0 && first >= 0 ? first / result : Infinity
  const stretch = { firstMs, lastMs: timestamps[to - 1]!, gaps, zeroShare, beganMs }
  out[step] = result * stretchOf(window, stretch, isRate)
  return true
}

function extrapolatedHistogram(
  window: Parameters<MixedFunction>[0],
  isCounter: boolean,
  isRate: boolean,
): ReturnType<MixedFunction> {
  const { histograms: run, histogramsFrom: from, histogramsTo: to, notes } = window
  if (window.from < window.to) {
    notes.annotations.warn(notes.span, mixedTypes(notes.name))
    return undefined
  }
  const gaps = to - from - 1
  const first = run.values[from]!
  const firstMs = run.timestamps[from]!
  let growth = gaps < 1 ? undefined : growthOf({ run, from, to }, isCounter, notes)
  if (gaps > 0 && growth === undefined) return undefined
  const beganMs = isCounter && run.starts !== undefined ? beganWithin(window, run.starts[from]!, firstMs) : 0
  if (gaps < 1 && beganMs === 0) return undefined
  if (beganMs !== 0) growth = withFirst(growth, first, notes)
  if (growth === undefined) return undefined
  const zeroShare = isCounter && growth.count > 0 && first.count >= 0 ? first.count / growth.count : Infinity
  const stretch = { firstMs, lastMs: run.timestamps[to - 1]!, gaps, zeroShare, beganMs }
  return scaleHistogram(growth, stretchOf(window, stretch, isRate))
}

/** When the counter of the first sample began, if that was within the window; else 0. */
function beganWithin({ startMs }: Window, beganMs: number, firstMs: number): number {
  return beganMs !== 0 && beganMs > startMs && beganMs < firstMs ? beganMs : 0
}

type Stretch = {
  readonly firstMs: number
  readonly lastMs: number
  /** Between samples. */
  readonly gaps: number
  /** How far before the first sample the counter would have been zero, in lengths of what was sampled. */
  readonly zeroShare: number
  /** See `beganWithin`. */
  readonly beganMs: number
}

/** What growth between the samples is multiplied with to be that of the whole window, per second when it is a rate. */
function stretchOf(
  { startMs, endMs }: Window,
  { firstMs, lastMs, gaps, zeroShare, beganMs }: Stretch,
  isRate: boolean,
) {
  let sampled = (lastMs - firstMs) / 1000
  const gap = gaps > 0 ? sampled / gaps : 0
  const threshold = gap * 1.1
  let toStart = 0
  if (beganMs === 0) {
    toStart = (firstMs - startMs) / 1000
    if (toStart >= threshold) toStart = gap / 2
    const toZero = sampled * zeroShare
    if (toZero < toStart) toStart = toZero
  } else sampled = (lastMs - beganMs) / 1000
  let toEnd = (endMs - lastMs) / 1000
  if (toEnd >= threshold) toEnd = gap / 2
  const factor = sampled === 0 ? 1 : (sampled + toStart + toEnd) / sampled
  return isRate ? factor / ((endMs - startMs) / 1000) : factor
}

function noteOverlap(
  { notes }: Window,
  starts: Float64Array,
  timestamps: Float64Array,
  from: number,
  to: number,
): void {
  for (let i = from + 1; i < to; i++) {
    if (!overlapsStart(starts, timestamps, i)) continue
    notes.annotations.warn(notes.span, startOverlap(notes.name))
    return
  }
}

export const irate: RangeFunction = ({ timestamps, values, from, to, starts }, out, step) => {
  if (to - from < 2) return false
  const last = values[to - 1]!
  const before = values[to - 2]!
  const lastMs = timestamps[to - 1]!
  const beforeMs = timestamps[to - 2]!
  const seconds = (lastMs - beforeMs) / 1000
  if (seconds === 0) return false
  const reset =
    last < before || (starts !== undefined && isStartReset(starts[to - 2]!, beforeMs, starts[to - 1]!, lastMs))
  // After a reset the counter grew from zero to what it is.
  out[step] = (reset ? last : last - before) / seconds
  return true
}

export const idelta: RangeFunction = ({ values, from, to }, out, step) => {
  if (to - from < 2) return false
  out[step] = values[to - 1]! - values[to - 2]!
  return true
}

export const irateOfMixed: MixedFunction = (window) => lastStep(window, true, irate)
export const ideltaOfMixed: MixedFunction = (window) => lastStep(window, false, idelta)

/** The step between the last two samples, whichever kind they are; one of each kind is refused with a warning. */
function lastStep(window: Parameters<MixedFunction>[0], isRate: boolean, ofFloats: RangeFunction) {
  const { histograms: run, histogramsFrom, histogramsTo, timestamps, from, to, notes } = window
  const floats = to - from
  if (floats + histogramsTo - histogramsFrom < 2) return undefined
  const lastFloat = floats > 0 ? timestamps[to - 1]! : -Infinity
  const secondFloat = floats > 1 ? timestamps[to - 2]! : -Infinity
  const last = run.timestamps[histogramsTo - 1]!
  const second = histogramsTo - histogramsFrom > 1 ? run.timestamps[histogramsTo - 2]! : -Infinity
  if (second > lastFloat) return stepOf(run, histogramsTo - 1, isRate, notes)
  if (secondFloat > last) {
    const out = new Float64Array(1)
    return ofFloats(window, out, 0) ? out[0] : undefined
  }
  notes.annotations.warn(notes.span, mixedTypes(notes.name))
  return undefined
}

export const resets: RangeFunction = (window, out, step) => {
  let count = 0
  for (let i = resetFrom(window, window.from + 1); i < window.to; i = resetFrom(window, i + 1)) count++
  out[step] = count
  return true
}

export const changes: RangeFunction = ({ values, from, to }, out, step) => {
  let count = 0
  for (let i = from + 1; i < to; i++) {
    const now = values[i]!
    const before = values[i - 1]!
    if (now !== before && !(Number.isNaN(now) && Number.isNaN(before))) count++
  }
  out[step] = count
  return true
}
