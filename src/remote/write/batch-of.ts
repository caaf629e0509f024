/** Queued samples as the series of one request: samples of one series together, in their order. */
import type { NativeHistogram } from '#core'
import type { QueuedSamples, SentLabels } from './sample-queue.ts'
import type { HistogramSample, WriteExemplar, WriteSeries } from './types.ts'

export type SendBatch = {
  readonly series: readonly WriteSeries[]
  readonly timestamps: Float64Array
  readonly values: Float64Array
  readonly starts: Float64Array
  readonly samples: number
  readonly histograms: number
  readonly exemplars: number
}

/** `exemplarsOf`: those that wait for the series, out of their store. */
export function batchOf(
  queued: QueuedSamples,
  exemplarsOf: (series: SentLabels) => readonly WriteExemplar[],
): SendBatch {
  const floats = new Map<SentLabels, number>()
  const histograms = new Map<SentLabels, HistogramSample[]>()
  let samples = 0
  for (let i = 0; i < queued.count; i++) {
    const one = queued.series[i]!
    const histogram = queued.histograms[i]
    if (!floats.has(one)) floats.set(one, 0)
    if (histogram === undefined) {
      floats.set(one, floats.get(one)! + 1)
      samples++
    } else {
      const list = histograms.get(one)
      const entry = { at: queued.timestamps[i]!, startAt: queued.starts[i]!, histogram: asSent(histogram) }
      if (list === undefined) histograms.set(one, [entry])
      else list.push(entry)
    }
  }
  const timestamps = new Float64Array(samples)
  const values = new Float64Array(samples)
  const starts = new Float64Array(samples)
  const next = new Map<SentLabels, number>()
  const series: WriteSeries[] = []
  let from = 0
  let exemplars = 0
  for (const [one, count] of floats) {
    const attached = exemplarsOf(one)
    exemplars += attached.length
    series.push({
      labels: one.labels,
      from,
      to: from + count,
      histograms: histograms.get(one) ?? [],
      exemplars: attached,
    })
    next.set(one, from)
    from += count
  }
  for (let i = 0; i < queued.count; i++) {
    if (queued.histograms[i] !== undefined) continue
    const one = queued.series[i]!
    const place = next.get(one)!
    next.set(one, place + 1)
    timestamps[place] = queued.timestamps[i]!
    starts[place] = queued.starts[i]!
    // By its bytes: a stale marker is bits.
    values.set(queued.values.subarray(i, i + 1), place)
  }
  return { series, timestamps, values, starts, samples, histograms: queued.count - samples, exemplars }
}

/** "No reset since the sample before" holds only while no sample is lost on the way, which a queue cannot promise. */
function asSent(histogram: NativeHistogram): NativeHistogram {
  return histogram.resetHint === 'none' ? { ...histogram, resetHint: 'unknown' } : histogram
}
