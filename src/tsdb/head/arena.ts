/**
 * Shared memory that only grows: whole numbers of 32 bits, in segments that never move, so that other threads may read what was
 * written before they were told of it.
 *
 * - A place is a number of 32 bits: the segment's number, then the offset in it. Place 0 is never given away: it stands for "none".
 * - What is asked for lies in one piece, in one segment. Memory is touched only when it is written: an empty arena costs nothing.
 * - One thread writes. Another makes an empty one of its own and `adopt`s the segments, in their order; it never takes.
 */
/** Segments in the order in which they were made, and how another thread gets those that it does not have yet. */
export type Segmented = {
  readonly segmentCount: number
  /** Those from number `from` on. */
  segmentsFrom(from: number): readonly SharedArrayBuffer[]
  /** Puts segments of the writer's behind those that are here. */
  adopt(segments: readonly SharedArrayBuffer[]): void
}

const SHIFT = 18
const SEGMENT_WORDS = 1 << SHIFT
const MASK = SEGMENT_WORDS - 1
/** Segments that a place of 32 bits can name. */
const MAX_SEGMENTS = 2 ** 32 / SEGMENT_WORDS

export class WordArena implements Segmented {
  readonly #segments: Uint32Array<SharedArrayBuffer>[] = []
  #used: number = SEGMENT_WORDS
  #words = 0

  /** Bytes given away. */
  get sizeBytes(): number {
    return this.#words * 4
  }

  /** One beyond the last place that was given away. */
  get end(): number {
    return this.#segments.length === 0 ? 0 : (this.#segments.length - 1) * SEGMENT_WORDS + this.#used
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

  /** False for a place in a segment that this thread has not been sent. */
  has(place: number): boolean {
    return place >>> SHIFT < this.#segments.length
  }

  get segmentCount(): number {
    return this.#segments.length
  }

  segmentsFrom(from: number): readonly SharedArrayBuffer[] {
    return this.#segments.slice(from).map(({ buffer }) => buffer)
  }

  adopt(segments: readonly SharedArrayBuffer[]): void {
    for (const segment of segments) this.#segments.push(new Uint32Array(segment))
  }
}

/** As `WordArena`, for entries of one width that are known by number: entry `n` stands where its number says. */
export class WordTable implements Segmented {
  readonly #segments: Uint32Array<SharedArrayBuffer>[] = []
  readonly #width: number
  readonly #shift: number
  readonly #mask: number

  /** `width`: words of an entry. `shift`: a segment holds 2 to the power of it. */
  constructor(width: number, shift: number) {
    this.#width = width
    this.#shift = shift
    this.#mask = (1 << shift) - 1
  }

  /** Makes room for entry `n`; what nobody has written is 0. */
  ensure(n: number): void {
    while (this.#segments.length <= n >>> this.#shift)
      this.#segments.push(new Uint32Array(new SharedArrayBuffer((this.#mask + 1) * this.#width * 4)))
  }

  /** The segment of entry `n`; its words begin at `offset(n)`. */
  segment(n: number): Uint32Array {
    return this.#segments[n >>> this.#shift]!
  }

  offset(n: number): number {
    return (n & this.#mask) * this.#width
  }

  get(n: number, field = 0): number {
    return this.#segments[n >>> this.#shift]![(n & this.#mask) * this.#width + field]!
  }

  set(n: number, field: number, word: number): void {
    this.#segments[n >>> this.#shift]![(n & this.#mask) * this.#width + field] = word
  }

  get segmentCount(): number {
    return this.#segments.length
  }

  segmentsFrom(from: number): readonly SharedArrayBuffer[] {
    return this.#segments.slice(from).map(({ buffer }) => buffer)
  }

  adopt(segments: readonly SharedArrayBuffer[]): void {
    for (const segment of segments) this.#segments.push(new Uint32Array(segment))
  }
}

export function offsetOf(place: number): number {
  return place & MASK
}

/** Shared memory for bytes that never change once written: texts. */
export class ByteArena implements Segmented {
  readonly #segments: Buffer<SharedArrayBuffer>[] = []
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

  get segmentCount(): number {
    return this.#segments.length
  }

  segmentsFrom(from: number): readonly SharedArrayBuffer[] {
    return this.#segments.slice(from).map(({ buffer }) => buffer)
  }

  adopt(segments: readonly SharedArrayBuffer[]): void {
    for (const segment of segments) this.#segments.push(Buffer.from(segment))
  }
}
