/** Counts what a commit refused, by reason, keeping the first of each reason as the example to show. */
import type { Labels, UnixMs } from '#core'
import type { Rejected } from './types.ts'

export class Rejections {
  readonly #byReason = new Map<Rejected['reason'], { count: number; readonly labels: Labels; readonly at: UnixMs }>()

  add(reason: Rejected['reason'], labels: Labels, at: UnixMs): void {
    const known = this.#byReason.get(reason)
    if (known === undefined) this.#byReason.set(reason, { count: 1, labels, at })
    else known.count++
  }

  list(): readonly Rejected[] {
    return [...this.#byReason].map(([reason, rest]) => ({ reason, ...rest }))
  }
}
