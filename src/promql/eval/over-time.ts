/**
 * The `*_over_time` functions: one number from the samples of a window.
 */
import { KahanMean, KahanSum } from './kahan.ts'
import { quantile } from './quantile.ts'
import type { RangeFunction, Window } from './window.ts'

export const sumOverTime: RangeFunction = ({ values, from, to }, out, step) => {
  let sum = 0
  let compensation = 0
  for (let i = from; i < to; i++) {
    const value = values[i]!
    const next = sum + value
    if (next === Infinity || next === -Infinity) compensation = 0
    // `compensate`, written out: a call for each sample cost three times as much.
    else compensation += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum
    sum = next
  }
  out[step] = Number.isFinite(sum) ? sum + compensation : sum
  return true
}

export const avgOverTime: RangeFunction = ({ values, from, to }, out, step) => {
  let sum = values[from]!
  let compensation = 0
  for (let i = from + 1; i < to; i++) {
    const value = values[i]!
    const next = sum + value
    if (next === Infinity || next === -Infinity) return avgOfLarge(values, from, to, out, step)
    compensation += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum
    sum = next
  }
  out[step] = sum / (to - from) + compensation / (to - from)
  return true
}

/** Where the sum becomes infinite on the way. */
function avgOfLarge(values: Float64Array, from: number, to: number, out: Float64Array, step: number): boolean {
  const mean = new KahanMean()
  for (let i = from; i < to; i++) mean.add(values[i]!)
  out[step] = mean.mean
  return true
}

export const countOverTime: RangeFunction = ({ from, to }, out, step) => {
  out[step] = to - from
  return true
}

export const presentOverTime: RangeFunction = (_window, out, step) => {
  out[step] = 1
  return true
}

export const lastOverTime: RangeFunction = ({ values, to }, out, step) => {
  out[step] = values[to - 1]!
  return true
}

export const firstOverTime: RangeFunction = ({ values, from }, out, step) => {
  out[step] = values[from]!
  return true
}

/** Of equal ones, 0 and -0, the first. NaN only when there is nothing else. */
export const minOverTime: RangeFunction = ({ values, from, to }, out, step) => {
  let least = values[from]!
  for (let i = from + 1; i < to; i++) if (values[i]! < least || Number.isNaN(least)) least = values[i]!
  out[step] = least
  return true
}

export const maxOverTime: RangeFunction = ({ values, from, to }, out, step) => {
  let most = values[from]!
  for (let i = from + 1; i < to; i++) if (values[i]! > most || Number.isNaN(most)) most = values[i]!
  out[step] = most
  return true
}

export const tsOfMinOverTime: RangeFunction = (window, out, step) => {
  out[step] = window.timestamps[lowest(window)]! / 1000
  return true
}

export const tsOfMaxOverTime: RangeFunction = (window, out, step) => {
  out[step] = window.timestamps[highest(window)]! / 1000
  return true
}

export const tsOfFirstOverTime: RangeFunction = ({ timestamps, from }, out, step) => {
  out[step] = timestamps[from]! / 1000
  return true
}

export const tsOfLastOverTime: RangeFunction = ({ timestamps, to }, out, step) => {
  out[step] = timestamps[to - 1]! / 1000
  return true
}

/** Index of the smallest value, the newest of equals; NaN only when there is nothing else. */
function lowest({ values, from, to }: Window): number {
  let at = from
  for (let i = from + 1; i < to; i++) if (values[i]! <= values[at]! || Number.isNaN(values[at]!)) at = i
  return at
}

function highest({ values, from, to }: Window): number {
  let at = from
  for (let i = from + 1; i < to; i++) if (values[i]! >= values[at]! || Number.isNaN(values[at]!)) at = i
  return at
}

export const stdvarOverTime: RangeFunction = (window, out, step) => {
  out[step] = variance(window)
  return true
}

export const stddevOverTime: RangeFunction = (window, out, step) => {
  out[step] = Math.sqrt(variance(window))
  return true
}

/** Population variance by Welford's method, both sums compensated. */
function variance({ values, from, to }: Window): number {
  const mean = new KahanSum()
  const squares = new KahanSum()
  for (let i = from; i < to; i++) {
    const value = values[i]!
    const before = value - (mean.sum + mean.compensation)
    mean.add(before / (i - from + 1))
    squares.add(before * (value - (mean.sum + mean.compensation)))
  }
  return (squares.sum + squares.compensation) / (to - from)
}

export const quantileOverTime: RangeFunction = ({ values, from, to, args }, out, step) => {
  out[step] = quantile(args[0]!, values.slice(from, to))
  return true
}

/** Median of the distances to the median; NaN as soon as one sample is. */
export const madOverTime: RangeFunction = ({ values, from, to }, out, step) => {
  const samples = values.slice(from, to)
  if (samples.some(Number.isNaN)) {
    out[step] = Number.NaN
    return true
  }
  const median = quantile(0.5, samples)
  for (let i = 0; i < samples.length; i++) samples[i] = Math.abs(samples[i]! - median)
  out[step] = quantile(0.5, samples)
  return true
}
