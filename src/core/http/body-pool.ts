/**
 * Buffers for the bodies of answers, used again and again: a fleet that is read one target after the other needs as many as are read
 * at the same time, and none is allocated for a read.
 *
 * Whoever takes a buffer gives it back once, or never: then it is the collector's.
 */

const SMALLEST = 64 * 1024
/** Larger ones are rare, and not worth being kept. */
const LARGEST_KEPT = 2 ** 20
/** Bytes that wait to be used. */
const MOST_KEPT = 4 * 2 ** 20

export class BodyPool {
  /** By size: 64 KiB, 128 KiB, ... */
  readonly #free: Buffer[][] = []
  #kept = 0

  get keptBytes(): number {
    return this.#kept
  }

  /** At least `size` bytes, with whatever was in them. */
  take(size: number): Buffer {
    const place = placeOf(size)
    const known = this.#free[place]?.pop()
    if (known === undefined) return Buffer.allocUnsafeSlow(SMALLEST * 2 ** place)
    this.#kept -= known.length
    return known
  }

  give(buffer: Buffer): void {
    if (buffer.length > LARGEST_KEPT || this.#kept + buffer.length > MOST_KEPT) return
    const place = placeOf(buffer.length)
    this.#free[place] ??= []
    this.#free[place].push(buffer)
    this.#kept += buffer.length
  }
}

function placeOf(size: number): number {
  let place = 0
  for (let capacity = SMALLEST; capacity < size; capacity *= 2) place++
  return place
}
