/**
 * A native histogram as text, as Prometheus' `FloatHistogram.String` prints it in labels (`count_values`) and errors:
 * `{count:3, sum:4.5, [-0.001,0.001]:1, (0.5,1]:2}`.
 *
 * - Buckets without observations are left out; bounds are the buckets' own, also beside a wide zero bucket.
 */
import {
  CUSTOM_SCHEMA,
  type HistogramBucket,
  type NativeHistogram,
  negativeBucket,
  positiveBucket,
  zeroBucket,
} from '#core'
import { goFloat } from '../go-float.ts'

export function formatHistogram(h: NativeHistogram): string {
  const buckets: HistogramBucket[] = []
  for (let i = h.negative.indices.length - 1; i >= 0; i--) buckets.push(negativeBucket(h, i))
  if (h.schema !== CUSTOM_SCHEMA) buckets.push(zeroBucket(h))
  for (let i = 0; i < h.positive.indices.length; i++) buckets.push(positiveBucket(h, i))
  const listed = buckets.filter(({ count }) => count !== 0).map((bucket) => `, ${formatBucket(bucket)}`)
  return `{count:${goFloat(h.count)}, sum:${goFloat(h.sum)}${listed.join('')}}`
}

function formatBucket({ lower, upper, lowerInclusive, upperInclusive, count }: HistogramBucket): string {
  return `${lowerInclusive ? '[' : '('}${goFloat(lower)},${goFloat(upper)}${upperInclusive ? ']' : ')'}:${goFloat(count)}`
}
