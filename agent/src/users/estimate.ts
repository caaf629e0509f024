/**
 * How many distinct hashes registers have seen: HyperLogLog with the estimator of Ertl ("New cardinality estimation algorithms for
 * HyperLogLog sketches", 2017, arXiv:1702.01284, algorithm 6), which needs no tables of biases and is right from nothing to saturation.
 *
 * - 2^p registers of a byte; a register keeps the greatest rank seen: 1 + leading zeros of the bits of the hash behind its first p.
 * - `bits` is the length of the hashes: ranks go from 1 to bits - p + 1.
 */
const ALPHA_INFINITY = 1 / (2 * Math.LN2)

/** Which register. `hi`: the first 32 bits of a hash, signed or not. */
export function registerOf(hi: number, p: number): number {
  return hi >>> (32 - p)
}

/** Hashes of 32 bits have no `lo`; longer ones have their further bits at its top. */
export function rankOf(hi: number, lo: number, p: number, bits: number): number {
  const upper = hi << p
  if (upper !== 0) return Math.clz32(upper) + 1
  return 32 - p + (bits === 32 ? 0 : Math.min(Math.clz32(lo), bits - 32)) + 1
}

export function estimate(registers: Uint8Array, p: number, bits: number): number {
  const m = registers.length
  const q = bits - p
  const counts = new Float64Array(256)
  for (let i = 0; i < m; i++) counts[registers[i]!]! += 1
  let z = m * tau(1 - counts[q + 1]! / m)
  for (let k = q; k >= 1; k--) z = 0.5 * (z + counts[k]!)
  z += m * sigma(counts[0]! / m)
  return Math.round((ALPHA_INFINITY * m * m) / z)
}

function sigma(given: number): number {
  if (given === 1) return Number.POSITIVE_INFINITY
  let x = given
  let y = 1
  let z = given
  for (let before = -1; z !== before; ) {
    before = z
    x *= x
    z += x * y
    y += y
  }
  return z
}

function tau(given: number): number {
  if (given === 0 || given === 1) return 0
  let x = given
  let y = 1
  let z = 1 - given
  for (let before = -1; z !== before; ) {
    before = z
    x = Math.sqrt(x)
    y *= 0.5
    z -= (1 - x) ** 2 * y
  }
  return z / 3
}
