/**
 * Samples in slabs of 128 bytes: a head, then a stream of tokens (stream.ts). The slabs of a series are linked in both directions.
 *
 * - Within a slab nothing that a reader may see is changed, only written behind: a number of samples is all a consistent view needs.
 * - A slab that is given back is used again only after every reader is gone that was there at that time.
 *
 * As words of 32 bits:  0 slab before   1 slab behind   2 number of its first sample in the series   3 step before that one (signed)
 * As doubles:           2 first instant   3 first value (its bits)
 * As bytes:             32 decimal exponent at the beginning, then tokens
 */
import type { Segmented } from './arena.ts'

const SHIFT = 13
const PER_SEGMENT = 1 << SHIFT
export const SLAB_BYTES = 128
export const SLAB_MASK: number = PER_SEGMENT - 1

export const BEFORE = 0
export const BEHIND = 1
export const FIRST_NUMBER = 2
export const FIRST_STEP = 3
/** Words of the first value, for its bits. */
export const FIRST_VALUE_WORDS = 6
export const FIRST_AT = 2
export const STREAM_AT = 33

export type SlabSegment = {
  readonly doubles: Float64Array<SharedArrayBuffer>
  readonly words: Uint32Array
  readonly bytes: Uint8Array
}

export class Slabs implements Segmented {
  readonly #segments: SlabSegment[] = []
  readonly #free: number[] = []
  /** Given back, and the number of the reader that was opened last before. */
  readonly #resting: number[] = []
  readonly #restingFor: number[] = []
  #next = 1
  #inUse = 0

  get sizeBytes(): number {
    return this.#inUse * SLAB_BYTES
  }

  take(): number {
    this.#inUse++
    const free = this.#free.pop()
    if (free !== undefined) return free
    const slab = this.#next++
    if (slab >>> SHIFT === this.#segments.length) this.adopt([new SharedArrayBuffer(PER_SEGMENT * SLAB_BYTES)])
    return slab
  }

  /** False for a slab in a segment that this thread has not been sent. */
  has(slab: number): boolean {
    return slab >>> SHIFT < this.#segments.length
  }

  get segmentCount(): number {
    return this.#segments.length
  }

  segmentsFrom(from: number): readonly SharedArrayBuffer[] {
    return this.#segments.slice(from).map(({ doubles }) => doubles.buffer)
  }

  adopt(segments: readonly SharedArrayBuffer[]): void {
    for (const memory of segments)
      this.#segments.push({
        doubles: new Float64Array(memory),
        words: new Uint32Array(memory),
        bytes: new Uint8Array(memory),
      })
  }

  /** `reader`: the last one that was opened. */
  giveBack(slab: number, reader: number): void {
    this.#inUse--
    this.#resting.push(slab)
    this.#restingFor.push(reader)
  }

  /** Slabs that only readers with a number below `oldest` could see may be used again. Given back in order of readers. */
  release(oldest: number): void {
    let ready = 0
    while (ready < this.#resting.length && this.#restingFor[ready]! < oldest) this.#free.push(this.#resting[ready++]!)
    if (ready === 0) return
    this.#resting.splice(0, ready)
    this.#restingFor.splice(0, ready)
  }

  segment(slab: number): SlabSegment {
    return this.#segments[slab >>> SHIFT]!
  }

  word(slab: number, field: number): number {
    return this.segment(slab).words[(slab & SLAB_MASK) * 32 + field]!
  }

  setWord(slab: number, field: number, word: number): void {
    this.segment(slab).words[(slab & SLAB_MASK) * 32 + field] = word
  }

  firstAt(slab: number): number {
    return this.segment(slab).doubles[(slab & SLAB_MASK) * 16 + FIRST_AT]!
  }
}
