/** A histogram of a series, counted against what the request may unfold to. */
import type { ProtoReader } from '#core'
import { readHistogram } from '../histogram-message.ts'
import type { HistogramSample } from './types.ts'
import type { Budget } from './write-limits.ts'

/** The sample in the block that ends at `end`, or why it cannot be taken. */
export function readHistogramSample(reader: ProtoReader, end: number, budget: Budget): HistogramSample | string {
  budget.spend('histograms')
  const read = readHistogram(reader, end)
  const { at, startAt } = read
  if (read.kind === 'fault') return read.fault
  if (read.kind === 'stale') return { at, startAt, histogram: undefined }
  const { histogram } = read
  budget.spend(
    'buckets',
    histogram.positive.counts.length + histogram.negative.counts.length + histogram.customBounds.length,
  )
  return { at, startAt, histogram }
}
