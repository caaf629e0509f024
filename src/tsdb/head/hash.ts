/** Hashes of numbers of 32 bits, for tables with open addressing. Constants and mixing of MurmurHash3 (public domain, A. Appleby). */

export function hashOfTwo(name: number, value: number): number {
  let hash = Math.imul(name, 0x9e3779b1) ^ value
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Of the first `count` numbers. */
export function hashOfMany(numbers: Uint32Array, count: number): number {
  let hash = count
  for (let i = 0; i < count; i++) {
    let k = Math.imul(numbers[i]!, 0xcc9e2d51)
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593)
    hash ^= k
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
