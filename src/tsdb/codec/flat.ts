/**
 * Columns of numbers in one shared piece of memory that says itself what is in it: to be counted exactly, and used by several threads.
 *
 * u32 columns, then per column: kind, offset in bytes, entries; then the columns, each at a multiple of 8.
 */
export type FlatKind = 'u8' | 'u32' | 'f64'
export type FlatColumn = readonly [kind: FlatKind, entries: number]

const KINDS: readonly FlatKind[] = ['u8', 'u32', 'f64']
const SIZE = { u8: 1, u32: 4, f64: 8 } as const

export class Flat {
  readonly buffer: SharedArrayBuffer
  readonly #head: Uint32Array

  /** Of memory that `Flat.make` laid out, here or in another thread. */
  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer
    this.#head = new Uint32Array(buffer, 0, 1 + 3 * new Uint32Array(buffer, 0, 1)[0]!)
  }

  /** Columns of zeros. */
  static make(columns: readonly FlatColumn[]): Flat {
    let at = aligned(4 + columns.length * 12)
    const places = columns.map(([kind, entries]) => {
      const offset = at
      at = aligned(at + entries * SIZE[kind])
      return [KINDS.indexOf(kind), offset, entries]
    })
    const buffer = new SharedArrayBuffer(at)
    new Uint32Array(buffer, 0, 1 + 3 * columns.length).set([columns.length, ...places.flat()])
    return new Flat(buffer)
  }

  get sizeBytes(): number {
    return this.buffer.byteLength
  }

  u8(column: number): Uint8Array {
    const [offset, entries] = this.#place(column, 'u8')
    return new Uint8Array(this.buffer, offset, entries)
  }

  u32(column: number): Uint32Array {
    const [offset, entries] = this.#place(column, 'u32')
    return new Uint32Array(this.buffer, offset, entries)
  }

  f64(column: number): Float64Array {
    const [offset, entries] = this.#place(column, 'f64')
    return new Float64Array(this.buffer, offset, entries)
  }

  #place(column: number, kind: FlatKind): readonly [number, number] {
    const at = 1 + column * 3
    if (KINDS[this.#head[at]!] !== kind) throw new Error(`BUG: column ${column} is no ${kind}`)
    return [this.#head[at + 1]!, this.#head[at + 2]!]
  }
}

function aligned(at: number): number {
  return Math.ceil(at / 8) * 8
}
