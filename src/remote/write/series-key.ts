/**
 * The labels of a 2.0 series as 1.0 writes them: `{ 1: { 1: name, 2: value } }*`. So a series is known by the same bytes, whichever
 * version its sender speaks.
 */
import { bytesTag } from '#core'
import { MAX_KEY_BYTES } from './known-series.ts'
import type { Symbols } from './symbols.ts'

export const LABEL: number = bytesTag(1)
export const NAME: number = bytesTag(1)
export const VALUE: number = bytesTag(2)
/** Tags and lengths of one label: of texts below 16 KiB. */
const FRAME_BYTES = 10

export class SeriesKey {
  readonly #bytes = new Uint8Array(MAX_KEY_BYTES)
  readonly view = new DataView(this.#bytes.buffer)
  length = 0

  /** Its length; 0: it has no key, as its references are no pairs, or the labels too long to be known. The references lead somewhere. */
  set(symbols: Symbols, refs: Int32Array, count: number): number {
    this.length = 0
    if (count % 2 !== 0) return 0
    for (let i = 0; i < count; i += 2) {
      const name = refs[i]!
      const value = refs[i + 1]!
      const nameBytes = symbols.lengthOf(name)
      const valueBytes = symbols.lengthOf(value)
      if (this.length + FRAME_BYTES + nameBytes + valueBytes > MAX_KEY_BYTES) {
        this.length = 0
        return 0
      }
      this.#varint(LABEL, 2 + lengthBytes(nameBytes) + nameBytes + lengthBytes(valueBytes) + valueBytes)
      this.#varint(NAME, nameBytes)
      this.#copy(symbols, name, nameBytes)
      this.#varint(VALUE, valueBytes)
      this.#copy(symbols, value, valueBytes)
    }
    return this.length
  }

  #varint(tag: number, length: number): void {
    this.#bytes[this.length++] = tag
    if (length >= 0x80) {
      this.#bytes[this.length++] = (length & 0x7f) | 0x80
      this.#bytes[this.length++] = length >> 7
    } else this.#bytes[this.length++] = length
  }

  #copy(symbols: Symbols, ref: number, length: number): void {
    const from = symbols.bytes
    const to = this.#bytes
    const start = symbols.startOf(ref)
    const at = this.length
    // A text has some 15 bytes: a loop costs less than a view and a call.
    for (let i = 0; i < length; i++) to[at + i] = from[start + i]!
    this.length = at + length
  }
}

/** Bytes of a length below 2^14. */
export function lengthBytes(length: number): number {
  return length < 0x80 ? 1 : 2
}
