/**
 * A native histogram kept within what a job allows: fewer buckets (`native_histogram_bucket_limit`), wider ones
 * (`native_histogram_min_bucket_factor`).
 *
 * One schema less joins bucket 2k-1 and 2k into bucket k, so no observation moves across a bound.
 */
import { type Buckets, CUSTOM_SCHEMA, MAX_SCHEMA, MIN_SCHEMA, type NativeHistogram } from '#core'

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

/** The same observations in the wider buckets of a lower `schema`. Not for custom buckets. */
export function reduceResolution(histogram: NativeHistogram, schema: number): NativeHistogram {
  const by = 2 ** (histogram.schema - schema)
  return { ...histogram, schema, positive: merged(histogram.positive, by), negative: merged(histogram.negative, by) }
}

function merged({ indices, counts }: Buckets, by: number): Buckets {
  const into: number[] = []
  const sums: number[] = []
  for (let i = 0; i < indices.length; i++) {
    const index = Math.ceil(indices[i]! / by)
    if (into.at(-1) === index) sums[sums.length - 1]! += counts[i]!
    else {
      into.push(index)
      sums.push(counts[i]!)
    }
  }
  return { indices: Int32Array.from(into), counts: Float64Array.from(sums) }
}
