/**
 * From selectors to data: which span each selector needs, and the columns and windows cut from it.
 *
 * - Every selector is read once for the whole query, whatever the number of steps.
 * - An instant selector sees, at T, the newest sample in (T - lookback, T]; a stale marker there ends the series.
 * - A window is (end - range, end]: open on the left, closed on the right. Stale markers are taken out.
 */
import { isStaleAt, type Labels, unixMs } from '#core'
import type { Querier, Samples } from '#storage'
import { childrenOf, type Expr, type MatrixSelector, type Subquery, type VectorSelector } from '../ast.ts'
import { anchor } from './anchor.ts'
import { ABSENT, blank, type Column, FLOAT, type Frame, isBlank, timeAt } from './column.ts'
import type { Context } from './context.ts'
import { offsetMs, positiveMs } from './duration.ts'
import { infoSpan } from './info.ts'

/** One series with the samples windows are cut from. */
export type RangeSeries = {
  readonly labels: Labels
  readonly dropName: boolean
  readonly timestamps: Float64Array
  readonly values: Float64Array
  readonly count: number
}

/** The steps a subquery takes so that every window of `frame` is covered. */
export function subqueryFrame(node: Subquery, frame: Frame, context: Context): Frame {
  const stepMs = node.step === undefined ? context.defaultStepMs : positiveMs(node.step, context)
  const offset = offsetMs(node.offset, context)
  const range = positiveMs(node.range, context)
  const low = anchor(node, frame.start, context.bounds) - offset - range
  const end = anchor(node, timeAt(frame, frame.count - 1), context.bounds) - offset
  // Steps are multiples of the step's length, and the window's left end is open.
  const start = (Math.floor(low / stepMs) + 1) * stepMs
  const count = Math.max(0, Math.floor((end - start) / stepMs) + 1)
  context.limitSteps(count, node.span)
  return { start, stepMs, count }
}

/**
 * Opens a querier for every selector below `expr`, all at once and before anything is read: one view of the data for
 * the whole query, though evaluation gives way in between. Selectors of one span share a querier.
 */
export function openQueriers(
  expr: Expr,
  frame: Frame,
  context: Context,
  open: (start: number, end: number) => Querier,
): void {
  if (expr.kind === 'subquery') {
    const inner = subqueryFrame(expr, frame, context)
    if (inner.count > 0) openQueriers(expr.expr, inner, context, open)
    return
  }
  if (expr.kind === 'call' && expr.name === 'info') {
    const [start, end] = infoSpan(expr, frame, context)
    context.queriers.set(expr, open(unixMs(start), unixMs(end)))
    openQueriers(expr.args[0]!, frame, context, open)
    return
  }
  if (expr.kind !== 'vector-selector' && expr.kind !== 'matrix-selector') {
    for (const child of childrenOf(expr)) openQueriers(child, frame, context, open)
    return
  }
  const selector = expr.kind === 'matrix-selector' ? expr.selector : expr
  const offset = offsetMs(selector.offset, context)
  const range = expr.kind === 'matrix-selector' ? positiveMs(expr.range, context) : context.lookbackMs
  const start = anchor(selector, frame.start, context.bounds) - offset - range + 1
  const end = anchor(selector, timeAt(frame, frame.count - 1), context.bounds) - offset
  const before = selector.extension !== undefined && expr.kind === 'matrix-selector' ? context.lookbackMs : 0
  const after = selector.extension === 'smoothed' ? context.lookbackMs : 0
  context.queriers.set(selector, open(unixMs(start - before), unixMs(end + after)))
}

/** The columns of an instant vector selector. With `ofTimes`, the samples' instants in seconds instead of their values. */
export async function selectInstant(
  selector: VectorSelector,
  frame: Frame,
  context: Context,
  ofTimes = false,
): Promise<readonly Column[]> {
  if (selector.extension === 'smoothed' && !ofTimes) return selectSmoothed(selector, frame, context)
  const offset = offsetMs(selector.offset, context)
  const columns: Column[] = []
  for (const { labels, samples } of seriesOf(selector, context)) {
    const data = samples()
    context.charge(frame.count, selector.span)
    const column = blank(labels, ofTimes, frame.count)
    fillInstant(column, data, frame, { offset, ofTimes, selector, context })
    if (!isBlank(column)) columns.push(column)
    if (context.spend(data.count + frame.count)) await context.breathe()
  }
  return columns
}

/** Between the samples on both sides of each step; the last one is carried on, nothing comes before the first. */
async function selectSmoothed(selector: VectorSelector, frame: Frame, context: Context): Promise<readonly Column[]> {
  const offset = offsetMs(selector.offset, context)
  const columns: Column[] = []
  for (const { labels, timestamps, values, count } of await selectRange({ selector }, context)) {
    context.charge(frame.count, selector.span)
    const column = blank(labels, false, frame.count)
    let at = -1
    for (let step = 0; step < frame.count; step++) {
      const time = anchor(selector, timeAt(frame, step), context.bounds) - offset
      while (at + 1 < count && timestamps[at + 1]! <= time) at++
      if (at < 0 || timestamps[at]! <= time - context.lookbackMs) continue
      const known = timestamps[at]! === time || at + 1 >= count || timestamps[at + 1]! > time + context.lookbackMs
      const share = known ? 0 : (time - timestamps[at]!) / (timestamps[at + 1]! - timestamps[at]!)
      column.values[step] = known ? values[at]! : values[at]! + (values[at + 1]! - values[at]!) * share
      column.kinds[step] = FLOAT
    }
    if (!isBlank(column)) columns.push(column)
    if (context.spend(count + frame.count)) await context.breathe()
  }
  return columns
}

type InstantOptions = {
  readonly offset: number
  readonly ofTimes: boolean
  readonly selector: VectorSelector
  readonly context: Context
}

function fillInstant({ values: out, kinds }: Column, data: Samples, frame: Frame, options: InstantOptions): void {
  const { timestamps, values, count } = data
  const { offset, ofTimes, selector, context } = options
  let at = -1
  for (let step = 0; step < frame.count; step++) {
    const time = anchor(selector, timeAt(frame, step), context.bounds) - offset
    while (at + 1 < count && timestamps[at + 1]! <= time) at++
    if (at < 0 || timestamps[at]! <= time - context.lookbackMs || isStaleAt(values, at)) {
      kinds[step] = ABSENT
      continue
    }
    kinds[step] = FLOAT
    out[step] = ofTimes ? timestamps[at]! / 1000 : values[at]!
  }
}

/** The series of a range selector, stale markers taken out. */
export async function selectRange(
  { selector }: Pick<MatrixSelector, 'selector'>,
  context: Context,
): Promise<readonly RangeSeries[]> {
  const result: RangeSeries[] = []
  for (const { labels, samples } of seriesOf(selector, context)) {
    const data = samples()
    context.charge(data.count, selector.span)
    const live = withoutStale(data)
    if (live.count > 0) result.push({ labels, dropName: false, ...live })
    if (context.spend(data.count)) await context.breathe()
  }
  return result
}

/** Columns of a subquery as series. */
export function asSeries(columns: readonly Column[], frame: Frame): readonly RangeSeries[] {
  return columns.map(({ labels, dropName, values, kinds }) => {
    const timestamps = new Float64Array(frame.count)
    const kept = new Float64Array(frame.count)
    let count = 0
    for (let i = 0; i < frame.count; i++) {
      if (kinds[i] !== FLOAT) continue
      timestamps[count] = timeAt(frame, i)
      kept[count++] = values[i]!
    }
    return { labels, dropName, timestamps, values: kept, count }
  })
}

function seriesOf(selector: VectorSelector, context: Context) {
  const querier = context.queriers.get(selector)
  // A subquery without a single step reads nothing.
  return querier === undefined ? [] : querier.select(selector.matchers)
}

/** The common case has no marker and is passed on as it is. */
function withoutStale(data: Samples): Samples {
  let first = 0
  while (first < data.count && !isStaleAt(data.values, first)) first++
  if (first === data.count) return data
  const timestamps = data.timestamps.slice(0, data.count)
  const values = data.values.slice(0, data.count)
  let count = first
  for (let i = first; i < data.count; i++) {
    if (isStaleAt(data.values, i)) continue
    timestamps[count] = data.timestamps[i]!
    values[count++] = data.values[i]!
  }
  return { timestamps, values, count }
}
