/**
 * What senders say of themselves, under Prometheus' names, so that its dashboards and alerts for remote write work here.
 */
import { PageWriter, redactUrl } from '#core'

const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120, 300]

/** A classic histogram of seconds. */
export class Durations {
  readonly #buckets = new Array<number>(BOUNDS.length).fill(0)
  #sum = 0
  #count = 0

  observe(seconds: number): void {
    this.#count++
    this.#sum += seconds
    for (let i = 0; i < BOUNDS.length; i++) if (seconds <= BOUNDS[i]!) this.#buckets[i]!++
  }

  write(page: PageWriter, labels: Readonly<Record<string, string>>): void {
    for (const [i, bound] of BOUNDS.entries())
      page.sample(this.#buckets[i], { ...labels, le: String(bound) }, '_bucket')
    page.sample(this.#count, { ...labels, le: '+Inf' }, '_bucket')
    page.sample(this.#sum, labels, '_sum').sample(this.#count, labels, '_count')
  }
}

/** What was never sent, by reason. */
export class Drops {
  readonly samples = new Map<string, number>()
  readonly histograms = new Map<string, number>()

  add(reason: string, isHistogram: boolean, count = 1): void {
    if (count === 0) return
    const counts = isHistogram ? this.histograms : this.samples
    counts.set(reason, (counts.get(reason) ?? 0) + count)
  }
}

export type SenderTotals = ReturnType<typeof newTotals>

export function newTotals() {
  return {
    samples: 0,
    histograms: 0,
    exemplars: 0,
    metadata: 0,
    samplesFailed: 0,
    histogramsFailed: 0,
    exemplarsFailed: 0,
    metadataFailed: 0,
    samplesRetried: 0,
    histogramsRetried: 0,
    exemplarsRetried: 0,
    exemplarsDropped: 0,
    bytes: 0,
    /** In which requests were under way, since the number of lanes was last looked at. */
    sendingMs: 0,
    /** Unix milliseconds: of what came, and of what was sent. */
    highestAt: 0,
    highestSentAt: 0,
    lastError: '',
    dropped: new Drops(),
    duration: new Durations(),
  }
}

/** What waits for a receiver on disk. */
export type SpoolReading = {
  readonly bytes: number
  readonly segments: number
  /** Samples that are on disk, or wait for it, and in no lane. */
  readonly waiting: number
  readonly damagedBytes: number
  readonly failures: number
  readonly isHealthy: boolean
}

export type SenderReading = {
  readonly name: string
  readonly url: string
  readonly totals: SenderTotals
  readonly fellBack: boolean
  readonly spooled: SpoolReading | undefined
  readonly shards: { readonly now: number; readonly desired: number; readonly pending: number }
  readonly queue: {
    readonly capacity: number
    readonly minShards: number
    readonly maxShards: number
    readonly maxSamplesPerSend: number
  }
}

type Value = (one: SenderReading) => number

const FAMILIES: readonly (readonly [name: string, type: 'counter' | 'gauge', help: string, value: Value])[] = [
  ['samples_total', 'counter', 'Samples sent.', ({ totals }) => totals.samples],
  ['histograms_total', 'counter', 'Native histograms sent.', ({ totals }) => totals.histograms],
  ['exemplars_total', 'counter', 'Exemplars sent.', ({ totals }) => totals.exemplars],
  ['metadata_total', 'counter', 'Metadata entries sent.', ({ totals }) => totals.metadata],
  ['samples_failed_total', 'counter', 'Samples that the receiver did not take.', ({ totals }) => totals.samplesFailed],
  [
    'histograms_failed_total',
    'counter',
    'Native histograms that the receiver did not take.',
    ({ totals }) => totals.histogramsFailed,
  ],
  [
    'exemplars_failed_total',
    'counter',
    'Exemplars that the receiver did not take.',
    ({ totals }) => totals.exemplarsFailed,
  ],
  [
    'metadata_failed_total',
    'counter',
    'Metadata entries that the receiver did not take.',
    ({ totals }) => totals.metadataFailed,
  ],
  ['samples_retried_total', 'counter', 'Samples that had to be sent again.', ({ totals }) => totals.samplesRetried],
  [
    'histograms_retried_total',
    'counter',
    'Native histograms that had to be sent again.',
    ({ totals }) => totals.histogramsRetried,
  ],
  [
    'exemplars_retried_total',
    'counter',
    'Exemplars that had to be sent again.',
    ({ totals }) => totals.exemplarsRetried,
  ],
  [
    'exemplars_dropped_total',
    'counter',
    'Exemplars dropped before they were sent.',
    ({ totals }) => totals.exemplarsDropped,
  ],
  ['bytes_total', 'counter', 'Bytes sent, packed.', ({ totals }) => totals.bytes],
  ['samples_pending', 'gauge', 'Samples and histograms that wait or are being sent.', ({ shards }) => shards.pending],
  ['shard_capacity', 'gauge', 'Samples that each shard adds to what may wait.', ({ queue }) => queue.capacity],
  ['shards', 'gauge', 'Lanes that send in parallel.', ({ shards }) => shards.now],
  ['shards_max', 'gauge', 'Most lanes.', ({ queue }) => queue.maxShards],
  ['shards_min', 'gauge', 'Fewest lanes.', ({ queue }) => queue.minShards],
  ['shards_desired', 'gauge', 'Lanes that the traffic needs, before bounds.', ({ shards }) => shards.desired],
  ['max_samples_per_send', 'gauge', 'Most samples in one request.', ({ queue }) => queue.maxSamplesPerSend],
  [
    'queue_highest_timestamp_seconds',
    'gauge',
    'Highest timestamp that came to be sent, Unix seconds.',
    ({ totals }) => totals.highestAt / 1000,
  ],
  [
    'queue_highest_sent_timestamp_seconds',
    'gauge',
    'Highest timestamp sent, Unix seconds.',
    ({ totals }) => totals.highestSentAt / 1000,
  ],
]

const SPOOL_FAMILIES: readonly (readonly [
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  read: (spool: SpoolReading) => number,
])[] = [
  ['bytes', 'gauge', 'Bytes on disk of what waits for the receiver.', ({ bytes }) => bytes],
  ['segments', 'gauge', 'Files on disk of what waits for the receiver.', ({ segments }) => segments],
  ['samples', 'gauge', 'Samples and histograms that wait on disk and are in no lane.', ({ waiting }) => waiting],
  [
    'damaged_bytes_total',
    'counter',
    'Bytes on disk that could not be read and were passed over.',
    ({ damagedBytes }) => damagedBytes,
  ],
  ['write_failures_total', 'counter', 'Writes that the disk refused.', ({ failures }) => failures],
  [
    'healthy',
    'gauge',
    '1 while what waits is on disk; 0 while the disk refuses and it is in memory alone.',
    ({ isHealthy }) => (isHealthy ? 1 : 0),
  ],
]

/** What came to be sent, before it is known to whom. */
export type ArrivalTotals = { samples: number; histograms: number; exemplars: number; highestAt: number }

/** The page of all senders, text format 0.0.4. '' when there are none. */
export function senderPage(senders: readonly SenderReading[], arrived: ArrivalTotals): string {
  if (senders.length === 0) return ''
  const own = 'prometheus_remote_storage_'
  const page = new PageWriter()
    .single(`${own}samples_in_total`, 'counter', 'Samples that came to be sent.', arrived.samples)
    .single(`${own}histograms_in_total`, 'counter', 'Native histograms that came to be sent.', arrived.histograms)
    .single(`${own}exemplars_in_total`, 'counter', 'Exemplars that came to be sent.', arrived.exemplars)
    .single(
      `${own}highest_timestamp_in_seconds`,
      'gauge',
      'Highest timestamp that came to be sent, Unix seconds.',
      arrived.highestAt / 1000,
    )
  const labelsOf = ({ name, url }: SenderReading) => ({ remote_name: name, url: redactUrl(url) })
  for (const [name, type, help, value] of FAMILIES) {
    page.family(`prometheus_remote_storage_${name}`, type, help)
    for (const one of senders) page.sample(value(one), labelsOf(one))
  }
  for (const kind of ['samples', 'histograms'] as const) {
    page.family(
      `prometheus_remote_storage_${kind}_dropped_total`,
      'counter',
      `What was dropped before it was sent: ${kind}, by reason.`,
    )
    for (const one of senders)
      for (const [reason, count] of one.totals.dropped[kind]) page.sample(count, { ...labelsOf(one), reason })
  }
  page.family(
    'assay_remote_write_fell_back',
    'gauge',
    '1 where the receiver does not read 2.0, which is configured, and is sent 1.0.',
  )
  for (const one of senders) page.sample(one.fellBack ? 1 : 0, labelsOf(one))
  const spools = senders.flatMap((one) =>
    one.spooled === undefined ? [] : [{ labels: labelsOf(one), spool: one.spooled }],
  )
  for (const [name, type, help, read] of spools.length === 0 ? [] : SPOOL_FAMILIES) {
    page.family(`assay_remote_write_spool_${name}`, type, help)
    for (const { labels, spool } of spools) page.sample(read(spool), labels)
  }
  page.family(
    'prometheus_remote_storage_sent_batch_duration_seconds',
    'histogram',
    'Time of each attempt to send, in seconds.',
  )
  for (const one of senders) one.totals.duration.write(page, labelsOf(one))
  return page.toString()
}
