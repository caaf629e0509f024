/**
 * A frame in memory, unpacked: its bytes, the same as 32-bit words for the bit-packed columns, and a reader for what is between.
 *
 * The words reach beyond the bytes, so that a column that ends the frame is read without a look at the end for each value.
 */
import { ByteReader, LITTLE } from './bytes.ts'

export class Frame {
  /** To be placed by whoever reads next. */
  readonly source: ByteReader
  readonly words: Uint32Array
  readonly rawBytes: number

  /** Takes a copy: words have to be aligned. */
  constructor(raw: Uint8Array) {
    this.rawBytes = raw.length
    const padded = new Uint8Array((raw.length & ~3) + 8)
    padded.set(raw)
    this.source = new ByteReader(padded, 0, raw.length)
    this.words = LITTLE ? new Uint32Array(padded.buffer) : swapped(padded)
  }

  get sizeBytes(): number {
    return this.words.byteLength
  }
}

function swapped(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer)
  return Uint32Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(i * 4, true))
}
