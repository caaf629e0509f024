/**
 * What the series that scraping itself makes are, for 2.0, where a receiver may refuse a series of no type. They stand on no page, so
 * that no page describes them; what a page says all the same comes first.
 *
 * Source: prometheus: scrape/scrape.go, reportSample.
 */
import type { Metadata } from '#storage'

const gauge = (help: string, unit: string): Metadata => ({ type: 'gauge', help, unit })

export const REPORT_METADATA: ReadonlyMap<string, Metadata> = new Map([
  ['up', gauge('1 where the target was scraped, 0 where that failed.', 'targets')],
  ['scrape_duration_seconds', gauge('How long the last scrape took.', 'seconds')],
  ['scrape_samples_scraped', gauge('Samples on the last page.', 'samples')],
  ['scrape_samples_post_metric_relabeling', gauge('Samples of the last page that relabelling left.', 'samples')],
  ['scrape_series_added', gauge('Series of the last page that were not on the one before.', 'series')],
  ['scrape_timeout_seconds', gauge('How long a scrape may take.', 'seconds')],
  ['scrape_sample_limit', gauge('Most samples of a page; 0 for no limit.', 'samples')],
  ['scrape_body_size_bytes', gauge('Bytes of the last page, unpacked; -1 where it was over its limit.', 'bytes')],
])
