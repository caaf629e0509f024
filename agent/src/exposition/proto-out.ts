/**
 * Bytes of protobuf messages: fields, and messages in messages, written one behind the other without a list of their lengths.
 */
import { BytesOut } from './bytes-out.ts'

/** Fields of a label's message. */
const LABEL = { name: 0x0a, value: 0x12 } as const
const EQUALS = 61
const QUOTE = 34
const BACKSLASH = 92
const N = 110
const LINE = 10

export class ProtoOut extends BytesOut {
  /** A whole number. What is none, or has no end, makes ten bytes at most. */
  bare(given: number): void {
    this.reserve(10)
    const most = this.at + 9
    let value = given
    while (value >= 128 && this.at < most) {
      this.bytes[this.at++] = (value % 128) | 128
      value = Math.floor(value / 128)
    }
    this.bytes[this.at++] = value
  }

  varint(tag: number, value: number): void {
    this.bare(tag)
    this.bare(value)
  }

  double(tag: number, value: number): void {
    this.bare(tag)
    this.reserve(8)
    this.at += 8
    this.doubleBefore(this.at, value)
  }

  /** Over the eight bytes before `end`. */
  doubleBefore(end: number, value: number): void {
    this.view.setFloat64(end - 8, value, true)
  }

  string(tag: number, text: string): void {
    const from = this.open(tag)
    this.text(text)
    this.close(from)
  }

  /** A message begins; what is given is for its `close`. */
  open(tag: number): number {
    this.bare(tag)
    return this.begin()
  }

  /** A message without a tag. Its length takes one byte, and what is written is moved when it needs more. */
  begin(): number {
    this.reserve(1)
    return ++this.at
  }

  close(from: number): void {
    const length = this.at - from
    const more = sizeOf(length) - 1
    if (more > 0) {
      this.reserve(more)
      this.bytes.copyWithin(from + more, from, this.at)
    }
    this.at = from - 1
    this.bare(length)
    this.at = from + more + length
  }

  /** Labels as they stand on a text page, `method="GET",route="/"`, as messages of name and value. */
  labels(tag: number, source: Uint8Array, from: number, to: number): void {
    // A label is at least four bytes there, and has four tags and lengths here, none longer than three bytes.
    this.reserve((to - from) * 4 + 12)
    let at = from
    while (at < to) {
      let nameTo = at
      while (nameTo < to && source[nameTo] !== EQUALS) nameTo++
      const valueFrom = nameTo + 2
      let valueTo = valueFrom
      let escapes = 0
      for (; valueTo < to && source[valueTo] !== QUOTE; valueTo++) {
        if (source[valueTo] !== BACKSLASH) continue
        escapes++
        valueTo++
      }
      // The journal is written anew at this moment: the page is made again.
      if (valueTo >= to) return
      const name = nameTo - at
      const value = valueTo - valueFrom - escapes
      const { bytes } = this
      let out = this.at
      bytes[out] = tag
      out = length(bytes, out + 1, 2 + sizeOf(name) + name + sizeOf(value) + value)
      bytes[out] = LABEL.name
      out = length(bytes, out + 1, name)
      for (let i = at; i < nameTo; i++) bytes[out++] = source[i]!
      bytes[out] = LABEL.value
      out = length(bytes, out + 1, value)
      if (escapes === 0) for (let i = valueFrom; i < valueTo; i++) bytes[out++] = source[i]!
      else out = unescaped(bytes, out, source.subarray(valueFrom, valueTo))
      this.at = out
      // The quote, and a comma.
      at = valueTo + 2
    }
  }
}

/** Gives where it ends. There is room. */
function length(bytes: Uint8Array, at: number, value: number): number {
  let to = at
  let rest = value
  for (; rest >= 128; rest >>>= 7) bytes[to++] = (rest & 127) | 128
  bytes[to++] = rest
  return to
}

/** Gives where it ends. There is room. */
function unescaped(bytes: Uint8Array, at: number, text: Uint8Array): number {
  let to = at
  for (let i = 0; i < text.length; i++) {
    let byte = text[i]!
    if (byte === BACKSLASH) {
      byte = text[++i]!
      if (byte === N) byte = LINE
    }
    bytes[to++] = byte
  }
  return to
}

/** Bytes of a length. */
function sizeOf(length: number): number {
  let bytes = 1
  for (let rest = length; rest >= 128; rest /= 128) bytes++
  return bytes
}
