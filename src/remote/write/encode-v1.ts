/**
 * Remote write 1.0 as we send it: the inverse of `decodeWriteRequest`. Start timestamps have no place in 1.0 and stay behind.
 */
import { ProtoWriter, writeLabels } from '#core'
import { writeHistogram } from '../histogram-message.ts'
import { metricTypeNumber } from './metric-type.ts'
import type { WriteExemplar, WriteRequest } from './types.ts'

type Sendable = Pick<WriteRequest, 'series' | 'timestamps' | 'values' | 'metadata'>

/** A histogram of `undefined` is a stale marker, and is sent as a float, which ends the series all the same. */
export function encodeWriteV1({ series, timestamps, values, metadata }: Sendable): Buffer {
  const writer = new ProtoWriter(64 * 1024)
  for (const one of series) {
    writer.blockField(1, () => {
      writeLabels(writer, one.labels.flat)
      for (let i = one.from; i < one.to; i++) {
        writer.blockField(2, () => {
          writer.doubleOf(1, values, i)
          writer.varintField(2, timestamps[i]!)
        })
      }
      for (const exemplar of one.exemplars) writer.blockField(3, () => writeExemplar(writer, exemplar))
      for (const { at, histogram } of one.histograms)
        if (histogram !== undefined) writer.blockField(4, () => writeHistogram(writer, histogram, at))
    })
  }
  for (const { family, type, help, unit } of metadata) {
    writer.blockField(3, () => {
      writer.varintField(1, metricTypeNumber(type))
      writer.textField(2, family)
      writer.textField(4, help)
      writer.textField(5, unit)
    })
  }
  return writer.take()
}

function writeExemplar(writer: ProtoWriter, { labels, value, at }: WriteExemplar): void {
  writeLabels(writer, labels.flat)
  writer.doubleField(2, value)
  writer.varintField(3, at)
}
