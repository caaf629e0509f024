/**
 * What a page may be at most: assay's own bounds, which hold when a configuration sets none, and the sentences.
 * A page beyond a limit is refused whole, as in Prometheus: half a page is not the truth.
 */
import { AssayError, type Labels } from '#core'

/** 0 or absent: no limit, as in Prometheus; assay's own defaults bound the body and the number of samples all the same. */
export type ScrapeLimits = {
  readonly bodySizeBytes?: number
  readonly samples?: number
  readonly labels?: number
  readonly labelNameLength?: number
  readonly labelValueLength?: number
  /** `native_histogram_bucket_limit`: buckets are merged to stay within it. */
  readonly buckets?: number
  /** `native_histogram_min_bucket_factor`: buckets that grow by less are merged. */
  readonly bucketFactor?: number
}

/** Bytes of a page after decompression. */
export const DEFAULT_BODY_LIMIT_BYTES = 50 * 2 ** 20
/** Sample lines of a page. It bounds the time that parsing may hold the process. */
export const DEFAULT_SAMPLE_LIMIT = 500_000

/** Checks one series after relabelling. Throws `ASSAY_SCRAPE_LIMIT`. */
export function checkLabelLimits(labels: Labels, limits: ScrapeLimits): void {
  const { labels: most = 0, labelNameLength = 0, labelValueLength = 0 } = limits
  if (most > 0 && labels.size > most) {
    throw limitError(`${labels.name} has ${labels.size} labels, label_limit is ${most}`)
  }
  if (labelNameLength === 0 && labelValueLength === 0) return
  for (const [name, value] of labels) {
    if (labelNameLength > 0 && Buffer.byteLength(name) > labelNameLength) {
      throw limitError(
        `the label name ${name.slice(0, 40)} of ${labels.name} is longer than label_name_length_limit, ${labelNameLength}`,
      )
    }
    if (labelValueLength > 0 && Buffer.byteLength(value) > labelValueLength) {
      throw limitError(
        `a value of the label ${name} of ${labels.name} is longer than label_value_length_limit, ${labelValueLength}`,
      )
    }
  }
}

export function limitError(what: string): AssayError<'ASSAY_SCRAPE_LIMIT'> {
  return new AssayError(
    'ASSAY_SCRAPE_LIMIT',
    `${what}; the whole scrape is refused: raise the limit, or drop at the target`,
  )
}

export function tooManySamples(max: number): AssayError {
  return new AssayError(
    'ASSAY_SCRAPE_TOO_MANY_SAMPLES',
    `the page has more than ${max} samples; drop labels with many values at the target, or split it into several targets`,
  )
}
