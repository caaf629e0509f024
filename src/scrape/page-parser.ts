/** What reads a page, whatever its format: the formats, what is asked of a parser, and what it gives. */
import type { ExpositionPage } from './exposition-page.ts'

export type ExpositionFormat = 'text' | 'openmetrics' | 'protobuf'

export type PageOptions = {
  readonly format: ExpositionFormat
  /** Most samples of a page; one more is `ASSAY_SCRAPE_TOO_MANY_SAMPLES`. Absent: no limit. */
  readonly maxSamples?: number
  /** Series get `__type__` and `__unit__` (feature `type-and-unit-labels`). */
  readonly typeAndUnitLabels?: boolean
  /** `_created` lines become start times instead of series (features `st-storage`, `created-timestamp-zero-ingestion`). */
  readonly startTimes?: boolean
  /** `scrape_native_histograms`: without it the native part of a histogram is passed over. */
  readonly nativeHistograms?: boolean
  /** `always_scrape_classic_histograms`: the classic series stay beside the native histogram. */
  readonly keepClassic?: boolean
  /** `convert_classic_histograms_to_nhcb`. */
  readonly convertClassic?: boolean
}

export interface PageParser {
  /** What was read so far; whole once `step` has returned true. */
  readonly page: ExpositionPage
  /** Goes on for at most `samples` more; true when the page is whole. Throws `ASSAY_SCRAPE_*`. */
  step(samples: number): boolean
}
