/**
 * Calls of functions over range vectors: cuts the windows and slides them over the steps.
 *
 * - Both ends of the window only move forward over a series, so a call costs one pass plus what the function itself
 *   reads of each window.
 */
import { METRIC_NAME } from '#core'
import { type Call, type MatrixSelector, type Subquery, unwrap } from '../ast.ts'
import type { Span } from '../position.ts'
import { anchor } from './anchor.ts'
import { blank, type Column, FLOAT, type Frame, isBlank, timeAt, type Value, type Vector } from './column.ts'
import type { Context } from './context.ts'
import { offsetMs, positiveMs } from './duration.ts'
import { extendedFunction } from './extended-range.ts'
import * as overTime from './over-time.ts'
import { quantileWarning } from './quantile.ts'
import * as rates from './rate.ts'
import * as regression from './regression.ts'
import { asSeries, type RangeSeries, selectRange, subqueryFrame } from './select.ts'
import { nextResets, type RangeFunction, type Window } from './window.ts'

type RangeFunctionInfo = {
  readonly run: RangeFunction
  /** The result is a sample of the series itself, so it keeps its name. */
  readonly keepsName?: boolean
  /** Meant for counters: a name that does not look like one is worth a note. */
  readonly counter?: boolean
}

export const RANGE_FUNCTIONS: ReadonlyMap<string, RangeFunctionInfo> = new Map<string, RangeFunctionInfo>([
  ['rate', { run: rates.rate, counter: true }],
  ['increase', { run: rates.increase, counter: true }],
  ['irate', { run: rates.irate }],
  ['delta', { run: rates.delta }],
  ['idelta', { run: rates.idelta }],
  ['resets', { run: rates.resets }],
  ['changes', { run: rates.changes }],
  ['deriv', { run: regression.deriv }],
  ['predict_linear', { run: regression.predictLinear }],
  ['double_exponential_smoothing', { run: regression.doubleExponentialSmoothing }],
  ['sum_over_time', { run: overTime.sumOverTime }],
  ['avg_over_time', { run: overTime.avgOverTime }],
  ['count_over_time', { run: overTime.countOverTime }],
  ['present_over_time', { run: overTime.presentOverTime }],
  ['last_over_time', { run: overTime.lastOverTime, keepsName: true }],
  ['first_over_time', { run: overTime.firstOverTime, keepsName: true }],
  ['min_over_time', { run: overTime.minOverTime }],
  ['max_over_time', { run: overTime.maxOverTime }],
  ['ts_of_min_over_time', { run: overTime.tsOfMinOverTime }],
  ['ts_of_max_over_time', { run: overTime.tsOfMaxOverTime }],
  ['ts_of_first_over_time', { run: overTime.tsOfFirstOverTime }],
  ['ts_of_last_over_time', { run: overTime.tsOfLastOverTime }],
  ['stdvar_over_time', { run: overTime.stdvarOverTime }],
  ['stddev_over_time', { run: overTime.stddevOverTime }],
  ['quantile_over_time', { run: overTime.quantileOverTime }],
  ['mad_over_time', { run: overTime.madOverTime }],
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
  const range = positiveMs(node.range, context)
  if (node.kind === 'matrix-selector') {
    const offset = offsetMs(node.selector.offset, context)
    return { series: await selectRange(node, context), node, offset, range }
  }
  const inner = subqueryFrame(node, frame, context)
  const value = inner.count === 0 ? undefined : await evaluate(inner)
  const series = value?.type === 'vector' ? asSeries(value.columns, inner) : []
  return { series, node, offset: offsetMs(node.offset, context), range }
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
  checkArgs(call, args, context)
  const extension = extensionOf(input)
  const run = extension === undefined ? info.run : extendedFunction(call.name, info.run, extension === 'smoothed')
  const window = emptyWindow(args.length)
  const columns: Column[] = []
  for (const series of input.series) {
    context.charge(frame.count, call.span)
    const column = blank(series.labels, info.keepsName === true ? series.dropName : true, frame.count)
    const read = slideOne(run, column, series, input, { window, args, frame, context })
    if (!isBlank(column)) columns.push(column)
    if (info.counter === true && read > 0) noteNonCounter(series, spanOfRange(call), context)
    if (context.spend(read + frame.count)) await context.breathe()
  }
  return { type: 'vector', columns }
}

function extensionOf({ node }: RangeInput): 'anchored' | 'smoothed' | undefined {
  return node.kind === 'matrix-selector' ? node.selector.extension : undefined
}

type Slide = {
  readonly window: Window
  readonly args: readonly Float64Array[]
  readonly frame: Frame
  readonly context: Context
}

/** Returns how many samples the windows held, as a measure of the work. */
function slideOne(
  run: RangeFunction,
  { values: out, kinds }: Column,
  series: RangeSeries,
  input: RangeInput,
  { window, args, frame, context }: Slide,
): number {
  const { timestamps, count } = series
  window.timestamps = timestamps
  window.values = series.values
  window.nextReset = BY_RESETS.has(run) ? nextResets(series.values, count) : undefined
  const extension = extensionOf(input)
  const before = extension === undefined ? 0 : context.lookbackMs
  const after = extension === 'smoothed' ? context.lookbackMs : 0
  let read = 0
  let from = 0
  let to = 0
  for (let step = 0; step < frame.count; step++) {
    const at = timeAt(frame, step)
    const end = windowEnd(input, at, context)
    const start = end - input.range
    while (to < count && timestamps[to]! <= end + after) to++
    while (from < to && timestamps[from]! <= start - before) from++
    if (from === to) continue
    read += to - from
    window.from = from
    window.to = to
    window.startMs = start
    window.endMs = end
    window.atMs = at
    for (let i = 0; i < args.length; i++) window.args[i] = args[i]![step]!
    if (run(window, out, step)) kinds[step] = FLOAT
  }
  return read
}

function emptyWindow(args: number): Window {
  const none = new Float64Array(0)
  return {
    timestamps: none,
    values: none,
    from: 0,
    to: 0,
    startMs: 0,
    endMs: 0,
    atMs: 0,
    args: new Float64Array(args),
    nextReset: undefined,
  }
}

function spanOfRange(call: Call): Span {
  return (call.args.find((arg) => ['matrix-selector', 'subquery'].includes(unwrap(arg).kind)) ?? call).span
}

const COUNTER_SUFFIX = /_(?:total|sum|count|bucket)$/

function noteNonCounter({ labels }: RangeSeries, span: Span, { annotations }: Context): void {
  const type = labels.get('__type__')
  const name = labels.get(METRIC_NAME)
  if (type !== '') {
    if (type !== 'counter' && type !== 'histogram')
      annotations.info(
        span,
        `metric might not be a counter, __type__ label is not set to "counter" or "histogram", got ${JSON.stringify(type)}: ${JSON.stringify(name)}`,
      )
    return
  }
  if (name !== '' && !COUNTER_SUFFIX.test(name))
    annotations.info(
      span,
      `metric might not be a counter, name does not end in _total/_sum/_count/_bucket: ${JSON.stringify(name)}`,
    )
}

function checkArgs(call: Call, args: readonly Float64Array[], context: Context): void {
  if (call.name === 'quantile_over_time') {
    for (const q of args[0]!) {
      const warning = quantileWarning(q)
      if (warning !== undefined) context.annotations.warn(call.args[0]!.span, warning)
    }
  }
  if (call.name === 'double_exponential_smoothing') {
    for (const [i, what] of ['smoothing', 'trend'].entries()) {
      const bad = args[i]!.find((factor) => !(factor > 0 && factor < 1))
      if (bad !== undefined)
        throw context.fail(
          call.args[i + 1]!.span,
          `invalid ${what} factor. Expected: 0 < ${what === 'trend' ? 'tf' : 'sf'} < 1, got: ${bad}; write one between, as in 0.3`,
        )
    }
  }
}
