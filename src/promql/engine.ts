/**
 * The engine: an expression and a moment or a range in, an answer out.
 *
 * - Reads a store only through its queriers, all opened at the same moment and closed whatever happens.
 * - Gives way to the event loop in long evaluations and stops with the signal's reason.
 */
import {
  type Clock,
  type Instant,
  Labels,
  type QueryAnswer,
  type QueryFn,
  type Range,
  systemClock,
  unixMs,
} from '#core'
import { compareLabels, type Querier } from '#storage'
import { type Expr, unwrap } from './ast.ts'
import { typeOf } from './check.ts'
import { Annotations } from './eval/annotations.ts'
import { ABSENT, type Column, type Frame, timeAt, type Value, withoutSchema } from './eval/column.ts'
import { type Bounds, Context } from './eval/context.ts'
import { evaluate } from './eval/evaluate.ts'
import { dropNames } from './eval/gather.ts'
import { rangeInput, windowEnd } from './eval/range-call.ts'
import { openQueriers } from './eval/select.ts'
import { parse } from './parser.ts'
import { ParseError } from './position.ts'

export type EngineLimits = {
  /** Most slots held at one time by one query; above it fails with `ASSAY_PROMQL_LIMIT`. */
  readonly maxSamples?: number
}

export type EngineOptions = {
  /** A consistent view of [start, end], inclusive, Unix milliseconds. */
  readonly store: (start: number, end: number) => Querier
  readonly limits?: EngineLimits
  /** How far back an instant selector looks. */
  readonly lookbackMs?: number
  /** Step of subqueries that name none. */
  readonly subqueryStepMs?: number
  readonly clock?: Clock
}

export type Engine = { readonly query: QueryFn }

const DEFAULT_MAX_SAMPLES = 50_000_000

export function createEngine(options: EngineOptions): Engine {
  const { store, lookbackMs = 300_000, subqueryStepMs = 60_000, clock = systemClock } = options
  const maxSamples = options.limits?.maxSamples ?? DEFAULT_MAX_SAMPLES
  return {
    async query(promql, when, signal) {
      signal?.throwIfAborted()
      const expr = parse(promql)
      const bounds = boundsOf(when)
      checkResult(promql, expr, bounds)
      const annotations = new Annotations(promql)
      const context = new Context({
        text: promql,
        bounds,
        lookbackMs: when.lookbackMs || lookbackMs,
        defaultStepMs: subqueryStepMs,
        maxSamples,
        annotations,
        clock,
        signal,
      })
      using owned = new DisposableStack()
      const frame = frameOf(bounds)
      context.limitSteps(frame.count, expr.span)
      openQueriers(expr, frame, context, shared(store, owned))
      const result = await answer(expr, frame, context)
      return { ...result, warnings: annotations.warnings, infos: annotations.infos }
    },
  }
}

/** Opens each span once. */
function shared(store: EngineOptions['store'], owned: DisposableStack): EngineOptions['store'] {
  const open = new Map<string, Querier>()
  return (start, end) => {
    const key = `${start} ${end}`
    const known = open.get(key)
    if (known !== undefined) return known
    const querier = owned.use(store(start, end))
    open.set(key, querier)
    return querier
  }
}

function boundsOf(when: Instant | Range): Bounds {
  if ('at' in when) return { start: when.at, end: when.at, stepMs: 0, isRange: false }
  if (!(when.stepMs > 0) || when.end < when.start)
    throw new RangeError(`BUG: bad range ${when.start} to ${when.end} step ${when.stepMs}; callers check it`)
  return { ...when, isRange: true }
}

function frameOf({ start, end, stepMs }: Bounds): Frame {
  return stepMs === 0
    ? { start, stepMs: 1, count: 1 }
    : { start, stepMs, count: Math.floor((end - start) / stepMs) + 1 }
}

function checkResult(text: string, expr: Expr, { isRange }: Bounds): void {
  const type = typeOf(expr)
  if (isRange && type !== 'scalar' && type !== 'vector')
    throw new ParseError(
      text,
      expr.span,
      `invalid expression type ${JSON.stringify(type === 'matrix' ? 'range vector' : type)} for range query, must be Scalar or instant Vector; ask for a single moment, or put a function such as rate() around it`,
    )
}

type Result = QueryAnswer extends infer One ? (One extends unknown ? Omit<One, 'warnings' | 'infos'> : never) : never

async function answer(expr: Expr, frame: Frame, context: Context): Promise<Result> {
  const inner = unwrap(expr)
  if (inner.kind === 'matrix-selector' || inner.kind === 'subquery') return rawWindows(inner, frame, context)
  const value = await evaluate(expr, frame, context)
  if (context.bounds.isRange) return matrix(value, expr, frame, context)
  const at = unixMs(frame.start)
  if (value.type === 'scalar') return { kind: 'scalar', at, value: value.values[0]! }
  if (value.type === 'string') return { kind: 'string', at, value: value.value }
  const columns = dropNames(value.columns, 1, context, expr.span)
  return {
    kind: 'vector',
    samples: columns
      .filter(({ kinds }) => kinds[0] !== ABSENT)
      .map(({ labels, values }) => ({ labels, at, value: values[0]! })),
  }
}

function matrix(value: Value, expr: Expr, frame: Frame, context: Context): Result {
  if (value.type === 'string') throw new TypeError('BUG: a string in a range query passed the check')
  const columns =
    value.type === 'scalar'
      ? [{ labels: Labels.empty, values: value.values, kinds: new Uint8Array(frame.count).fill(1) }]
      : dropNames(value.columns, frame.count, context, expr.span)
  const series = columns
    .map((column) => points(column, frame))
    .filter(({ timestamps }) => timestamps.length > 0)
    .sort((a, b) => compareLabels(a.labels, b.labels))
  return { kind: 'matrix', series }
}

function points({ labels, values, kinds }: Omit<Column, 'dropName'>, frame: Frame) {
  let count = 0
  for (let i = 0; i < frame.count; i++) if (kinds[i] !== ABSENT) count++
  const timestamps = new Float64Array(count)
  const kept = new Float64Array(count)
  let at = 0
  for (let i = 0; i < frame.count; i++) {
    if (kinds[i] === ABSENT) continue
    timestamps[at] = timeAt(frame, i)
    kept[at++] = values[i]!
  }
  return { labels, timestamps, values: kept }
}

/** A range vector asked for as it is: the samples themselves. */
async function rawWindows(
  node: Extract<Expr, { kind: 'matrix-selector' | 'subquery' }>,
  frame: Frame,
  context: Context,
): Promise<Result> {
  const input = await rangeInput(node, frame, context, (inner) =>
    evaluate((node as Extract<Expr, { kind: 'subquery' }>).expr, inner, context),
  )
  if (node.kind === 'matrix-selector' && node.selector.extension !== undefined)
    throw context.unsupported(
      node.span,
      `${node.selector.extension} ranges can only be functions' arguments; write rate(...) around it`,
    )
  const end = windowEnd(input, frame.start, context)
  const series = input.series.flatMap(({ labels, dropName, timestamps, values, count }) => {
    let from = 0
    while (from < count && timestamps[from]! <= end - input.range) from++
    let to = from
    while (to < count && timestamps[to]! <= end) to++
    const kept = dropName ? withoutSchema(labels) : labels
    return from === to ? [] : [{ labels: kept, timestamps: timestamps.slice(from, to), values: values.slice(from, to) }]
  })
  series.sort((a, b) => compareLabels(a.labels, b.labels))
  return { kind: 'matrix', series }
}
