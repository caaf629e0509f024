/** Where exemplars go: the few lines of an exemplar store that a scrape needs. */
import type { Labels, UnixMs } from '#core'

export interface ExemplarSink {
  append(series: Labels, exemplar: { readonly labels: Labels; readonly value: number; readonly at: UnixMs }): unknown
}
