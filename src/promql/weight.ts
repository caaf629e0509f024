/**
 * About how much a question will take, before anything of it is read: enough to tell a glance from an hour's work.
 *
 * Counted in samples looked at and steps made; a series costs as much as some dozen of them, whatever it holds. Rough on purpose: scrape
 * intervals, filters and joins are not known.
 */
import type { Instant, Matcher, Range } from '#core'
import { childrenOf, type Duration, type Expr, literalOf } from './ast.ts'

export type WeightOptions = {
  /** No fewer series than will be found, about. */
  readonly seriesOf: (matchers: readonly Matcher[]) => number
  readonly lookbackMs: number
  readonly subqueryStepMs: number
}

const PER_SERIES = 50
/** Between two samples. */
const INTERVAL_MS = 15_000
/** Of a duration that is calculated. */
const UNKNOWN_MS = 3600_000
/** Samples of a window that cost as much as a step: most functions slide. */
const WINDOW_SHARE = 16
/** Functions that cost about as much as there are samples in all windows: they look at each, or keep them in order. */
const WHOLE: ReadonlySet<string> = new Set([
  'quantile_over_time',
  'mad_over_time',
  'predict_linear',
  'deriv',
  'double_exponential_smoothing',
  'stddev_over_time',
  'stdvar_over_time',
])

/** Samples and steps, about. */
export function weightOfQuery(expr: Expr, when: Instant | Range, options: WeightOptions): number {
  if ('at' in when) return weigh(expr, 1, 0, options)
  return weigh(expr, Math.floor((when.end - when.start) / when.stepMs) + 1, when.end - when.start, options)
}

/** `share`: samples of a window directly below that cost as much as a step. */
function weigh(
  expr: Expr,
  steps: number,
  spanMs: number,
  options: WeightOptions & { readonly share?: number },
): number {
  if (expr.kind === 'vector-selector') {
    const samples = (spanMs + options.lookbackMs) / INTERVAL_MS
    return options.seriesOf(expr.matchers) * (PER_SERIES + steps + (spanMs > 0 ? samples : 1))
  }
  if (expr.kind === 'matrix-selector') {
    const range = lengthOf(expr.range)
    const window = range / INTERVAL_MS / (options.share ?? WINDOW_SHARE)
    const perSeries = PER_SERIES + steps * (1 + window) + (spanMs + range) / INTERVAL_MS
    return options.seriesOf(expr.selector.matchers) * perSeries
  }
  if (expr.kind === 'subquery') {
    const inner = spanMs + lengthOf(expr.range)
    const stepMs = expr.step === undefined ? options.subqueryStepMs : lengthOf(expr.step)
    return weigh(expr.expr, Math.max(1, Math.floor(inner / stepMs)), inner, options)
  }
  const below = expr.kind === 'call' ? { ...options, share: WHOLE.has(expr.name) ? 1 : WINDOW_SHARE } : options
  let sum = 0
  for (const child of childrenOf(expr)) sum += weigh(child, steps, spanMs, below)
  return sum
}

function lengthOf(duration: Duration): number {
  const literal = literalOf(duration)
  return literal === undefined ? UNKNOWN_MS : Math.max(1, literal.value * 1000)
}
