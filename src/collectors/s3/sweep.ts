/**
 * Counts a bucket by listing it, a bounded number of pages at a time.
 *
 * - A small bucket is counted whole at each read; a big one over several, and its last complete totals stand meanwhile.
 *   Before the first complete sweep there are no totals: half a count is not the truth.
 * - After a sweep the next one waits a second for each page it took, so that listing never becomes the bucket's main load.
 */
import type { Clock, UnixMs } from '#core'

export type ListedPage = {
  readonly sizes: readonly number[]
  /** Unix milliseconds of the newest object of the page. */
  readonly newest: number | undefined
  /** Where the next page starts; absent on the last one. */
  readonly next: string | undefined
}
/** Lists one page of at most a thousand objects. */
export type ListPage = (from: string | undefined, signal: AbortSignal) => Promise<ListedPage>

export type SweepTotals = {
  readonly objects: number
  readonly bytes: number
  readonly newest: number | undefined
  readonly at: UnixMs
  readonly durationMs: number
  readonly pages: number
}

type Running = {
  objects: number
  bytes: number
  newest: number | undefined
  next: string | undefined
  pages: number
  startedAt: UnixMs
}

const PAGES_PER_READ = 50
/** Well below a scrape's timeout: what is not listed by then is listed by the next read. */
const MS_PER_READ = 500
const PAUSE_PER_PAGE_MS = 1000
const MAX_PAUSE_MS = 3600_000

export class Sweep {
  #running: Running | undefined
  #totals: SweepTotals | undefined

  get totals(): SweepTotals | undefined {
    return this.#totals
  }

  /** Objects counted so far by a sweep that is not complete yet. */
  get progress(): number | undefined {
    return this.#running?.objects
  }

  /** Goes on, or starts anew when it is time. A failed page is asked again by the next call. */
  async advance(list: ListPage, clock: Clock, signal: AbortSignal): Promise<void> {
    const last = this.#totals
    const pauseMs = last === undefined || last.pages <= 1 ? 0 : Math.min(last.pages * PAUSE_PER_PAGE_MS, MAX_PAUSE_MS)
    if (this.#running === undefined && last !== undefined && clock.now() - last.at < pauseMs) return
    const run = (this.#running ??= {
      objects: 0,
      bytes: 0,
      newest: undefined,
      next: undefined,
      pages: 0,
      startedAt: clock.now(),
    })
    const until = clock.monotonicMs() + MS_PER_READ
    for (let page = 0; page < PAGES_PER_READ && clock.monotonicMs() < until; page++) {
      const listed = await list(run.next, signal)
      run.pages++
      run.objects += listed.sizes.length
      for (const size of listed.sizes) run.bytes += size
      if (listed.newest !== undefined) run.newest = Math.max(run.newest ?? 0, listed.newest)
      run.next = listed.next
      if (listed.next !== undefined) continue
      const at = clock.now()
      this.#totals = {
        objects: run.objects,
        bytes: run.bytes,
        newest: run.newest,
        at,
        durationMs: at - run.startedAt,
        pages: run.pages,
      }
      this.#running = undefined
      return
    }
  }

  /** Forgets a sweep whose place in the listing is no longer known to the server. */
  restart(): void {
    this.#running = undefined
  }
}
