/**
 * What `load_with_nhcb` adds: the classic histograms among the series a second time, as native histograms with custom buckets.
 *
 * - `x_bucket`, `x_sum` and `x_count` of one label set make `x`; a bucket without a readable `le` is passed over.
 * - They are histograms of floats without empty buckets, whatever the counts. What does not add up is left out.
 *
 * Source: prometheus: promql/promqltest/test.go (`appendCustomHistogram`).
 */
import { ClassicHistogram, compactBuckets, type Labels, METRIC_NAME, type NativeHistogram, tryParseValue } from '#core'
import type { DescribedSample, DescribedSeries } from '../series-notation.ts'

export function customBucketSeries(series: readonly DescribedSeries[]): readonly DescribedSeries[] {
  const found = new Map<string, { readonly labels: Labels; readonly at: Map<number, ClassicHistogram> }>()
  for (const { labels, samples } of series) {
    const name = /^(.*)_(bucket|count|sum)$/.exec(labels.name)
    const bound = tryParseValue(labels.get('le'))
    if (name === null || (name[2] === 'bucket' && (bound === undefined || Number.isNaN(bound)))) continue
    const base = labels.without('le').with(METRIC_NAME, name[1]!)
    const one = found.get(base.key) ?? { labels: base, at: new Map<number, ClassicHistogram>() }
    found.set(base.key, one)
    for (const [i, sample] of samples.entries()) {
      const value = sample === 'stale' ? Number.NaN : sample
      if (typeof value !== 'number') continue
      const classic = one.at.get(i) ?? new ClassicHistogram()
      one.at.set(i, classic)
      if (name[2] === 'count') classic.count(value)
      else if (name[2] === 'sum') classic.sum(value)
      else classic.bucket(bound!, value)
    }
  }
  return [...found.values()].map(({ labels, at }) => {
    const samples: DescribedSample[] = Array(Math.max(0, ...at.keys()) + 1).fill(undefined)
    for (const [i, classic] of at) {
      const histogram = classic.convert()
      if (histogram !== undefined) samples[i] = { histogram: asFloats(histogram), hintStated: false }
    }
    return { labels, samples }
  })
}

function asFloats(histogram: NativeHistogram): NativeHistogram {
  return { ...histogram, positive: compactBuckets(histogram.positive), isInteger: false }
}
