/**
 * Calls of functions over range vectors: cuts the windows and slides them over the steps.
 *
 * - Both ends of the window only move forward over a series, so a call costs one pass plus what the function itself
 *   reads of each window.
 */
import { METRIC_NAME } from '#core'
import { type Call, type MatrixSelector, type Subquery, unwrap } from '../ast.ts'
import { goFloat } from '../go-float.ts'
import type { Span } from '../position.ts'
import { quote } from '../strings.ts'
import { anchor } from './anchor.ts'
import { ignoredInRange, type Notes } from './annotations.ts'
import {
  blank,
  type Column,
  FLOAT,
  type Frame,
  isBlank,
  type OpenColumn,
  putHistogram,
  timeAt,
  type Value,
  type Vector,
  weightOf,
} from './column.ts'
import type { Context } from './context.ts'
import { offsetMs, rangeMs } from './duration.ts'
import { extendedFunction, extendedMixed } from './extended-range.ts'
import { LONG, type LongFunction, longMadOverTime, longQuantileOverTime } from './long-window.ts'
import { changesOfMixed, resetsOfMixed } from './mixed-count.ts'
import * as mixed from './mixed-over-time.ts'
import * as overTime from './over-time.ts'
import { quantileWarning } from './quantile.ts'
import type { RangeSeries } from './range-series.ts'
import * as rates from './rate.ts'
import { stepFrom } from './reads.ts'
import * as regression from './regression.ts'
import { selectRange, subqueryFrame } from './select.ts'
import { subquerySeries } from './subquery-series.ts'
import { type MixedFunction, nextResets, type RangeFunction, type Window } from './window.ts'

export type RangeFunctionInfo = {
  readonly run: RangeFunction
  /** For windows with histograms in them; without it they are passed over, with an info where floats are there too. */
  readonly mixed?: MixedFunction
  /** The same as `run` for long windows, giving way within one; without it one window is one turn. */
  readonly long?: LongFunction
  /** The result is a sample of the series itself, so it keeps its name. */
  readonly keepsName?: boolean
  /** Meant for counters: a name that does not look like one is worth a note. */
  readonly counter?: boolean
}

export const RANGE_FUNCTIONS: ReadonlyMap<string, RangeFunctionInfo> = new Map<string, RangeFunctionInfo>([
  ['rate', { run: rates.rate, mixed: rates.rateOfMixed, counter: true }],
  ['increase', { run: rates.increase, mixed: rates.increaseOfMixed, counter: true }],
  ['irate', { run: rates.irate, mixed: rates.irateOfMixed }],
  ['delta', { run: rates.delta, mixed: rates.deltaOfMixed }],
  ['idelta', { run: rates.idelta, mixed: rates.ideltaOfMixed }],
  ['resets', { run: rates.resets, mixed: resetsOfMixed }],
  ['changes', { run: rates.changes, mixed: changesOfMixed }],
  ['deriv', { run: regression.deriv }],
  ['predict_linear', { run: regression.predictLinear }],
  ['double_exponential_smoothing', { run: regression.doubleExponentialSmoothing }],
  ['sum_over_time', { run: overTime.sumOverTime, mixed: mixed.sumOfMixed }],
  ['avg_over_time', { run: overTime.avgOverTime, mixed: mixed.avgOfMixed }],
  ['count_over_time', { run: overTime.countOverTime, mixed: mixed.countOfMixed }],
  ['present_over_time', { run: overTime.presentOverTime, mixed: mixed.presentOfMixed }],
  ['last_over_time', { run: overTime.lastOverTime, mixed: mixed.lastOfMixed, keepsName: true }],
  ['first_over_time', { run: overTime.firstOverTime, mixed: mixed.firstOfMixed, keepsName: true }],
  ['min_over_time', { run: overTime.minOverTime }],
  ['max_over_time', { run: overTime.maxOverTime }],
  ['ts_of_min_over_time', { run: overTime.tsOfMinOverTime }],
  ['ts_of_max_over_time', { run: overTime.tsOfMaxOverTime }],
  ['ts_of_first_over_time', { run: overTime.tsOfFirstOverTime, mixed: mixed.tsOfFirstOfMixed }],
  ['ts_of_last_over_time', { run: overTime.tsOfLastOverTime, mixed: mixed.tsOfLastOfMixed }],
  ['stdvar_over_time', { run: overTime.stdvarOverTime }],
  ['stddev_over_time', { run: overTime.stddevOverTime }],
  ['quantile_over_time', { run: overTime.quantileOverTime, long: longQuantileOverTime }],
  ['mad_over_time', { run: overTime.madOverTime, long: longMadOverTime }],
])

/** Functions that only care where a counter was reset. */
const BY_RESETS: ReadonlySet<RangeFunction> = new Set([rates.rate, rates.increase, rates.resets])

/** The series of a range argument, and how to cut windows from them. */
export type RangeInput = {
  readonly series: readonly RangeSeries[]
  readonly node: MatrixSelector | Subquery
  readonly offset: number
  readonly range: number
}

export type Evaluate = (frame: Frame) => Promise<Value>

/** Reads a range argument. `evaluate` is asked for the inside of a subquery. */
export async function rangeInput(
  node: MatrixSelector | Subquery,
  frame: Frame,
  context: Context,
  evaluate: Evaluate,
): Promise<RangeInput> {
  const range = rangeMs(node.range, context)
  if (node.kind === 'matrix-selector') {
    const offset = offsetMs(node.selector.offset, context)
    return { series: await selectRange(node, context), node, offset, range }
  }
  const inner = subqueryFrame(node, frame, context)
  const offset = offsetMs(node.offset, context)
  const stepOf = (time: number) => (node.at === undefined ? stepFrom(frame, time + offset) : 0)
  const series = await subquerySeries(inner, { node, stepOf }, context, evaluate)
  return { series, node, offset, range }
}

/** Where the window of a step ends. */
export function windowEnd({ node, offset }: RangeInput, time: number, context: Context): number {
  return anchor(node.kind === 'matrix-selector' ? node.selector : node, time, context.bounds) - offset
}

/** One function over all windows of all series. `args` are its scalar arguments, one array each, by step. */
export async function slide(
  call: Call,
  input: RangeInput,
  args: readonly Float64Array[],
  frame: Frame,
  context: Context,
): Promise<Vector> {
  const info = RANGE_FUNCTIONS.get(call.name)
  if (info === undefined) throw context.unsupported(call.span, `${call.name}() is not supported yet`)
  const extension = extensionOf(input)
  const smoothed = extension === 'smoothed'
  const check = checkOf(call, context)
  const before = precautions(call, check, context)
  const plain = extension === undefined ? info.run : extendedFunction(call.name, info.run, smoothed)
  const run = before === undefined ? plain : preceded(plain, before)
  const ofMixed = info.mixed ?? passingOver(run, check)
  const runMixed = extension === undefined ? ofMixed : extendedMixed(call.name, ofMixed, smoothed)
  const window = emptyWindow(args.length, { annotations: context.annotations, span: placeOfNotes(call), name: '' })
  const byResets = BY_RESETS.has(info.run)
  const columns: Column[] = []
  // All at once, before the first is made: what would be too much takes no memory.
  context.charge(input.series.length * frame.count, call.span)
  for (const series of input.series) {
    const column = blank(series.labels, info.keepsName === true ? series.dropName : true, frame.count)
    const cursor: Cursor = { step: 0, from: 0, to: 0, histogramsFrom: 0, histogramsTo: 0, isLong: false }
    const slide = { window, args, frame, context }
    while (cursor.step < frame.count) {
      const read = slideOn({ run, runMixed, byResets, long: info.long }, column, series, input, slide, cursor)
      if (context.spend(read)) await context.breathe()
      if (!cursor.isLong) continue
      if (window.histogramsFrom < window.histogramsTo) noteIgnored(window)
      before?.(window)
      column.values[cursor.step] = await info.long!(window, context)
      column.kinds[cursor.step++] = FLOAT
    }
    if (!isBlank(column)) {
      columns.push(column)
      if (info.counter === true && column.kinds.includes(FLOAT)) noteNonCounter(series, window.notes.span, context)
    }
    if (context.spend(frame.count)) await context.breathe()
  }
  return { type: 'vector', columns }
}

/** A function of floats where there are histograms: it looks at the floats alone, and says so. */
function passingOver(run: RangeFunction, check: (window: Window) => void): MixedFunction {
  const out = new Float64Array(1)
  return (window) => {
    check(window)
    if (window.from === window.to) return undefined
    noteIgnored(window)
    return run(window, out, 0) ? out[0] : undefined
  }
}

function noteIgnored({ notes: { annotations, span, name } }: Window): void {
  annotations.info(span, ignoredInRange(name))
}

function extensionOf({ node }: RangeInput): 'anchored' | 'smoothed' | undefined {
  return node.kind === 'matrix-selector' ? node.selector.extension : undefined
}

type Functions = {
  readonly run: RangeFunction
  readonly runMixed: MixedFunction
  readonly byResets: boolean
  readonly long: LongFunction | undefined
}

type Slide = {
  readonly window: Window
  readonly args: readonly Float64Array[]
  readonly frame: Frame
  readonly context: Context
}

/** Where the windows of a series are between two turns. `isLong`: that of `step` is cut, and for a function that gives way. */
type Cursor = {
  step: number
  from: number
  to: number
  histogramsFrom: number
  histogramsTo: number
  isLong: boolean
}

/** Work of one turn, in samples that windows hold: a window of a long subquery holds millions, at each of as many steps. */
const TURN = 1_000_000

/** Slides on for about a turn, and returns how many samples the windows held; `cursor.step` is at the end when all is done. */
function slideOn(
  { run, runMixed, byResets, long }: Functions,
  column: OpenColumn,
  series: RangeSeries,
  input: RangeInput,
  { window, args, frame, context }: Slide,
  cursor: Cursor,
): number {
  const { values: out, kinds } = column
  const { timestamps, count, histograms } = series
  const { handedOut, spared } = context.reads
  const isSubquery = input.node.kind === 'subquery'
  if (cursor.step === 0) {
    window.timestamps = timestamps
    window.values = series.values
    window.starts = series.starts
    window.histograms = histograms
    window.notes = { ...window.notes, name: series.labels.name }
    // A single window of floats is looked through once: there is nothing to prepare.
    const prepares = byResets && (frame.count > 1 || series.starts !== undefined || histograms !== undefined)
    window.nextReset = prepares ? nextResets(series.values, count, timestamps, series.starts) : undefined
  }
  const extension = extensionOf(input)
  const before = extension === undefined ? 0 : context.lookbackMs
  const after = extension === 'smoothed' ? context.lookbackMs : 0
  let read = 0
  let weight = 0
  let { step, from, to, histogramsFrom, histogramsTo } = cursor
  cursor.isLong = false
  for (const last = step + TURN; step < frame.count && step < last && read < TURN; step++) {
    const at = timeAt(frame, step)
    const end = windowEnd(input, at, context)
    const start = end - input.range
    const known = isSubquery ? Infinity : to
    const knownHistograms = isSubquery ? Infinity : histogramsTo
    while (to < count && timestamps[to]! <= end + after) to++
    while (from < to && timestamps[from]! <= start - before) from++
    if (histograms !== undefined) {
      const { timestamps: times, count: all, weights } = histograms
      while (histogramsTo < all && times[histogramsTo]! <= end + after) histogramsTo++
      while (histogramsFrom < histogramsTo && times[histogramsFrom]! <= start - before) histogramsFrom++
      handedOut[step]! += weights[histogramsTo]! - weights[histogramsFrom]!
      const old = Math.min(knownHistograms, histogramsTo)
      if (old > histogramsFrom) spared[step]! += weights[old]! - weights[histogramsFrom]!
    }
    if (from === to && histogramsFrom === histogramsTo) continue
    read += to - from + (histogramsTo - histogramsFrom) * HISTOGRAM_WORK
    handedOut[step]! += to - from
    const old = Math.min(known, to)
    if (old > from) spared[step]! += old - from
    window.from = from
    window.to = to
    window.startMs = start
    window.endMs = end
    window.atMs = at
    for (let i = 0; i < args.length; i++) window.args[i] = args[i]![step]!
    window.histogramsFrom = histogramsFrom
    window.histogramsTo = histogramsTo
    if (long !== undefined && to - from >= LONG) {
      cursor.isLong = true
      break
    }
    if (histogramsFrom === histogramsTo) {
      if (run(window, out, step)) kinds[step] = FLOAT
      continue
    }
    const result = runMixed(window as Parameters<MixedFunction>[0])
    if (typeof result === 'number') {
      out[step] = result
      kinds[step] = FLOAT
    } else if (result !== undefined) {
      weight += weightOf(result) - 1
      putHistogram(column, step, result)
    }
  }
  cursor.step = step
  cursor.from = from
  cursor.to = to
  cursor.histogramsFrom = histogramsFrom
  cursor.histogramsTo = histogramsTo
  if (weight > 0) context.charge(weight, input.node.span)
  return read
}

/** How many floats' work a histogram is, about: it decides how often the event loop is given way to. */
const HISTOGRAM_WORK = 50

export function emptyWindow(args: number, notes: Notes): Window {
  const none = new Float64Array(0)
  return {
    timestamps: none,
    values: none,
    from: 0,
    to: 0,
    starts: undefined,
    histograms: undefined,
    histogramsFrom: 0,
    histogramsTo: 0,
    startMs: 0,
    endMs: 0,
    atMs: 0,
    args: new Float64Array(args),
    nextReset: undefined,
    notes,
  }
}

/** Where a caveat of a call is shown: at its first argument; at the beginning of all when that is a subquery, as in Prometheus. */
export function placeOfNotes(call: Call): Span {
  const first = unwrap(call.args[0]!)
  return first.kind === 'subquery' ? { start: 0, end: 0 } : first.span
}

const COUNTER_SUFFIX = /_(?:total|sum|count|bucket)$/

export function noteNonCounter(
  { labels }: Pick<RangeSeries, 'labels'>,
  span: Span,
  { annotations, trustsTypes }: Context,
): void {
  const name = labels.get(METRIC_NAME)
  if (name === '') return
  if (trustsTypes) {
    const type = labels.get('__type__')
    if (type !== 'counter' && type !== 'histogram')
      annotations.info(
        span,
        `metric might not be a counter, __type__ label is not set to "counter" or "histogram", got ${quote(type)}: ${quote(name)}`,
      )
  } else if (!COUNTER_SUFFIX.test(name))
    annotations.info(
      span,
      `metric might not be a counter, name does not end in _total/_sum/_count/_bucket: ${quote(name)}`,
    )
}

/** What has to be refused of a call's scalar arguments, once there is any sample that it would run on. */
export function checkOf(call: Call, context: Context): (window: Window) => void {
  if (call.name !== 'double_exponential_smoothing') return () => {}
  return ({ args }) => {
    for (const [i, what] of ['smoothing', 'trend'].entries()) {
      const factor = args[i]!
      if (factor <= 0 || factor >= 1)
        throw context.fail(
          call.args[i + 1]!.span,
          `invalid ${what} factor. Expected: 0 < ${what === 'trend' ? 'tf' : 'sf'} < 1, got: ${fixed(factor)}; write one between, as in 0.3`,
        )
    }
  }
}

/** What is to be said or refused of a call's scalar arguments, once there is a float that it runs on. */
export function precautions(
  call: Call,
  check: (window: Window) => void,
  context: Context,
): ((window: Window) => void) | undefined {
  if (call.name === 'double_exponential_smoothing') return check
  if (call.name !== 'quantile_over_time') return undefined
  const { span } = unwrap(call.args[0]!)
  return ({ args }) => {
    const warning = quantileWarning(args[0]!)
    if (warning !== undefined) context.annotations.warn(span, warning)
  }
}

export function preceded(run: RangeFunction, before: (window: Window) => void): RangeFunction {
  return (window, out, step) => {
    before(window)
    return run(window, out, step)
  }
}

/** As Go's `%f`. */
function fixed(value: number): string {
  return Number.isFinite(value) ? value.toFixed(6) : goFloat(value)
}
