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

/** Copies go by whole words and may run over their end. */
const MARGIN = 64
const FIRST_BYTES = 64 * 1024

export class SnappyBlocks {
  #out = new Uint8Array(FIRST_BYTES + MARGIN)
  #words = new DataView(this.#out.buffer)

  /** `length`: what the block says it unpacks to. Throws `ASSAY_REMOTE_SNAPPY`. */
  unpack(block: Uint8Array, length: number): Uint8Array {
    if (length + MARGIN > this.#out.length) {
      this.#out = new Uint8Array(Math.max(length + MARGIN, this.#out.length * 2))
      this.#words = new DataView(this.#out.buffer)
    }
    const out = this.#out
    const to = this.#words
    const from = new DataView(block.buffer, block.byteOffset, block.length)
    const end = block.length
    let p = lengthEnd(block)
    let o = 0
    while (p < end) {
      const tag = block[p++]!
      const kind = tag & 3
      if (kind === 0) {
        let count = (tag >> 2) + 1
        if (count <= 16 && p + 16 <= end && o + count <= length) {
          to.setBigInt64(o, from.getBigInt64(p, true), true)
          to.setBigInt64(o + 8, from.getBigInt64(p + 8, true), true)
        } else {
          if (count > 60) {
            const bytes = count - 60
            if (p + bytes > end) throw broken('ends within a length')
            count = 1
            for (let i = 0; i < bytes; i++) count += block[p++]! * 2 ** (8 * i)
          }
          if (p + count > end || o + count > length) throw broken('has a text beyond its end')
          out.set(block.subarray(p, p + count), o)
        }
        p += count
        o += count
        continue
      }
      let count = (tag >> 2) + 1
      let back: number
      if (kind === 1) {
        if (p + 1 > end) throw broken('ends within a copy')
        count = ((tag >> 2) & 7) + 4
        back = ((tag & 0xe0) << 3) | block[p++]!
      } else if (kind === 2) {
        if (p + 2 > end) throw broken('ends within a copy')
        back = from.getUint16(p, true)
        p += 2
      } else {
        if (p + 4 > end) throw broken('ends within a copy')
        back = from.getUint32(p, true)
        p += 4
      }
      if (back === 0 || back > o) throw broken('copies from before its beginning')
      if (o + count > length) throw broken('has a copy beyond its end')
      const source = o - back
      if (back >= 8) {
        // Eight bytes at a time, of which none depends on one that is written with it.
        for (let i = 0; i < count; i += 16) {
          to.setBigInt64(o + i, to.getBigInt64(source + i, true), true)
          to.setBigInt64(o + i + 8, to.getBigInt64(source + i + 8, true), true)
        }
      } else for (let i = 0; i < count; i++) out[o + i] = out[source + i]!
      o += count
    }
    if (o !== length) throw broken(`unpacks to ${o} bytes and not to ${length}, as it says`)
    return out.subarray(0, length)
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
