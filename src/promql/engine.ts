/**
 * The engine: an expression and a moment or a range in, an answer out.
 *
 * - Reads a store only through its queriers, all opened at the same moment and closed whatever happens.
 * - Gives way to the event loop in long evaluations and stops with the signal's reason.
 */
import {
  type Clock,
  type Feature,
  type Instant,
  Labels,
  type MatrixSeries,
  type NativeHistogram,
  type QueryAnswer,
  type QueryFn,
  type QueryStats,
  type Range,
  systemClock,
  unixMs,
} from '#core'
import { compareLabels, type Querier } from '#storage'
import { type Expr, unwrap } from './ast.ts'
import { typeOf } from './check.ts'
import { Annotations } from './eval/annotations.ts'
import { type Column, FLOAT, type Frame, HISTOGRAM, timeAt, type Value } from './eval/column.ts'
import { type Bounds, Context } from './eval/context.ts'
import { checkDurations } from './eval/duration.ts'
import { evaluate } from './eval/evaluate.ts'
import { dropNames } from './eval/gather.ts'
import { rawWindows } from './eval/raw-windows.ts'
import type { Reads } from './eval/reads.ts'
import { selectorsOfStatistics } from './eval/reset-hints.ts'
import { samplesOf, selectSamples } from './eval/row-samples.ts'
import { openQueriers } from './eval/select.ts'
import { parseKnown } from './known-expressions.ts'
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
  /** Prometheus' feature flags that change what PromQL is and means; none unless named. */
  readonly features?: ReadonlySet<Feature>
}

export type Engine = { readonly query: QueryFn }

const DEFAULT_MAX_SAMPLES = 50_000_000
const NO_FEATURES: ReadonlySet<Feature> = new Set()

export function createEngine(options: EngineOptions): Engine {
  const { store, lookbackMs = 300_000, subqueryStepMs = 60_000, clock = systemClock } = options
  const maxSamples = options.limits?.maxSamples ?? DEFAULT_MAX_SAMPLES
  const features = options.features ?? NO_FEATURES
  return {
    async query(promql, when, signal) {
      signal?.throwIfAborted()
      const expr = parseKnown(promql, features)
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
        features,
        statistics: selectorsOfStatistics(expr),
      })
      using owned = new DisposableStack()
      checkDurations(expr, context)
      const frame = frameOf(bounds)
      context.limitSteps(frame.count, expr.span)
      openQueriers(expr, frame, context, shared(store, owned))
      const [result, reads] = await context.reading(frame.count, () => answer(expr, frame, context))
      const perStep = when.perStepStats === true && features.has('promql-per-step-stats')
      const { warnings, infos } = annotations
      return { ...result, warnings, infos, stats: statsOf(reads, frame, context, perStep) }
    },
  }
}

function statsOf(reads: Reads, frame: Frame, { peak }: Context, perStep: boolean): QueryStats {
  const total = sumOf(reads.handedOut)
  const stats = { total, read: total - sumOf(reads.spared), peak }
  if (!perStep) return stats
  const byStep = (count: (step: number) => number) =>
    Array.from(reads.handedOut, (_, step) => [timeAt(frame, step), count(step)] as const)
  return {
    ...stats,
    perStep: byStep((step) => reads.handedOut[step]!),
    readPerStep: byStep((step) => reads.readAt(step)),
  }
}

function sumOf(counts: Float64Array): number {
  let sum = 0
  for (let i = 0; i < counts.length; i++) sum += counts[i]!
  return sum
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
  const { start, end, stepMs } = when
  return { start, end, stepMs, isRange: true }
}

function frameOf({ start, end, stepMs }: Bounds): Frame {
  return stepMs === 0
    ? { start, stepMs: 1, count: 1 }
    : { start, stepMs, count: Math.floor((end - start) / stepMs) + 1, end }
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

type Result = QueryAnswer extends infer One
  ? One extends unknown
    ? Omit<One, 'warnings' | 'infos' | 'stats'>
    : never
  : never

async function answer(expr: Expr, frame: Frame, context: Context): Promise<Result> {
  const inner = unwrap(expr)
  if (inner.kind === 'matrix-selector' || inner.kind === 'subquery') {
    const series = await rawWindows(inner, frame, context)
    return { kind: 'matrix', series: [...series].sort((a, b) => compareLabels(a.labels, b.labels)) }
  }
  if (inner.kind === 'vector-selector' && !context.bounds.isRange)
    return { kind: 'vector', samples: await selectSamples(inner, frame, context) }
  const value = await evaluate(expr, frame, context)
  if (context.bounds.isRange) return matrix(value, expr, frame, context)
  const at = unixMs(frame.start)
  if (value.type === 'scalar') return { kind: 'scalar', at, value: value.values[0]! }
  if (value.type === 'string') return { kind: 'string', at, value: value.value }
  const columns = dropNames(value.columns, 1, context, expr.span)
  return { kind: 'vector', samples: samplesOf(columns, at) }
}

function matrix(value: Value, expr: Expr, frame: Frame, context: Context): Result {
  if (value.type === 'string') throw new TypeError('BUG: a string in a range query passed the check')
  const columns =
    value.type === 'scalar'
      ? [{ labels: Labels.empty, values: value.values, kinds: new Uint8Array(frame.count).fill(1) }]
      : dropNames(value.columns, frame.count, context, expr.span)
  const times = new Float64Array(frame.count)
  for (let i = 0; i < times.length; i++) times[i] = timeAt(frame, i)
  const series = columns
    .map((column) => points(column, frame, times))
    .filter(({ timestamps, histograms }) => timestamps.length > 0 || histograms !== undefined)
    .sort((a, b) => compareLabels(a.labels, b.labels))
  return { kind: 'matrix', series }
}

/** Columns of an answer are parts of those at hand where there is no gap, and that is nearly all of them. */
function points(
  { labels, values, kinds, histograms }: Omit<Column, 'dropName'>,
  frame: Frame,
  times: Float64Array,
): MatrixSeries {
  let count = 0
  let first = 0
  let last = 0
  for (let i = 0; i < frame.count; i++) {
    if (kinds[i] !== FLOAT) continue
    if (count++ === 0) first = i
    last = i
  }
  if (histograms === undefined && count > 0 && last - first + 1 === count)
    return count === frame.count
      ? { labels, timestamps: times, values }
      : { labels, timestamps: times.subarray(first, last + 1), values: values.subarray(first, last + 1) }
  const timestamps = new Float64Array(count)
  const kept = new Float64Array(count)
  let at = 0
  for (let i = 0; i < frame.count; i++) {
    if (kinds[i] !== FLOAT) continue
    timestamps[at] = timeAt(frame, i)
    kept[at++] = values[i]!
  }
  const series = { labels, timestamps, values: kept }
  if (histograms === undefined) return series
  const instants: number[] = []
  const found: NativeHistogram[] = []
  for (let i = 0; i < frame.count; i++) {
    if (kinds[i] !== HISTOGRAM) continue
    instants.push(timeAt(frame, i))
    found.push(histograms[i]!)
  }
  return found.length === 0
    ? series
    : { ...series, histograms: { timestamps: Float64Array.from(instants), values: found } }
}
