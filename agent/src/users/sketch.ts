/**
 * How many distinct ids, as a value that is read, merged and sent: exact while there are few, then HyperLogLog registers.
 *
 * - Adding an id twice changes nothing; merging is the sketch of both streams, in any order. `shared-sketch.ts` is the same thing in
 *   shared memory, where requests are counted.
 * - An id is a hash cut to the kind's bits: 53 for days (enough to tell thousands apart without error, and a JavaScript number),
 *   32 for minutes (two of 1,000 are taken for one in 1 minute of 8,000; and half the room).
 * - Exact ids are kept while they need no more room than the registers would.
 */
import { estimate, rankOf, registerOf } from './estimate.ts'

export type SketchKind = {
  readonly p: number
  /** Bits of the hash that are used. */
  readonly bits: 32 | 53
  /** Ids that fit the bytes of the registers. */
  readonly places: number
  /** Ids held exactly in shared memory: a table of `places` is quick while it is not full. */
  readonly exactLimit: number
}

/** 16 KiB; beyond 1,024 ids (2,048 merged) a standard error of 0.8 %. */
export const DAY_KIND: SketchKind = { p: 14, bits: 53, places: 2_048, exactLimit: 1_024 }
/** 4 KiB; beyond 768 ids (1,024 merged) a standard error of 1.6 %. */
export const MINUTE_KIND: SketchKind = { p: 12, bits: 32, places: 1_024, exactLimit: 768 }

/** As it travels. `exact`: ids, 7 bytes (day) or 4 (minute) each, ascending, little endian; `registers`: one byte each; `sparse`: the
 * register's number and its rank in 3 bytes. All base64. */
export type SketchData = { readonly exact: string } | { readonly registers: string } | { readonly sparse: string }

const LOW_BITS = 21
const LOW_RANGE = 2 ** LOW_BITS
const SPARSE_BYTES = 3

/** The number that stands for a hash. Neither half's table has room for a first word of zero: it is told as one. */
export function idOf(hi: number, lo: number, kind: SketchKind): number {
  const first = hi === 0 ? 1 : hi >>> 0
  return kind.bits === 32 ? first : first * LOW_RANGE + (lo >>> (32 - LOW_BITS))
}

export class Sketch {
  readonly kind: SketchKind
  #exact: Set<number> | undefined = new Set()
  #registers: Uint8Array | undefined

  constructor(kind: SketchKind) {
    this.kind = kind
  }

  /** Takes the array over; its length must be the kind's. */
  static ofRegisters(kind: SketchKind, registers: Uint8Array): Sketch {
    const sketch = new Sketch(kind)
    sketch.#exact = undefined
    sketch.#registers = registers
    return sketch
  }

  get isExact(): boolean {
    return this.#exact !== undefined
  }

  /** `hi` and `lo`: 32-bit halves of a hash. */
  add(hi: number, lo: number): void {
    this.addId(idOf(hi, lo, this.kind))
  }

  addId(id: number): void {
    const exact = this.#exact
    if (exact === undefined) {
      this.#raise(id)
      return
    }
    exact.add(id)
    if (exact.size > this.kind.places) this.#toRegisters()
  }

  merge(other: Sketch): void {
    if (other.kind !== this.kind) throw new RangeError('BUG: sketches of days and minutes do not merge')
    if (other.#exact !== undefined) {
      for (const id of other.#exact) this.addId(id)
      return
    }
    this.#toRegisters()
    const [mine, theirs] = [this.#registers!, other.#registers!]
    for (let i = 0; i < mine.length; i++) if (theirs[i]! > mine[i]!) mine[i] = theirs[i]!
  }

  count(): number {
    return this.#exact?.size ?? estimate(this.#registers!, this.kind.p, this.kind.bits)
  }

  toData(): SketchData {
    if (this.#exact !== undefined) {
      const width = idBytes(this.kind)
      const ids = [...this.#exact].sort((a, b) => a - b)
      const bytes = Buffer.alloc(ids.length * width)
      for (const [i, id] of ids.entries()) writeId(bytes, i * width, id, width)
      return { exact: bytes.toString('base64') }
    }
    const registers = this.#registers!
    let used = 0
    for (const rank of registers) if (rank !== 0) used++
    if (used * SPARSE_BYTES >= registers.length) return { registers: Buffer.from(registers).toString('base64') }
    const bytes = Buffer.alloc(used * SPARSE_BYTES)
    let at = 0
    for (let i = 0; i < registers.length; i++) {
      if (registers[i] === 0) continue
      bytes.writeUInt16LE(i, at)
      bytes[at + 2] = registers[i]!
      at += SPARSE_BYTES
    }
    return { sparse: bytes.toString('base64') }
  }

  /** From elsewhere; undefined when it is not a sketch of that kind. Looks at the length before it decodes. */
  static tryFrom(data: unknown, kind: SketchKind): Sketch | undefined {
    if (typeof data !== 'object' || data === null) return undefined
    const { exact, registers, sparse } = data as Record<string, unknown>
    const size = 2 ** kind.p
    if (exact !== undefined) {
      const width = idBytes(kind)
      const bytes = tryBytes(exact, kind.places * width)
      if (bytes === undefined || bytes.length % width !== 0) return undefined
      const sketch = new Sketch(kind)
      for (let at = 0; at < bytes.length; at += width) {
        const id = readId(bytes, at, width)
        if (id >= 2 ** kind.bits) return undefined
        sketch.addId(id)
      }
      return sketch
    }
    const most = kind.bits - kind.p + 1
    if (registers !== undefined) {
      const bytes = tryBytes(registers, size)
      if (bytes === undefined || bytes.length !== size || bytes.some((rank) => rank > most)) return undefined
      return Sketch.ofRegisters(kind, new Uint8Array(bytes))
    }
    const bytes = tryBytes(sparse, size * SPARSE_BYTES)
    if (bytes === undefined || bytes.length % SPARSE_BYTES !== 0) return undefined
    const all = new Uint8Array(size)
    for (let at = 0; at < bytes.length; at += SPARSE_BYTES) {
      const [register, rank] = [bytes.readUInt16LE(at), bytes[at + 2]!]
      if (register >= size || rank === 0 || rank > most) return undefined
      all[register] = rank
    }
    return Sketch.ofRegisters(kind, all)
  }

  #toRegisters(): void {
    const ids = this.#exact
    if (ids === undefined) return
    this.#exact = undefined
    this.#registers = new Uint8Array(2 ** this.kind.p)
    for (const id of ids) this.#raise(id)
  }

  #raise(id: number): void {
    const { p, bits } = this.kind
    const hi = bits === 32 ? id : Math.floor(id / LOW_RANGE)
    const lo = bits === 32 ? 0 : (id % LOW_RANGE) << (32 - LOW_BITS)
    const registers = this.#registers!
    const register = registerOf(hi, p)
    const rank = rankOf(hi, lo, p, bits)
    if (rank > registers[register]!) registers[register] = rank
  }
}

function idBytes(kind: SketchKind): number {
  return kind.bits === 32 ? 4 : 7
}

function writeId(bytes: Buffer, at: number, id: number, width: number): void {
  bytes.writeUInt32LE(id % 2 ** 32, at)
  if (width === 7) bytes.writeUIntLE(Math.floor(id / 2 ** 32), at + 4, 3)
}

function readId(bytes: Buffer, at: number, width: number): number {
  const low = bytes.readUInt32LE(at)
  return width === 4 ? low : low + bytes.readUIntLE(at + 4, 3) * 2 ** 32
}

function tryBytes(text: unknown, most: number): Buffer | undefined {
  if (typeof text !== 'string' || text.length > Math.ceil(most / 3) * 4) return undefined
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined
  return Buffer.from(text, 'base64')
}
