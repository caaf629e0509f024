/**
 * The memory that the agent's threads share: one buffer of numbers, one journal of bytes.
 *
 * - Both are growable SharedArrayBuffers, handed over once: what is added later is seen through them without a message, also while the
 *   thread that adds it is blocked. A view made before a growth stays valid for what it covers.
 * - Their address space is reserved and costs nothing until it is used; where a system refuses so much, less is taken.
 * - Runs of doubles are handed out and taken back by their width. Nothing here is freed to the system: series are bounded.
 */

/** What another thread needs to read a store. */
export type SharedStore = {
  readonly numbers: SharedArrayBuffer
  readonly journal: SharedArrayBuffer
}

/** 32 million doubles; and as many bytes of names and labels. */
const MAX_BYTES = 256 * 1024 * 1024
const LEAST_BYTES = 1024 * 1024
const FIRST_BYTES = 64 * 1024

/** A growable buffer of at most `maxBytes`, or of what the system lets us reserve. */
export function reserve(maxBytes: number = MAX_BYTES): SharedArrayBuffer {
  for (let most = maxBytes; ; most /= 4) {
    try {
      return new SharedArrayBuffer(Math.min(FIRST_BYTES, most), { maxByteLength: most })
    } catch (cause) {
      if (most / 4 < LEAST_BYTES) throw cause
    }
  }
}

/** Makes a buffer at least that long. False when it cannot be. */
export function growTo(buffer: SharedArrayBuffer, byteLength: number): boolean {
  if (byteLength <= buffer.byteLength) return true
  if (byteLength > buffer.maxByteLength) return false
  // By an eighth: nothing is copied when it grows, so that there is no reason to take twice of what is needed.
  const wanted = Math.max(byteLength, buffer.byteLength + Math.max(FIRST_BYTES, buffer.byteLength / 8))
  try {
    buffer.grow(Math.min(buffer.maxByteLength, Math.ceil(wanted / 4_096) * 4_096))
    return true
  } catch {
    return false
  }
}

/** Hands out runs of doubles of one shared buffer. */
export class Numbers {
  readonly buffer: SharedArrayBuffer = reserve()
  /** Of all that there is now; replaced when the buffer grows. */
  doubles: Float64Array = new Float64Array(this.buffer)
  words: Uint32Array = new Uint32Array(this.buffer)
  #used = 0
  readonly #free = new Map<number, number[]>()

  constructor() {
    this.#see()
  }

  /** Bytes handed out and not taken back are at most this many. */
  get usedBytes(): number {
    return this.#used * 8
  }

  /** The first of `width` doubles, all zero; -1 when there is no more memory. */
  take(width: number): number {
    const again = this.#free.get(width)?.pop()
    if (again !== undefined) {
      this.doubles.fill(0, again, again + width)
      return again
    }
    const at = this.#used
    if (at + width > this.doubles.length) {
      if (!growTo(this.buffer, (at + width) * 8)) return -1
      this.#see()
    }
    this.#used += width
    return at
  }

  giveBack(width: number, at: number): void {
    const list = this.#free.get(width)
    if (list === undefined) this.#free.set(width, [at])
    else list.push(at)
  }

  /** Views of a fixed length: those that follow a growable buffer are read more slowly. */
  #see(): void {
    this.doubles = new Float64Array(this.buffer, 0, this.buffer.byteLength / 8)
    this.words = new Uint32Array(this.buffer, 0, this.buffer.byteLength / 4)
  }
}
