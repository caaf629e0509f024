/**
 * Samples of one series as a stream of tokens in slabs: written one by one as they come, read from any slab on.
 *
 * A token is a byte, kind * 64 + low, and what follows it. A *step* is the distance to the instant before. Values are whole numbers
 * divided by 10^e, e from 0 to 15, as long as that gives back exactly their bits; the first byte of a slab says with which e it begins
 * (255: none).
 *
 *   0  run      low samples (1 to 63), each at the same step and of the same bits as the one before. The last token grows in place.
 *   1  whole    the same step; zigzag (n - n before) in low and what follows
 *   2  whole    zigzag (step - step before) as varint, then as 1; a difference of 0: the bits before, whatever they are
 *   3  other    low bit 5: zigzag (step - step before) as varint follows. Then by low & 31
 *                 0  xor      u8 (zero bytes at the low end * 16 + bytes that follow), those bytes: the bits XOR those before;
 *                             from here to the end of the slab there are no whole numbers
 *                 1  rebase   u8 e, zigzag n as varint
 *                 2  literal  the 8 bytes; n stays as it was, and a rebase follows before the next difference
 *
 * low of 1 and 2: 0 to 31 the number itself; 32 to 59: 32 + (low - 32) * 256 + a byte, up to 7,199; 60: two bytes, 61: three,
 * 62: four, 63: a varint.
 *
 * - A slab takes MAX_SAMPLES at most, so that a reader of the last minutes does not walk hours of runs.
 * - Nothing here looks at more than one series. Steps beyond 2^31 ms begin a slab.
 */
import { HIGH, LOW } from '../codec/bytes.ts'
import type { Records } from './records.ts'
import type { Slabs } from './slabs.ts'

export type HeadMemory = { readonly records: Records; readonly slabs: Slabs }

/** Samples of one slab at most: an hour at 15 s. */
export const MAX_SAMPLES = 240
/** The longest sample: token, a step of 33 bits, e, a number of 52 bits; or token, step, control, 8 bytes. */
export const MAX_TOKEN_BYTES = 16
export const MAX_STEP = 2 ** 31 - 1
export const NO_EXPONENT = 255

export const RUN = 0
export const SAME_STEP = 1 << 6
export const OTHER_STEP = 2 << 6
export const OTHER = 3 << 6
export const WITH_STEP = 1 << 5
export const XOR = 0
export const REBASE = 1
export const LITERAL = 2

/** One double as its two words, for whoever changes between them. */
export const scratch: Float64Array = new Float64Array(1)
export const scratchWords: Uint32Array = new Uint32Array(scratch.buffer)

export function numberOf(low: number, high: number): number {
  scratchWords[LOW] = low
  scratchWords[HIGH] = high
  return scratch[0]!
}
