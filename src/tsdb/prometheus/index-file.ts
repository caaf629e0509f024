/**
 * Reads the `index` of a Prometheus block, versions 1 and 2: its symbols whole, its series one after the other.
 *
 * Postings are not needed: all series are read, in the order in which they stand, which is that of their labels.
 *
 * Source: prometheus: tsdb/docs/format/index.md; tsdb/index/index.go for what version 1 did otherwise.
 */
import { crc32c, Labels } from '#core'
import { DamagedError } from '../codec/bytes.ts'
import { FileWindow } from './file-window.ts'
import { GoReader } from './go-reader.ts'

const MAGIC = 0xbaaad700
const HEADER_BYTES = 5
const TOC_BYTES = 6 * 8 + 4
/** No series' entry is longer; what claims to be is damage. */
const MAX_ENTRY_BYTES = 256 * 1024 * 1024
const SERIES_ALIGN = 16

export type ChunkEntry = { readonly minTime: number; readonly maxTime: number; readonly ref: number }

export type SeriesEntry = {
  /** What tombstones call it. */
  readonly id: number
  readonly labels: () => Labels
  readonly chunks: readonly ChunkEntry[]
}

export class IndexFile implements Disposable {
  readonly #file: FileWindow
  readonly #version: number
  readonly #symbols: Symbols
  readonly #seriesFrom: number
  readonly #seriesTo: number

  /** Throws `DamagedError`, and what the system says. */
  constructor(path: string) {
    this.#file = new FileWindow(path)
    const head = new GoReader(this.#file.bytes(0, HEADER_BYTES))
    if (head.be32() !== MAGIC) throw new DamagedError('it does not begin as an index does')
    this.#version = head.u8()
    if (this.#version !== 1 && this.#version !== 2)
      throw new DamagedError(`its version is ${this.#version}; 1 and 2 are known`)
    const tocAt = this.#file.sizeBytes - TOC_BYTES
    const toc = this.#file.bytes(tocAt, TOC_BYTES)
    if (toc.length < TOC_BYTES || crc32c(toc.subarray(0, -4)) !== toc.readUInt32BE(TOC_BYTES - 4))
      throw new DamagedError('its table of contents does not fit its checksum')
    const reader = new GoReader(toc)
    const [symbols = 0, series = 0, ...others] = Array.from({ length: 6 }, () => reader.be64())
    this.#symbols = new Symbols(this.#section(symbols), this.#version, symbols)
    this.#seriesFrom = series
    this.#seriesTo = others.reduce((least, at) => (at > series && at < least ? at : least), tocAt)
  }

  /**
   * In the order of the file. A damaged entry is told to `onDamage`; the next one is looked for behind it. Valid until the next is asked
   * for, but for `labels`' result.
   */
  *series(onDamage: (what: string) => void): Generator<SeriesEntry, void, undefined> {
    for (let at = aligned(this.#seriesFrom); at < this.#seriesTo; ) {
      const head = new GoReader(this.#file.bytes(at, 10))
      const length = head.uvarint()
      // Behind the last one there may be zeros.
      if (length === 0) {
        at += SERIES_ALIGN
        continue
      }
      const next = aligned(at + head.at + length + 4)
      if (length > MAX_ENTRY_BYTES || next > aligned(this.#seriesTo)) {
        onDamage(`the series at byte ${at} says it has ${length} bytes; those behind it are lost`)
        return
      }
      const bytes = this.#file.bytes(at, head.at + length + 4).subarray(head.at)
      const entry = this.#entry(bytes, at, onDamage)
      if (entry !== undefined) yield entry
      at = next
    }
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]()
  }

  #entry(bytes: Buffer, at: number, onDamage: (what: string) => void): SeriesEntry | undefined {
    const body = bytes.subarray(0, -4)
    try {
      if (crc32c(body) !== bytes.readUInt32BE(body.length)) throw new DamagedError('its checksum does not fit')
      const reader = new GoReader(body)
      const refs = Array.from({ length: reader.uvarint() * 2 }, () => reader.uvarint())
      const chunks = readChunks(reader)
      const labels = () => Labels.fromSorted(refs.map((ref) => this.#symbols.get(ref)))
      return { id: this.#version === 1 ? at : at / SERIES_ALIGN, labels, chunks }
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error
      onDamage(`the series at byte ${at}: ${error.message}`)
      return undefined
    }
  }

  /** The content of a section: behind its length, before its checksum. A copy. */
  #section(at: number): Buffer {
    const length = new GoReader(this.#file.bytes(at, 4)).be32()
    if (at + length + 8 > this.#file.sizeBytes) throw new DamagedError('its symbols reach beyond its end')
    const bytes = Buffer.from(this.#file.bytes(at + 4, length + 4))
    const body = bytes.subarray(0, length)
    if (crc32c(body) !== bytes.readUInt32BE(length)) throw new DamagedError('its symbols do not fit their checksum')
    return body
  }
}

function readChunks(reader: GoReader): readonly ChunkEntry[] {
  const chunks: ChunkEntry[] = []
  let maxTime = 0
  let ref = 0
  for (let left = reader.uvarint(); left > 0; left--) {
    const isFirst = chunks.length === 0
    const minTime = isFirst ? reader.varint() : maxTime + reader.uvarint()
    maxTime = minTime + reader.uvarint()
    ref = isFirst ? reader.uvarint() : ref + reader.varint()
    chunks.push({ minTime, maxTime, ref })
  }
  return chunks
}

/** Texts by number (version 2) or by the byte of the file at which they stand (version 1); made when they are first asked for. */
class Symbols {
  readonly #bytes: Buffer
  readonly #byPlace: boolean
  readonly #base: number
  readonly #places: Uint32Array
  readonly #texts: (string | undefined)[]
  readonly #byByte = new Map<number, string>()

  constructor(section: Buffer, version: number, sectionAt: number) {
    this.#bytes = section
    this.#byPlace = version === 1
    // A place of version 1 counts from the beginning of the file; the section's content begins behind its length.
    this.#base = sectionAt + 4
    const reader = new GoReader(section)
    const count = reader.be32()
    if (count > section.length) throw new DamagedError(`it says it has ${count} symbols`)
    this.#places = new Uint32Array(this.#byPlace ? 0 : count)
    this.#texts = []
    for (let i = 0; i < this.#places.length; i++) {
      this.#places[i] = reader.at
      reader.take(reader.uvarint())
    }
  }

  get(ref: number): string {
    if (this.#byPlace) {
      let text = this.#byByte.get(ref)
      if (text === undefined) {
        text = new GoReader(this.#bytes, ref - this.#base).text()
        this.#byByte.set(ref, text)
      }
      return text
    }
    const place = this.#places[ref]
    if (place === undefined) throw new DamagedError(`there is no symbol ${ref}`)
    return (this.#texts[ref] ??= new GoReader(this.#bytes, place).text())
  }
}

function aligned(at: number): number {
  return Math.ceil(at / SERIES_ALIGN) * SERIES_ALIGN
}
