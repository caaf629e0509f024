/**
 * One target, read again and again until it is stopped.
 *
 * - Never rejects and never ends for the target's sake: a failure is `up 0`, a reason, and the end of its series.
 * - Samples and the report about the scrape (`up`, `scrape_*`) come in one commit at one instant: the tick.
 * - The deadline holds even for a reader that ignores its signal; while such a read hangs, no second one is begun.
 */
import { AssayError, type Clock, formatDuration, Labels, type Log, messageOf, type UnixMs, unixMs } from '#core'
import type { Appender, MetadataStore, Store } from '#storage'
import { formatOf } from './content-type.ts'
import { DEFAULT_SAMPLE_LIMIT } from './limits.ts'
import { type ExpositionPage, ExpositionParser } from './parse-exposition.ts'
import { endAll, finishPage, mergeLabels, type PageCounts, recordSamples } from './record-page.ts'
import { ScrapeCache, type SeriesState } from './scrape-cache.ts'
import type { ScrapeTotals } from './scrape-totals.ts'
import { tickOffset } from './tick-offset.ts'
import type { Page, Target, TargetHealth, TargetStatus } from './types.ts'

export type LoopDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly store: Store
  readonly metadata: MetadataStore
  readonly totals: ScrapeTotals
  readonly onScrape: (status: TargetStatus) => void
}

const REPORTS = [
  'up',
  'scrape_duration_seconds',
  'scrape_samples_scraped',
  'scrape_samples_post_metric_relabeling',
  'scrape_series_added',
]
/** Samples parsed or recorded at a time; in between, the other targets have their turn. */
const SLICE = 1000
/** A tick this much late by the machine's load still counts as the tick; beyond it, the real instant is the truth. */
const TOLERATED_LAG = 0.1

export class ScrapeLoop {
  readonly cache: ScrapeCache
  readonly #deps: LoopDeps
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>
  readonly #reports: SeriesState[]
  #target: Target
  #reading: AbortController | undefined
  #hanging = false
  #health: TargetHealth = 'unknown'
  #lastError = ''
  #caveats: readonly string[] = []
  #lastScrape: UnixMs | undefined
  #lastDurationMs = 0
  #samples = 0

  /** `cache` of the loop before, when only the settings of a target changed. */
  constructor(target: Target, deps: LoopDeps, cache = new ScrapeCache()) {
    this.#target = target
    this.#deps = deps
    this.cache = cache
    this.#reports = REPORTS.map((name) => ({
      labels: mergeLabels(Labels.of({ __name__: name }), target.labels, false),
      ref: undefined,
      born: 0,
      seen: 0,
      live: false,
    }))
    this.#running = this.#run()
  }

  get target(): Target {
    return this.#target
  }

  /** The same target as discovered anew: the loop goes on as it was. */
  replace(target: Target): void {
    this.#target = target
  }

  status(): TargetStatus {
    return {
      target: this.#target,
      health: this.#health,
      lastError: this.#lastError,
      caveats: this.#caveats,
      lastScrape: this.#lastScrape,
      lastScrapeDurationMs: this.#lastDurationMs,
      samples: this.#samples,
    }
  }

  /** Ends the loop; what is being read is given up. Resolves when nothing of it runs any more. */
  stop(): Promise<void> {
    this.#stopping.abort()
    this.#reading?.abort(new AssayError('ASSAY_SCRAPE_STOPPED', 'the target is not scraped any more'))
    return this.#running
  }

  /** Ends the target's series, for a target that is gone. Call it after `stop`. */
  end(): void {
    const at = unixMs(Math.max(this.#deps.clock.now(), this.#lastScrape ?? 0))
    using batch = this.#deps.store.appender()
    endAll(batch, this.cache, at)
    for (const one of this.#reports) batch.appendStale(one.ref, one.labels, at)
    this.#commit(batch)
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#deps
    const { signal } = this.#stopping
    const { intervalMs } = this.#target
    for await (const tick of clock.ticks(intervalMs, signal, tickOffset(this.#target))) {
      const now = clock.now()
      const at = now - tick <= intervalMs * TOLERATED_LAG ? tick : now
      try {
        await this.#scrape(at, signal)
      } catch (err) {
        // Nothing here may throw; if it does all the same, one bad scrape must not end the loop.
        log.error({ err, target: this.#target.url }, 'BUG: a scrape threw')
      }
    }
  }

  async #scrape(at: UnixMs, signal: AbortSignal): Promise<void> {
    const { clock, totals } = this.#deps
    const started = clock.monotonicMs()
    let answer: Page | undefined
    let error = ''
    if (this.#hanging) {
      totals.skipped++
      error = 'the last read has not ended yet, although its time is over; no second one is begun'
    } else {
      try {
        answer = await this.#read()
      } catch (thrown) {
        error = messageOf(thrown)
        if (thrown instanceof AssayError && thrown.code === 'ASSAY_SCRAPE_BODY_LIMIT') totals.bodyLimit++
      }
    }
    if (signal.aborted) return // our shutdown is not the target's outage
    const read = clock.monotonicMs()
    totals.readSeconds += (read - started) / 1000
    await this.#record(at, answer, { error, started })
    if (signal.aborted) return
    totals.recordSeconds += (clock.monotonicMs() - read) / 1000
    this.#deps.onScrape(this.status())
  }

  async #read(): Promise<Page> {
    const { timeoutMs, read } = this.#target
    const reading = new AbortController()
    const over = new AbortController()
    this.#reading = reading
    void this.#deps.clock.sleep(timeoutMs, over.signal).then(() => {
      reading.abort(new AssayError('ASSAY_SCRAPE_TIMEOUT', `no whole answer within ${formatDuration(timeoutMs)}`))
    })
    const cut = Promise.withResolvers<never>()
    // The reader hears of it first and can say more; one turn later the deadline speaks for itself.
    reading.signal.addEventListener('abort', () => setImmediate(() => cut.reject(reading.signal.reason)), {
      once: true,
    })
    this.#hanging = true
    try {
      const answer = Promise.resolve(read(reading.signal)).finally(() => {
        this.#hanging = false
      })
      answer.catch(() => {}) // when the deadline wins, its later failure is nobody's
      return await Promise.race([answer, cut.promise])
    } finally {
      cut.promise.catch(() => {})
      over.abort()
      this.#reading = undefined
    }
  }

  /** Stores what came, or that nothing came. Stops in the middle, with nothing stored, when the loop is stopped. */
  async #record(
    at: UnixMs,
    answer: Page | undefined,
    outcome: { readonly error: string; readonly started: number },
  ): Promise<void> {
    const { totals } = this.#deps
    const counts: PageCounts = { scraped: 0, kept: 0, added: 0, duplicates: 0 }
    let { error } = outcome
    let taken = false
    if (answer !== undefined) {
      try {
        totals.readBytes += answer.body.length
        this.cache.begin()
        const page = await this.#parse(answer)
        if (page === undefined) return
        using batch = this.#deps.store.appender()
        const work = { page, target: this.#target, cache: this.cache, at, counts }
        for (let from = 0; from < page.count; from += SLICE) {
          if (from > 0 && !(await this.#turn())) return
          recordSamples(batch, work, { from, to: Math.min(from + SLICE, page.count) })
        }
        finishPage(batch, work)
        this.#report(batch, at, { up: 1, started: outcome.started, counts })
        this.#commit(batch)
        taken = true
        this.cache.finish(page)
        this.#describe(page)
        totals.duplicates += counts.duplicates
      } catch (thrown) {
        error = messageOf(thrown)
        this.#countRefusal(thrown)
        this.cache.abandon()
      }
    }
    if (!taken) {
      using batch = this.#deps.store.appender()
      endAll(batch, this.cache, at)
      this.#report(batch, at, { up: 0, started: outcome.started, counts })
      this.#commit(batch)
    }
    this.#samples = taken ? counts.kept : 0
    this.#caveats = (taken ? answer?.caveats : undefined) ?? []
    this.#lastScrape = at
    this.#settle(taken ? 'up' : 'down', error)
  }

  /** `undefined` when the loop was stopped meanwhile. Throws what is wrong with the page. */
  async #parse({ body, contentType }: Page): Promise<ExpositionPage | undefined> {
    const parser = new ExpositionParser(body, { format: formatOf(contentType), maxSamples: DEFAULT_SAMPLE_LIMIT })
    while (!parser.step(SLICE)) if (!(await this.#turn())) return undefined
    return parser.page
  }

  /** Lets everything else have a turn; false when the loop was stopped meanwhile. */
  async #turn(): Promise<boolean> {
    await new Promise<void>((resolve) => setImmediate(resolve))
    return !this.#stopping.signal.aborted
  }

  #report(
    batch: Appender,
    at: UnixMs,
    { up, started, counts }: { readonly up: number; readonly started: number; readonly counts: PageCounts },
  ): void {
    this.#lastDurationMs = this.#deps.clock.monotonicMs() - started
    const values = [up, this.#lastDurationMs / 1000, counts.scraped, counts.kept, counts.added]
    for (const [i, one] of this.#reports.entries()) {
      const ref = batch.append(one.ref, one.labels, at, values[i]!)
      one.ref = (ref as number) === 0 ? undefined : ref
    }
  }

  /** A disk that refuses is not the target's fault: it is counted and said, and the loop goes on. */
  #commit(batch: Appender): void {
    const { totals, log } = this.#deps
    try {
      const { appended, rejected } = batch.commit()
      totals.samples += appended
      totals.reject(rejected)
    } catch (err) {
      totals.failedCommits++
      this.cache.forgetSpellings()
      for (const one of this.#reports) one.ref = undefined
      log.error({ err, target: this.#target.url }, 'a scrape was read but could not be stored')
    }
  }

  #describe(page: ExpositionPage): void {
    for (const [family, metadata] of page.metadata) this.#deps.metadata.set(family, metadata)
  }

  #countRefusal(thrown: unknown): void {
    const { totals } = this.#deps
    const code = thrown instanceof AssayError ? thrown.code : ''
    if (code === 'ASSAY_SCRAPE_PARSE') totals.parseErrors++
    else if (code === 'ASSAY_SCRAPE_TOO_MANY_SAMPLES') totals.sampleLimit++
    else if (code === 'ASSAY_SCRAPE_LIMIT') {
      if (messageOf(thrown).includes('sample_limit')) totals.sampleLimit++
      else totals.labelLimit++
    }
  }

  #settle(health: TargetHealth, error: string): void {
    const { log, totals } = this.#deps
    if (health === 'up') totals.scrapesUp++
    else totals.scrapesDown++
    const fields = { pool: this.#target.pool, target: this.#target.url }
    if (health === 'down' && this.#lastError !== error)
      log.warn({ ...fields, reason: error }, 'a target cannot be scraped')
    if (health === 'up' && this.#health === 'down') log.info(fields, 'a target can be scraped again')
    this.#health = health
    this.#lastError = error
  }
}
