/**
 * One target, read again and again until it is stopped.
 *
 * - Never rejects and never ends for the target's sake: a failure is `up 0`, a reason, and the end of its series.
 * - Samples and the report about the scrape (`up`, `scrape_*`) come in one commit at one instant: the tick.
 * - The deadline holds even for a reader that ignores its signal; while such a read hangs, no second one is begun.
 */
import {
  AssayError,
  type Clock,
  type Feature,
  formatDuration,
  Labels,
  type Log,
  messageOf,
  type UnixMs,
  unixMs,
} from '#core'
import type { Appender, ExemplarStore, MetadataStore, SeriesRef, Store } from '#storage'
import { PageRefused } from './content-type.ts'
import { DescribedFamilies } from './described-families.ts'
import type { FailureLog } from './failure-log.ts'
import { PageRecorder } from './page-recorder.ts'
import { mergeLabels, noCounts, type PageCounts } from './record-page.ts'
import type { ScrapeTotals } from './scrape-totals.ts'
import { TargetMemory } from './target-memory.ts'
import { tickOffset } from './tick-offset.ts'
import type { Page, Target, TargetHealth, TargetStatus } from './types.ts'

export type LoopDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly store: Store
  readonly metadata: MetadataStore
  readonly totals: ScrapeTotals
  readonly features: ReadonlySet<Feature>
  readonly exemplars: Pick<ExemplarStore, 'append'> | undefined
  readonly failures: FailureLog
  readonly onScrape: (status: TargetStatus) => void
}

const REPORTS = [
  'up',
  'scrape_duration_seconds',
  'scrape_samples_scraped',
  'scrape_samples_post_metric_relabeling',
  'scrape_series_added',
]
/** With `extra-scrape-metrics`. */
const MORE_REPORTS = ['scrape_timeout_seconds', 'scrape_sample_limit', 'scrape_body_size_bytes']
/** A tick this much late by the machine's load still counts as the tick; beyond it, or with a clock that was set, the real instant is the truth. */
const TOLERATED_LAG = 0.1

/** Turns of the event loop that a reader has to say why it ends: a connection takes some to be closed. */
const TURNS_TO_SAY = 10

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** What is reported of one scrape. `sizeBytes`: -1 for a page over its limit, 0 where none came. */
type Outcome = {
  readonly up: number
  readonly started: number
  readonly counts: PageCounts
  readonly sizeBytes: number
}

export class ScrapeLoop {
  readonly memory: TargetMemory
  readonly #recorder: PageRecorder
  readonly #deps: LoopDeps
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>
  readonly #reportNames: readonly string[]
  /** Where the series about the scrapes are kept; 0: not known. */
  readonly #reportRefs: Float64Array
  #target: Target
  #reading: AbortController | undefined
  /** When the read that is under way is over, by the monotonic clock; and when somebody looks at that next. */
  #deadline = Infinity
  #watchedUntil = Infinity
  readonly #described: DescribedFamilies
  #hanging = false
  #health: TargetHealth = 'unknown'
  #lastError = ''
  #caveats: readonly string[] = []
  #lastScrape: UnixMs | undefined
  #lastDurationMs = 0
  #samples = 0

  /** `memory` of the loop before, when only the settings of a target changed. */
  constructor(target: Target, deps: LoopDeps, memory = new TargetMemory()) {
    this.#target = target
    this.#deps = deps
    this.memory = memory
    this.#recorder = new PageRecorder({ ...deps, turn: () => this.#turn() }, memory)
    this.#described = new DescribedFamilies(deps.metadata)
    const extra = target.extraMetrics === true || deps.features.has('extra-scrape-metrics')
    this.#reportNames = extra ? [...REPORTS, ...MORE_REPORTS] : REPORTS
    this.#reportRefs = new Float64Array(this.#reportNames.length)
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
      metadata: this.#described.families,
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
    using batch = this.#deps.store.appender({ keepOrder: true })
    this.memory.end(batch, at)
    for (let i = 0; i < this.#reportNames.length; i++)
      if (this.#reportRefs[i] === 0 || !batch.appendStaleKnown(this.#reportRefs[i] as SeriesRef, at))
        batch.appendStale(undefined, this.#reportLabels(i), at)
    this.#commit(batch)
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#deps
    const { signal } = this.#stopping
    const { intervalMs } = this.#target
    for await (const tick of clock.ticks(intervalMs, signal, tickOffset(this.#target))) {
      const now = clock.now()
      const at = Math.abs(now - tick) <= intervalMs * TOLERATED_LAG ? tick : now
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
    let error = this.#target.refusal ?? ''
    let sizeBytes = 0
    if (error === '' && this.#hanging) {
      totals.skipped++
      error = 'the last read has not ended yet, although its time is over; no second one is begun'
    } else if (error === '') {
      try {
        answer = await this.#read()
        sizeBytes = typeof answer.body === 'string' ? Buffer.byteLength(answer.body) : answer.body.length
      } catch (thrown) {
        error = messageOf(thrown)
        if (thrown instanceof AssayError && thrown.code === 'ASSAY_SCRAPE_BODY_LIMIT') {
          totals.bodyLimit++
          sizeBytes = -1
        } else if (thrown instanceof PageRefused) sizeBytes = thrown.sizeBytes
        if (!signal.aborted) this.#deps.failures.write(this.#target, error)
      }
    }
    if (signal.aborted) return // our shutdown is not the target's outage
    const read = clock.monotonicMs()
    totals.readSeconds += (read - started) / 1000
    await this.#record(at, answer, { error, started, sizeBytes })
    if (signal.aborted) return
    totals.recordSeconds += (clock.monotonicMs() - read) / 1000
    this.#deps.onScrape(this.status())
  }

  async #read(): Promise<Page> {
    const { timeoutMs, read } = this.#target
    const reading = new AbortController()
    this.#reading = reading
    this.#deadline = this.#deps.clock.monotonicMs() + timeoutMs
    if (this.#deadline < this.#watchedUntil) void this.#watch()
    const cut = Promise.withResolvers<never>()
    // The reader hears of it first and can say more; a few turns later the deadline speaks for itself.
    reading.signal.addEventListener(
      'abort',
      () => void turns(TURNS_TO_SAY).then(() => cut.reject(reading.signal.reason)),
      {
        once: true,
      },
    )
    this.#hanging = true
    try {
      const answer = Promise.resolve(read(reading.signal)).finally(() => {
        this.#hanging = false
      })
      answer.catch(() => {}) // when the deadline wins, its later failure is nobody's
      return await Promise.race([answer, cut.promise])
    } finally {
      cut.promise.catch(() => {})
      this.#deadline = Infinity
      this.#reading = undefined
    }
  }

  /**
   * Gives up the read that is under way when its time is over. It sleeps on when that read has ended and looks again at the next one's
   * deadline: nearly all are over in time, and a timer for each that is called off again was a twentieth of a scrape.
   */
  async #watch(): Promise<void> {
    const { clock } = this.#deps
    const { signal } = this.#stopping
    for (;;) {
      const left = this.#deadline - clock.monotonicMs()
      if (signal.aborted || left === Infinity) break
      if (left <= 0) {
        const said = `no whole answer within ${formatDuration(this.#target.timeoutMs)}`
        this.#reading?.abort(new AssayError('ASSAY_SCRAPE_TIMEOUT', said))
        break
      }
      this.#watchedUntil = this.#deadline
      await clock.sleep(left, signal)
    }
    this.#watchedUntil = Infinity
  }

  /** Stores what came, or that nothing came. Stops in the middle, with nothing stored, when the loop is stopped. */
  async #record(
    at: UnixMs,
    answer: Page | undefined,
    outcome: { readonly error: string; readonly started: number; readonly sizeBytes: number },
  ): Promise<void> {
    const { totals } = this.#deps
    const { started, sizeBytes } = outcome
    const counts = noCounts()
    let { error } = outcome
    let taken = false
    if (answer !== undefined) {
      try {
        totals.readBytes += sizeBytes
        const finish = (batch: Appender) => {
          this.#report(batch, at, { up: 1, started, counts, sizeBytes })
          return this.#commit(batch)
        }
        const recorded = await this.#recorder.record(answer, { target: this.#target, at, counts, finish })
        if (recorded === undefined) return
        taken = true
        if (recorded.metadata !== undefined) this.#described.take(recorded.metadata)
        totals.duplicates += counts.duplicates
        totals.outOfBounds += counts.ahead
      } catch (thrown) {
        error = messageOf(thrown)
        totals.refuse(thrown)
      } finally {
        answer.release?.()
      }
    }
    if (!taken) {
      using batch = this.#deps.store.appender()
      this.memory.end(batch, at)
      this.#report(batch, at, { up: 0, started, counts, sizeBytes })
      this.#commit(batch)
    }
    this.#samples = taken ? counts.kept : 0
    this.#caveats = (taken ? answer?.caveats : undefined) ?? []
    this.#lastScrape = at
    this.#settle(taken ? 'up' : 'down', error)
  }

  /** Lets everything else have a turn; false when the loop was stopped meanwhile. */
  async #turn(): Promise<boolean> {
    await new Promise<void>((resolve) => setImmediate(resolve))
    return !this.#stopping.signal.aborted
  }

  #report(batch: Appender, at: UnixMs, { up, started, counts, sizeBytes }: Outcome): void {
    this.#lastDurationMs = this.#deps.clock.monotonicMs() - started
    const { timeoutMs, limits } = this.#target
    const values = [
      up,
      this.#lastDurationMs / 1000,
      counts.scraped,
      counts.kept,
      counts.added,
      timeoutMs / 1000,
      limits.samples ?? 0,
      sizeBytes,
    ]
    const refs = this.#reportRefs
    for (let i = 0; i < refs.length; i++)
      if (refs[i] === 0 || !batch.appendKnown(refs[i] as SeriesRef, at, values[i]!))
        refs[i] = batch.append(undefined, this.#reportLabels(i), at, values[i]!)
  }

  /** Made when they are needed, which is once as a rule: five label sets a target would be kept for nothing. */
  #reportLabels(i: number): Labels {
    return mergeLabels(Labels.of({ __name__: this.#reportNames[i]! }), this.#target.labels, false)
  }

  /** A disk that refuses is not the target's fault: it is counted and said, and the loop goes on. False when nothing was stored. */
  #commit(batch: Appender): boolean {
    const { totals, log } = this.#deps
    try {
      const { appended, rejected } = batch.commit()
      totals.samples += appended
      totals.reject(rejected)
      return true
    } catch (err) {
      totals.failedCommits++
      log.error({ err, target: this.#target.url }, 'a scrape was read but could not be stored')
      return false
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
