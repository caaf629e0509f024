/**
 * What the exports are when `ASSAY_AGENT=off`: the same calls, nothing behind them. Nothing is checked either: there is nothing to protect.
 *
 * The published package loads this file instead of the agent then (scripts/build-agent.ts): its exports are those of index.ts.
 */
import type { LabelSpec } from './metrics/label-set.ts'
import type { Counter, CounterSeries, Gauge, GaugeSeries, Histogram, HistogramSeries } from './metrics/own-metrics.ts'

const nothing = (): void => {}
/** A stopwatch that nobody reads still tells the time to whoever asks it. */
const stopwatch = (): (() => number) => {
  const from = performance.now()
  return () => (performance.now() - from) / 1_000
}

const COUNTER_SERIES: CounterSeries = { inc: nothing }
const GAUGE_SERIES: GaugeSeries = { set: nothing, add: nothing }
const HISTOGRAM_SERIES: HistogramSeries = { observe: nothing, start: stopwatch }

export function counter<const Labels extends LabelSpec>(): Counter<Labels> {
  return { inc: nothing, with: () => COUNTER_SERIES, remove: nothing }
}

export function gauge<const Labels extends LabelSpec>(): Gauge<Labels> {
  return { set: nothing, add: nothing, with: () => GAUGE_SERIES, remove: nothing }
}

export function histogram<const Labels extends LabelSpec>(): Histogram<Labels> {
  return { observe: nothing, start: stopwatch, with: () => HISTOGRAM_SERIES, remove: nothing }
}

export { nothing as identify, nothing as outboxPending, nothing as setRoute, nothing as start }
