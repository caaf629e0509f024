/**
 * Remote write 2.0 as we send it: the inverse of `decodeWriteRequestV2`.
 *
 * - Each text stands once in the table of symbols, the empty one first.
 * - A series with both floats and histograms becomes two, as 2.0 demands.
 * - Metadata is told with each series: found under its name, or under the family whose classic part it is.
 */
import { ProtoWriter } from '#core'
import type { Metadata } from '#storage'
import { writeHistogram } from '../histogram-message.ts'
import { familiesOf, metricTypeNumber } from './metric-type.ts'
import type { WriteRequest, WriteSeries } from './types.ts'

type Sendable = Pick<WriteRequest, 'series' | 'timestamps' | 'values' | 'starts'>

/** `metadataOf`: what is known of a family. */
export function encodeWriteV2(
  { series, timestamps, values, starts }: Sendable,
  metadataOf: (family: string) => Metadata | undefined,
): Buffer {
  const symbols = new Symbols()
  const writer = new ProtoWriter(64 * 1024)
  const writeOne = (one: WriteSeries, kind: 'floats' | 'histograms', exemplars: WriteSeries['exemplars']) => {
    writer.blockField(5, () => {
      writer.blockField(1, () => writeRefs(writer, one.labels.flat, symbols))
      if (kind === 'floats') {
        for (let i = one.from; i < one.to; i++) {
          writer.blockField(2, () => {
            writer.doubleOf(1, values, i)
            writer.varintField(2, timestamps[i]!)
            const startAt = starts?.[i] ?? 0
            if (startAt !== 0) writer.varintField(3, startAt)
          })
        }
      } else {
        for (const { at, startAt, histogram } of one.histograms)
          if (histogram !== undefined) writer.blockField(3, () => writeHistogram(writer, histogram, at, startAt))
      }
      for (const { labels, value, at } of exemplars) {
        writer.blockField(4, () => {
          writer.blockField(1, () => writeRefs(writer, labels.flat, symbols))
          writer.doubleField(2, value)
          writer.varintField(3, at)
        })
      }
      const metadata = lookUp(one.labels.name, metadataOf)
      if (metadata !== undefined) {
        writer.blockField(5, () => {
          writer.varintField(1, metricTypeNumber(metadata.type))
          writer.varintField(3, symbols.ref(metadata.help))
          writer.varintField(4, symbols.ref(metadata.unit))
        })
      }
    })
  }
  for (const one of series) {
    const floats = one.to > one.from
    if (floats || one.histograms.length === 0) writeOne(one, 'floats', one.exemplars)
    if (one.histograms.length > 0) writeOne(one, 'histograms', floats ? [] : one.exemplars)
  }
  const head = new ProtoWriter(16 * 1024)
  for (const text of symbols.list) head.textField(4, text)
  return Buffer.concat([head.take(), writer.take()])
}

class Symbols {
  readonly list: string[] = ['']
  readonly #refs = new Map<string, number>([['', 0]])

  ref(text: string): number {
    const known = this.#refs.get(text)
    if (known !== undefined) return known
    this.#refs.set(text, this.list.length)
    return this.list.push(text) - 1
  }
}

function writeRefs(writer: ProtoWriter, flat: readonly string[], symbols: Symbols): void {
  for (const text of flat) writer.varint(symbols.ref(text))
}

function lookUp(name: string, metadataOf: (family: string) => Metadata | undefined): Metadata | undefined {
  for (const family of familiesOf(name)) {
    const found = metadataOf(family)
    if (found !== undefined) return found
  }
  return undefined
}
