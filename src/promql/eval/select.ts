/**
 * From selectors to data: which span each selector needs, and the columns and windows cut from it.
 *
 * - Every selector is read once for the whole query, whatever the number of steps.
 * - An instant selector sees, at T, the newest sample in (T - lookback, T]; a stale marker there ends the series.
 * - A window is (end - range, end]: open on the left, closed on the right. Stale markers are taken out.
 */
import { isStaleAt, unixMs } from '#core'
import type { Querier, Samples } from '#storage'
import { childrenOf, type Expr, type MatrixSelector, type Subquery, type VectorSelector } from '../ast.ts'
import { anchor } from './anchor.ts'
import {
  blank,
  type Column,
  endOf,
  FLOAT,
  type Frame,
  isBlank,
  type OpenColumn,
  putHistogram,
  timeAt,
  weightOf,
} from './column.ts'
import type { Context } from './context.ts'
import { offsetMs, positiveMs, rangeMs } from './duration.ts'
import { infoSpan } from './info.ts'
import { type RangeSeries, rangeSeries, weightOfSeries } from './range-series.ts'
import { heard } from './reset-hints.ts'
import { selectSmoothed } from './smoothed.ts'

/** The steps a subquery takes so that every window of `frame` is covered. */
export function subqueryFrame(node: Subquery, frame: Frame, context: Context): Frame {
  const stepMs = node.step === undefined ? context.defaultStepMs : positiveMs(node.step, context)
  const offset = offsetMs(node.offset, context)
  const range = rangeMs(node.range, context)
  const low = anchor(node, frame.start, context.bounds) - offset - range
  const end = anchor(node, endOf(frame), context.bounds) - offset
  // Steps are multiples of the step's length, and the window's left end is open.
  const start = (Math.floor(low / stepMs) + 1) * stepMs
  const count = Math.max(0, Math.floor((end - start) / stepMs) + 1)
  context.limitSteps(count, node.span)
  return { start, stepMs, count, end }
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
  const range = expr.kind === 'matrix-selector' ? rangeMs(expr.range, context) : context.lookbackMs
  const start = anchor(selector, frame.start, context.bounds) - offset - range + 1
  const end = anchor(selector, timeAt(frame, frame.count - 1), context.bounds) - offset
  const before = selector.extension !== undefined && expr.kind === 'matrix-selector' ? context.lookbackMs : 0
  const after = selector.extension === 'smoothed' ? context.lookbackMs : 0
  context.queriers.set(selector, open(unixMs(start - before), unixMs(end + after)))
}

/** What is asked of each sample: the sample itself, its instant in seconds, or when its counter began, in seconds. */
export type Asked = 'sample' | 'instant' | 'start'

/** The columns of an instant vector selector. */
export async function selectInstant(
  selector: VectorSelector,
  frame: Frame,
  context: Context,
  asked: Asked = 'sample',
): Promise<readonly Column[]> {
  if (selector.extension === 'smoothed' && asked === 'sample') return selectSmoothed(selector, frame, context)
  // timestamp() looks at the moment of `@` itself, at what there is up to the offset, as in Prometheus.
  const offset = asked === 'instant' && selector.at !== undefined ? 0 : offsetMs(selector.offset, context)
  const columns: Column[] = []
  const series = seriesOf(selector, context)
  // All at once, before the first is read: what would be too much takes no memory.
  context.charge(series.length * frame.count, selector.span)
  for (const { labels, samples } of series) {
    const data = samples()
    const column = blank(labels, asked !== 'sample', frame.count)
    fillInstant(column, data, frame, { offset, asked, selector, context })
    if (!isBlank(column)) columns.push(column)
    if (context.spend(data.count + frame.count)) await context.breathe()
  }
  return columns
}

type InstantOptions = {
  readonly offset: number
  readonly asked: Asked
  readonly selector: VectorSelector
  readonly context: Context
}

/** Floats asked for as they are: nearly every selector. `fillInstant` says the same of them, more slowly. */
function fillFloats(column: OpenColumn, data: Samples, frame: Frame, offset: number, context: Context): void {
  const { values: out, kinds } = column
  const { timestamps, values, count } = data
  const { lookbackMs, reads } = context
  const { handedOut } = reads
  const { start, stepMs } = frame
  let at = -1
  for (let step = 0; step < kinds.length; step++) {
    const time = start + step * stepMs - offset
    while (at + 1 < count && timestamps[at + 1]! <= time) at++
    if (at < 0 || timestamps[at]! <= time - lookbackMs) continue
    if (isStaleAt(values, at)) continue
    handedOut[step]! += 1
    kinds[step] = FLOAT
    out[step] = values[at]!
  }
}

function fillInstant(column: OpenColumn, data: Samples, frame: Frame, options: InstantOptions): void {
  if (data.histograms === undefined && options.asked === 'sample' && options.selector.at === undefined) {
    fillFloats(column, data, frame, options.offset, options.context)
    return
  }
  const { values: out, kinds } = column
  const { timestamps, values, count, histograms, starts } = data
  const { offset, asked, selector, context } = options
  const { lookbackMs, reads } = context
  const { handedOut } = reads
  const compares = context.statistics.has(selector)
  // With steps further apart than the lookback Prometheus does not come by the sample before, and so does not compare.
  const skips = frame.stepMs > lookbackMs
  let weight = 0
  let at = -1
  for (let step = 0; step < frame.count; step++) {
    const time = anchor(selector, timeAt(frame, step), context.bounds) - offset
    while (at + 1 < count && timestamps[at + 1]! <= time) at++
    if (at < 0 || timestamps[at]! <= time - lookbackMs || isStaleAt(values, at)) continue
    handedOut[step]! += 1
    const histogram = asked === 'sample' ? histograms?.[at] : undefined
    if (histogram !== undefined) {
      const more = weightOf(histogram) - 1
      handedOut[step]! += more
      weight += more
      const isNear = compares && (!skips || timestamps[at - 1]! >= time - lookbackMs)
      putHistogram(column, step, heard(histogram, isNear ? histograms?.[at - 1] : undefined))
      continue
    }
    kinds[step] = FLOAT
    out[step] = asked === 'sample' ? values[at]! : (asked === 'instant' ? timestamps[at]! : (starts?.[at] ?? 0)) / 1000
  }
  if (weight > 0) context.charge(weight, selector.span)
}

/** The series of a range selector, stale markers taken out. */
export async function selectRange(
  { selector }: Pick<MatrixSelector, 'selector'>,
  context: Context,
): Promise<readonly RangeSeries[]> {
  const result: RangeSeries[] = []
  for (const { labels, samples } of seriesOf(selector, context)) {
    const data = samples()
    const series = rangeSeries(labels, data, {
      usesStarts: context.usesStarts,
      compares: context.statistics.has(selector),
    })
    context.charge(series === undefined ? 0 : weightOfSeries(series), selector.span)
    if (series !== undefined) result.push(series)
    if (context.spend(data.count)) await context.breathe()
  }
  return result
}

function seriesOf(selector: VectorSelector, context: Context) {
  const querier = context.queriers.get(selector)
  // A subquery without a single step reads nothing.
  return querier === undefined ? [] : querier.select(selector.matchers)
}
