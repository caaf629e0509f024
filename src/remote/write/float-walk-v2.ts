/**
 * The fast path of 2.0: a series that is known, with floats and metadata alone. Its references are put together to the bytes that 1.0 would
 * send, and these are known or not.
 *
 * What it serves is what senders write: packed references, samples, metadata, in this order. Whatever else the wire allows is for the decoder
 * beside it, which also tests it: both yield the same, for every message.
 */
import { bytesTag, ProtoReader } from '#core'
import type { Decoded } from './decoded.ts'
import type { FloatColumns } from './float-columns.ts'
import { hashOf, type KnownSeries } from './known-series.ts'
import { SeriesKey } from './series-key.ts'
import type { Symbols } from './symbols.ts'
import { readMetadata, type SentMetadata, type ToldMetadata } from './told-metadata.ts'
import { endOfVarint, readUsualSample, readVarint } from './usual-sample.ts'

const REFS = bytesTag(1)
const SAMPLE = bytesTag(2)
const METADATA = bytesTag(5)
/** More labels than this are for the decoder. */
const MAX_REFS = 512

export type WalkDeps = {
  readonly bytes: Uint8Array
  readonly symbols: Symbols
  readonly known: KnownSeries
  readonly into: Decoded
  readonly told: ToldMetadata
}

export class FloatWalkV2 {
  readonly #bytes: DataView
  readonly #reader: ProtoReader
  readonly #symbols: Symbols
  readonly #known: KnownSeries
  readonly #into: Decoded
  readonly #told: ToldMetadata
  readonly #floats: { readonly into: FloatColumns; readonly hasStart: boolean }
  readonly #key = new SeriesKey()
  readonly #refs = new Int32Array(MAX_REFS)
  #count = 0

  constructor({ bytes, symbols, known, into, told }: WalkDeps) {
    this.#bytes = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#reader = new ProtoReader(bytes)
    this.#symbols = symbols
    this.#known = known
    this.#into = into
    this.#told = told
    this.#floats = { into: into.columns, hasStart: true }
  }

  /** Takes the series [at, end), or leaves everything as it was and answers `false`: then it is for the decoder. */
  take(at: number, end: number): boolean {
    const bytes = this.#bytes
    const { columns, budget } = this.#into
    let p = this.#readRefs(at, end)
    if (p < 0) return false
    const entry = this.#entry()
    if (entry === 0) return false
    const from = columns.count
    const most = from + budget.samplesLeft
    while (p < end && bytes.getUint8(p) === SAMPLE) {
      p = readUsualSample(bytes, p, end, this.#floats)
      if (p < 0 || columns.count > most) return this.#undo(from)
    }
    let sent: SentMetadata | undefined
    if (p < end && bytes.getUint8(p) === METADATA) {
      this.#reader.at = p + 1
      const stop = this.#reader.block()
      // What goes beyond is told by the decoder, with its byte.
      if (stop !== end) return this.#undo(from)
      sent = readMetadata(this.#reader, stop)
      p = stop
    }
    if (p !== end) return this.#undo(from)
    const samples = columns.count - from
    budget.known(this.#count, samples)
    if (sent === undefined || !this.#told.repeat(sent, this.#refs, this.#count)) this.#into.withoutMetadata += samples
    this.#into.addKnown(entry)
    return true
  }

  /** The entry of the series that was decoded with these references: made now if there is room, else 0. */
  keep(refs: readonly number[]): number {
    if (refs.length > MAX_REFS) return 0
    this.#refs.set(refs)
    this.#count = refs.length
    const entry = this.#lookUp()
    const { view, length } = this.#key
    if (entry !== 0 || length === 0) return entry
    return this.#known.add(view, 0, length, { hash: hashOf(view, 0, length), labels: refs.length / 2 })
  }

  #undo(from: number): false {
    this.#into.columns.count = from
    return false
  }

  /** The entry of the labels in `#refs`; 0: not known. */
  #entry(): number {
    const count = this.#count
    return (count % 2 === 0 && this.#known.guessOf(this.#symbols, this.#refs, count)) || this.#lookUp()
  }

  /** Leaves the bytes of the labels in `#key`: none when they are too long to be known. */
  #lookUp(): number {
    const { view } = this.#key
    const length = this.#key.set(this.#symbols, this.#refs, this.#count)
    return length === 0 ? 0 : this.#known.find(view, 0, length, hashOf(view, 0, length))
  }

  /** Fills `#refs`; answers where they end, or -1. */
  #readRefs(at: number, end: number): number {
    const bytes = this.#bytes
    if (at >= end || bytes.getUint8(at) !== REFS) return -1
    const length = readVarint(bytes, at + 1, end)
    let p = endOfVarint()
    const stop = p + length
    if (length < 0 || stop > end) return -1
    let count = 0
    while (p < stop) {
      // Most are below 128.
      const byte = bytes.getUint8(p)
      const ref = byte < 0x80 ? byte : readVarint(bytes, p, stop)
      if (ref < 0 || ref >= this.#symbols.count || count === MAX_REFS) return -1
      this.#refs[count++] = ref
      p = byte < 0x80 ? p + 1 : endOfVarint()
    }
    this.#count = count
    return p
  }
}
