/** Counts what a commit refused, by reason, keeping the first of each reason as the example to show. */
import type { Labels, UnixMs } from '#core'
import type { Rejected } from './types.ts'

type Counted = { count: number; histograms: number; readonly labels: Labels; readonly at: UnixMs }

export class Rejections {
  readonly #byReason = new Map<Rejected['reason'], Counted>()

  add(reason: Rejected['reason'], labels: Labels, at: UnixMs, isHistogram = false): void {
    let known = this.#byReason.get(reason)
    if (known === undefined) {
      known = { count: 0, histograms: 0, labels, at }
      this.#byReason.set(reason, known)
    }
    known.count++
    if (isHistogram) known.histograms++
  }

  list(): readonly Rejected[] {
    return [...this.#byReason].map(([reason, { histograms, ...rest }]) =>
      histograms === 0 ? { reason, ...rest } : { reason, histograms, ...rest },
    )
  }
}
