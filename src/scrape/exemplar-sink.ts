/** Where exemplars go: the few lines of an exemplar store that a scrape needs. */
import type { Labels, UnixMs } from '#core'

/** `isUntimed`: it came without an instant, and `at` is that of its sample. */
type ScrapedExemplar = {
  readonly labels: Labels
  readonly value: number
  readonly at: UnixMs
  readonly isUntimed?: boolean
}

export interface ExemplarSink {
  append(series: Labels, exemplar: ScrapedExemplar): unknown
}
