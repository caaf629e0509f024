/**
 * The table of texts of one 2.0 request: where each lies, and the text itself once somebody asks for it.
 *
 * All of it is checked to be UTF-8 at once, so that bytes that are compared with those of a known series need no check of their own.
 */
import { isUtf8 } from 'node:buffer'
import { AssayError, bytesTag, ProtoReader } from '#core'
import { isSame } from './same-bytes.ts'
import { LABEL, lengthBytes, NAME, VALUE } from './series-key.ts'
import type { Budget } from './write-limits.ts'

export class Symbols {
  readonly bytes: Uint8Array
  readonly #text: Buffer
  readonly #view: DataView
  #starts = new Int32Array(256)
  #ends = new Int32Array(256)
  readonly #texts: (string | undefined)[] = []
  count = 0

  /** Reads the table of a request, wherever in it it stands. Throws `ASSAY_PROTO`, `ASSAY_REMOTE_TOO_LARGE`. */
  constructor(bytes: Uint8Array, budget: Budget) {
    this.bytes = bytes
    this.#text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
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

  /**
   * True when `refs` make labels whose bytes are [from, to) of `key`, in the form that series-key.ts gives them. Every byte is compared,
   * those of tags and lengths too.
   */
  isKey(refs: Int32Array, count: number, key: DataView, from: number, to: number): boolean {
    const view = this.#view
    let at = from
    for (let i = 0; i < count; i += 2) {
      const name = refs[i]!
      const value = refs[i + 1]!
      const nameBytes = this.lengthOf(name)
      const valueBytes = this.lengthOf(value)
      const inner = 2 + lengthBytes(nameBytes) + nameBytes + lengthBytes(valueBytes) + valueBytes
      if (at + 1 + lengthBytes(inner) + inner > to) return false
      if (!isHead(key, at, LABEL, inner)) return false
      at += 1 + lengthBytes(inner)
      if (!isHead(key, at, NAME, nameBytes)) return false
      at += 1 + lengthBytes(nameBytes)
      if (!isSame(view, this.#starts[name]!, key, at, nameBytes)) return false
      at += nameBytes
      if (!isHead(key, at, VALUE, valueBytes)) return false
      at += 1 + lengthBytes(valueBytes)
      if (!isSame(view, this.#starts[value]!, key, at, valueBytes)) return false
      at += valueBytes
    }
    return at === to
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

/** A tag and a length below 2^14, as `SeriesKey` writes them. */
function isHead(key: DataView, at: number, tag: number, length: number): boolean {
  if (key.getUint8(at) !== tag) return false
  if (length < 0x80) return key.getUint8(at + 1) === length
  return key.getUint8(at + 1) === ((length & 0x7f) | 0x80) && key.getUint8(at + 2) === length >> 7
}

function doubled(column: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(column.length * 2)
  larger.set(column)
  return larger
}
