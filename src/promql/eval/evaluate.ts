/**
 * Evaluates a tree, each node once for all steps of its frame.
 *
 * - What does not depend on the step (`@`, constants) is evaluated for one step and repeated.
 * - A node's inputs are released from the sample budget when its own result stands.
 */
import { AGGREGATOR_PARAMS, type Aggregate, childrenOf, type Expr, unwrap, type VectorSelector } from '../ast.ts'
import { negateHistogram } from '../histogram/index.ts'
import { aggregate, aggregateQuantile, countValues } from './aggregate.ts'
import { pick } from './aggregate-pick.ts'
import { binary } from './binary.ts'
import { call } from './call.ts'
import {
  broadcast,
  type Column,
  type Frame,
  sizeOf,
  type Value,
  type Vector,
  withoutName,
  withoutSchema,
} from './column.ts'
import type { Context } from './context.ts'
import { foldSeries } from './fold-series.ts'
import { dropNames, dropNamesOnce } from './gather.ts'
import { HISTOGRAM_VALUES } from './histogram-calls.ts'
import { texts } from './label-functions.ts'
import { RANGE_FUNCTIONS } from './range-call.ts'
import { rowsOfSelector } from './range-rows.ts'
import { columnsOf } from './row-columns.ts'
import { selectInstant } from './select.ts'

/** Rejects with `QueryError`, or with the signal's reason. */
export async function evaluate(expr: Expr, frame: Frame, context: Context): Promise<Value> {
  if (frame.count > 1 && isStepInvariant(expr)) {
    const [once, reads] = await context.reading(1, () => evaluate(expr, onceOf(frame), context))
    context.reads.addOnce(reads)
    context.charge(sizeOf(once) * frame.count, expr.span)
    return broadcast(once, frame.count)
  }
  // What has a value at every step takes its place whatever the data.
  if (expr.kind === 'call' && DENSE.has(expr.name)) context.expectRoom(frame.count, expr.span)
  const held = context.held
  const value = settled(expr, await node(expr, frame, context), frame, context)
  context.held = held
  context.charge(sizeOf(value), expr.span)
  return value
}

const DENSE: ReadonlySet<string> = new Set(['time', 'scalar', 'vector', 'absent', 'absent_over_time'])

/** The first step alone. */
function onceOf({ start, stepMs }: Frame): Frame {
  return { start, stepMs, count: 1 }
}

/** Without delayed removal, names that an operation takes away go here and now; two series that become the same are an error. */
function settled(expr: Expr, value: Value, frame: Frame, context: Context): Value {
  if (context.delaysNames || value.type !== 'vector') return value
  if (expr.kind !== 'call' && expr.kind !== 'binary' && expr.kind !== 'unary') return value
  const { columns } = value
  if (expr.kind === 'call' && RANGE_FUNCTIONS.has(expr.name))
    return { type: 'vector', columns: dropNamesOnce(columns, context, expr.span) }
  // histogram_count() and its kin alone leave what describes the metric, as in Prometheus.
  const without = expr.kind === 'call' && HISTOGRAM_VALUES.has(expr.name) ? withoutName : withoutSchema
  return { type: 'vector', columns: dropNames(columns, frame.count, context, expr.span, without) }
}

async function node(expr: Expr, frame: Frame, context: Context): Promise<Value> {
  switch (expr.kind) {
    case 'number':
      return { type: 'scalar', values: new Float64Array(frame.count).fill(expr.value) }
    case 'string':
      return { type: 'string', value: expr.value }
    case 'paren':
      return evaluate(expr.expr, frame, context)
    case 'vector-selector':
      return { type: 'vector', columns: await selected(expr, frame, context) }
    case 'unary': {
      const value = await evaluate(expr.expr, frame, context)
      if (expr.op === '+') return value
      if (value.type === 'scalar') return { type: 'scalar', values: value.values.map((one) => -one) }
      return negate(value as Vector)
    }
    case 'binary': {
      const left = await evaluate(expr.left, frame, context)
      const right = await evaluate(expr.right, frame, context)
      return binary(expr, left, right, frame, context)
    }
    case 'call':
      return call(expr, frame, context, (arg, inner) => evaluate(arg, inner, context))
    case 'aggregate':
      return aggregation(expr, frame, context)
    case 'matrix-selector':
    case 'subquery':
      throw new TypeError('BUG: a range vector outside of a call passed the type check')
    default:
      return expr satisfies never
  }
}

/** The columns of a selector: of floats row by row, of anything else series by series. */
async function selected(selector: VectorSelector, frame: Frame, context: Context): Promise<readonly Column[]> {
  const rows = rowsOfSelector(selector, frame, context)
  const { held } = context
  const columns = rows && (await columnsOf(rows, false, frame))
  if (columns !== undefined) return columns
  context.held = held
  return selectInstant(selector, frame, context)
}

/** Floats and histograms with the other sign; the name will be dropped. */
function negate(vector: Vector): Vector {
  const columns = vector.columns.map(({ labels, values, kinds, histograms }) => {
    const out = new Float64Array(values.length)
    for (let i = 0; i < out.length; i++) out[i] = -values[i]!
    const column = { labels, dropName: true, values: out, kinds }
    return histograms === undefined
      ? column
      : { ...column, histograms: histograms.map((one) => one && negateHistogram(one)) }
  })
  return { type: 'vector', columns }
}

async function aggregation(expr: Aggregate, frame: Frame, context: Context): Promise<Value> {
  const folded = await foldSeries(expr, frame, context)
  if (folded !== undefined) return folded
  const vector = await evaluate(expr.expr, frame, context)
  if (vector.type !== 'vector') throw new TypeError('BUG: an aggregated value that is no vector passed the type check')
  if (AGGREGATOR_PARAMS[expr.op] === undefined) return aggregate(expr, vector, frame, context)
  if (expr.op === 'count_values') return countValues(expr, texts([expr.param!])[0]!, vector, frame, context)
  const param = await evaluate(expr.param!, frame, context)
  if (param.type !== 'scalar') throw new TypeError('BUG: an aggregation parameter that is no scalar')
  if (expr.op === 'quantile') return aggregateQuantile(expr, param.values, vector, frame, context)
  return pick(expr, param.values, vector, frame, context)
}

/** Functions whose value depends on the step even when nothing in their arguments does. */
const BY_STEP = new Set([
  'time',
  'timestamp',
  'start_timestamp',
  'predict_linear',
  'minute',
  'hour',
  'day_of_week',
  'day_of_month',
  'day_of_year',
  'days_in_month',
  'month',
  'year',
])

const invariance = new WeakMap<Expr, boolean>()

/** True when a node has the same value at every step. */
export function isStepInvariant(expr: Expr): boolean {
  const known = invariance.get(expr)
  if (known !== undefined) return known
  const result = computeInvariance(expr)
  invariance.set(expr, result)
  return result
}

function computeInvariance(expr: Expr): boolean {
  switch (expr.kind) {
    case 'number':
    case 'string':
      return true
    case 'vector-selector':
    case 'subquery':
      return expr.at !== undefined
    case 'call': {
      if (!BY_STEP.has(expr.name)) return childrenOf(expr).every(isStepInvariant)
      if (expr.args.length === 0 || expr.name === 'predict_linear') return false
      if (expr.name !== 'timestamp' && expr.name !== 'start_timestamp') return childrenOf(expr).every(isStepInvariant)
      const arg = unwrap(expr.args[0]!)
      return arg.kind === 'vector-selector' && arg.at !== undefined
    }
    case 'aggregate':
      // As in Prometheus the parameter does not count: of a vector that is the same at every step it is looked at once.
      return isStepInvariant(expr.expr)
    default:
      return childrenOf(expr).every(isStepInvariant)
  }
}
