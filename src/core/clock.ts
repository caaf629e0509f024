/**
 * Time, handed in. Nothing but `systemClock` reads the machine's clock or arms a timer.
 *
 * - `now` is wall time and may jump; `monotonicMs` never goes back and is for measuring and for deadlines.
 * - `sleep` and `ticks` end quietly when `signal` aborts: an abort is not a failure.
 */
import { type UnixMs, unixMs } from './brand.ts'

export interface Clock {
  now(): UnixMs
  monotonicMs(): number
  /** Resolves after `ms`, or at once when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /**
   * Yields the instants `k * intervalMs + offsetMs` as they come, until `signal` aborts.
   * What was missed while the consumer was busy is skipped, not made up for.
   */
  ticks(intervalMs: number, signal: AbortSignal, offsetMs?: number): AsyncIterable<UnixMs>
}

export const systemClock: Clock = {
  now: () => unixMs(Date.now()),
  monotonicMs: () => performance.now(),
  sleep(ms, signal) {
    const { promise, resolve } = Promise.withResolvers<void>()
    if (signal?.aborted) return Promise.resolve()
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done, { once: true })
    return promise
  },
  async *ticks(intervalMs, signal, offsetMs = 0) {
    for (
      let next = nextTick(Date.now(), intervalMs, offsetMs);
      ;
      next = tickAfter(next, Date.now(), intervalMs, offsetMs)
    ) {
      await systemClock.sleep(next - Date.now(), signal)
      if (signal.aborted) return
      yield unixMs(next)
    }
  },
}

/** A clock turned by hand, for tests: `advance` fires what falls due, in order. */
export class ManualClock implements Clock {
  #now: number
  readonly #start: number
  #sleepers: { readonly at: number; readonly wake: () => void }[] = []

  constructor(now = 0) {
    this.#now = now
    this.#start = now
  }

  now(): UnixMs {
    return unixMs(this.#now)
  }

  monotonicMs(): number {
    return this.#now - this.#start
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted || ms <= 0) return Promise.resolve()
    return new Promise((resolve) => {
      const sleeper = { at: this.#now + ms, wake: resolve }
      this.#sleepers.push(sleeper)
      signal?.addEventListener(
        'abort',
        () => {
          this.#sleepers = this.#sleepers.filter((other) => other !== sleeper)
          resolve()
        },
        { once: true },
      )
    })
  }

  async *ticks(intervalMs: number, signal: AbortSignal, offsetMs = 0): AsyncGenerator<UnixMs, void, undefined> {
    for (
      let next = nextTick(this.#now, intervalMs, offsetMs);
      ;
      next = tickAfter(next, this.#now, intervalMs, offsetMs)
    ) {
      await this.sleep(next - this.#now, signal)
      if (signal.aborted) return
      yield unixMs(next)
    }
  }

  /** Moves time on by `ms`, waking each sleeper at its own instant and letting what it started settle. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      await settle()
      this.#sleepers.sort((a, b) => a.at - b.at)
      const first = this.#sleepers[0]
      if (first === undefined || first.at > end) break
      this.#sleepers.shift()
      this.#now = Math.max(this.#now, first.at)
      first.wake()
    }
    this.#now = end
    await settle()
  }
}

/**
 * The tick that follows `previous`. A timer that woke a little early repeats none; a clock that was set back by more
 * than an interval goes on from where it is now, instead of being silent until it has caught up.
 */
export function tickAfter(previous: number, now: number, intervalMs: number, offsetMs: number): number {
  return nextTick(previous - now > intervalMs ? now : Math.max(now, previous), intervalMs, offsetMs)
}

function nextTick(now: number, intervalMs: number, offsetMs: number): number {
  return (Math.floor((now - offsetMs) / intervalMs) + 1) * intervalMs + offsetMs
}

/** Lets promise chains that are ready run dry: a turn of the event loop, several times over. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}
