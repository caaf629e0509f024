/**
 * How much one request of remote write may bring. What is beyond costs its sender the request (413) or the series (400), and nobody else
 * anything.
 *
 * - Of a request: a message of two bytes becomes an object of hundreds, so its bytes alone bound nothing. The figures are far above what
 *   senders send (2,000 to 10,000 samples a request) and keep one request below about 300 MB.
 * - Of a series: one of a thousand labels or with a document as a value is a mistake of its sender, and would stay in the index for weeks.
 */
import { AssayError } from '#core'

/** What the user may set: `--storage.remote.write-*`. Each at least 1. */
export type WriteLimits = {
  /** Of a body as it comes, and after it is unpacked. */
  readonly bodyBytes: number
  readonly unpackedBytes: number
  /** Of a request: floats, and native histograms beside them. */
  readonly samples: number
  readonly series: number
  /** Of a series: how many labels, and bytes of a name and of a value. */
  readonly labelsPerSeries: number
  readonly labelNameBytes: number
  readonly labelValueBytes: number
}

export const WRITE_LIMITS: WriteLimits = {
  bodyBytes: 32 * 2 ** 20,
  unpackedBytes: 64 * 2 ** 20,
  samples: 4_000_000,
  series: 500_000,
  labelsPerSeries: 256,
  labelNameBytes: 4096,
  // As much as everything behind it is tested with. Where senders are not trusted a few thousand are enough.
  labelValueBytes: 2 ** 20,
}

/** What bounds the memory of a request, whatever its user set. */
export const REQUEST_LIMITS = {
  labels: 4_000_000,
  symbols: 2_000_000,
  histograms: 100_000,
  buckets: 5_000_000,
  exemplars: 100_000,
  'metadata entries': 100_000,
} as const
export type Budgeted = keyof typeof REQUEST_LIMITS

/** Counts what a request unfolds to; each method throws `ASSAY_REMOTE_TOO_LARGE` beyond the limit. */
export class Budget {
  readonly limits: WriteLimits
  #samples = 0
  #series = 0
  #labels = 0
  readonly #spent: Record<Exclude<Budgeted, 'labels'>, number> = {
    symbols: 0,
    histograms: 0,
    buckets: 0,
    exemplars: 0,
    'metadata entries': 0,
  }

  constructor(limits: WriteLimits = WRITE_LIMITS) {
    this.limits = limits
  }

  get samplesLeft(): number {
    return this.limits.samples - this.#samples
  }

  samples(count = 1): void {
    this.#samples += count
    if (this.#samples > this.limits.samples) throw tooMany('samples', this.limits.samples, 'samples')
  }

  series(): void {
    if (++this.#series > this.limits.series) throw tooMany('series', this.limits.series, 'series')
  }

  /** Field by field, for nearly every label of a request is counted here. */
  labels(count = 1): void {
    this.#labels += count
    if (this.#labels > REQUEST_LIMITS.labels) throw tooMany('labels', REQUEST_LIMITS.labels, 'parts')
  }

  /** A series that is known, with so many labels and samples. */
  known(labels: number, samples: number): void {
    this.labels(labels)
    this.samples(samples)
    this.series()
  }

  spend(what: Exclude<Budgeted, 'labels'>, count = 1): void {
    this.#spent[what] += count
    if (this.#spent[what] > REQUEST_LIMITS[what]) throw tooMany(what, REQUEST_LIMITS[what], 'parts')
  }
}

/** A request is over one of its limits: `limit` names it as a label of a metric. */
export class TooLargeError extends AssayError<'ASSAY_REMOTE_TOO_LARGE'> {
  readonly limit: LimitName

  constructor(limit: LimitName, message: string) {
    super('ASSAY_REMOTE_TOO_LARGE', message)
    this.limit = limit
  }
}

/** Which limit refused a request. `parts`: one of `REQUEST_LIMITS`. */
export type LimitName = 'body-size' | 'unpacked-size' | 'samples' | 'series' | 'parts'

function tooMany(what: string, most: number, limit: LimitName): TooLargeError {
  const raise = limit === 'samples' || limit === 'series' ? `, or raise ${FLAGS[limit]}` : ''
  return new TooLargeError(limit, `the request has more than ${most} ${what}; send it in smaller parts${raise}`)
}

const FLAGS = {
  samples: '--storage.remote.write-sample-limit',
  series: '--storage.remote.write-series-limit',
} as const
