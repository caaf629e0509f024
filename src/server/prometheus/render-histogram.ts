/**
 * A native histogram as Prometheus writes it on its HTTP API: `{"count":"3","sum":"6","buckets":[[0,"1","2","3"]]}`.
 *
 * A bucket is its kind of bounds (0 `(]`, 1 `[)`, 2 `()`, 3 `[]`), its ends and its count. Empty ones are not listed.
 */
import { boundaryRule, bucketsOf, formatValue, type NativeHistogram } from '#core'

export function renderHistogram(histogram: NativeHistogram): string {
  let buckets = ''
  for (const bucket of bucketsOf(histogram)) {
    const numbers = [bucket.lower, bucket.upper, bucket.count].map((one) => `"${formatValue(one)}"`)
    buckets += `${buckets === '' ? '' : ','}[${boundaryRule(bucket)},${numbers.join(',')}]`
  }
  const listed = buckets === '' ? '' : `,"buckets":[${buckets}]`
  return `{"count":"${formatValue(histogram.count)}","sum":"${formatValue(histogram.sum)}"${listed}}`
}
