/**
 * One parsed page into one batch: labels of the target on top, metric relabelling, limits, staleness.
 *
 * - Throws before anything is visible; the caller disposes the batch, so a bad page leaves nothing.
 * - A series that the last page had and this one has not is ended by a stale marker at `at`.
 */
import {
  AssayError,
  byBytes,
  emptyLike,
  isLegacyLabel,
  isLegacyName,
  Labels,
  MAX_SCHEMA,
  METRIC_NAME,
  type UnixMs,
  unixMs,
} from '#core'
import type { Appender, Exemplar } from '#storage'
import type { ExpositionPage } from './exposition-page.ts'
import { checkLabelLimits, limitError } from './limits.ts'
import { relabel } from './relabel.ts'
import { schemaOfFactor, withinLimits } from './resolution.ts'
import type { ScrapeCache, SeriesState } from './scrape-cache.ts'
import type { Target } from './types.ts'

/** Filled while a page is recorded, so that a refused page still tells how large it was. */
export type PageCounts = {
  /** Sample lines of the page. */
  scraped: number
  /** What metric relabelling left of them. */
  kept: number
  /** Series that the target did not have before. */
  added: number
  /** Lines that repeat a series of the same page; the first one counts. */
  duplicates: number
  /** Samples that say they are of a time further ahead than `MAX_AHEAD_MS`; none is stored. */
  ahead: number
  /** Native histograms with more buckets than the job takes, whatever is merged; one of them refuses the page. */
  tooManyBuckets: number
}

export function noCounts(): PageCounts {
  return { scraped: 0, kept: 0, added: 0, duplicates: 0, ahead: 0, tooManyBuckets: 0 }
}

/** Samples may be this much ahead of our clock, as in Prometheus. */
const MAX_AHEAD_MS = 10 * 60_000

/** The exemplars of one sample: stored once the page is. */
export type FoundExemplars = { readonly series: Labels; readonly exemplars: readonly Exemplar[] }

/** What is made of start times: kept beside the samples, or a sample of 0 at that instant. */
export type StartTimeUse = { readonly keep: boolean; readonly zero: boolean }

export type PageWork = {
  readonly page: ExpositionPage
  readonly target: Target
  /** `begin()` was called for this page. */
  readonly cache: ScrapeCache
  readonly at: UnixMs
  readonly counts: PageCounts
  /** Filled when it is there. */
  readonly exemplars?: FoundExemplars[]
  readonly startTimes?: StartTimeUse
}

/** Records a whole page. Throws `ASSAY_SCRAPE_PARSE` or `ASSAY_SCRAPE_LIMIT`. */
export function recordPage(batch: Appender, work: PageWork): void {
  recordSamples(batch, work, { from: 0, to: work.page.count })
  finishPage(batch, work)
}

/** Records the samples [from, to): a large page is recorded in parts, so that it does not hold the process. */
export function recordSamples(
  batch: Appender,
  work: PageWork,
  { from, to }: { readonly from: number; readonly to: number },
): void {
  const { page, target, cache, at, counts } = work
  const limit = target.limits.samples ?? 0
  const round = cache.round
  const latest = at + MAX_AHEAD_MS
  const { honorTimestamps, trackTimestampsStaleness = false } = target
  const { histograms, startTimes } = page
  const plain = histograms.size === 0 && startTimes.size === 0
  const exemplars = work.exemplars !== undefined && page.exemplars.size > 0
  for (let i = from; i < to; i++) {
    const spelling = cache.find(page, i) ?? cache.add(seriesOf(work, i))
    const state = spelling.state
    if (state === undefined) continue
    counts.kept++
    // Beyond the limit only the counting goes on, so that the sentence can say how many there are.
    if (limit > 0 && counts.kept > limit) continue
    const own = page.timestamps[i]!
    const hasOwn = !Number.isNaN(own) && honorTimestamps
    if (hasOwn && own > latest) {
      counts.ahead++
      continue
    }
    if (state.seen === round && !hasOwn && state.live) {
      counts.duplicates++
      continue
    }
    if (state.seen === 0) counts.added++
    if (state.seen !== round) state.wasLive = state.live
    state.seen = round
    state.live = !hasOwn || trackTimestampsStaleness
    const when = hasOwn ? unixMs(own) : at
    const ref = plain
      ? batch.append(state.ref, state.labels, when, page.values[i]!)
      : appendAny(batch, work, { i, state, when })
    // Reference 0 is a series that the store refused: ask again next time.
    state.ref = (ref as number) === 0 ? undefined : ref
    if (exemplars) collectExemplars(work, { i, state, when })
  }
  counts.scraped = to
}

/**
 * Counts the samples [from, to) of a page that is refused for a line behind them, as Prometheus counts them. Throws as
 * `recordSamples`, when one of them is wrong too.
 */
export function countSamples(work: PageWork, { from, to }: { readonly from: number; readonly to: number }): void {
  const { page, cache, counts } = work
  for (let i = from; i < to; i++) {
    const { state } = cache.find(page, i) ?? cache.add(seriesOf(work, i))
    if (state === undefined) continue
    counts.kept++
    if (state.seen === 0) counts.added++
    if (state.seen !== cache.round) state.wasLive = state.live
    state.seen = cache.round
  }
  counts.scraped = to
}

type One = { readonly i: number; readonly state: SeriesState; readonly when: UnixMs }

/** A sample of a page that has histograms or start times. */
function appendAny(batch: Appender, work: PageWork, { i, state, when }: One): SeriesState['ref'] {
  const { page, target, counts } = work
  const startAt = page.startTimes.get(i) ?? 0
  const kept = work.startTimes?.keep === true ? startAt : 0
  const found = page.histograms.get(i)
  const histogram = found === undefined ? undefined : withinLimits(found, histogramLimits(target))
  if (found !== undefined && histogram === undefined) {
    counts.tooManyBuckets++
    return state.ref
  }
  if (work.startTimes?.zero === true && startAt > 0 && startAt < when && startAt !== state.startAt) {
    state.startAt = startAt
    state.ref =
      histogram === undefined
        ? batch.append(state.ref, state.labels, unixMs(startAt), 0)
        : batch.appendHistogram(state.ref, state.labels, unixMs(startAt), emptyLike(histogram))
    if ((state.ref as number) === 0) return state.ref
  }
  return histogram === undefined
    ? batch.append(state.ref, state.labels, when, page.values[i]!, kept)
    : batch.appendHistogram(state.ref, state.labels, when, histogram, kept)
}

function histogramLimits({ limits }: Target): { readonly bucketLimit: number; readonly maxSchema: number } {
  const { buckets = 0, bucketFactor = 0 } = limits
  return { bucketLimit: buckets, maxSchema: bucketFactor === 0 ? MAX_SCHEMA : schemaOfFactor(bucketFactor) }
}

/** Those of a native histogram need an instant of their own; others take that of their sample. */
function collectExemplars({ page, exemplars = [] }: PageWork, { i, state, when }: One): void {
  const found = page.exemplars.get(i)
  if (found === undefined) return
  const isHistogram = page.histograms.has(i)
  const timed = found.flatMap(({ labels, value, at }): Exemplar[] => {
    if (at !== undefined) return [{ labels, value, at: unixMs(at) }]
    return isHistogram ? [] : [{ labels, value, at: when, isUntimed: true }]
  })
  if (timed.length > 0)
    exemplars.push({ series: state.labels, exemplars: timed.sort((a, b) => a.at - b.at || a.value - b.value) })
}

/** After the last sample: is the page within its limit, and which series has it no more? Throws `ASSAY_SCRAPE_LIMIT`. */
export function finishPage(batch: Appender, { target, cache, at, counts }: PageWork): void {
  const limit = target.limits.samples ?? 0
  if (limit > 0 && counts.kept > limit)
    throw limitError(`the page has ${counts.kept} samples, sample_limit is ${limit}`)
  if (counts.tooManyBuckets > 0)
    throw limitError(
      `${counts.tooManyBuckets} native histograms have more buckets than native_histogram_bucket_limit, ${target.limits.buckets}, even when merged`,
    )
  for (const state of cache.states()) if (state.seen !== cache.round && state.live) end(batch, state, at)
}

/** Ends every series that is alive: after a failed scrape, or when the target is gone. */
export function endAll(batch: Appender, cache: ScrapeCache, at: UnixMs): void {
  for (const state of cache.states()) if (state.live) end(batch, state, at)
}

function end(batch: Appender, state: SeriesState, at: UnixMs): void {
  batch.appendStale(state.ref, state.labels, at)
  state.live = false
}

/** The series of a line as it is stored, or `undefined` when relabelling drops it. Throws `ASSAY_SCRAPE_PARSE` or `ASSAY_SCRAPE_LIMIT`. */
export function seriesOf(
  { page, target, counts }: Pick<PageWork, 'page' | 'target' | 'counts'>,
  i: number,
): Labels | undefined {
  // What cannot be read is no sample; what is refused for its labels is one.
  counts.scraped = i
  const scraped = page.labels(i)
  counts.scraped = i + 1
  const merged = mergeLabels(scraped, target.labels, target.honorLabels)
  const labels = relabel(merged, target.metricRelabelConfigs)
  if (labels === undefined || labels.size === 0) return undefined
  if (labels.name === '') throw limitError(`metric relabelling removed ${METRIC_NAME} of ${scraped.name}`)
  if (target.legacyNames === true) checkLegacyNames(labels)
  checkLabelLimits(labels, target.limits)
  return labels
}

function checkLegacyNames(labels: Labels): void {
  for (const [name] of labels)
    if (!isLegacyLabel(name) || !isLegacyName(labels.name))
      throw new AssayError(
        'ASSAY_SCRAPE_PARSE',
        `${labels} has a name outside [a-zA-Z0-9_:], and metric_name_validation_scheme is legacy; write utf8, or ask for escaped names with metric_name_escaping_scheme: underscores`,
      )
}

/**
 * The target's labels on top of the scraped ones. Where both have one, `honorLabels` keeps the scraped one;
 * otherwise the scraped one moves to `exported_<name>`, once more in front as long as that is taken.
 */
export function mergeLabels(scraped: Labels, own: Labels, honorLabels: boolean): Labels {
  return mergeDisjoint(scraped.flat, own.flat) ?? mergeConflicting(scraped, own, honorLabels)
}

/** The common case, a merge of two sorted lists; `undefined` when they have a name in common. */
function mergeDisjoint(a: readonly string[], b: readonly string[]): Labels | undefined {
  const flat: string[] = []
  let i = 0
  let k = 0
  while (i < a.length && k < b.length) {
    const order = byBytes(a[i]!, b[k]!)
    if (order === 0) return undefined
    if (order < 0) {
      flat.push(a[i]!, a[i + 1]!)
      i += 2
    } else {
      flat.push(b[k]!, b[k + 1]!)
      k += 2
    }
  }
  for (; i < a.length; i++) flat.push(a[i]!)
  for (; k < b.length; k++) flat.push(b[k]!)
  return Labels.fromSorted(flat)
}

function mergeConflicting(scraped: Labels, own: Labels, honorLabels: boolean): Labels {
  const map = new Map(scraped)
  const moved: (readonly [string, string])[] = []
  for (const [name, value] of own) {
    const taken = map.get(name)
    if (taken !== undefined && honorLabels) continue
    if (taken !== undefined) moved.push([name, taken])
    map.set(name, value)
  }
  // Shorter names first, so that a label that was moved already keeps its place. (Stable: equal lengths stay in order.)
  moved.sort(([a], [b]) => Buffer.byteLength(a) - Buffer.byteLength(b))
  for (const [name, value] of moved) {
    let free = `exported_${name}`
    while (map.has(free)) free = `exported_${free}`
    map.set(free, value)
  }
  return Labels.fromPairs(map)
}
