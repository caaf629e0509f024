/**
 * How much one request of OpenTelemetry may unfold to. Far above what exporters send (8,192 points in a batch is their
 * usual most); what is in memory for one request stays below about 300 MB.
 */
import { AssayError } from '#core'

export const OTLP_LIMITS = {
  /** Messages within the request: points, attributes, exemplars, metrics. */
  parts: 2_000_000,
  /** Buckets, bounds and quantiles. */
  numbers: 8_000_000,
  /** Bytes of a body after it is unpacked; JSON takes ten times its size in memory. */
  protobufBytes: 64 * 2 ** 20,
  jsonBytes: 16 * 2 ** 20,
} as const

/** Deepest list in a list of an attribute's value. */
export const MAX_DEPTH = 16

/** Counts what is decoded. Throws `ASSAY_REMOTE_TOO_LARGE` beyond the limits. */
export class OtlpBudget {
  #parts = 0
  #numbers = 0

  part(): void {
    if (++this.#parts > OTLP_LIMITS.parts) throw tooLarge(OTLP_LIMITS.parts, 'points, attributes and other parts')
  }

  numbers(count: number): void {
    this.#numbers += count
    if (this.#numbers > OTLP_LIMITS.numbers) throw tooLarge(OTLP_LIMITS.numbers, 'buckets, bounds and quantiles')
  }
}

function tooLarge(limit: number, what: string): AssayError<'ASSAY_REMOTE_TOO_LARGE'> {
  return new AssayError(
    'ASSAY_REMOTE_TOO_LARGE',
    `the request has more than ${limit} ${what}; let the exporter send smaller batches`,
  )
}
