/**
 * All targets, each in its own loop, so that a slow or broken one never delays another.
 *
 * - `apply` takes the whole list; a target that is still in it goes on undisturbed, a changed one keeps the memory of its
 *   series, a removed one has its series ended.
 * - Disposal stops the loops and ends no series: a restart a moment later goes on where they were.
 */
import type { Clock, Feature, Log } from '#core'
import type { ExemplarStore, MetadataStore, Store } from '#storage'
import { FailureLog } from './failure-log.ts'
import { type LoopDeps, ScrapeLoop } from './scrape-loop.ts'
import { ScrapeTotals } from './scrape-totals.ts'
import type { DroppedTarget, Target, TargetStatus } from './types.ts'

export type ScraperOptions = {
  readonly clock: Clock
  readonly log: Log
  readonly store: Store
  readonly metadata: MetadataStore
  /** `extra-scrape-metrics`, `type-and-unit-labels`, `st-storage`, `created-timestamp-zero-ingestion` have an effect here. */
  readonly features?: ReadonlySet<Feature>
  /** Where exemplars go; absent: they are passed over. */
  readonly exemplars?: Pick<ExemplarStore, 'append'>
  /** Called after each scrape, for live views. Must not throw. */
  readonly onScrape?: (status: TargetStatus) => void
}

export interface Scraper extends AsyncDisposable {
  /** From now on, these targets and no others. Of equal ones the first counts. */
  apply(targets: readonly Target[], dropped?: readonly DroppedTarget[]): void
  /** In the order of `apply`. */
  status(): readonly TargetStatus[]
  dropped(): readonly DroppedTarget[]
  /** The scraper's own metrics, text format 0.0.4. */
  metrics(): string
}

export function createScraper(options: ScraperOptions): Scraper {
  return new LoopingScraper(options)
}

class LoopingScraper implements Scraper {
  readonly #deps: LoopDeps
  readonly #totals = new ScrapeTotals()
  readonly #stopping = new Set<Promise<void>>()
  readonly #failures: FailureLog
  #loops = new Map<string, ScrapeLoop>()
  #dropped: readonly DroppedTarget[] = []
  #closed = false

  constructor({ clock, log, store, metadata, features = new Set(), exemplars, onScrape = () => {} }: ScraperOptions) {
    this.#failures = new FailureLog(clock, log)
    this.#deps = {
      clock,
      log,
      store,
      metadata,
      features,
      exemplars,
      failures: this.#failures,
      onScrape,
      totals: this.#totals,
    }
  }

  apply(targets: readonly Target[], dropped: readonly DroppedTarget[] = []): void {
    if (this.#closed) return
    const before = this.#loops
    const loops = new Map<string, ScrapeLoop>()
    this.#dropped = dropped
    for (const target of targets) {
      const identity = identityOf(target)
      if (loops.has(identity)) continue
      const running = before.get(identity)
      before.delete(identity)
      if (running === undefined) loops.set(identity, new ScrapeLoop(target, this.#deps))
      else if (settingsOf(running.target) === settingsOf(target)) {
        running.replace(target)
        loops.set(identity, running)
      } else {
        this.#stop(running)
        running.memory.settingsChanged()
        loops.set(identity, new ScrapeLoop(target, this.#deps, running.memory))
      }
    }
    for (const gone of before.values()) {
      this.#stop(gone)
      gone.end()
    }
    this.#loops = loops
  }

  status(): readonly TargetStatus[] {
    return [...this.#loops.values()].map((loop) => loop.status())
  }

  dropped(): readonly DroppedTarget[] {
    return this.#dropped
  }

  metrics(): string {
    let knownBytes = 0
    let spelledOut = 0
    for (const { memory } of this.#loops.values()) {
      knownBytes += memory.knownBytes
      if (memory.isSpelledOut) spelledOut++
    }
    return this.#totals.page(this.status(), {
      dropped: droppedIn(this.#dropped),
      linesLost: this.#failures.lost,
      knownBytes,
      spelledOut,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    for (const loop of this.#loops.values()) this.#stop(loop)
    await Promise.all(this.#stopping)
    await this.#failures[Symbol.asyncDispose]()
  }

  #stop(loop: ScrapeLoop): void {
    const stopped = loop.stop().finally(() => this.#stopping.delete(stopped))
    this.#stopping.add(stopped)
  }
}

function droppedIn(listed: readonly DroppedTarget[]): number {
  return listed.reduce((sum, { more = 0 }) => sum + 1 + more, 0)
}

function identityOf(target: Target): string {
  return `${target.pool}\0${target.labels.key}\0${target.url}`
}

/** What a loop cannot change while it runs. */
function settingsOf(target: Target): string {
  const {
    pool: _pool,
    labels: _labels,
    discoveredLabels: _discovered,
    url: _url,
    read: _read,
    refusal: _refusal,
    ...settings
  } = target
  return JSON.stringify(settings)
}
