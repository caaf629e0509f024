/**
 * Quantiles of a stream in bounded memory: a merging t-digest (Dunning and Ertl, "Computing extremely accurate quantiles using
 * t-digests", 2019), and a window of several that age one after the other.
 *
 * - Values are collected in a buffer; a full buffer is merged into at most some 150 centroids, small ones at the ends.
 * - Up to BUFFER values every quantile is exact between the two values around it.
 */
const BUFFER = 512
const COMPRESSION = 100

export class Digest {
  #means = new Float64Array(0)
  #weights = new Float64Array(0)
  readonly #buffer = new Float64Array(BUFFER)
  #buffered = 0
  #total = 0

  get size(): number {
    return this.#total
  }

  push(value: number): void {
    if (this.#buffered === BUFFER) this.#merge(true)
    this.#buffer[this.#buffered++] = value
    this.#total++
  }

  clear(): void {
    this.#means = new Float64Array(0)
    this.#weights = new Float64Array(0)
    this.#buffered = 0
    this.#total = 0
  }

  /** The value below which that share of all lies; undefined when there is none. */
  quantile(share: number): number | undefined {
    if (this.#total === 0) return undefined
    this.#merge(this.#means.length > BUFFER)
    const means = this.#means
    const weights = this.#weights
    const rank = share * this.#total
    let before = 0
    let lastMiddle = 0
    for (let i = 0; i < means.length; i++) {
      const middle = before + weights[i]! / 2
      if (rank <= middle) {
        if (i === 0) return means[0]!
        const part = (rank - lastMiddle) / (middle - lastMiddle)
        return means[i - 1]! + part * (means[i]! - means[i - 1]!)
      }
      before += weights[i]!
      lastMiddle = middle
    }
    return means.at(-1)
  }

  /** Takes the buffer in; with `isTight` neighbours become one as far as their place among all allows. */
  #merge(isTight: boolean): void {
    if (this.#buffered === 0 && !isTight) return
    const fresh = this.#buffer.subarray(0, this.#buffered).sort()
    const count = this.#means.length + fresh.length
    const means = new Float64Array(count)
    const weights = new Float64Array(count)
    for (let i = 0, j = 0, k = 0; k < count; k++) {
      if (j >= fresh.length || (i < this.#means.length && this.#means[i]! <= fresh[j]!)) {
        means[k] = this.#means[i]!
        weights[k] = this.#weights[i++]!
      } else {
        means[k] = fresh[j++]!
        weights[k] = 1
      }
    }
    this.#buffered = 0
    const kept = isTight ? tighten(means, weights, this.#total) : count
    this.#means = means.slice(0, kept)
    this.#weights = weights.slice(0, kept)
  }
}

/** In place; how many centroids are left. The scale function is k1: an arc sine, fine at both ends. */
function tighten(means: Float64Array, weights: Float64Array, total: number): number {
  const placeOf = (share: number): number => (COMPRESSION / (2 * Math.PI)) * Math.asin(2 * Math.min(1, share) - 1)
  let last = 0
  let before = 0
  for (let i = 1; i < means.length; i++) {
    const weight = weights[last]! + weights[i]!
    if (placeOf((before + weight) / total) - placeOf(before / total) <= 1) {
      means[last]! += ((means[i]! - means[last]!) * weights[i]!) / weight
      weights[last] = weight
    } else {
      before += weights[last]!
      last++
      means[last] = means[i]!
      weights[last] = weights[i]!
    }
  }
  return means.length === 0 ? 0 : last + 1
}

/** Quantiles of the last `maxAgeSeconds`, or of all when no age is given: each digest of the ring is one step older than the next. */
export class QuantileWindow {
  readonly #ring: Digest[]
  readonly #stepMs: number
  #oldest = 0
  #turnedAt: number

  constructor(maxAgeSeconds: number | undefined, ageBuckets: number | undefined, nowMs: number) {
    const isTurning = (maxAgeSeconds ?? 0) > 0 && (ageBuckets ?? 0) >= 1
    const steps = isTurning ? Math.floor(ageBuckets ?? 1) : 1
    this.#ring = Array.from({ length: steps }, () => new Digest())
    this.#stepMs = isTurning ? ((maxAgeSeconds ?? 0) * 1_000) / steps : Infinity
    this.#turnedAt = nowMs
  }

  push(value: number, nowMs: number): void {
    this.#turn(nowMs)
    for (const digest of this.#ring) digest.push(value)
  }

  /** The digest that has seen the whole window. */
  at(nowMs: number): Digest {
    this.#turn(nowMs)
    return this.#ring[this.#oldest]!
  }

  clear(): void {
    for (const digest of this.#ring) digest.clear()
  }

  #turn(nowMs: number): void {
    // A clock that was set back, or far ahead: at most one round.
    if (nowMs < this.#turnedAt) this.#turnedAt = nowMs
    for (let turns = 0; nowMs - this.#turnedAt > this.#stepMs; turns++) {
      if (turns >= this.#ring.length) {
        this.#turnedAt = nowMs
        return
      }
      this.#ring[this.#oldest]!.clear()
      this.#oldest = (this.#oldest + 1) % this.#ring.length
      this.#turnedAt += this.#stepMs
    }
  }
}
