/**
 * Shared memory that only grows: whole numbers of 32 bits, in segments that never move, so that other threads may read what was
 * written before they were told of it.
 *
 * - A place is a number of 32 bits: the segment's number, then the offset in it. Place 0 is never given away: it stands for "none".
 * - What is asked for lies in one piece, in one segment. Memory is touched only when it is written: an empty arena costs nothing.
 */
const SHIFT = 18
const SEGMENT_WORDS = 1 << SHIFT
const MASK = SEGMENT_WORDS - 1
/** Segments that a place of 32 bits can name. */
const MAX_SEGMENTS = 2 ** 32 / SEGMENT_WORDS

export class WordArena {
  readonly #segments: Uint32Array[] = []
  #used: number = SEGMENT_WORDS
  #words = 0

  /** Bytes given away. */
  get sizeBytes(): number {
    return this.#words * 4
  }

  /** The place of `count` words, all 0; at most a segment's. */
  take(count: number): number {
    if (this.#used + count > SEGMENT_WORDS) {
      if (count > SEGMENT_WORDS - 1) throw new TypeError(`BUG: ${count} words do not fit a segment`)
      if (this.#segments.length === MAX_SEGMENTS) throw new TypeError('BUG: an arena is full')
      this.#segments.push(new Uint32Array(new SharedArrayBuffer(SEGMENT_WORDS * 4)))
      this.#used = this.#segments.length === 1 ? 1 : 0
    }
    const place = (this.#segments.length - 1) * SEGMENT_WORDS + this.#used
    this.#used += count
    this.#words += count
    return place
  }

  /** The segment of a place; its words begin at `offsetOf(place)`. */
  segment(place: number): Uint32Array {
    return this.#segments[place >>> SHIFT]!
  }

  get(place: number): number {
    return this.#segments[place >>> SHIFT]![place & MASK]!
  }

  set(place: number, word: number): void {
    this.#segments[place >>> SHIFT]![place & MASK] = word
  }
}

export function offsetOf(place: number): number {
  return place & MASK
}

/** Shared memory for bytes that never change once written: texts. */
export class ByteArena {
  readonly #segments: Buffer[] = []
  #used = 0
  #bytes = 0
  static readonly #SEGMENT_BYTES = 1 << 20

  get sizeBytes(): number {
    return this.#bytes
  }

  /** Copies `bytes`; what is longer than a segment gets one of its own. */
  add(bytes: Uint8Array): { readonly segment: number; readonly offset: number } {
    const last = this.#segments.at(-1)
    if (last === undefined || this.#used + bytes.length > last.length) {
      const size = Math.max(ByteArena.#SEGMENT_BYTES, bytes.length)
      this.#segments.push(Buffer.from(new SharedArrayBuffer(size)))
      this.#used = 0
    }
    const segment = this.#segments.length - 1
    const offset = this.#used
    this.#segments[segment]!.set(bytes, offset)
    this.#used += bytes.length
    this.#bytes += bytes.length
    return { segment, offset }
  }

  segment(number: number): Buffer {
    return this.#segments[number]!
  }
}
