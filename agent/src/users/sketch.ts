/**
 * How many distinct ids: exact up to EXACT_LIMIT, then a HyperLogLog with the estimator of Ertl ("New cardinality estimation
 * algorithms for HyperLogLog sketches", 2017, arXiv:1702.01284, algorithm 6), which needs no tables of biases.
 *
 * - Adding an id twice changes nothing; merging two sketches is the sketch of both streams, in any order.
 * - An id is 53 bits of its hash: enough to tell 1,000 apart without error, and a JavaScript number.
 * - 2^p registers of a byte: p = 14 is 16 KiB at 0.8 % standard error, p = 12 is 4 KiB at 1.6 %.
 */
export const EXACT_LIMIT = 1_024
const HASH_BITS = 53
const LOW_BITS = HASH_BITS - 32
const LOW_RANGE = 2 ** LOW_BITS
const ALPHA_INFINITY = 1 / (2 * Math.LN2)

/** What travels between workers. `exact` are ids; `registers` are base64. */
export type SketchData = { readonly p: number; readonly exact?: readonly number[]; readonly registers?: string }

export class Sketch {
  readonly p: number
  #exact: Set<number> | undefined = new Set()
  #registers: Uint8Array | undefined

  constructor(p: number) {
    this.p = p
  }

  /** `hi` and `lo` are unsigned 32-bit halves of a hash. */
  add(hi: number, lo: number): void {
    if (this.#registers !== undefined) this.#raise(hi, lo & ~0x7ff)
    else this.#addExact(hi * LOW_RANGE + (lo >>> (32 - LOW_BITS)))
  }

  merge(other: Sketch): void {
    if (other.p !== this.p) throw new RangeError(`ASSAY_AGENT_SKETCH: p ${other.p} does not merge with p ${this.p}`)
    if (other.#exact !== undefined) {
      for (const id of other.#exact) this.#addId(id)
      return
    }
    this.#toRegisters()
    const [mine, theirs] = [this.#registers!, other.#registers!]
    for (let i = 0; i < mine.length; i++) if (theirs[i]! > mine[i]!) mine[i] = theirs[i]!
  }

  count(): number {
    return this.#exact?.size ?? estimate(this.#registers!, this.p)
  }

  toData(): SketchData {
    if (this.#exact !== undefined) return { p: this.p, exact: [...this.#exact] }
    return { p: this.p, registers: Buffer.from(this.#registers!).toString('base64') }
  }

  /** From another worker; undefined when it is not one of ours. */
  static tryFrom(data: unknown): Sketch | undefined {
    if (
      typeof data !== 'object' ||
      data === null ||
      !('p' in data) ||
      typeof data.p !== 'number' ||
      data.p < 4 ||
      data.p > 16
    )
      return undefined
    const sketch = new Sketch(data.p)
    if ('registers' in data && typeof data.registers === 'string') {
      const registers = new Uint8Array(Buffer.from(data.registers, 'base64'))
      if (registers.length !== 2 ** data.p) return undefined
      sketch.#exact = undefined
      sketch.#registers = registers
      return sketch
    }
    if (!('exact' in data) || !Array.isArray(data.exact) || data.exact.length > EXACT_LIMIT) return undefined
    for (const id of data.exact) {
      if (!Number.isSafeInteger(id) || id < 0) return undefined
      sketch.#addId(id)
    }
    return sketch
  }

  #addId(id: number): void {
    if (this.#registers !== undefined) this.#raise(Math.floor(id / LOW_RANGE), (id % LOW_RANGE) << (32 - LOW_BITS))
    else this.#addExact(id)
  }

  #addExact(id: number): void {
    const exact = this.#exact!
    exact.add(id)
    if (exact.size > EXACT_LIMIT) this.#toRegisters()
  }

  #toRegisters(): void {
    if (this.#registers !== undefined) return
    const ids = this.#exact!
    this.#exact = undefined
    this.#registers = new Uint8Array(2 ** this.p)
    for (const id of ids) this.#addId(id)
  }

  /** The first p bits choose the register; it keeps the greatest rank, 1 + leading zeros of the other 53 - p bits. */
  #raise(hi: number, lo: number): void {
    const p = this.p
    const registers = this.#registers!
    const upper = hi << p
    const rank = upper !== 0 ? Math.clz32(upper) + 1 : 32 - p + Math.min(Math.clz32(lo), LOW_BITS) + 1
    const register = hi >>> (32 - p)
    if (rank > registers[register]!) registers[register] = rank
  }
}

function estimate(registers: Uint8Array, p: number): number {
  const m = registers.length
  const q = HASH_BITS - p
  const counts = new Float64Array(q + 2)
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
