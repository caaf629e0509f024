/**
 * The table of texts of one 2.0 request: where each lies, and the text itself once somebody asks for it.
 *
 * All of it is checked to be UTF-8 at once, so that bytes that are compared with those of a known series need no check of their own.
 */
import { isUtf8 } from 'node:buffer'
import { AssayError, bytesTag, ProtoReader } from '#core'
import type { Budget } from './write-limits.ts'

export class Symbols {
  readonly bytes: Uint8Array
  readonly #text: Buffer
  #starts = new Int32Array(256)
  #ends = new Int32Array(256)
  readonly #texts: (string | undefined)[] = []
  count = 0

  /** Reads the table of a request, wherever in it it stands. Throws `ASSAY_PROTO`, `ASSAY_REMOTE_TOO_LARGE`. */
  constructor(bytes: Uint8Array, budget: Budget) {
    this.bytes = bytes
    this.#text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    const reader = new ProtoReader(bytes)
    while (!reader.done) {
      const tag = reader.varint()
      if (tag === bytesTag(4)) {
        budget.spend('symbols')
        const end = reader.block()
        if (!this.#isText(reader.at, end)) throw reader.broken('a text is not UTF-8')
        this.#add(reader.at, end)
        reader.at = end
      } else reader.skip(tag)
    }
    if (this.count > 0 && this.lengthOf(0) > 0) {
      throw new AssayError(
        'ASSAY_PROTO',
        `the message makes no sense: its first symbol is ${JSON.stringify(this.textOf(0)?.slice(0, 50))}, and has to be empty`,
      )
    }
  }

  /** `undefined`: there is no such symbol. */
  textOf(ref: number): string | undefined {
    if (!(ref < this.count)) return undefined
    return (this.#texts[ref] ??= this.#text.toString('utf8', this.#starts[ref], this.#ends[ref]))
  }

  startOf(ref: number): number {
    return this.#starts[ref]!
  }

  /** Bytes of a symbol that there is. */
  lengthOf(ref: number): number {
    return this.#ends[ref]! - this.#starts[ref]!
  }

  #add(start: number, end: number): void {
    if (this.count === this.#starts.length) {
      this.#starts = doubled(this.#starts)
      this.#ends = doubled(this.#ends)
    }
    this.#starts[this.count] = start
    this.#ends[this.count++] = end
  }

  #isText(from: number, to: number): boolean {
    const { bytes } = this
    // Nearly all are ASCII, and a view of each costs more than looking.
    for (let i = from; i < to; i++) if (bytes[i]! >= 0x80) return isUtf8(bytes.subarray(from, to))
    return true
  }
}

function doubled(column: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(column.length * 2)
  larger.set(column)
  return larger
}
