/**
 * Arithmetic of native histograms, as PromQL's operators do it. Everything makes a new histogram.
 *
 * Source of the rules: prometheus: model/histogram/float_histogram.go.
 */
import type { Buckets, NativeHistogram } from '#core'
import { Accumulator, type Caveats, withoutBuckets } from './accumulator.ts'
import { compactSide } from './buckets.ts'

/** `undefined`: exponential buckets met custom ones, and there is no result. */
export type Combined = ({ readonly histogram: NativeHistogram } & Caveats) | undefined

/** a + b. */
export function addHistograms(a: NativeHistogram, b: NativeHistogram): Combined {
  const sum = new Accumulator(a, false)
  const caveats = sum.add(b)
  return caveats && { histogram: sum.histogram, ...caveats }
}

/** a - b, which is a gauge. */
export function subtractHistograms(a: NativeHistogram, b: NativeHistogram): Combined {
  const difference = new Accumulator(a, false)
  const caveats = difference.add(b, -1)
  return caveats && { histogram: { ...difference.histogram, resetHint: 'gauge' }, ...caveats }
}

/** Every count and the sum times `factor`; a gauge when it is negative. */
export function scaleHistogram(h: NativeHistogram, factor: number): NativeHistogram {
  return change(h, (value) => value * factor, factor < 0)
}

/** Every count and the sum divided; a gauge when `by` is negative. By zero all buckets go, and what is left is infinite or NaN. */
export function divideHistogram(h: NativeHistogram, by: number): NativeHistogram {
  const divided = change(h, (value) => value / by, by < 0)
  return by === 0 ? withoutBuckets(divided) : divided
}

/** -h: a gauge. */
export function negateHistogram(h: NativeHistogram): NativeHistogram {
  return scaleHistogram(h, -1)
}

function change(h: NativeHistogram, of: (value: number) => number, toGauge: boolean): NativeHistogram {
  const all = ({ indices, counts }: Buckets): Buckets => ({ indices, counts: counts.map(of) })
  return {
    ...h,
    zeroCount: of(h.zeroCount),
    count: of(h.count),
    sum: of(h.sum),
    positive: all(h.positive),
    negative: all(h.negative),
    resetHint: toGauge ? 'gauge' : h.resetHint,
    isInteger: false,
  }
}

/** Without empty buckets; the same object when there are none. What operators and aggregations hand on. */
export function compactHistogram(h: NativeHistogram): NativeHistogram {
  const positive = compactSide(h.positive)
  const negative = compactSide(h.negative)
  return positive === h.positive && negative === h.negative ? h : { ...h, positive, negative }
}
