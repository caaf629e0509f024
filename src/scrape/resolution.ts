/**
 * A native histogram kept within what a job allows: fewer buckets (`native_histogram_bucket_limit`), wider ones
 * (`native_histogram_min_bucket_factor`). Coarser resolutions are tried before a histogram is refused.
 */
import { CUSTOM_SCHEMA, MAX_SCHEMA, MIN_SCHEMA, type NativeHistogram, reduceResolution } from '#core'

/** `bucketLimit`: 0 is none. `maxSchema`: the finest resolution taken. `undefined`: it cannot be made small enough. */
export function withinLimits(
  histogram: NativeHistogram,
  { bucketLimit, maxSchema }: { readonly bucketLimit: number; readonly maxSchema: number },
): NativeHistogram | undefined {
  const size = ({ positive, negative }: NativeHistogram) => positive.indices.length + negative.indices.length
  if (histogram.schema === CUSTOM_SCHEMA)
    return bucketLimit > 0 && size(histogram) > bucketLimit ? undefined : histogram
  let fitting = histogram.schema > maxSchema ? reduceResolution(histogram, maxSchema) : histogram
  while (bucketLimit > 0 && size(fitting) > bucketLimit) {
    if (fitting.schema <= MIN_SCHEMA) return undefined
    fitting = reduceResolution(fitting, fitting.schema - 1)
  }
  return fitting
}

/** The finest schema whose buckets grow by at least `factor`. Source: prometheus: scrape/scrape.go, `pickSchema`. */
export function schemaOfFactor(factor: number): number {
  const finest = Math.floor(-Math.log2(Math.log2(factor <= 1 ? 1.00271 : factor)))
  return Math.min(MAX_SCHEMA, Math.max(MIN_SCHEMA, finest))
}
