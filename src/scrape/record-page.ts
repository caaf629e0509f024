/**
 * One parsed page into one batch: labels of the target on top, metric relabelling, limits, staleness.
 *
 * - Throws before anything is visible; the caller disposes the batch, so a bad page leaves nothing.
 * - A series that the last page had and this one has not is ended by a stale marker at `at`.
 */
import { byBytes, Labels, METRIC_NAME, type UnixMs, unixMs } from '#core'
import type { Appender } from '#storage'
import { checkLabelLimits, limitError } from './limits.ts'
import type { ExpositionPage } from './parse-exposition.ts'
import { relabel } from './relabel.ts'
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
}

export type PageWork = {
  readonly page: ExpositionPage
  readonly target: Target
  /** `begin()` was called for this page. */
  readonly cache: ScrapeCache
  readonly at: UnixMs
  readonly counts: PageCounts
}

/** Records a whole page. Throws `ASSAY_SCRAPE_PARSE` or `ASSAY_SCRAPE_LIMIT`. */
export function recordPage(batch: Appender, work: PageWork): void {
  recordSamples(batch, work, { from: 0, to: work.page.count })
  finishPage(batch, work)
}

/** Records the samples [from, to): a large page is recorded in parts, so that it does not hold the process. */
export function recordSamples(
  batch: Appender,
  { page, target, cache, at, counts }: PageWork,
  { from, to }: { readonly from: number; readonly to: number },
): void {
  const limit = target.limits.samples ?? 0
  const round = cache.round
  counts.scraped = page.count
  for (let i = from; i < to; i++) {
    const spelling = cache.find(page, i) ?? cache.add(seriesOf(page, i, target))
    const state = spelling.state
    if (state === undefined) continue
    counts.kept++
    // Beyond the limit only the counting goes on, so that the sentence can say how many there are.
    if (limit > 0 && counts.kept > limit) continue
    const own = page.timestamps[i]!
    const hasOwn = !Number.isNaN(own) && target.honorTimestamps
    if (state.seen === round && !hasOwn && state.live) {
      counts.duplicates++
      continue
    }
    if (state.seen === 0) counts.added++
    state.seen = round
    state.live = !hasOwn
    const ref = batch.append(state.ref, state.labels, hasOwn ? unixMs(own) : at, page.values[i]!)
    // Reference 0 is a series that the store refused: ask again next time.
    state.ref = (ref as number) === 0 ? undefined : ref
  }
}

/** After the last sample: is the page within its limit, and which series has it no more? Throws `ASSAY_SCRAPE_LIMIT`. */
export function finishPage(batch: Appender, { target, cache, at, counts }: PageWork): void {
  const limit = target.limits.samples ?? 0
  if (limit > 0 && counts.kept > limit)
    throw limitError(`the page has ${counts.kept} samples, sample_limit is ${limit}`)
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

/** The series of a line as it is stored, or `undefined` when relabelling drops it. */
function seriesOf(page: ExpositionPage, i: number, target: Target): Labels | undefined {
  const scraped = page.labels(i)
  const merged = mergeLabels(scraped, target.labels, target.honorLabels)
  const labels = relabel(merged, target.metricRelabelConfigs)
  if (labels === undefined) return undefined
  if (labels.name === '') throw limitError(`metric relabelling removed ${METRIC_NAME} of ${scraped.name}`)
  checkLabelLimits(labels, target.limits)
  return labels
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
  for (const [name, value] of moved) {
    let free = `exported_${name}`
    while (map.has(free)) free = `exported_${free}`
    map.set(free, value)
  }
  return Labels.fromPairs(map)
}
