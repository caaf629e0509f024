/** Remote write 1.0 for the comparison: an encoder apart from assay's own, so that both servers get what was meant. */
import { type Buckets, type Labels, type NativeHistogram, ProtoWriter, spansOf } from '#core'

const STEP_MS = 15_000

export type Written = { readonly labels: Labels; readonly samples: readonly (number | NativeHistogram)[] }

/** Samples 15 s apart, the first at `from`, Unix milliseconds. */
export function encodeWrite(series: readonly Written[], from: number): Buffer {
  const out = new ProtoWriter()
  for (const { labels, samples } of series)
    out.blockField(1, () => {
      for (const [name, value] of labels)
        out.blockField(1, () => {
          out.textField(1, name)
          out.textField(2, value)
        })
      for (const [i, sample] of samples.entries())
        if (typeof sample === 'number')
          out.blockField(2, () => {
            out.doubleField(1, sample)
            out.varintField(2, from + i * STEP_MS)
          })
      for (const [i, sample] of samples.entries())
        if (typeof sample !== 'number') out.blockField(4, () => writeHistogram(out, sample, from + i * STEP_MS))
    })
  return out.take()
}

function writeHistogram(out: ProtoWriter, h: NativeHistogram, at: number): void {
  out.varintField(1, h.count)
  out.doubleField(3, h.sum)
  out.zigzagField(4, h.schema)
  out.doubleField(5, h.zeroThreshold)
  out.varintField(6, h.zeroCount)
  writeBuckets(out, h.negative, 8, 9)
  writeBuckets(out, h.positive, 11, 12)
  out.varintField(15, at)
}

function writeBuckets(out: ProtoWriter, buckets: Buckets, spans: number, deltas: number): void {
  for (const { offset, length } of spansOf(buckets))
    out.blockField(spans, () => {
      out.zigzagField(1, offset)
      out.varintField(2, length)
    })
  let before = 0
  for (const count of buckets.counts) {
    out.zigzagField(deltas, count - before)
    before = count
  }
}
