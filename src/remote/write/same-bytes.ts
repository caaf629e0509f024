/**
 * Bytes against bytes, the most frequent thing that remote write does: some 115 bytes a series. For 120 bytes that are in the caches: 38 ns
 * by this, 56 ns by four words of 32 bits at a time, over 80 ns by one, over 120 ns by `Buffer.compare`, which is a call out of the engine.
 * (CPU time, Node 26. In code that the engine has optimized no `bigint` is made.)
 */

const BLOCK = 16

/** True when the `length` bytes at `i` of `a` are those at `k` of `b`. Both have to be there. */
export function isSame(a: DataView, i: number, b: DataView, k: number, length: number): boolean {
  if (length < BLOCK) return isSameShort(a, i, b, k, length)
  // The last block laps over the one before it, so that no rest is left to go through byte by byte. So do the words of a short one.
  const last = length - BLOCK
  for (let n = 0; n < last; n += BLOCK) if (!isSameBlock(a, i + n, b, k + n)) return false
  return isSameBlock(a, i + last, b, k + last)
}

function isSameShort(a: DataView, i: number, b: DataView, k: number, length: number): boolean {
  if (length >= 8) {
    const last = length - 8
    return (
      a.getBigInt64(i, true) === b.getBigInt64(k, true) &&
      a.getBigInt64(i + last, true) === b.getBigInt64(k + last, true)
    )
  }
  if (length >= 4) {
    const last = length - 4
    return a.getInt32(i, true) === b.getInt32(k, true) && a.getInt32(i + last, true) === b.getInt32(k + last, true)
  }
  for (let n = 0; n < length; n++) if (a.getUint8(i + n) !== b.getUint8(k + n)) return false
  return true
}

function isSameBlock(a: DataView, i: number, b: DataView, k: number): boolean {
  return a.getBigInt64(i, true) === b.getBigInt64(k, true) && a.getBigInt64(i + 8, true) === b.getBigInt64(k + 8, true)
}
