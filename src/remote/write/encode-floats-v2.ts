/**
 * Remote write 2.0 of plain floats: the common batch, without histograms and exemplars. The same bytes as `encodeWriteV2` gives, which is the
 * slow path beside it and tests it.
 *
 * A hot path: each text has a number for as long as the encoder lives, so that a request's table of symbols is looked up by number and not
 * by text, and what a series' family is known to be is looked up again only when that changed. Bounded: beyond `MAX_TEXTS` all
 * numbers are given anew.
 */
import type { Metadata } from '#storage'
import { familiesOf, metricTypeNumber } from './metric-type.ts'
import type { QueuedSamples, SentLabels } from './sample-queue.ts'
import { writeVarint } from './varint.ts'

export type KnownMetadata = {
  readonly metadataOf: (family: string) => Metadata | undefined
  /** Grows with every change of what is known. */
  readonly revision: number
}

/** A series as this encoder knows it: numbers of its texts, and of its metadata's. */
type Spelled = {
  readonly epoch: number
  readonly revision: number
  readonly texts: Uint32Array
  readonly metadata: { readonly type: number; readonly help: number; readonly unit: number } | undefined
}

const MAX_TEXTS = 1_000_000
const MAX_VARINT = 10
/** Around labels and metadata: tags, lengths, value, instant, start. */
const AROUND_BYTES = 96

export class FloatsEncoderV2 {
  #bytes: Buffer = Buffer.allocUnsafe(64 * 1024)
  #series = new WeakMap<SentLabels, Spelled>()
  #numbers = new Map<string, number>()
  #texts: string[] = []
  #epoch = 0
  /** By number of a text: its place in the table of symbols of the request `#request`. */
  #places = new Uint32Array(1024)
  #requests = new Uint32Array(1024)
  #request = 0
  #symbols: string[] = []

  /** Only for what is plain (`isPlain`). */
  encode({ count, series, timestamps, values, starts }: QueuedSamples, known: KnownMetadata): Buffer {
    if (this.#texts.length > MAX_TEXTS) this.#forget()
    this.#request++
    this.#symbols = ['']
    const spelled = series.map((one) => this.#spell(one, known))
    let size = 0
    for (const { texts } of spelled) size += texts.length * 5 + AROUND_BYTES
    if (size > this.#bytes.length) this.#bytes = Buffer.allocUnsafe(size)
    const out = this.#bytes
    const words = new Uint8Array(values.buffer, values.byteOffset, count * 8)
    let at = 0
    for (let i = 0; i < count; i++) {
      const { texts, metadata } = spelled[i]!
      // The block's length is known at its end: it is written where the longest would begin, and moved to where it does.
      const from = at + 1 + MAX_VARINT
      let to = from + 1 + MAX_VARINT
      const refsFrom = to
      for (let k = 0; k < texts.length; k++) to = writeVarint(out, to, this.#place(texts[k]!))
      const refsEnd = to
      to = from
      out[to++] = 0x0a
      to = writeVarint(out, to, refsEnd - refsFrom)
      out.copyWithin(to, refsFrom, refsEnd)
      to += refsEnd - refsFrom
      const startAt = starts[i]!
      out[to++] = 0x12
      const sampleAt = to++
      out[to++] = 0x09
      for (let k = i * 8; k < i * 8 + 8; k++) out[to++] = words[k]!
      out[to++] = 0x10
      to = writeVarint(out, to, timestamps[i]!)
      if (startAt !== 0) {
        out[to++] = 0x18
        to = writeVarint(out, to, startAt)
      }
      out[sampleAt] = to - sampleAt - 1
      if (metadata !== undefined) {
        out[to++] = 0x2a
        const metadataAt = to++
        out[to++] = 0x08
        to = writeVarint(out, to, metadata.type)
        out[to++] = 0x18
        to = writeVarint(out, to, this.#place(metadata.help))
        out[to++] = 0x20
        to = writeVarint(out, to, this.#place(metadata.unit))
        out[metadataAt] = to - metadataAt - 1
      }
      out[at++] = 0x2a
      at = writeVarint(out, at, to - from)
      out.copyWithin(at, from, to)
      at += to - from
    }
    return Buffer.concat([this.#head(), out.subarray(0, at)])
  }

  #head(): Buffer {
    const texts = this.#symbols.map((text) => Buffer.from(text))
    const out = Buffer.allocUnsafe(texts.reduce((sum, { length }) => sum + 1 + MAX_VARINT + length, 0))
    let at = 0
    for (const text of texts) {
      out[at++] = 0x22
      at = writeVarint(out, at, text.length)
      at += text.copy(out, at)
    }
    return out.subarray(0, at)
  }

  #spell(series: SentLabels, { metadataOf, revision }: KnownMetadata): Spelled {
    const known = this.#series.get(series)
    if (known?.epoch === this.#epoch && known.revision === revision) return known
    const metadata = lookUp(series.labels.name, metadataOf)
    const spelled: Spelled = {
      epoch: this.#epoch,
      revision,
      texts:
        known?.epoch === this.#epoch ? known.texts : Uint32Array.from(series.labels.flat, (text) => this.#number(text)),
      metadata:
        metadata === undefined
          ? undefined
          : {
              type: metricTypeNumber(metadata.type),
              help: this.#number(metadata.help),
              unit: this.#number(metadata.unit),
            },
    }
    this.#series.set(series, spelled)
    return spelled
  }

  #number(text: string): number {
    const known = this.#numbers.get(text)
    if (known !== undefined) return known
    const number = this.#texts.push(text) - 1
    this.#numbers.set(text, number)
    if (number === this.#places.length) {
      this.#places = doubled(this.#places)
      this.#requests = doubled(this.#requests)
    }
    return number
  }

  #place(number: number): number {
    if (this.#requests[number] === this.#request) return this.#places[number]!
    const text = this.#texts[number]!
    const place = text === '' ? 0 : this.#symbols.push(text) - 1
    this.#requests[number] = this.#request
    this.#places[number] = place
    return place
  }

  #forget(): void {
    this.#epoch++
    this.#numbers = new Map()
    this.#texts = []
    this.#places = new Uint32Array(1024)
    this.#requests = new Uint32Array(1024)
  }
}

function lookUp(name: string, metadataOf: KnownMetadata['metadataOf']): Metadata | undefined {
  for (const family of familiesOf(name)) {
    const found = metadataOf(family)
    if (found !== undefined) return found
  }
  return undefined
}

function doubled(column: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(column.length * 2)
  larger.set(column)
  return larger
}
