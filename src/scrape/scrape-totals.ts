/** What the scraper says of itself: totals over all targets, as a page. Names are Prometheus' where it has them. */
import { AssayError, messageOf, PageWriter } from '#core'
import type { Rejected } from '#storage'
import type { TargetStatus } from './types.ts'

/** What is counted elsewhere. */
export type PageFacts = {
  /** Targets that relabelling dropped. */
  readonly dropped: number
  /** Of the logs of failures. */
  readonly linesLost: number
  /** Bytes of the targets' last pages, where pages are known by their bytes. */
  readonly knownBytes: number
  /** Targets whose pages are not. */
  readonly spelledOut: number
}

export class ScrapeTotals {
  scrapesUp = 0
  scrapesDown = 0
  readBytes = 0
  readSeconds = 0
  recordSeconds = 0
  samples = 0
  duplicates = 0
  outOfOrder = 0
  /** Too old, or too far ahead. */
  outOfBounds = 0
  exemplarsOutOfOrder = 0
  seriesLimit = 0
  sampleLimit = 0
  bodyLimit = 0
  labelLimit = 0
  bucketLimit = 0
  parseErrors = 0
  skipped = 0
  failedCommits = 0
  /** Pages recognised by their bytes, and pages read by the parser. */
  pagesKnown = 0
  pagesParsed = 0

  /** Counts what the store refused. */
  reject(rejected: readonly Rejected[]): void {
    for (const { reason, count } of rejected) {
      if (reason === 'duplicate') this.duplicates += count
      else if (reason === 'too-old' || reason === 'no-instant') this.outOfBounds += count
      else if (reason === 'series-limit') this.seriesLimit += count
      else this.outOfOrder += count
    }
  }

  /** Counts why a page was refused. */
  refuse(thrown: unknown): void {
    const code = thrown instanceof AssayError ? thrown.code : ''
    if (code === 'ASSAY_SCRAPE_PARSE' || code === 'ASSAY_PROTO') this.parseErrors++
    else if (code === 'ASSAY_SCRAPE_TOO_MANY_SAMPLES') this.sampleLimit++
    else if (code === 'ASSAY_SCRAPE_LIMIT') {
      if (messageOf(thrown).includes('sample_limit')) this.sampleLimit++
      else if (messageOf(thrown).includes('bucket_limit')) this.bucketLimit++
      else this.labelLimit++
    }
  }

  page(statuses: readonly TargetStatus[], { dropped, linesLost, knownBytes, spelledOut }: PageFacts): string {
    const page = new PageWriter()
    const counter = (name: string, help: string, value: number) => page.single(name, 'counter', help, value)
    page
      .family('assay_scrapes_total', 'counter', 'Scrapes by how they ended.')
      .sample(this.scrapesUp, { outcome: 'up' })
      .sample(this.scrapesDown, { outcome: 'down' })
    counter('assay_scrape_read_bytes_total', 'Bytes of pages read, after decompression.', this.readBytes)
    counter('assay_scrape_read_seconds_total', 'Time spent waiting for pages.', this.readSeconds)
    counter('assay_scrape_record_seconds_total', 'Time spent parsing and storing pages.', this.recordSeconds)
    page
      .family(
        'assay_scrape_pages_total',
        'counter',
        'Pages taken by how they were read: known by their bytes, or parsed.',
      )
      .sample(this.pagesKnown, { path: 'known' })
      .sample(this.pagesParsed, { path: 'parsed' })
    page.single(
      'assay_scrape_known_bytes',
      'gauge',
      'Bytes of the last pages of targets, kept to know the next ones by.',
      knownBytes,
    )
    page.single(
      'assay_scrape_targets_spelled_out',
      'gauge',
      'Targets with pages that are not plain enough to be known by their bytes: each takes some ten times the memory.',
      spelledOut,
    )
    counter('assay_scrape_samples_total', 'Samples stored.', this.samples)
    counter('assay_scrape_parse_errors_total', 'Pages refused because a line is wrong.', this.parseErrors)
    counter('assay_scrape_skipped_total', 'Scrapes not begun because the last read had not ended.', this.skipped)
    counter('assay_scrape_commit_failures_total', 'Pages that were read but could not be stored.', this.failedCommits)
    counter(
      'assay_scrape_series_limit_total',
      'Samples refused because the store has no room for new series.',
      this.seriesLimit,
    )
    counter(
      'prometheus_target_scrapes_sample_duplicate_timestamp_total',
      'Samples of the same instant with another value.',
      this.duplicates,
    )
    counter(
      'prometheus_target_scrapes_sample_out_of_order_total',
      'Samples older than the last one of their series.',
      this.outOfOrder,
    )
    counter(
      'prometheus_target_scrapes_sample_out_of_bounds_total',
      'Samples too old to be stored, or too far ahead of the clock.',
      this.outOfBounds,
    )
    counter(
      'prometheus_target_scrapes_exemplar_out_of_order_total',
      'Exemplars older than the last one of their series.',
      this.exemplarsOutOfOrder,
    )
    counter(
      'prometheus_target_scrapes_exceeded_sample_limit_total',
      'Pages refused for too many samples.',
      this.sampleLimit,
    )
    counter('prometheus_target_scrapes_exceeded_body_size_limit_total', 'Pages refused for their size.', this.bodyLimit)
    counter(
      'prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total',
      'Pages refused for a native histogram with too many buckets.',
      this.bucketLimit,
    )
    counter('assay_scrape_exceeded_label_limits_total', 'Pages refused for a label limit.', this.labelLimit)
    counter(
      'assay_scrape_failure_log_lines_lost_total',
      'Failed scrapes that were not written to scrape_failure_log_file.',
      linesLost,
    )
    const pools = new Map<string, number>()
    const health = { up: 0, down: 0, unknown: 0 }
    for (const one of statuses) {
      pools.set(one.target.pool, (pools.get(one.target.pool) ?? 0) + 1)
      health[one.health]++
    }
    page.family('prometheus_target_scrape_pool_targets', 'gauge', 'Targets of a pool.')
    for (const [pool, count] of pools) page.sample(count, { scrape_job: pool })
    page.family('assay_scrape_targets', 'gauge', 'Targets by health.')
    for (const [state, count] of Object.entries(health)) page.sample(count, { health: state })
    page.single('assay_scrape_targets_dropped', 'gauge', 'Targets that relabelling dropped.', dropped)
    return String(page)
  }
}
