/**
 * The pages of one target into the store: by what is known of the last one where that tells all, else by the parser.
 *
 * - Both ways leave the same in the store; the parser has the last word on whatever is odd.
 * - A large page is recorded in parts, so that it does not hold the process.
 */
import { AssayError, type Feature, type UnixMs } from '#core'
import type { Appender, ExemplarStore, Metadata, Store } from '#storage'
import { formatOf } from './content-type.ts'
import { ExpositionPage } from './exposition-page.ts'
import { DROPPED, tryKnow } from './known-page.ts'
import { KnownPass } from './known-pass.ts'
import { DEFAULT_SAMPLE_LIMIT } from './limits.ts'
import type { PageParser } from './page-parser.ts'
import { TextParser } from './parse-exposition.ts'
import { pageParser } from './parse-page.ts'
import {
  countSamples,
  type FoundExemplars,
  finishPage,
  type PageCounts,
  type PageWork,
  recordSamples,
  seriesOf,
} from './record-page.ts'
import type { ScrapeTotals } from './scrape-totals.ts'
import type { TargetMemory } from './target-memory.ts'
import type { Page, Target } from './types.ts'

export type RecorderDeps = {
  readonly store: Store
  readonly features: ReadonlySet<Feature>
  readonly exemplars: Pick<ExemplarStore, 'append'> | undefined
  readonly totals: ScrapeTotals
  /** Lets everything else have a turn; false when the page is not wanted any more. */
  readonly turn: () => Promise<boolean>
}

export type Recording = {
  readonly target: Target
  readonly at: UnixMs
  /** Filled, so that a refused page still tells how large it was. */
  readonly counts: PageCounts
  /** Adds what belongs to the page and commits; false when nothing could be stored. */
  readonly finish: (batch: Appender) => boolean
}

/** `metadata`: what the page says of its families; absent when that is what the last one said. */
export type Recorded = { readonly metadata?: ReadonlyMap<string, Metadata> }

/** Samples parsed or recorded at a time; in between, the other targets have their turn. */
const SLICE = 1000
/** The same where the page is known: about as long. */
const KNOWN_SLICE = 4000

export class PageRecorder {
  readonly #deps: RecorderDeps
  readonly #memory: TargetMemory

  constructor(deps: RecorderDeps, memory: TargetMemory) {
    this.#deps = deps
    this.#memory = memory
  }

  /**
   * Stores a page. `undefined` when it was not wanted any more; then nothing of it is stored. Throws what is wrong with it; what stands
   * before a wrong line has then been counted, as in Prometheus.
   */
  async record(answer: Page, recording: Recording): Promise<Recorded | undefined> {
    const { body, contentType } = answer
    const bytes =
      typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    const { known } = this.#memory
    if (known !== undefined && formatOf(contentType) === (known.settings.openMetrics ? 'openmetrics' : 'text')) {
      const recorded = await this.#recordKnown(bytes, recording)
      if (recorded !== 'odd') return recorded
    }
    if (this.#memory.takeFirst()) {
      const recorded = await this.#recordFirst(bytes, contentType, recording)
      if (recorded !== 'odd') return recorded
    }
    // The cache keeps the bytes until the next page.
    return await this.#recordParsed(answer.release === undefined ? bytes : Buffer.from(bytes), contentType, recording)
  }

  async #recordKnown(bytes: Buffer, { target, at, counts, finish }: Recording): Promise<Recorded | undefined | 'odd'> {
    const { store, exemplars, totals, turn } = this.#deps
    const memory = this.#memory
    const known = memory.known!
    using batch = store.appender()
    const pass = new KnownPass(known, bytes, at, {
      seriesOf: (page) => seriesOf({ page, target, counts: { ...counts } }, 0),
      wantsExemplars: exemplars !== undefined,
      sampleLimit: target.limits.samples ?? 0,
    })
    const atOnce = KnownPass.linesAtOnce(known, KNOWN_SLICE)
    while (!pass.step(batch, atOnce)) if (!(await turn())) return undefined
    if (pass.odd || pass.lines > DEFAULT_SAMPLE_LIMIT) {
      memory.stumble()
      return 'odd'
    }
    counts.scraped = pass.lines
    counts.kept = pass.kept
    counts.added = pass.added
    finish(batch)
    memory.keep(pass.take())
    totals.pagesKnown++
    return {}
  }

  /**
   * The first page of a target, where it is plain: without the cache, which would be filled for this one page. (Of 200 targets with 500
   * series each this made 80 MB of heap, and with it the process larger for good.)
   */
  async #recordFirst(bytes: Buffer, contentType: string, recording: Recording): Promise<Recorded | undefined | 'odd'> {
    const { target, at, counts, finish } = recording
    const { store, features, exemplars, totals, turn } = this.#deps
    const parser = bytes.length === 0 ? undefined : this.#parserOf(bytes, contentType, target)
    if (!(parser instanceof TextParser)) return 'odd'
    const { page } = parser
    const limit = target.limits.samples ?? 0
    using batch = store.appender()
    const refs: number[] = []
    const seen = new Set<number>()
    const texts = new Set<number>()
    const own = { page, target, counts: { ...counts } }
    try {
      for (let isWhole = false; !isWhole; ) {
        isWhole = parser.step(SLICE)
        for (let i = refs.length; i < page.count; i++) {
          const labels = seriesOf(own, i)
          const ref = labels === undefined ? DROPPED : (batch.append(undefined, labels, at, page.values[i]!) as number)
          // The same text twice is the same series, also where the family above gives it another meaning.
          const text = hashOf(bytes, page.starts[i]!, page.ends[i]!)
          if (ref === 0 || seen.has(ref) || texts.has(text) || !Number.isNaN(page.timestamps[i]!)) return 'odd'
          texts.add(text)
          if (ref !== DROPPED) seen.add(ref)
          refs.push(ref)
        }
        if (!isWhole && !(await turn())) return undefined
      }
    } catch {
      return 'odd'
    }
    if ((limit > 0 && seen.size > limit) || (exemplars !== undefined && page.exemplars.size > 0)) return 'odd'
    const settings = { openMetrics: page.openMetrics, typeAndUnitLabels: features.has('type-and-unit-labels'), target }
    const known = tryKnow(page, settings, (i) => refs[i])
    if (known === undefined || page.count === 0) return 'odd'
    counts.scraped = page.count
    counts.kept = seen.size
    counts.added = seen.size
    finish(batch)
    this.#memory.keep(known)
    totals.pagesParsed++
    return { metadata: page.metadata }
  }

  #parserOf(bytes: Buffer, contentType: string, { histograms = {} }: Target): PageParser {
    const { features } = this.#deps
    const { native = false, keepClassic = false, convertClassic = false } = histograms
    return pageParser(bytes, {
      format: formatOf(contentType),
      maxSamples: DEFAULT_SAMPLE_LIMIT,
      typeAndUnitLabels: features.has('type-and-unit-labels'),
      startTimes: features.has('st-storage') || features.has('created-timestamp-zero-ingestion'),
      nativeHistograms: native,
      keepClassic,
      convertClassic,
    })
  }

  async #recordParsed(bytes: Buffer, contentType: string, recording: Recording): Promise<Recorded | undefined> {
    const { target, at, counts, finish } = recording
    const { store, features, totals } = this.#deps
    const { cache } = this.#memory
    using batch = store.appender()
    this.#memory.spellOut(batch)
    cache.begin()
    try {
      const exemplars: FoundExemplars[] = []
      const work = {
        target,
        cache,
        at,
        counts,
        startTimes: { keep: features.has('st-storage'), zero: features.has('created-timestamp-zero-ingestion') },
        ...(this.#deps.exemplars === undefined ? {} : { exemplars }),
      }
      const read = await this.#readInto(batch, { bytes, contentType }, work)
      if (read === undefined) return undefined
      const { page, isPlain } = read
      const stored = finish(batch)
      if (stored) this.#keepExemplars(exemplars)
      else cache.forgetSpellings()
      cache.finish(page)
      if (isPlain && stored)
        this.#memory.settle(page, {
          openMetrics: page.openMetrics,
          typeAndUnitLabels: features.has('type-and-unit-labels'),
          target,
        })
      totals.pagesParsed++
      return { metadata: page.metadata }
    } catch (thrown) {
      cache.abandon()
      throw thrown
    }
  }

  /** Parses and records a page, in parts. `isPlain`: it is text, and what it says was taken as it stands. */
  async #readInto(
    batch: Appender,
    { bytes, contentType }: { readonly bytes: Buffer; readonly contentType: string },
    rest: Omit<PageWork, 'page'>,
  ): Promise<{ readonly page: ExpositionPage; readonly isPlain: boolean } | undefined> {
    const { turn } = this.#deps
    // No byte is no page to parse, whatever its content type: a scrape of nothing.
    const parser = bytes.length === 0 ? undefined : this.#parserOf(bytes, contentType, rest.target)
    let wrong: unknown
    try {
      while (parser?.step(SLICE) === false) if (!(await turn())) return undefined
    } catch (thrown) {
      wrong = thrown
    }
    // A page beyond our own bound is not worth the work of counting it further.
    if (wrong instanceof AssayError && wrong.code === 'ASSAY_SCRAPE_TOO_MANY_SAMPLES') throw wrong
    const page = parser?.page ?? new ExpositionPage(Buffer.alloc(0), false)
    const work = { ...rest, page }
    for (let from = 0; from < page.count; from += SLICE) {
      if (from > 0 && !(await turn())) return undefined
      const part = { from, to: Math.min(from + SLICE, page.count) }
      if (wrong === undefined) recordSamples(batch, work, part)
      else countSamples(work, part)
    }
    if (wrong !== undefined) throw wrong
    finishPage(batch, work)
    const isPlain = parser instanceof TextParser && (rest.exemplars === undefined || page.exemplars.size === 0)
    return { page, isPlain }
  }

  /** Only where all exemplars of a sample are older than what is there they are counted: others are the news of a known set. */
  #keepExemplars(found: readonly FoundExemplars[]): void {
    const { exemplars: store, totals } = this.#deps
    for (const { series, exemplars } of found) {
      const late = exemplars.filter((one) => store?.append(series, one) === 'out-of-order').length
      if (late === exemplars.length) totals.exemplarsOutOfOrder += late
    }
  }
}

/** 52 bits of the bytes; two texts with one hash are taken for one, and the page goes another way. Source: FNV-1a, twice. */
function hashOf(bytes: Buffer, start: number, end: number): number {
  let a = 0x811c9dc5
  let b = 0x2f0b4c47
  for (let i = start; i < end; i++) {
    const c = bytes[i]!
    a = Math.imul(a ^ c, 0x01000193)
    b = Math.imul(b ^ c, 0x5bd1e995)
  }
  return (a >>> 0) * 2 ** 20 + (b >>> 12)
}
