/**
 * Snappy blocks into a buffer that is kept: for bodies that come by the thousand, of which nothing is kept.
 *
 * The native package is a third faster, but its buffer of 110 KB a request has the collector run three times a second: what is saved in
 * decoding is lost several times over (a server that takes 500,000 samples a second, Node 26: 40 to 100 ms of CPU each time).
 *
 * - No byte is written beyond the length that the block begins with, but for a margin that is ours; nothing is read that was not written.
 * - What was unpacked is there until the next block is.
 *
 * Source: google/snappy, format_description.txt.
 */
import { AssayError } from '#core'

/** What is usual is copied by whole words, which may run over its end: by up to 32 bytes here, and 20 that are read there. */
const MARGIN = 64
const READ_AHEAD = 20
const FIRST_BYTES = 64 * 1024
/** A literal of this many bytes, and a copy from so far back, go by words. */
const SHORT_LITERAL = 16
const WORD = 8

/**
 * By tag of a copy: bits 0 to 6 its length, 8 to 10 the high bits of its distance, from 11 on how many bytes of distance follow. A
 * look-up where a choice between the kinds would be guessed wrong by the processor half of the time.
 */
const COPIES = new Uint16Array(256)
for (let tag = 0; tag < 256; tag++) {
  const kind = tag & 3
  if (kind === 1) COPIES[tag] = (((tag >> 2) & 7) + 4) | ((tag >> 5) << 8) | (1 << 11)
  else if (kind > 1) COPIES[tag] = ((tag >> 2) + 1) | ((kind === 2 ? 2 : 4) << 11)
}
const DISTANCES = Uint32Array.of(0, 0xff, 0xffff, 0, 0xffffffff)

export class SnappyBlocks {
  #out = new Uint8Array(FIRST_BYTES + MARGIN)
  #words = new DataView(this.#out.buffer)
  /** How far the block is read, and what is written. */
  #p = 0
  #o = 0

  /** `length`: what the block says it unpacks to. Throws `ASSAY_REMOTE_SNAPPY`. */
  unpack(block: Uint8Array, length: number): Uint8Array {
    if (length + MARGIN > this.#out.length) {
      this.#out = new Uint8Array(Math.max(length + MARGIN, this.#out.length * 2))
      this.#words = new DataView(this.#out.buffer)
    }
    const from = new DataView(block.buffer, block.byteOffset, block.length)
    this.#p = lengthEnd(block)
    this.#o = 0
    while (this.#p < block.length) {
      this.#usual(block, from, length)
      if (this.#p < block.length) this.#step(block, from, length)
    }
    if (this.#o !== length) throw broken(`unpacks to ${this.#o} bytes and not to ${length}, as it says`)
    return this.#out.subarray(0, length)
  }

  /** The hot loop: goes on until something comes that is not usual, or makes no sense, and leaves that to `#step`. */
  #usual(block: Uint8Array, from: DataView, length: number): void {
    const to = this.#words
    const end = block.length - READ_AHEAD
    let p = this.#p
    let o = this.#o
    while (p < end) {
      const tag = block[p]!
      if ((tag & 3) === 0) {
        const count = (tag >> 2) + 1
        if (count > SHORT_LITERAL || o + count > length) break
        to.setBigInt64(o, from.getBigInt64(p + 1, true), true)
        to.setBigInt64(o + 8, from.getBigInt64(p + 9, true), true)
        p += 1 + count
        o += count
        continue
      }
      const copy = COPIES[tag]!
      const extra = copy >> 11
      const count = copy & 0x7f
      const back = (copy & 0x700) + ((from.getUint32(p + 1, true) & DISTANCES[extra]!) >>> 0)
      if (back < WORD || back > o || o + count > length) break
      const source = o - back
      // Eight bytes at a time, of which none depends on one that is written with it.
      to.setBigInt64(o, to.getBigInt64(source, true), true)
      to.setBigInt64(o + 8, to.getBigInt64(source + 8, true), true)
      to.setBigInt64(o + 16, to.getBigInt64(source + 16, true), true)
      to.setBigInt64(o + 24, to.getBigInt64(source + 24, true), true)
      for (let i = 32; i < count; i += 16) {
        to.setBigInt64(o + i, to.getBigInt64(source + i, true), true)
        to.setBigInt64(o + i + 8, to.getBigInt64(source + i + 8, true), true)
      }
      p += 1 + extra
      o += count
    }
    this.#p = p
    this.#o = o
  }

  /** One element, whatever it is, byte by byte and with all checks. */
  #step(block: Uint8Array, from: DataView, length: number): void {
    const out = this.#out
    const end = block.length
    const tag = block[this.#p]!
    const kind = tag & 3
    let p = this.#p + 1
    let o = this.#o
    let count = (tag >> 2) + 1
    if (kind === 0) {
      if (count > 60) {
        const bytes = count - 60
        if (p + bytes > end) throw broken('ends within a length')
        count = 1
        for (let i = 0; i < bytes; i++) count += block[p++]! * 2 ** (8 * i)
      }
      if (p + count > end || o + count > length) throw broken('has a text beyond its end')
      out.set(block.subarray(p, p + count), o)
      this.#p = p + count
      this.#o = o + count
      return
    }
    const extra = COPIES[tag]! >> 11
    if (p + extra > end) throw broken('ends within a copy')
    let back = COPIES[tag]! & 0x700
    if (kind === 1) {
      count = ((tag >> 2) & 7) + 4
      back |= block[p]!
    } else back = kind === 2 ? from.getUint16(p, true) : from.getUint32(p, true)
    p += extra
    if (back === 0 || back > o) throw broken('copies from before its beginning')
    if (o + count > length) throw broken('has a copy beyond its end')
    for (const source = o - back, stop = o + count; o < stop; o++) out[o] = out[source + o - this.#o]!
    this.#p = p
    this.#o = o
  }
}

/** The unpacked length that a snappy block begins with, a varint of at most five bytes; `undefined`: it has none. */
export function snappyLength(block: Uint8Array): number | undefined {
  let length = 0
  for (let i = 0; i < 5 && i < block.length; i++) {
    length += (block[i]! & 0x7f) * 2 ** (7 * i)
    if (block[i]! < 0x80) return length
  }
  return undefined
}

function lengthEnd(block: Uint8Array): number {
  let at = 0
  while (at < block.length && block[at]! >= 0x80) at++
  return at + 1
}

function broken(why: string): AssayError<'ASSAY_REMOTE_SNAPPY'> {
  return new AssayError('ASSAY_REMOTE_SNAPPY', `the body is not packed as a snappy block: it ${why}`)
}
