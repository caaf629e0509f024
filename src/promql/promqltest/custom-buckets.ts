/**
 * What `load_with_nhcb` adds: the classic histograms among the series a second time, as native histograms with custom buckets.
 *
 * - `x_bucket`, `x_sum` and `x_count` of one label set make `x`; a bucket without a readable `le` is passed over.
 * - Without `x_count` the count is that of the last bucket; without a bucket to +Inf there is one with the count.
 *
 * Source: prometheus: util/convertnhcb/convertnhcb.go.
 */
import { CUSTOM_SCHEMA, type Labels, METRIC_NAME, type NativeHistogram, NO_BUCKETS, tryParseValue } from '#core'
import type { DescribedSample, DescribedSeries } from '../series-notation.ts'

type Classic = { readonly cumulative: Map<number, number>; count: number | undefined; sum: number }

export function customBucketSeries(series: readonly DescribedSeries[]): readonly DescribedSeries[] {
  const found = new Map<string, { readonly labels: Labels; readonly at: Map<number, Classic> }>()
  for (const { labels, samples } of series) {
    const name = /^(.*)_(bucket|count|sum)$/.exec(labels.name)
    const bound = tryParseValue(labels.get('le'))
    if (name === null || (name[2] === 'bucket' && (bound === undefined || Number.isNaN(bound)))) continue
    const base = labels.without('le').with(METRIC_NAME, name[1]!)
    const one = found.get(base.key) ?? { labels: base, at: new Map<number, Classic>() }
    found.set(base.key, one)
    for (const [i, sample] of samples.entries()) {
      const value = sample === 'stale' ? Number.NaN : sample
      if (typeof value !== 'number') continue
      const classic = one.at.get(i) ?? { cumulative: new Map<number, number>(), count: undefined, sum: 0 }
      one.at.set(i, classic)
      if (name[2] === 'count') classic.count = value
      else if (name[2] === 'sum') classic.sum = value
      else if (!classic.cumulative.has(bound!)) classic.cumulative.set(bound!, value)
    }
  }
  return [...found.values()].map(({ labels, at }) => {
    const samples: DescribedSample[] = Array(Math.max(0, ...at.keys()) + 1).fill(undefined)
    for (const [i, classic] of at) samples[i] = { histogram: toNative(classic), hintStated: false }
    return { labels, samples }
  })
}

function toNative({ cumulative, count: total, sum }: Classic): NativeHistogram {
  const bounds = [...cumulative.keys()].sort((a, b) => a - b)
  const count = total ?? (bounds.length > 0 ? cumulative.get(bounds.at(-1)!)! : 0)
  if (bounds.at(-1) !== Infinity) {
    bounds.push(Infinity)
    cumulative.set(Infinity, count)
  }
  const indices: number[] = []
  const counts: number[] = []
  let below = 0
  for (const [i, bound] of bounds.entries()) {
    const upTo = cumulative.get(bound)!
    if (upTo - below !== 0) {
      indices.push(i)
      counts.push(upTo - below)
    }
    below = upTo
  }
  return {
    schema: CUSTOM_SCHEMA,
    zeroThreshold: 0,
    zeroCount: 0,
    count,
    sum,
    positive: { indices: Int32Array.from(indices), counts: Float64Array.from(counts) },
    negative: NO_BUCKETS,
    customBounds: Float64Array.from(bounds.slice(0, -1)),
    resetHint: 'unknown',
    isInteger: false,
  }
}
