/**
 * Calls of functions over a plain range selector, row by row (`series-rows.ts`): which calls these are, and what they are run with.
 */
import { METRIC_NAME } from '#core'
import type { SeriesSet } from '#storage'
import { type Call, type Expr, unwrap } from '../ast.ts'
import type { Frame } from './column.ts'
import type { Context } from './context.ts'
import { offsetMs, rangeMs } from './duration.ts'
import { LONG } from './long-window.ts'
import { checkOf, emptyWindow, placeOfNotes, precautions, preceded, RANGE_FUNCTIONS } from './range-call.ts'
import {
  InstantRows,
  type RowFunction,
  type RowSource,
  type SlidingFunction,
  setOf,
  WindowRows,
} from './series-rows.ts'
import { fillQuantiles } from './sliding-quantile.ts'
import { fillExtreme, fillWholeSums } from './sliding-rows.ts'

/** The only argument that is no scalar, when that is a range selector without an extension of its window. */
function plainRange(call: Call) {
  const ranges = call.args.map(unwrap).filter((arg) => arg.kind === 'matrix-selector')
  const [only] = ranges
  return only !== undefined && only.selector.extension === undefined ? only : undefined
}

/** Rows of a call of a range function; `args` are its scalar arguments by step. `undefined`: not of this kind. */
export function rowsOfCall(
  call: Call,
  args: readonly Float64Array[],
  frame: Frame,
  context: Context,
): RowSource | undefined {
  const info = RANGE_FUNCTIONS.get(call.name)
  const node = plainRange(call)
  const set = info === undefined || node === undefined ? undefined : setOf(node.selector, context)
  if (info === undefined || node === undefined || set === undefined) return undefined
  const { selector } = node
  const options = {
    selector,
    offset: offsetMs(selector.offset, context),
    range: rangeMs(node.range, context),
    run: GROWTH[call.name] ?? anyOf(call, args.length, context),
    span: call.span,
    args,
  }
  return new WindowRows(set, options, frame, context)
}

const GROWTH: Readonly<Record<string, RowFunction>> = {
  rate: { kind: 'growth', isCounter: true, isRate: true },
  increase: { kind: 'growth', isCounter: true, isRate: false },
  delta: { kind: 'growth', isCounter: false, isRate: false },
}

function anyOf(call: Call, args: number, context: Context): RowFunction {
  const info = RANGE_FUNCTIONS.get(call.name)!
  const before = precautions(call, checkOf(call, context), context)
  const run = before === undefined ? info.run : preceded(info.run, before)
  const window = emptyWindow(args, { annotations: context.annotations, span: placeOfNotes(call), name: '' })
  return { kind: 'any', run, window, limit: info.long === undefined ? Infinity : LONG, sliding: SLIDING[call.name] }
}

const SLIDING: Readonly<Record<string, SlidingFunction>> = {
  max_over_time: (windows, values, out) => fillExtreme(windows, values, 1, out),
  min_over_time: (windows, values, out) => fillExtreme(windows, values, -1, out),
  sum_over_time: (windows, values, out) => fillWholeSums(windows, values, false, out),
  avg_over_time: (windows, values, out) => fillWholeSums(windows, values, true, out),
  quantile_over_time: (windows, values, out, [shares]) => fillQuantiles(windows, values, shares!, out),
}

/** Rows of what is aggregated: an instant selector, or a call of a function over a range and nothing else. */
export function rowsOf(expr: Expr, frame: Frame, context: Context): RowSource | undefined {
  const inner = unwrap(expr)
  if (inner.kind === 'vector-selector') return rowsOfSelector(inner, frame, context)
  if (inner.kind !== 'call' || inner.args.length !== 1) return undefined
  return rowsOfCall(inner, [], frame, context)
}

export function rowsOfSelector(
  selector: Extract<Expr, { kind: 'vector-selector' }>,
  frame: Frame,
  context: Context,
): RowSource | undefined {
  const set = selector.extension === undefined ? setOf(selector, context) : undefined
  return set && new InstantRows(set, selector, offsetMs(selector.offset, context), frame, context)
}

/**
 * The labels that all series of a set share of what says which metric they are of; `undefined` where they differ, or where it is more than the
 * name. With one name, series that are distinct stay so without it.
 */
export function oneMetricOf(set: SeriesSet) {
  const { labels } = set.groups({ without: false, names: [METRIC_NAME, '__type__', '__unit__'] })
  const [only] = labels
  return labels.length === 1 && !only!.has('__type__') && !only!.has('__unit__') ? only : undefined
}
