/**
 * What is remembered of one target from scrape to scrape: as a `KnownPage` where its pages are plain, else as a `ScrapeCache`.
 *
 * - At each time one of the two holds all of it; `spellOut` and `settle` move it over.
 * - A target whose pages are odd again and again stays spelled out for longer and longer: moving costs more than the parser.
 */
import type { UnixMs } from '#core'
import type { Appender, SeriesRef } from '#storage'
import type { ExpositionPage } from './exposition-page.ts'
import { DROPPED, type KnownPage, type KnownSettings, tryKnow } from './known-page.ts'
import { TextParser } from './parse-exposition.ts'
import { endAll, noCounts, seriesOf } from './record-page.ts'
import { ScrapeCache } from './scrape-cache.ts'

/** Pages that a target stays spelled out at most before its next one is tried. */
const LONGEST_PAUSE = 64
/** Pages in a row that were not odd, after which a target is trusted again. */
const TRUSTED_AFTER = 8

export class TargetMemory {
  readonly cache = new ScrapeCache()
  #known: KnownPage | undefined
  /** The settings are others than those that the page was recorded with. */
  #isForeign = false
  #pause = 0
  #penalty = 0
  #streak = 0
  #wasTried = false

  /** Nothing is remembered, and this is asked for the first time: a page may be recorded without looking for what was before. */
  takeFirst(): boolean {
    const isFirst = !this.#wasTried && this.#known === undefined && this.cache.seriesCount === 0
    this.#wasTried = true
    return isFirst
  }

  /** Its last page, when the next one may be compared with it. */
  get known(): KnownPage | undefined {
    return this.#isForeign ? undefined : this.#known
  }

  /** Bytes of the page that is known; 0 when it is spelled out. */
  get knownBytes(): number {
    return this.#known?.sizeBytes ?? 0
  }

  get isSpelledOut(): boolean {
    return this.#known === undefined && this.cache.seriesCount > 0
  }

  /** The next page was as expected: this is known now. */
  keep(known: KnownPage): void {
    this.#known = known
    if (++this.#streak >= TRUSTED_AFTER) this.#penalty = 0
  }

  /** The next page is not as expected. */
  stumble(): void {
    this.#streak = 0
    this.#pause = this.#penalty
    this.#penalty = Math.min(LONGEST_PAUSE, Math.max(2, this.#penalty * 2))
  }

  /** For the parser: everything in the cache. */
  spellOut(batch: Appender): void {
    const known = this.#known
    if (known === undefined) return
    const { settings, refs } = known
    const { openMetrics, typeAndUnitLabels, target } = settings
    const parser = new TextParser(known.text(), { format: openMetrics ? 'openmetrics' : 'text', typeAndUnitLabels })
    parser.step(Number.POSITIVE_INFINITY)
    const { page } = parser
    if (page.count !== known.count) throw new Error(`BUG: ${known.count} lines were known and ${page.count} are read`)
    const counts = noCounts()
    this.cache.restore(page, known.live, (i) => {
      const ref = refs[i]!
      const labels =
        ref === DROPPED ? undefined : (batch.labelsOf(ref as SeriesRef) ?? seriesOf({ page, target, counts }, i))
      return labels === undefined ? undefined : { labels, ref: ref as SeriesRef }
    })
    this.#known = undefined
    if (this.#isForeign) this.cache.forgetSpellings()
    this.#isForeign = false
  }

  /** After a page that the parser read and the store took: is it plain enough to be known by its bytes? */
  settle(page: ExpositionPage, settings: KnownSettings): void {
    if (this.#pause > 0) this.#pause--
    else {
      const { cache } = this
      const known = page.count === 0 ? undefined : tryKnow(page, settings, (i) => cache.refOf(i))
      // Fewer series than lines: one of them is there twice.
      if (known === undefined || cache.seriesCount !== known.count - known.dropped) return
      this.#known = known
      cache.clear()
    }
  }

  /** From now on pages are recorded with other settings. */
  settingsChanged(): void {
    if (this.#known === undefined) this.cache.forgetSpellings()
    else this.#isForeign = true
  }

  /** Ends every series that is alive. */
  end(batch: Appender, at: UnixMs): void {
    if (this.#known === undefined) endAll(batch, this.cache, at)
    else this.#known.end(batch, at)
  }
}
