/**
 * A sketch in shared memory: one thread writes it at every request, any other reads it at any moment, nobody waits.
 *
 * - The body is 2^p bytes. While few ids have come they are an open-addressing table in it (linear probing; a first word of zero is
 *   an empty place); at the kind's limit the same bytes are turned into registers.
 * - The head says which it is. Its first word is a sequence: odd while the body is cleared or turned. A reader copies the body
 *   between two equal even sequences, so that it never takes half a table for registers; single additions need no sequence, because
 *   an id is written last word first and read first word first, and a register only grows.
 * - What was read is checked against what a sketch can hold as well: on machines with weak ordering plain stores may be seen late.
 *
 * Turning 1,024 ids takes some 30 us, once a day; clearing a minute 0.1 us.
 */
import { rankOf, registerOf } from './estimate.ts'
import { Sketch, type SketchKind } from './sketch.ts'

export const HEAD_WORDS = 4
const SEQUENCE = 0
const MODE = 1
const COUNT = 2
const STAMP = 3
const EXACT = 0
const REGISTERS = 1
const LOW_MASK = ~0x7ff

/** A reader tries again that often; it waits at most that long in all, and then goes without. */
const TRIES = 8
const WAIT_MS = 3

/** Turning in place needs the ids elsewhere for a moment. Kept: a day and its minutes turn in the same thread, one after another. */
let scratch: Int32Array | undefined

export class SharedSketch {
  readonly kind: SketchKind
  readonly #head: Int32Array
  readonly #words: Int32Array
  readonly #bytes: Uint8Array

  /** A sketch over bytes that are zero or hold a sketch already. `head` and `body`: offsets in bytes, divisible by 4. */
  constructor(memory: SharedArrayBuffer, head: number, body: number, kind: SketchKind) {
    this.kind = kind
    this.#head = new Int32Array(memory, head, HEAD_WORDS)
    this.#bytes = new Uint8Array(memory, body, 2 ** kind.p)
    this.#words = new Int32Array(memory, body, 2 ** kind.p / 4)
  }

  /** Which day or minute it holds; 0: none yet. */
  get stamp(): number {
    return this.#head[STAMP]!
  }

  /** Begins anew, for another day or minute. */
  reset(stamp: number): void {
    const head = this.#head
    Atomics.add(head, SEQUENCE, 1)
    this.#bytes.fill(0)
    head[MODE] = EXACT
    head[COUNT] = 0
    head[STAMP] = stamp
    Atomics.add(head, SEQUENCE, 1)
  }

  /** `hi` and `lo`: 32-bit halves of a hash. */
  add(hi: number, lo: number): void {
    const { p, bits } = this.kind
    const first = hi === 0 ? 1 : hi | 0
    if (this.#head[MODE] === EXACT) {
      if (bits === 32) this.#insertShort(first)
      else this.#insertLong(first, lo & LOW_MASK)
      return
    }
    const register = registerOf(first, p)
    const rank = rankOf(first, lo & LOW_MASK, p, bits)
    if (rank > this.#bytes[register]!) this.#bytes[register] = rank
  }

  /** What it holds now, and for which day or minute; undefined when its writer kept it busy. May be called by any thread. */
  read(): { readonly stamp: number; readonly sketch: Sketch } | undefined {
    for (let tried = 0; tried < TRIES; tried++) {
      const before = Atomics.load(this.#head, SEQUENCE)
      if ((before & 1) === 1) {
        Atomics.wait(this.#head, SEQUENCE, before, WAIT_MS)
        continue
      }
      const mode = this.#head[MODE]!
      const stamp = this.#head[STAMP]!
      const sketch = mode === REGISTERS ? this.#ofRegisters() : this.#ofTable()
      // An `add` of nothing: unlike a load it keeps the reading before it on every machine.
      if (Atomics.add(this.#head, SEQUENCE, 0) === before && sketch !== undefined) return { stamp, sketch }
    }
    return undefined
  }

  #insertShort(first: number): void {
    const words = this.#words
    const mask = words.length - 1
    for (let at = first & mask; ; at = (at + 1) & mask) {
      const there = words[at]!
      if (there === first) return
      if (there !== 0) continue
      words[at] = first
      this.#inserted()
      return
    }
  }

  #insertLong(first: number, second: number): void {
    const words = this.#words
    const mask = words.length / 2 - 1
    for (let at = first & mask; ; at = (at + 1) & mask) {
      const there = words[2 * at]!
      if (there === first && words[2 * at + 1] === second) return
      if (there !== 0) continue
      words[2 * at + 1] = second
      Atomics.store(words, 2 * at, first)
      this.#inserted()
      return
    }
  }

  #inserted(): void {
    this.#head[COUNT]! += 1
    if (this.#head[COUNT]! > this.kind.exactLimit) this.#turn()
  }

  #turn(): void {
    const { p, bits } = this.kind
    scratch ??= new Int32Array(4_096)
    const words = this.#words
    const ids = scratch.subarray(0, words.length)
    ids.set(words)
    Atomics.add(this.#head, SEQUENCE, 1)
    this.#bytes.fill(0)
    this.#head[MODE] = REGISTERS
    const step = bits === 32 ? 1 : 2
    for (let at = 0; at < ids.length; at += step) {
      const first = ids[at]!
      if (first === 0) continue
      const register = registerOf(first, p)
      const rank = rankOf(first, step === 1 ? 0 : ids[at + 1]!, p, bits)
      if (rank > this.#bytes[register]!) this.#bytes[register] = rank
    }
    Atomics.add(this.#head, SEQUENCE, 1)
  }

  #ofRegisters(): Sketch | undefined {
    const copy = new Uint8Array(this.#bytes)
    const most = this.kind.bits - this.kind.p + 1
    for (let i = 0; i < copy.length; i++) if (copy[i]! > most) return undefined
    return Sketch.ofRegisters(this.kind, copy)
  }

  #ofTable(): Sketch | undefined {
    const words = this.#words
    const sketch = new Sketch(this.kind)
    const step = this.kind.bits === 32 ? 1 : 2
    let found = 0
    for (let at = 0; at < words.length; at += step) {
      const first = Atomics.load(words, at)
      if (first === 0) continue
      const second = step === 1 ? 0 : words[at + 1]!
      if ((second & ~LOW_MASK) !== 0 || ++found > this.kind.exactLimit + 1) return undefined
      sketch.add(first, second)
    }
    return sketch
  }
}
