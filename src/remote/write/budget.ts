/**
 * How much one request may unfold to: a message of two bytes becomes an object of hundreds, so the bytes alone bound nothing.
 *
 * The figures are far above what senders send (2,000 to 10,000 samples a request) and keep one request below about 300 MB.
 */
import { AssayError } from '#core'

export const REQUEST_LIMITS = {
  samples: 4_000_000,
  series: 500_000,
  labels: 4_000_000,
  symbols: 2_000_000,
  histograms: 100_000,
  buckets: 5_000_000,
  exemplars: 100_000,
  'metadata entries': 100_000,
} as const
export type Budgeted = keyof typeof REQUEST_LIMITS

/** Counts what a request unfolds to. Throws `ASSAY_REMOTE_TOO_LARGE` beyond `REQUEST_LIMITS`. */
export class Budget {
  readonly #spent: Record<Budgeted, number> = {
    samples: 0,
    series: 0,
    labels: 0,
    symbols: 0,
    histograms: 0,
    buckets: 0,
    exemplars: 0,
    'metadata entries': 0,
  }

  spend(what: Budgeted, count = 1): void {
    this.#spent[what] += count
    if (this.#spent[what] <= REQUEST_LIMITS[what]) return
    throw new AssayError(
      'ASSAY_REMOTE_TOO_LARGE',
      `the request has more than ${REQUEST_LIMITS[what]} ${what}; send it in smaller parts`,
    )
  }
}
