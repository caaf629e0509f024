/**
 * JSON written as bytes, in pieces of bounded length.
 *
 * - A piece has a buffer of its own, so that it can be transferred to another thread; it is never written to again once it is taken.
 * - Only a text that is longer than a piece makes a longer one.
 * - `bytes` and `at` are open to those who write many small things: after `room(n)`, n bytes may be written at `at`.
 */
import { NUMBER_ROOM, writeAscii, writeInstant, writeValue } from './write-number.ts'

export type Piece = Uint8Array<ArrayBuffer>

/** Of a piece of a long answer. */
export const PIECE_BYTES = 256 * 1024
/** Texts up to here are looked at byte by byte; longer ones by the engine's own means. */
const SHORT_CHARACTERS = 256

const QUOTE = 34
const BACKSLASH = 92

export class JsonBytes {
  bytes: Piece
  at = 0
  readonly #full: Piece[] = []

  /** `expectedBytes`: what will about be written; the first piece is made for it. */
  constructor(expectedBytes: number) {
    this.bytes = new Uint8Array(Math.min(PIECE_BYTES, Math.max(256, Math.ceil(expectedBytes))))
  }

  /** Makes sure that `count` bytes can be written at `at`. */
  room(count: number): void {
    if (this.at + count <= this.bytes.length) return
    const { length } = this.bytes
    this.#close()
    this.bytes = new Uint8Array(Math.max(Math.min(PIECE_BYTES, 2 * length), count))
  }

  /** ASCII as it is. */
  ascii(text: string): void {
    this.room(text.length)
    this.at = writeAscii(this.bytes, this.at, text)
  }

  /** A JSON string. */
  text(text: string): void {
    if (text.length > SHORT_CHARACTERS) {
      this.json(JSON.stringify(text))
      return
    }
    this.room(text.length + 2)
    const { bytes } = this
    let at = this.at
    bytes[at++] = QUOTE
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      if (unit < 0x20 || unit > 0x7e || unit === QUOTE || unit === BACKSLASH) {
        this.json(JSON.stringify(text))
        return
      }
      bytes[at++] = unit
    }
    bytes[at++] = QUOTE
    this.at = at
  }

  /** JSON that is text already. */
  json(text: string): void {
    this.room(text.length * 3)
    this.at += ENCODER.encodeInto(text, this.bytes.subarray(this.at)).written
  }

  instant(ms: number): void {
    this.room(NUMBER_ROOM)
    this.at = writeInstant(this.bytes, this.at, ms)
  }

  /** A value in quotes. */
  value(value: number): void {
    this.room(NUMBER_ROOM + 2)
    const { bytes } = this
    bytes[this.at] = QUOTE
    const end = writeValue(bytes, this.at + 1, value)
    bytes[end] = QUOTE
    this.at = end + 1
  }

  /** `{"name":"value",...}` of a flat list of names and values. */
  labels(flat: readonly string[]): void {
    this.ascii('{')
    for (let i = 0; i < flat.length; i += 2) {
      if (i > 0) this.ascii(',')
      this.text(flat[i]!)
      this.ascii(':')
      this.text(flat[i + 1]!)
    }
    this.ascii('}')
  }

  /** Whether a piece is full. */
  get hasFull(): boolean {
    return this.#full.length > 0
  }

  /** The pieces that are full, which are the taker's from now on. */
  takeFull(): Piece[] {
    return this.#full.splice(0)
  }

  /** All that is left, the last piece included. */
  takeAll(): Piece[] {
    this.#close()
    this.bytes = NOTHING
    return this.takeFull()
  }

  #close(): void {
    if (this.at === 0) return
    const { bytes, at } = this
    // Half empty, it would keep, and carry to another thread, more than it holds.
    this.#full.push(at * 2 < bytes.length ? bytes.slice(0, at) : bytes.subarray(0, at))
    this.at = 0
  }
}

const ENCODER = new TextEncoder()
const NOTHING = new Uint8Array(0)
