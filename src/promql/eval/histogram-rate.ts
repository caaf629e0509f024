/**
 * How native histograms grow over a window: what rate, increase and delta make of them, and irate and idelta of two.
 *
 * - Resets are looked for between neighbours; what was counted before one is added. What stands before a reset right
 *   behind the first sample is not looked at at all, so its buckets need not fit.
 * - Exponential and custom buckets do not go together: a warning, and no result.
 * - What comes out is a gauge.
 *
 * Source: prometheus: promql/functions.go (`histogramRate`, `extendedHistogramRate`, `interpolateHistograms`).
 */
import { CUSTOM_SCHEMA, type NativeHistogram, NO_BUCKETS, reduceResolution } from '#core'
import {
  addHistograms,
  type Combined,
  compactHistogram,
  divideHistogram,
  isReset,
  scaleHistogram,
  subtractHistograms,
} from '../histogram/index.ts'
import { boundsReconciled, mixedBuckets, type Notes, notCounter, notGauge, startOverlap } from './annotations.ts'
import type { HistogramRun } from './range-series.ts'
import { overlapsStart, startsAnew } from './start-timestamps.ts'

/** Part of a run: the histograms [from, to), at least two of them where growth is asked for. */
export type HistogramWindow = { readonly run: HistogramRun; readonly from: number; readonly to: number }

/** last - first, resets made up for when it is a counter. `undefined`: they do not fit together, and a warning says so. */
export function growthOf(window: HistogramWindow, isCounter: boolean, notes: Notes): NativeHistogram | undefined {
  const { run, from, to } = window
  const { values } = run
  const last = values[to - 1]!
  let first = values[from]!
  const said = new Said(notes)
  if (isCounter && (first.resetHint === 'gauge' || last.resetHint === 'gauge')) said.warn(notCounter(notes.name))
  if (isCounter && isResetAt(run, from + 1, first)) first = emptyLike(values[from + 1]!)
  const custom = first.schema === CUSTOM_SCHEMA
  if ((last.schema === CUSTOM_SCHEMA) !== custom) {
    said.warn(mixedBuckets(notes.name))
    said.say()
    return undefined
  }
  let schema = Math.min(first.schema, last.schema)
  for (let i = from + 1; isCounter && i < to - 1; i++) {
    const { resetHint, schema: between } = values[i]!
    if (resetHint === 'gauge') said.warn(notCounter(notes.name))
    if ((between === CUSTOM_SCHEMA) !== custom) return said.onlyMixed()
    schema = Math.min(schema, between)
  }
  const difference = said.of('subtraction', subtractHistograms(reduceResolution(last, schema), first))
  if (difference === undefined) return said.onlyMixed()
  let growth = difference
  if (isCounter) {
    let before = first
    let overlaps = false
    for (let i = from + 1; i < to; i++) {
      if (!overlaps && overlapsStart(run.starts, run.timestamps, i)) {
        said.warn(startOverlap(notes.name))
        overlaps = true
      }
      if (isResetAt(run, i, before)) {
        const more = said.of('addition', addHistograms(growth, before))
        if (more === undefined) return said.onlyMixed()
        growth = more
      }
      before = values[i]!
    }
  } else if (values[from]!.resetHint !== 'gauge' || last.resetHint !== 'gauge') said.warn(notGauge(notes.name))
  said.say()
  return asGauge(growth)
}

/** `growth` and what the first sample had counted by itself. */
export function withFirst(
  growth: NativeHistogram | undefined,
  first: NativeHistogram,
  notes: Notes,
): NativeHistogram | undefined {
  if (growth === undefined) return first
  const said = new Said(notes)
  const sum = said.of('addition', addHistograms(growth, first))
  if (sum === undefined) said.warn(mixedBuckets(notes.name))
  said.say()
  return sum
}

/** The difference of two neighbours, for idelta, and per second since the last reset, for irate. */
export function stepOf(run: HistogramRun, at: number, isRate: boolean, notes: Notes): NativeHistogram | undefined {
  const before = run.values[at - 1]!
  const last = run.values[at]!
  const said = new Said(notes)
  const gauges = Number(before.resetHint === 'gauge') + Number(last.resetHint === 'gauge')
  if (isRate && gauges > 0) said.warn(notCounter(notes.name))
  if (!isRate && gauges < 2) said.warn(notGauge(notes.name))
  let step: NativeHistogram | undefined = last
  if (!isRate || !isResetAt(run, at, before)) {
    step = said.of('subtraction', subtractHistograms(last, before))
    if (step === undefined) said.warn(mixedBuckets(notes.name))
  }
  said.say()
  if (step === undefined) return undefined
  const gauge = asGauge(step)
  return isRate ? divideHistogram(gauge, (run.timestamps[at]! - run.timestamps[at - 1]!) / 1000) : gauge
}

/** Where a window between interpolated ends begins and ends, Unix milliseconds. */
export type Ends = { readonly startMs: number; readonly endMs: number; readonly smoothed: boolean }

/** Growth over an anchored or smoothed range: nothing is extrapolated. */
export function extendedGrowthOf(
  { run, from, to }: HistogramWindow,
  { startMs, endMs, smoothed }: Ends,
  isCounter: boolean,
  notes: Notes,
): NativeHistogram | undefined {
  const { timestamps, values } = run
  let first = from
  while (first + 1 < to && timestamps[first + 1]! <= startMs) first++
  let last = to - 1
  if (smoothed) {
    let at = from
    while (at < last && timestamps[at]! < endMs) at++
    last = at
  }
  if (timestamps[last]! <= startMs || (smoothed && timestamps[first]! > endMs)) return undefined
  if (!fits(values, first, last, isCounter, notes)) return undefined
  const between = (i: number, time: number) =>
    interpolateHistograms(values[i]!, values[i + 1]!, (time - timestamps[i]!) / (timestamps[i + 1]! - timestamps[i]!), {
      isCounter,
      notes,
    })
  const cutLeft = smoothed && timestamps[first]! < startMs
  const left = cutLeft ? between(first, startMs) : values[first]!
  if (left === undefined) return undefined
  const right = smoothed && last > from && timestamps[last]! > endMs ? between(last - 1, endMs) : values[last]!
  if (right === undefined) return undefined
  if (!isCounter && (left.resetHint !== 'gauge' || right.resetHint !== 'gauge'))
    notes.annotations.warn(notes.span, notGauge(notes.name))
  const said = new Said(notes)
  let growth = said.of('subtraction', subtractHistograms(right, left))
  if (growth !== undefined && isCounter) {
    const lost = lostToResets(values, { first, last, left, right, cutLeft }, said)
    if (lost === 'mixed') growth = undefined
    else if (lost !== undefined) growth = said.of('addition', addHistograms(growth, lost))
  }
  if (growth === undefined) said.warn(mixedBuckets(notes.name))
  said.say()
  return growth === undefined ? undefined : asGauge(growth)
}

type Boundaries = {
  readonly first: number
  readonly last: number
  readonly left: NativeHistogram
  readonly right: NativeHistogram
  /** The left end lies between `first` and the sample behind it. */
  readonly cutLeft: boolean
}

/** What had been counted before each reset between the ends. */
function lostToResets(
  values: readonly NativeHistogram[],
  { first, last, left, right, cutLeft }: Boundaries,
  said: Said,
): NativeHistogram | 'mixed' | undefined {
  let next = first + 1
  let before = left
  if (cutLeft && isReset(values[first]!, values[next]!)) {
    // The interpolation on the left has taken care of this reset.
    before = values[next]!
    next++
  }
  // Both ends lie within one reset, or there is one sample alone.
  if (next > last) return undefined
  let lost: NativeHistogram | undefined
  for (; next <= last; next++) {
    // The last sample itself is not looked at: the right end stands for it, with its hint.
    const now = next === last ? right : values[next]!
    if (isReset(before, now)) {
      lost = lost === undefined ? before : said.of('addition', addHistograms(lost, before))
      if (lost === undefined) return 'mixed'
    }
    before = now
  }
  return lost
}

function fits(
  values: readonly NativeHistogram[],
  first: number,
  last: number,
  isCounter: boolean,
  { annotations, span, name }: Notes,
): boolean {
  const custom = values[first]!.schema === CUSTOM_SCHEMA
  for (let i = first; i <= last; i++) {
    const { schema, resetHint } = values[i]!
    if ((schema === CUSTOM_SCHEMA) !== custom) {
      annotations.warn(span, mixedBuckets(name))
      return false
    }
    if (isCounter && resetHint === 'gauge') annotations.warn(span, notCounter(name))
  }
  return true
}

export type Interpolation = { readonly isCounter: boolean; readonly notes: Notes }

/** Between two histograms, `share` of the way. A counter that was reset between them began at zero. */
export function interpolateHistograms(
  before: NativeHistogram,
  after: NativeHistogram,
  share: number,
  { isCounter, notes }: Interpolation,
): NativeHistogram | undefined {
  if (share === 0) return before
  if (isCounter && isReset(before, after)) return scaleHistogram(after, share)
  const said = new Said(notes)
  const difference = said.of('subtraction', subtractHistograms(after, before))
  const between = difference && said.of('addition', addHistograms(scaleHistogram(difference, share), before))
  if (between === undefined) said.warn(mixedBuckets(notes.name))
  said.say()
  return between && { ...between, resetHint: commonHint(after, before) }
}

function commonHint(a: NativeHistogram, b: NativeHistogram): NativeHistogram['resetHint'] {
  if (a.resetHint === b.resetHint) return a.resetHint
  return a.resetHint === 'gauge' || b.resetHint === 'gauge' ? 'gauge' : 'unknown'
}

function isResetAt({ values, timestamps, starts }: HistogramRun, at: number, before: NativeHistogram): boolean {
  return startsAnew(starts, timestamps, at) || isReset(before, values[at]!)
}

function asGauge(histogram: NativeHistogram): NativeHistogram {
  return compactHistogram({ ...histogram, resetHint: 'gauge' })
}

function emptyLike({ schema, customBounds }: NativeHistogram): NativeHistogram {
  return {
    schema,
    customBounds,
    zeroThreshold: 0,
    zeroCount: 0,
    count: 0,
    sum: 0,
    positive: NO_BUCKETS,
    negative: NO_BUCKETS,
    resetHint: 'unknown',
    isInteger: false,
  }
}

/** Collects what is to be said, because a result that fails in the end says only why. */
class Said {
  readonly #notes: Notes
  readonly #warnings = new Set<string>()
  readonly #infos = new Set<string>()

  constructor(notes: Notes) {
    this.#notes = notes
  }

  warn(message: string): void {
    this.#warnings.add(message)
  }

  /** The histogram of an operation. Resets are dealt with here, so a collision of hints is none of the reader's business. */
  of(operation: 'addition' | 'subtraction', combined: Combined): NativeHistogram | undefined {
    if (combined?.boundsReconciled === true) this.#infos.add(boundsReconciled(operation))
    return combined?.histogram
  }

  say(): void {
    const { annotations, span } = this.#notes
    for (const message of this.#warnings) annotations.warn(span, message)
    for (const message of this.#infos) annotations.info(span, message)
  }

  onlyMixed(): undefined {
    const { annotations, span, name } = this.#notes
    annotations.warn(span, mixedBuckets(name))
    return undefined
  }
}
