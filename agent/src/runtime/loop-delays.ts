/**
 * Delays of the event loop as figures: read from the loop's samples by any thread, also while the loop stands still.
 *
 * - To read them walks all their counts: the standard deviation alone 33,000, 0.65 ms of CPU at each scrape, the mean 0.17 ms (Node
 *   26.10). So another thread does, where there is one.
 * - Two histograms take turns: the older one is read, and always covers at least one window, 15 to 30 s.
 * - Each is told by prom-client's name and by OpenTelemetry's, so that dashboards made for either find it.
 */
import { performance } from 'node:perf_hooks'
import type { Store } from '../store/index.ts'
import { type Fault, Figures } from './figures.ts'
import { delayGauge } from './loop-figures.ts'
import type { DelayHistograms } from './sampled-delays.ts'

const DELAY_WINDOW_MS = 15_000

/** Declares the figures in `store`; what it answers brings them up to date. `turns`: of all readers one has the two take turns. */
export function delayFigures(
  store: Store,
  fault: Fault,
  histograms: DelayHistograms,
  turns: boolean,
): () => Promise<void> {
  const figures = new Figures(store, fault)
  const gauge = (suffix: string, help: string) => delayGauge(figures, suffix, help)
  const tell = {
    min: gauge('_min', 'Least delay of the event loop lately.'),
    max: gauge('_max', 'Greatest delay of the event loop lately.'),
    mean: gauge('_mean', 'Mean delay of the event loop lately.'),
    stddev: gauge('_stddev', 'Standard deviation of the delay of the event loop lately.'),
  }
  const percentiles = ([50, 90, 99] as const).map(
    (p) => [p, gauge(`_p${p}`, `${p}th percentile of the delay of the event loop lately.`)] as const,
  )
  let [older, younger] = histograms
  let turnedAt = performance.now()
  figures.add(() => {
    const now = performance.now()
    if (turns && now - turnedAt >= DELAY_WINDOW_MS) {
      older.reset()
      ;[older, younger] = [younger, older]
      turnedAt = now
    }
    const seconds = (nanoseconds: number): number => (older.count > 0 ? Math.max(0, nanoseconds) / 1e9 : 0)
    tell.min(seconds(older.min))
    tell.max(seconds(older.max))
    tell.mean(seconds(older.mean))
    tell.stddev(seconds(older.stddev))
    for (const [p, tellOne] of percentiles) tellOne(seconds(older.percentile(p)))
  })
  return () => figures.collect()
}
