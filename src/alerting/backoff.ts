/** Exponential back-off with jitter: tries spread out, and receivers that come back are not met by all at once. */

export type Backoff = { readonly firstMs: number; readonly factor: number; readonly maxMs: number }

/** From half a second to two minutes: a receiver that is back waits two minutes at most. */
export const BACKOFF: Backoff = { firstMs: 500, factor: 2, maxMs: 120_000 }

/** The wait after the n-th failure in a row, n from 1. `random` in [0, 1): between half of the step and all of it. */
export function backoffMs(failures: number, random: number, { firstMs, factor, maxMs }: Backoff = BACKOFF): number {
  // Exponents beyond 40 are over any maximum and would only risk infinity.
  const step = Math.min(maxMs, firstMs * factor ** Math.min(failures - 1, 40))
  return Math.round(step / 2 + (step / 2) * random)
}
