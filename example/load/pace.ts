/**
 * Arrivals: people come when they come (a Poisson process), not when the one before has been served.
 *
 * - An open loop shows overload as it is; the cap on what runs at once keeps it from growing without end.
 * - What finds no place is counted and dropped, never queued.
 */
export type PaceStats = { started: number; dropped: number; running: number }

export type PaceOptions = {
  /** Arrivals per second now; asked again for each one. 0 waits. */
  readonly ratePerS: () => number
  readonly maxRunning: number
  /** One arrival's doing. Its failures are its own. */
  readonly act: () => Promise<void>
  readonly random: () => number
  readonly signal: AbortSignal
}

/** Longest wait before the rate is asked again, so that a change of rate is soon felt. */
const MAX_WAIT_MS = 250

/** Runs until `signal` aborts; the stats are live. */
export function pace({ ratePerS, maxRunning, act, random, signal }: PaceOptions): PaceStats {
  const stats: PaceStats = { started: 0, dropped: 0, running: 0 }
  const arrive = () => {
    if (stats.running >= maxRunning) {
      stats.dropped++
      return
    }
    stats.started++
    stats.running++
    void act()
      .catch(() => {})
      .finally(() => {
        stats.running--
      })
  }
  let due = performance.now()
  const next = () => {
    if (signal.aborted) return
    const rate = ratePerS()
    const now = performance.now()
    if (rate <= 0) due = now + MAX_WAIT_MS
    else {
      // After a pause (of the machine, or at rate 0) what was missed is not made up for.
      if (now - due > 1000) due = now
      while (due <= now) {
        arrive()
        due += gapMs(rate, random())
      }
    }
    timer = setTimeout(next, Math.min(MAX_WAIT_MS, Math.max(1, due - performance.now())))
  }
  let timer = setTimeout(next, 0)
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
  return stats
}

/** Time to the next arrival for a uniform `u` in [0, 1): exponential with mean 1/rate. */
export function gapMs(ratePerS: number, u: number): number {
  return (-Math.log(1 - u) / ratePerS) * 1000
}
