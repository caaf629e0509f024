/**
 * Which series of two indexes have the same labels, kept from query to query: a block and the head hold the same series all day, and to
 * find that out labels of both have to be made, 2 µs a series.
 *
 * - By the indexes themselves; goes with either. A number stands for the same labels as long as its index lives.
 * - Four bytes a series of the first index, for each second one that it was joined with while both live: neighbours in time.
 */
const known = new WeakMap<object, WeakMap<object, KnownTwins>>()

/** Made anew, or what is known since other queries. */
export function twinsOf(first: object, second: object): KnownTwins {
  let bySecond = known.get(first)
  if (bySecond === undefined) {
    bySecond = new WeakMap()
    known.set(first, bySecond)
  }
  let twins = bySecond.get(second)
  if (twins === undefined) {
    twins = new KnownTwins()
    bySecond.set(second, twins)
  }
  return twins
}

export class KnownTwins {
  /** By series of the first index: that of the second, and one. 0: not known. */
  #of: Uint32Array = new Uint32Array(0)

  /** Whether the two were found to be the same. */
  has(first: number, second: number): boolean {
    return first < this.#of.length && this.#of[first] === second + 1
  }

  add(first: number, second: number): void {
    if (first >= this.#of.length) {
      const larger = new Uint32Array(Math.max(1024, first + 1, Math.ceil(this.#of.length * 1.5)))
      larger.set(this.#of)
      this.#of = larger
    }
    this.#of[first] = second + 1
  }
}
