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
const DOUBLE = new Float64Array(1)
const BYTES = new Uint8Array(DOUBLE.buffer)
/** From a byte of a double as it lies in memory to its place in the message, which is little-endian. */
const SWAP = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 0 : 7

export class ProtoOut extends BytesOut {
  bare(given: number): void {
    this.reserve(10)
    let value = given
    while (value >= 128) {
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
    DOUBLE[0] = value
    for (let i = 0; i < 8; i++) this.bytes[end - 8 + i] = BYTES[i ^ SWAP]!
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
      this.reserve(name + value + 24)
      this.bare(tag)
      this.bare(2 + sizeOf(name) + name + sizeOf(value) + value)
      this.bare(LABEL.name)
      this.bare(name)
      const { bytes } = this
      for (let i = at; i < nameTo; i++) bytes[this.at++] = source[i]!
      this.bare(LABEL.value)
      this.bare(value)
      this.#unescaped(source, valueFrom, valueTo)
      // The quote, and a comma.
      at = valueTo + 2
    }
  }

  /** There is room. */
  #unescaped(source: Uint8Array, from: number, to: number): void {
    const { bytes } = this
    let out = this.at
    for (let i = from; i < to; i++) {
      let byte = source[i]!
      if (byte === BACKSLASH) {
        byte = source[++i]!
        if (byte === N) byte = LINE
      }
      bytes[out++] = byte
    }
    this.at = out
  }
}

/** Bytes of a length. */
function sizeOf(length: number): number {
  let bytes = 1
  for (let rest = length; rest >= 128; rest = Math.floor(rest / 128)) bytes++
  return bytes
}
