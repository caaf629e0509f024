/**
 * A keyed hash of an id: HalfSipHash-1-3 with a 64-bit key and answer (Aumasson and Bernstein, "SipHash: a fast short-input PRF",
 * 2012; the half-width variant of its reference code).
 *
 * - Keyed, so that nobody without the key can try ids against a sketch; 32-bit words, because JavaScript has no cheap 64-bit ones.
 * - Texts of code units below 256 go four to a word, all others two to a word from their beginning; the last word says which, and the
 *   length. A UUID takes 44 ns so (`bench/agent/users.ts`).
 * - This is a part of the format of the sketches that travel: a change makes those of older agents count people twice.
 */
export type HashKey = { readonly k0: number; readonly k1: number }

/** Receives the two halves as signed words, so that hashing allocates nothing. */
export type Hash64 = { hi: number; lo: number }

const WIDE = 0x80

export function hashId(id: string, { k0, k1 }: HashKey, out: Hash64): void {
  const length = id.length
  let v0 = k0
  let v1 = k1 ^ 0xee
  let v2 = 0x6c796765 ^ k0
  let v3 = 0x74656462 ^ k1
  let units = 0
  let at = 0
  for (; at + 3 < length; at += 4) {
    const a = id.charCodeAt(at)
    const b = id.charCodeAt(at + 1)
    const c = id.charCodeAt(at + 2)
    const d = id.charCodeAt(at + 3)
    units |= a | b | c | d
    const word = a | (b << 8) | (c << 16) | (d << 24)
    v3 ^= word
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= word
  }
  let word = length << 24
  for (let shift = 0; at < length; at++, shift += 8) {
    const unit = id.charCodeAt(at)
    units |= unit
    word |= unit << shift
  }
  if (units > 0xff) {
    hashWide(id, k0, k1, out)
    return
  }
  finish(v0, v1, v2, v3, word, out)
}

function hashWide(id: string, k0: number, k1: number, out: Hash64): void {
  const length = id.length
  let v0 = k0
  let v1 = k1 ^ 0xee
  let v2 = 0x6c796765 ^ k0 ^ WIDE
  let v3 = 0x74656462 ^ k1
  for (let at = 0; at + 1 < length; at += 2) {
    const word = id.charCodeAt(at) | (id.charCodeAt(at + 1) << 16)
    v3 ^= word
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= word
  }
  finish(v0, v1, v2, v3, (length << 24) | ((length & 1) === 1 ? id.charCodeAt(length - 1) : 0), out)
}

/** The last word, then three rounds for each half. */
function finish(a: number, b: number, c: number, d: number, word: number, out: Hash64): void {
  let v0 = a
  let v1 = b
  let v2 = c
  let v3 = d ^ word
  for (let round = 0; round < 7; round++) {
    if (round === 1) {
      v0 ^= word
      v2 ^= 0xee
    } else if (round === 4) {
      out.hi = v1 ^ v3
      v1 ^= 0xdd
    }
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
  }
  out.lo = v1 ^ v3
}
