/**
 * Whole numbers in as few bits as the largest of them needs, one behind the other, lowest bit first. No allocation in either direction.
 *
 * - Numbers are differences to a base, within [0, 2^width), width at most 53.
 * - Up to 32 bits a number is at most in two neighbouring words: it is read without a branch. Of wider ones the low 32 bits come
 *   first, all of them, and then the rest, packed likewise.
 *
 * A whole column costs 13 ns of CPU a value to write so, its form chosen, and 4 to read (`bench/tsdb-blocks.ts`); varints cost 36 and 24.
 */
import { type ByteWriter, LITTLE } from './bytes.ts'

export const MAX_WIDTH = 53
const WORD = 2 ** 32

/** Bits that numbers from 0 to `range` need; more than `MAX_WIDTH` for what cannot be packed. */
export function widthOf(range: number): number {
  return range < WORD ? 32 - Math.clz32(range) : 64 - Math.clz32(Math.min(range / WORD, WORD - 1))
}

/** Bytes of `count` numbers. */
export function packedBytes(count: number, width: number): number {
  return (count * width + 7) >>> 3
}

let scratch = new Uint32Array(256)
let scratchBytes = new Uint8Array(scratch.buffer)

/** Writes `column[from + i] - base` for `count` entries. */
export function packBits(
  out: ByteWriter,
  column: Float64Array,
  { from, count, base, width }: { from: number; count: number; base: number; width: number },
): void {
  if (width === 0) return
  const needed = (packedBytes(count, width) >>> 2) + 2
  if (scratch.length < needed) {
    scratch = new Uint32Array(needed * 2)
    scratchBytes = new Uint8Array(scratch.buffer)
  }
  const words = scratch
  let acc = 0
  let have = 0
  let k = 0
  const end = from + count
  if (width > 32) {
    for (let i = from; i < end; i++) words[k++] = (column[i]! - base) % WORD
    const high = width - 32
    for (let i = from; i < end; i++) {
      const value = Math.floor((column[i]! - base) / WORD)
      acc |= value << have
      have += high
      if (have < 32) continue
      words[k++] = acc
      have -= 32
      acc = have === 0 ? 0 : value >>> (high - have)
    }
  } else {
    for (let i = from; i < end; i++) {
      // Made an integer once: what follows is done in its 32 bits.
      const value = (column[i]! - base) | 0
      acc |= value << have
      have += width
      if (have < 32) continue
      words[k++] = acc
      have -= 32
      acc = have === 0 ? 0 : value >>> (width - have)
    }
  }
  words[k] = acc
  const size = packedBytes(count, width)
  if (!LITTLE) Buffer.from(scratch.buffer, 0, (k + 1) * 4).swap32()
  out.bytes(scratchBytes.subarray(0, size))
}

/** Reads `count` numbers that begin at bit `bit` of `words`, adds `base` to each, into `out` from 0 on. One word more must follow. */
export function unpackBits(
  words: Uint32Array,
  bit: number,
  width: number,
  count: number,
  base: number,
  out: Float64Array,
): void {
  if (width < 32) {
    const mask = (1 << width) - 1
    for (let i = 0, at = bit; i < count; i++, at += width) {
      const k = at >>> 5
      const shift = at & 31
      out[i] = (((words[k]! >>> shift) | ((words[k + 1]! << 1) << (31 - shift))) & mask) + base
    }
    return
  }
  for (let i = 0, at = bit; i < count; i++, at += 32) {
    const k = at >>> 5
    const shift = at & 31
    out[i] = (((words[k]! >>> shift) | ((words[k + 1]! << 1) << (31 - shift))) >>> 0) + base
  }
  if (width === 32) return
  const high = width - 32
  const mask = (1 << high) - 1
  for (let i = 0, at = bit + count * 32; i < count; i++, at += high) {
    const k = at >>> 5
    const shift = at & 31
    out[i]! += (((words[k]! >>> shift) | ((words[k + 1]! << 1) << (31 - shift))) & mask) * WORD
  }
}
