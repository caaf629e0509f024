/**
 * JSON written as bytes, in pieces of bounded length.
 *
 * - A piece has a buffer of its own, so that it can be transferred to another thread; it is never written to again once it is taken.
 * - Only a text that is longer than a piece makes a longer one.
 * - `bytes`, `view` (of the same memory) and `at` are open to those who write many small things: after `room(n)`, n bytes may be written at
 *   `at`. What lies behind `at` is of no meaning, so words may be written where fewer bytes count.
 */
import type { Labels } from '../labels.ts'
import type { FixedText } from './copy-words.ts'
import { keptLength, noteWritten, writeKept } from './kept-labels.ts'
import { NUMBER_ROOM, writeInstant, writeValue } from './write-number.ts'

export type Piece = Uint8Array<ArrayBuffer>

/** Of a piece of a long answer. */
export const PIECE_BYTES = 256 * 1024
/** Texts up to here are looked at byte by byte; longer ones by the engine's own means. */
const SHORT_CHARACTERS = 256

const QUOTE = 34
const COMMA = 44
const COLON = 58
const BACKSLASH = 92
const OPEN = 123
const CLOSE = 125

export class JsonBytes {
  bytes: Piece
  view: DataView
  at = 0
  readonly #full: Piece[] = []

  /** `expectedBytes`: what will about be written; the first piece is made for it. */
  constructor(expectedBytes: number) {
    this.bytes = new Uint8Array(Math.min(PIECE_BYTES, Math.max(256, Math.ceil(expectedBytes))))
    this.view = new DataView(this.bytes.buffer)
  }

  /** Makes sure that `count` bytes can be written at `at`. */
  room(count: number): void {
    if (this.at + count <= this.bytes.length) return
    const { length } = this.bytes
    this.#close()
    this.bytes = new Uint8Array(Math.max(Math.min(PIECE_BYTES, 2 * length), count))
    this.view = new DataView(this.bytes.buffer)
  }

  /** ASCII as it is. */
  ascii(text: string): void {
    this.room(text.length)
    const { bytes, at } = this
    for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i)
    this.at = at + text.length
  }

  fixed(text: FixedText): void {
    this.room(text.length + 3)
    this.at = text.write(this.view, this.at)
  }

  /** A JSON string. */
  text(text: string): void {
    const isShort = text.length <= SHORT_CHARACTERS
    if (isShort) this.room(text.length + 2)
    const end = isShort ? tryWritePlain(this.bytes, this.at, text) : -1
    if (end === -1) this.json(JSON.stringify(text))
    else this.at = end
  }

  /** JSON that is text already. Returns its bytes, which lie in one piece. */
  json(text: string): number {
    // Counted by the machine's own means, where guessing would make a piece three times as long as what it holds.
    this.room(text.length <= SHORT_CHARACTERS ? text.length * 3 : Buffer.byteLength(text))
    const { written } = ENCODER.encodeInto(text, this.bytes.subarray(this.at))
    this.at += written
    return written
  }

  /**
   * `["a","b"` for the first members of a list, `,"c","d"` for further ones; at least one. The engine writes a list of strings three times
   * as fast as they are looked at here (250 names: 17 and 50 µs).
   */
  members(texts: readonly string[], isFirst: boolean): void {
    const size = this.json(JSON.stringify(texts))
    if (!isFirst) this.bytes[this.at - size] = COMMA
    // Without the bracket at its end.
    this.at--
  }

  /** The end of an object: what stands last in it, mostly nothing. */
  tail(members: string): void {
    if (members !== '') this.json(members)
    this.ascii('}')
  }

  instant(ms: number): void {
    this.room(NUMBER_ROOM)
    this.at = writeInstant(this.view, this.at, ms)
  }

  /** A value in quotes. */
  value(value: number): void {
    this.room(NUMBER_ROOM + 2)
    const { bytes, view } = this
    bytes[this.at] = QUOTE
    const end = writeValue(view, this.at + 1, value)
    bytes[end] = QUOTE
    this.at = end + 1
  }

  /** `{"name":"value",...}`. */
  labels(labels: Labels): void {
    const kept = keptLength(labels)
    if (kept >= 0) {
      this.room(kept + 3)
      this.at = writeKept(labels, kept, this.view, this.at)
      return
    }
    const { flat } = labels
    let expected = 2
    for (let i = 0; i < flat.length; i++) expected += flat[i]!.length + 3
    if (expected > SHORT_CHARACTERS * 16) {
      this.#longLabels(flat)
      return
    }
    this.room(expected)
    const { bytes, at } = this
    this.#shortLabels(flat, expected)
    // What is escaped may have gone on in another piece.
    if (bytes === this.bytes) noteWritten(labels, bytes, at, this.at)
  }

  /** Room is made once, and what is unusual is left to `json`. */
  #shortLabels(flat: readonly string[], expected: number): void {
    let { bytes, at } = this
    bytes[at++] = OPEN
    for (let i = 0; i < flat.length; i++) {
      if (i > 0) bytes[at++] = i % 2 === 0 ? COMMA : COLON
      const end = tryWritePlain(bytes, at, flat[i]!)
      if (end === -1) {
        this.at = at
        this.json(JSON.stringify(flat[i]!))
        this.room(expected)
        bytes = this.bytes
        at = this.at
      } else {
        at = end
      }
    }
    bytes[at++] = CLOSE
    this.at = at
  }

  #longLabels(flat: readonly string[]): void {
    this.ascii('{')
    for (let i = 0; i < flat.length; i++) {
      if (i > 0) this.ascii(i % 2 === 0 ? ',' : ':')
      this.text(flat[i]!)
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
    this.view = new DataView(NOTHING.buffer)
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

/** A JSON string of printable ASCII; -1: it has something else, or something to escape. */
function tryWritePlain(bytes: Uint8Array, at: number, text: string): number {
  bytes[at++] = QUOTE
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x20 || unit > 0x7e || unit === QUOTE || unit === BACKSLASH) return -1
    bytes[at++] = unit
  }
  bytes[at] = QUOTE
  return at + 1
}

const ENCODER = new TextEncoder()
const NOTHING = new Uint8Array(0)
