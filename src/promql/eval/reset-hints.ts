/**
 * What PromQL hears of a counter's resets from the hints of stored histograms.
 *
 * - Of a reset it hears nothing: Prometheus' storage cannot vouch for what stood before the sample that says so, and hands it out
 *   as unknown. Functions find resets by comparing.
 * - Below histogram_count, histogram_sum and histogram_avg buckets do not matter, and Prometheus reads such selectors in a
 *   way that compares neighbours on the fly: there an unknown hint becomes a known one, which sums and means may warn of.
 *
 * Source: prometheus: tsdb/chunkenc/histogram_meta.go (`counterResetHint`), promql/histogram_stats_iterator.go,
 * promql/engine.go (`detectHistogramStatsDecoding`).
 */
import type { NativeHistogram } from '#core'
import { childrenOf, type Expr, type VectorSelector } from '../ast.ts'
import { isReset } from '../histogram/index.ts'

/** The hint as it is handed out. `before`: the histogram in front of it, where neighbours are compared and there is one. */
export function heard(histogram: NativeHistogram, before: NativeHistogram | undefined): NativeHistogram {
  const { resetHint } = histogram
  if (resetHint !== 'reset' && (resetHint !== 'unknown' || before === undefined)) return histogram
  const unknown: NativeHistogram = resetHint === 'unknown' ? histogram : { ...histogram, resetHint: 'unknown' }
  if (before === undefined) return unknown
  return { ...unknown, resetHint: isReset(before, unknown) ? 'reset' : 'none' }
}

/** The selectors of an expression whose buckets nobody looks at. */
export function selectorsOfStatistics(expr: Expr): ReadonlySet<VectorSelector> {
  const found = new Set<VectorSelector>()
  collect(expr, false, found)
  return found
}

const STATISTICS: ReadonlySet<string> = new Set(['histogram_count', 'histogram_sum', 'histogram_avg'])
const WHOLE: ReadonlySet<string> = new Set(['histogram_quantile', 'histogram_quantiles', 'histogram_fraction'])

/** `without`: whoever asks from above wants statistics alone. The nearest that says something decides. */
function collect(expr: Expr, without: boolean, found: Set<VectorSelector>): void {
  if (expr.kind === 'vector-selector') {
    if (without) found.add(expr)
    return
  }
  let below = without
  if (expr.kind === 'subquery') below = false
  if (expr.kind === 'call' && STATISTICS.has(expr.name)) below = true
  if (expr.kind === 'call' && WHOLE.has(expr.name)) below = false
  for (const child of childrenOf(expr)) collect(child, below, found)
}
