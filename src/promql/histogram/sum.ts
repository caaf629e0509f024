/**
 * Sums and means of many native histograms, for sum and avg as for sum_over_time and avg_over_time:
 *
 *   const sum = new HistogramSum()            // or HistogramMean
 *   for (const h of histograms) if (sum.add(h) === undefined) return "exponential met custom": no result
 *   sum.histogram                             // undefined when nothing was added
 *
 * - `add` returns the caveats of all that was added so far; `undefined` once exponential buckets met custom ones, and from
 *   then on for ever.
 * - A reset collides when among all that was added one hint said reset and another said none.
 * - Sums are compensated. A mean is the sum divided while the sum stays finite, from then on it is updated step by step.
 * - `histogram` may list empty buckets; the aggregations (not the functions over time) compact it.
 *
 * Source: prometheus: promql/engine.go (`aggregation`), promql/functions.go (`funcSumOverTime`, `funcAvgOverTime`).
 */
import type { NativeHistogram, ResetHint } from '#core'
import { Accumulator, type Caveats } from './accumulator.ts'

/** What sums and means share: which hints were seen, and whether all fitted together. */
class Seen implements Caveats {
  #reset = false
  #none = false
  #reconciled = false

  hint(hint: ResetHint): void {
    if (hint === 'reset') this.#reset = true
    else if (hint === 'none') this.#none = true
  }

  reconciled(bounds: boolean): void {
    this.#reconciled ||= bounds
  }

  get resetCollision(): boolean {
    return this.#reset && this.#none
  }

  get boundsReconciled(): boolean {
    return this.#reconciled
  }
}

export class HistogramSum {
  readonly #seen = new Seen()
  #sum: Accumulator | undefined
  #incompatible = false

  add(h: NativeHistogram): Caveats | undefined {
    if (this.#incompatible) return undefined
    this.#seen.hint(h.resetHint)
    if (this.#sum === undefined) this.#sum = new Accumulator(h, true)
    else {
      const caveats = this.#sum.add(h)
      if (caveats === undefined) {
        this.#incompatible = true
        return undefined
      }
      this.#seen.reconciled(caveats.boundsReconciled)
    }
    return this.#seen
  }

  /** `undefined` before the first, and when they did not fit together. */
  get histogram(): NativeHistogram | undefined {
    return this.#incompatible ? undefined : this.#sum?.settled
  }

  get caveats(): Caveats {
    return this.#seen
  }
}

export class HistogramMean {
  readonly #seen = new Seen()
  #sum: Accumulator | undefined
  #count = 0
  /** `#sum` is the mean so far. */
  #incremental = false
  #incompatible = false

  add(h: NativeHistogram): Caveats | undefined {
    if (this.#incompatible) return undefined
    this.#seen.hint(h.resetHint)
    this.#count++
    if (this.#sum === undefined) this.#sum = new Accumulator(h, true)
    else if (!this.#incremental) {
      const next = this.#sum.clone()
      if (!this.#joined(next.add(h))) return undefined
      if (next.overflows) {
        this.#incremental = true
        this.#sum.divide(this.#count - 1)
        return this.#update(h)
      }
      this.#sum = next
    } else return this.#update(h)
    return this.#seen
  }

  get histogram(): NativeHistogram | undefined {
    if (this.#incompatible || this.#sum === undefined) return undefined
    if (this.#incremental) return this.#sum.settled
    const mean = this.#sum.clone()
    mean.divide(this.#count)
    return mean.settled
  }

  get caveats(): Caveats {
    return this.#seen
  }

  /** mean * (n-1)/n + h/n. */
  #update(h: NativeHistogram): Caveats | undefined {
    const mean = this.#sum!
    mean.scale((this.#count - 1) / this.#count)
    const share = new Accumulator(h, false)
    share.divide(this.#count)
    return this.#joined(mean.add(share.histogram)) ? this.#seen : undefined
  }

  #joined(caveats: Caveats | undefined): boolean {
    if (caveats === undefined) this.#incompatible = true
    else this.#seen.reconciled(caveats.boundsReconciled)
    return caveats !== undefined
  }
}
