/**
 * What workers said last before they ended in order: their counters and histograms, so that what they counted after the last scrape is
 * not lost (docs/decisions/0023).
 *
 * - Shown to every scrape for DEPARTED_MS, and at least to one; several Prometheus servers see the same. Gauges are not: nobody has them now.
 * - Never beside a living worker of the same label: its series would stand on the page twice.
 * - A hub that ends leaves what it has to all others, with its own; who joins another hub has no use for it any more.
 * - Bounded: the newest MAX_DEPARTED.
 */
import type { PageFormat } from '../exposition/page-format.ts'
import type { Hello, Legacy, WorkerPage } from './protocol.ts'

export const DEPARTED_MS = 60_000
const MAX_DEPARTED = 32

type Gone = {
  readonly worker: string
  readonly at: number
  readonly pages: ReadonlyMap<PageFormat, WorkerPage>
  shown: boolean
}

export class Departed {
  #gone: Gone[] = []

  /** A worker has gone; without last words there is nothing to keep. */
  add({ worker }: Pick<Hello, 'worker'>, pages: ReadonlyMap<PageFormat, WorkerPage>, nowMs: number): void {
    if (pages.size === 0) return
    this.#gone = this.#gone.filter((one) => one.worker !== worker)
    this.#gone.push({ worker, at: nowMs, pages, shown: false })
    this.#gone.splice(0, this.#gone.length - MAX_DEPARTED)
  }

  /** One of the pages that a hub has left to this worker. */
  inherit({ left, last, families, users }: Legacy, nowMs: number): void {
    const known = this.#gone.find(({ worker }) => worker === left)
    const pages = new Map(known?.pages).set(last, { families, users })
    this.add({ worker: left }, pages, nowMs)
  }

  /** All that is kept, to be left to others. */
  entries(): readonly { readonly worker: string; readonly pages: ReadonlyMap<PageFormat, WorkerPage> }[] {
    return this.#gone
  }

  clear(): void {
    this.#gone = []
  }

  /** The pages to show beside those of `living`, the labels of workers that are there. */
  pages(
    format: PageFormat,
    names: ReadonlySet<string> | undefined,
    living: ReadonlySet<string>,
    nowMs: number,
  ): WorkerPage[] {
    this.#gone = this.#gone.filter(
      ({ worker, at, shown }) => !living.has(worker) && !(shown && nowMs - at > DEPARTED_MS),
    )
    return this.#gone.flatMap((one) => {
      const page = one.pages.get(format)
      if (page === undefined) return []
      if (names === undefined) one.shown = true
      const families = page.families.filter(
        ({ name, kind }) => kind !== 'gauge' && (names === undefined || names.has(name)),
      )
      return [{ families, users: page.users }]
    })
  }
}
