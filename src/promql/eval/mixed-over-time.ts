/**
 * The `*_over_time` functions that take histograms. Where sums and means meet floats and histograms in one window there is no
 * result, and a warning says so; the others look at samples of both kinds.
 */
import { HistogramMean, HistogramSum } from '../histogram/index.ts'
import { boundsReconciled, mixedBuckets, mixedTypes, resetCollision } from './annotations.ts'
import type { MixedFunction } from './window.ts'

type Mixed = Parameters<MixedFunction>[0]

export const sumOfMixed: MixedFunction = (window) => combined(window, new HistogramSum())
export const avgOfMixed: MixedFunction = (window) => combined(window, new HistogramMean())

function combined(window: Mixed, into: HistogramSum | HistogramMean): ReturnType<MixedFunction> {
  const { histograms: run, histogramsFrom, histogramsTo, notes } = window
  const { annotations, span, name } = notes
  if (window.from < window.to) {
    annotations.warn(span, mixedTypes(name))
    return undefined
  }
  for (let i = histogramsFrom; i < histogramsTo; i++) {
    if (into.add(run.values[i]!) !== undefined) continue
    annotations.warn(span, mixedBuckets(name))
    return undefined
  }
  if (into.caveats.resetCollision) annotations.warn(span, resetCollision('aggregation'))
  if (into.caveats.boundsReconciled) annotations.info(span, boundsReconciled('aggregation'))
  return into.histogram
}

export const countOfMixed: MixedFunction = ({ from, to, histogramsFrom, histogramsTo }) =>
  to - from + histogramsTo - histogramsFrom

export const presentOfMixed: MixedFunction = () => 1

export const firstOfMixed: MixedFunction = (window) => {
  const { timestamps, values, from, to, histograms: run, histogramsFrom } = window
  return from < to && timestamps[from]! < run.timestamps[histogramsFrom]! ? values[from]! : run.values[histogramsFrom]!
}

export const lastOfMixed: MixedFunction = (window) => {
  const { timestamps, values, from, to, histograms: run, histogramsTo } = window
  const last = histogramsTo - 1
  return from < to && timestamps[to - 1]! > run.timestamps[last]! ? values[to - 1]! : run.values[last]!
}

export const tsOfFirstOfMixed: MixedFunction = ({ timestamps, from, to, histograms: run, histogramsFrom }) =>
  Math.min(from < to ? timestamps[from]! : Infinity, run.timestamps[histogramsFrom]!) / 1000

export const tsOfLastOfMixed: MixedFunction = ({ timestamps, from, to, histograms: run, histogramsTo }) =>
  Math.max(from < to ? timestamps[to - 1]! : -Infinity, run.timestamps[histogramsTo - 1]!) / 1000
