/**
 * Sums that do not lose small terms beside large ones: Kahan's summation with Neumaier's improvement, as Prometheus
 * adds (A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", 1974).
 */

/** The compensation after adding `term` to `sum`, which has become `next` = sum + term. */
export function compensate(term: number, sum: number, next: number, compensation: number): number {
  if (next === Infinity || next === -Infinity) return 0
  if (Math.abs(sum) >= Math.abs(term)) return compensation + (sum - next + term)
  return compensation + (term - next + sum)
}

/** A running sum. Reusable after `reset`. */
export class KahanSum {
  sum = 0
  compensation = 0

  add(term: number): void {
    const next = this.sum + term
    this.compensation = compensate(term, this.sum, next, this.compensation)
    this.sum = next
  }

  get total(): number {
    return Number.isFinite(this.sum) ? this.sum + this.compensation : this.sum
  }
}

/**
 * A running mean: sum and count while the sum stays finite, from then on updated step by step, so that the mean of
 * large numbers does not become infinite on the way.
 */
export class KahanMean {
  #sum = 0
  #mean = 0
  #compensation = 0
  #count = 0
  #incremental = false

  add(term: number): void {
    this.#count++
    if (this.#count === 1) {
      this.#sum = term
      return
    }
    if (!this.#incremental) {
      const next = this.#sum + term
      if (next !== Infinity && next !== -Infinity) {
        this.#compensation = compensate(term, this.#sum, next, this.#compensation)
        this.#sum = next
        return
      }
      this.#incremental = true
      this.#mean = this.#sum / (this.#count - 1)
      this.#compensation /= this.#count - 1
    }
    const share = (this.#count - 1) / this.#count
    const old = share * this.#mean
    const next = old + term / this.#count
    this.#compensation = compensate(term / this.#count, old, next, share * this.#compensation)
    this.#mean = next
  }

  get mean(): number {
    return this.#incremental
      ? this.#mean + this.#compensation
      : this.#sum / this.#count + this.#compensation / this.#count
  }
}
