/**
 * Sketches of distinct users as agents tell them (docs/formats/agent-users.md), read, merged, counted and kept.
 *
 * - Exact while the ids fit the bytes of the registers, then HyperLogLog; merging is the sketch of both streams, in any order.
 * - The estimator is Ertl's ("New cardinality estimation algorithms for HyperLogLog sketches", 2017, arXiv:1702.01284, algorithm 6).
 * - The agent writes them without a line of this; `test/collectors/users.test.ts` ties the two.
 */
export type SketchKind = {
  readonly p: number
  readonly bits: 32 | 53
  readonly idBytes: 4 | 7
  readonly places: number
}

export const DAY_KIND: SketchKind = { p: 14, bits: 53, idBytes: 7, places: 2_048 }
export const MINUTE_KIND: SketchKind = { p: 12, bits: 32, idBytes: 4, places: 1_024 }

export type SketchData = { readonly exact: string } | { readonly registers: string } | { readonly sparse: string }

const SPARSE_BYTES = 3
const LOW_BITS = 21
const LOW_RANGE = 2 ** LOW_BITS

export class Sketch {
  readonly kind: SketchKind
  #exact: Set<number> | undefined = new Set()
  #registers: Uint8Array | undefined

  constructor(kind: SketchKind) {
    this.kind = kind
  }

  /** Undefined for what is no sketch of that kind. The length is looked at before anything is decoded. */
  static tryFrom(data: unknown, kind: SketchKind): Sketch | undefined {
    if (typeof data !== 'object' || data === null) return undefined
    const { exact, registers, sparse } = data as Readonly<Record<string, unknown>>
    if (exact !== undefined) return ofIds(exact, kind)
    return registers === undefined ? ofSparse(sparse, kind) : ofRegisters(registers, kind)
  }

  addId(id: number): void {
    const exact = this.#exact
    if (exact === undefined) {
      this.#raise(id)
      return
    }
    exact.add(id)
    if (exact.size > this.kind.places) this.#turn()
  }

  /** Raises one register; the sketch is not exact afterwards. */
  raise(register: number, rank: number): void {
    this.#turn()
    const registers = this.#registers!
    if (rank > registers[register]!) registers[register] = rank
  }

  /** Whether anything was new to it. */
  merge(other: Sketch): boolean {
    if (other.kind !== this.kind) throw new RangeError('BUG: sketches of days and minutes do not merge')
    if (this.#exact !== undefined && other.#exact !== undefined) {
      const before = this.#exact.size
      for (const id of other.#exact) this.addId(id)
      return this.#exact?.size !== before
    }
    let changed = this.#exact !== undefined
    this.#turn()
    const mine = this.#registers!
    const theirs = other.#registers ?? registersOf(other.#exact!, this.kind)
    for (let i = 0; i < mine.length; i++) {
      if (theirs[i]! <= mine[i]!) continue
      mine[i] = theirs[i]!
      changed = true
    }
    return changed
  }

  count(): number {
    return this.#exact?.size ?? estimate(this.#registers!, this.kind)
  }

  toData(): SketchData {
    const { idBytes } = this.kind
    if (this.#exact !== undefined) {
      const bytes = Buffer.alloc(this.#exact.size * idBytes)
      for (const [i, id] of [...this.#exact].sort((a, b) => a - b).entries()) {
        bytes.writeUInt32LE(id % 2 ** 32, i * idBytes)
        if (idBytes === 7) bytes.writeUIntLE(Math.floor(id / 2 ** 32), i * idBytes + 4, 3)
      }
      return { exact: bytes.toString('base64') }
    }
    const registers = this.#registers!
    const used = registers.reduce((sum, rank) => sum + (rank === 0 ? 0 : 1), 0)
    if (used * SPARSE_BYTES >= registers.length) return { registers: Buffer.from(registers).toString('base64') }
    const bytes = Buffer.alloc(used * SPARSE_BYTES)
    let at = 0
    for (const [register, rank] of registers.entries()) {
      if (rank === 0) continue
      bytes.writeUInt16LE(register, at)
      bytes[at + 2] = rank
      at += SPARSE_BYTES
    }
    return { sparse: bytes.toString('base64') }
  }

  #turn(): void {
    if (this.#exact === undefined) return
    this.#registers = registersOf(this.#exact, this.kind)
    this.#exact = undefined
  }

  #raise(id: number): void {
    raiseIn(this.#registers!, id, this.kind)
  }
}

function registersOf(ids: ReadonlySet<number>, kind: SketchKind): Uint8Array {
  const registers = new Uint8Array(2 ** kind.p)
  for (const id of ids) raiseIn(registers, id, kind)
  return registers
}

/** The first p bits of an id choose the register; it keeps the greatest rank, 1 + leading zeros of the bits behind them. */
function raiseIn(registers: Uint8Array, id: number, { p, bits }: SketchKind): void {
  const hi = bits === 32 ? id : Math.floor(id / LOW_RANGE)
  const lo = bits === 32 ? 0 : (id % LOW_RANGE) << (32 - LOW_BITS)
  const upper = hi << p
  const below = bits === 32 ? 0 : Math.min(Math.clz32(lo), bits - 32)
  const rank = upper === 0 ? 32 - p + below + 1 : Math.clz32(upper) + 1
  const register = hi >>> (32 - p)
  if (rank > registers[register]!) registers[register] = rank
}

function ofIds(text: unknown, kind: SketchKind): Sketch | undefined {
  const { idBytes, places, bits } = kind
  const bytes = tryBytes(text, places * idBytes)
  if (bytes === undefined || bytes.length % idBytes !== 0) return undefined
  const sketch = new Sketch(kind)
  for (let at = 0; at < bytes.length; at += idBytes) {
    const id = bytes.readUInt32LE(at) + (idBytes === 7 ? bytes.readUIntLE(at + 4, 3) * 2 ** 32 : 0)
    if (id >= 2 ** bits) return undefined
    sketch.addId(id)
  }
  return sketch
}

function ofRegisters(text: unknown, kind: SketchKind): Sketch | undefined {
  const bytes = tryBytes(text, 2 ** kind.p)
  if (bytes?.length !== 2 ** kind.p || bytes.some((rank) => rank > kind.bits - kind.p + 1)) return undefined
  const sketch = new Sketch(kind)
  for (const [register, rank] of bytes.entries()) sketch.raise(register, rank)
  return sketch
}

function ofSparse(text: unknown, kind: SketchKind): Sketch | undefined {
  const size = 2 ** kind.p
  const bytes = tryBytes(text, size * SPARSE_BYTES)
  if (bytes === undefined || bytes.length % SPARSE_BYTES !== 0) return undefined
  const sketch = new Sketch(kind)
  sketch.raise(0, 0)
  for (let at = 0; at < bytes.length; at += SPARSE_BYTES) {
    const [register, rank] = [bytes.readUInt16LE(at), bytes[at + 2]!]
    if (register >= size || rank === 0 || rank > kind.bits - kind.p + 1) return undefined
    sketch.raise(register, rank)
  }
  return sketch
}

function tryBytes(text: unknown, most: number): Buffer | undefined {
  if (typeof text !== 'string' || text.length > Math.ceil(most / 3) * 4 || text.length % 4 !== 0) return undefined
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined
}

function estimate(registers: Uint8Array, { p, bits }: SketchKind): number {
  const m = registers.length
  const q = bits - p
  const counts = new Float64Array(256)
  for (const rank of registers) counts[rank]! += 1
  let z = m * tau(1 - counts[q + 1]! / m)
  for (let k = q; k >= 1; k--) z = 0.5 * (z + counts[k]!)
  z += m * sigma(counts[0]! / m)
  return Math.round((m * m) / (2 * Math.LN2 * z))
}

function sigma(given: number): number {
  if (given === 1) return Number.POSITIVE_INFINITY
  let [x, y, z] = [given, 1, given]
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
  let [x, y, z] = [given, 1, 1 - given]
  for (let before = -1; z !== before; ) {
    before = z
    x = Math.sqrt(x)
    y *= 0.5
    z -= (1 - x) ** 2 * y
  }
  return z / 3
}
