/**
 * Queued samples as the series of one request: each sample is a series of its own, in the order they came.
 *
 * Samples of one series could share its labels. They do not, as in Prometheus: its compliance suite wants one sample in each, a
 * batch rarely has two of a series, and what repeats is a few references in 2.0 and packs well in 1.0.
 */
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

const NONE: readonly HistogramSample[] = []

/** `exemplarsOf`: those that wait for the series, out of their store; they travel with its first sample. */
export function batchOf(
  queued: QueuedSamples,
  exemplarsOf: (series: SentLabels) => readonly WriteExemplar[],
): SendBatch {
  const { count, timestamps, values, starts } = queued
  const series = new Array<WriteSeries>(count)
  let histograms = 0
  let exemplars = 0
  for (let i = 0; i < count; i++) {
    const one = queued.series[i]!
    const histogram = queued.histograms[i]
    const attached = exemplarsOf(one)
    exemplars += attached.length
    if (histogram !== undefined) histograms++
    series[i] = {
      labels: one.labels,
      from: i,
      to: histogram === undefined ? i + 1 : i,
      histograms:
        histogram === undefined ? NONE : [{ at: timestamps[i]!, startAt: starts[i]!, histogram: asSent(histogram) }],
      exemplars: attached,
    }
  }
  return { series, timestamps, values, starts, samples: count - histograms, histograms, exemplars }
}

/** "No reset since the sample before" holds only while no sample is lost on the way, which a queue cannot promise. */
function asSent(histogram: NativeHistogram): NativeHistogram {
  return histogram.resetHint === 'none' ? { ...histogram, resetHint: 'unknown' } : histogram
}
