/**
 * Bytes against bytes, as most of what remote write costs: some 115 bytes a series. For 120 bytes and up to date caches 120 ns by this, 235 ns word
 * by word, 350 ns by `Buffer.compare`, which is a call out of the engine (one loaded machine, CPU time, median of three).
 */

/** True when the `length` bytes at `i` of `a` are those at `k` of `b`. Both have to be there. */
export function isSame(a: DataView, i: number, b: DataView, k: number, length: number): boolean {
  let n = 0
  for (const end = length - 15; n < end; n += 16) {
    const x = i + n
    const y = k + n
    const differs =
      (a.getInt32(x, true) ^ b.getInt32(y, true)) |
      (a.getInt32(x + 4, true) ^ b.getInt32(y + 4, true)) |
      (a.getInt32(x + 8, true) ^ b.getInt32(y + 8, true)) |
      (a.getInt32(x + 12, true) ^ b.getInt32(y + 12, true))
    if (differs !== 0) return false
  }
  for (const end = length - 3; n < end; n += 4) if (a.getInt32(i + n, true) !== b.getInt32(k + n, true)) return false
  for (; n < length; n++) if (a.getUint8(i + n) !== b.getUint8(k + n)) return false
  return true
}
