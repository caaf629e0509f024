/**
 * A keyed hash of an id: HalfSipHash-1-3 with a 64-bit key and answer (Aumasson and Bernstein, "SipHash: a fast short-input PRF",
 * 2012; the half-width variant of its reference code).
 *
 * - Keyed, so that nobody without the key can try ids against a sketch; 32-bit words, because JavaScript has no cheap 64-bit ones.
 * - Hashes UTF-16 code units, two a word: ids are compared with ids from the same language only.
 */
export type HashKey = { readonly k0: number; readonly k1: number }

/** Receives the two halves, so that hashing allocates nothing. */
export type Hash64 = { hi: number; lo: number }

export function hashId(id: string, { k0, k1 }: HashKey, out: Hash64): void {
  let v0 = k0
  let v1 = k1 ^ 0xee
  let v2 = 0x6c796765 ^ k0
  let v3 = 0x74656462 ^ k1
  const length = id.length
  // The last word holds the length and, when it is odd, the last code unit.
  for (let i = 0; ; i += 2) {
    const last = i + 1 >= length
    const word = last
      ? ((length << 24) ^ (i < length ? id.charCodeAt(i) : 0)) | 0
      : id.charCodeAt(i) | (id.charCodeAt(i + 1) << 16)
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
    if (last) break
  }
  v2 ^= 0xee
  for (let round = 0; round < 6; round++) {
    if (round === 3) {
      out.hi = (v1 ^ v3) >>> 0
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
  out.lo = (v1 ^ v3) >>> 0
}
