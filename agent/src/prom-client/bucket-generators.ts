/** Bounds of histograms in even steps, or in steps that grow by a factor; refusals in prom-client's words. */
export function linearBuckets(start: number, width: number, count: number): number[] {
  if (count < 1) throw new Error('Linear buckets needs a positive count')
  return Array.from({ length: count }, (_, i) => start + i * width)
}

/** Each bound is the one before times the factor, multiplied step by step: the rounding is prom-client's, so `le` stays the same. */
export function exponentialBuckets(start: number, factor: number, count: number): number[] {
  if (start <= 0) throw new Error('Exponential buckets needs a positive start')
  if (count < 1) throw new Error('Exponential buckets needs a positive count')
  if (factor <= 1) throw new Error('Exponential buckets needs a factor greater than 1')
  let bound = start
  return Array.from({ length: count }, () => {
    const now = bound
    bound *= factor
    return now
  })
}
