/**
 * Late samples in memory: per series sorted columns, that a sample of any instant may be put into.
 *
 * - A fourth column holds the number of the commit that brought a sample: a reader leaves out what came after it.
 * - Instants of one series are distinct; whoever adds has looked (`checkLate`).
 * - A histogram's hint is settled when it is read, against the late sample before it: another one may come in between at any time.
 * - Putting k samples in front of n others moves n entries once. Bounded, as a series leaves for a block at `MAX_SERIES_SAMPLES`.
 */
import { isStaleAt, type Labels, type Matcher, type NativeHistogram } from '#core'
import { compareLabels, grown } from '#storage'
import type { Accepted } from '../accepted.ts'
import { labelTest, Postings } from '../block/postings.ts'
import { wordsOf } from '../codec/bytes.ts'
import type { Part, PartColumns } from '../columns/part.ts'
import { settled } from '../columns/reset-hints.ts'

/** Beyond this, putting single samples in front of them is felt: half a mebibyte to move for each. */
export const MAX_SERIES_SAMPLES = 64 * 1024
/** What an entry takes besides its histogram. */
const ENTRY_BYTES = 40
const SERIES_BYTES = 512

/** Which samples: of commits up to `commit`, within [low, high]. */
export type LateSpan = { readonly commit: number; readonly low: number; readonly high: number }

export class LateTable {
  /** Place 0 stays empty: postings count from 1. */
  readonly #series: (LateSeries | undefined)[] = [undefined]
  readonly #places = new Map<string, number>()
  readonly #postings = new Postings()
  samples = 0
  sizeBytes = 0
  /** Samples of the longest series. */
  longest = 0
  minTime = Infinity
  maxTime = -Infinity

  /** Adds entries [from, to) of `run`, all of one series and ascending. */
  add(labels: Labels, run: Accepted, { from, to, commit }: { from: number; to: number; commit: number }): void {
    const one = this.#ensure(labels)
    this.sizeBytes += one.add(run, { from, to, commit })
    this.#count(one, to - from)
  }

  /** Of each series what lies before `time`, and the rest, as tables of their own. This one stays as it is, for its readers. */
  split(time: number): { readonly before: LateTable; readonly rest: LateTable } {
    const before = new LateTable()
    const rest = new LateTable()
    for (const one of this.#series) {
      if (one === undefined) continue
      const at = lowerBound(one.timestamps, one.count, time)
      before.#take(one, 0, at)
      rest.#take(one, at, one.count)
    }
    return { before, rest }
  }

  /** Series that match and have a sample in the span, ordered by labels. */
  select(matchers: readonly Matcher[], span: LateSpan): readonly Part[] {
    if (this.samples === 0 || span.low > this.maxTime || span.high < this.minTime) return []
    const test = labelTest(matchers)
    const parts: Part[] = []
    const visit = (one: LateSeries | undefined) => {
      if (one !== undefined && test(one.labels) && one.hasSample(span)) parts.push(one.part(span))
    }
    const candidates = this.#postings.candidates(matchers)
    if (candidates === undefined) for (const one of this.#series) visit(one)
    else for (let i = 0; i < candidates.length; i++) visit(this.#series[candidates[i]!])
    return parts.sort((a, b) => compareLabels(a.labels, b.labels))
  }

  /** Whether a series matches. */
  matches(matchers: readonly Matcher[]): boolean {
    const test = labelTest(matchers)
    const candidates = this.#postings.candidates(matchers)
    if (candidates === undefined) return this.#series.some((one) => one !== undefined && test(one.labels))
    return candidates.some((place) => test(this.#series[place]!.labels))
  }

  /** The series' samples of the span, if it has any. */
  find(labels: Labels, span: LateSpan): Part | undefined {
    const one = this.#series[this.#places.get(labels.key) ?? 0]
    return one?.hasSample(span) ? one.part(span) : undefined
  }

  #take(from: LateSeries, start: number, end: number): void {
    if (start === end) return
    const one = this.#ensure(from.labels)
    this.sizeBytes += one.copy(from, start, end)
    this.#count(one, end - start)
  }

  #count(one: LateSeries, added: number): void {
    this.samples += added
    this.longest = Math.max(this.longest, one.count)
    this.minTime = Math.min(this.minTime, one.timestamps[0]!)
    this.maxTime = Math.max(this.maxTime, one.timestamps[one.count - 1]!)
  }

  #ensure(labels: Labels): LateSeries {
    const known = this.#series[this.#places.get(labels.key) ?? 0]
    if (known !== undefined) return known
    const one = new LateSeries(labels)
    const place = this.#series.push(one) - 1
    this.#places.set(labels.key, place)
    this.#postings.add(place, labels)
    this.sizeBytes += SERIES_BYTES
    return one
  }
}

class LateSeries {
  readonly labels: Labels
  timestamps: Float64Array = new Float64Array(4)
  values: Float64Array = new Float64Array(4)
  commits: Float64Array = new Float64Array(4)
  starts: Float64Array | undefined
  histograms: (NativeHistogram | undefined)[] | undefined
  count = 0

  constructor(labels: Labels) {
    this.labels = labels
  }

  /** Returns the bytes it took. */
  add(run: Accepted, { from, to, commit }: { from: number; to: number; commit: number }): number {
    this.#reserve(this.count + to - from, run)
    const words = wordsOf(this.values)
    const given = wordsOf(run.values)
    let end = this.count
    let bytes = 0
    for (let j = to - 1; j >= from; j--) {
      const shift = j - from + 1
      const at = lowerBound(this.timestamps, end, run.timestamps[j]!)
      if (at < end) this.#move(at, end, shift)
      end = at
      const place = at + shift - 1
      this.timestamps[place] = run.timestamps[j]!
      words[2 * place] = given[2 * j]!
      words[2 * place + 1] = given[2 * j + 1]!
      this.commits[place] = commit
      if (this.starts !== undefined) this.starts[place] = run.starts?.[j] ?? 0
      if (this.histograms !== undefined) this.histograms[place] = run.histograms?.[j]
      bytes += ENTRY_BYTES + histogramBytes(run.histograms?.[j])
    }
    this.count += to - from
    return bytes
  }

  copy(from: LateSeries, start: number, end: number): number {
    this.timestamps = from.timestamps.slice(start, end)
    this.values = from.values.slice(start, end)
    this.commits = from.commits.slice(start, end)
    this.starts = from.starts?.slice(start, end)
    this.histograms = from.histograms?.slice(start, end)
    this.count = end - start
    return this.count * ENTRY_BYTES + (this.histograms ?? []).reduce((sum, one) => sum + histogramBytes(one), 0)
  }

  hasSample({ commit, low, high }: LateSpan): boolean {
    for (let i = lowerBound(this.timestamps, this.count, low); i < this.count && this.timestamps[i]! <= high; i++) {
      if (this.commits[i]! <= commit) return true
    }
    return false
  }

  part(span: LateSpan): Part {
    const first = lowerBound(this.timestamps, this.count, span.low)
    let end = first
    let maxCount = 0
    for (; end < this.count && this.timestamps[end]! <= span.high; end++)
      if (this.commits[end]! <= span.commit) maxCount++
    return { labels: this.labels, maxCount, read: (out, to) => this.#read(span, out, to) }
  }

  #read({ commit, low, high }: LateSpan, { timestamps, values, extras }: PartColumns, start: number): number {
    const source = wordsOf(this.values)
    const words = wordsOf(values)
    const first = lowerBound(this.timestamps, this.count, low)
    let before = this.#visibleBefore(first, commit)
    let to = start
    for (let i = first; i < this.count && this.timestamps[i]! <= high; i++) {
      if (this.commits[i]! > commit) continue
      timestamps[to] = this.timestamps[i]!
      words[2 * to] = source[2 * i]!
      words[2 * to + 1] = source[2 * i + 1]!
      const histogram = this.histograms?.[i]
      const startAt = this.starts?.[i] ?? 0
      if (startAt !== 0 && extras !== undefined) extras.startsColumn()[to] = startAt
      if (histogram !== undefined) {
        // A stale marker has no histogram: nothing is known behind it, as behind a float.
        const previous = before < 0 || isStaleAt(this.values, before) ? undefined : this.histograms?.[before]
        extras?.setHistogram(to, settled(previous, histogram))
      }
      before = i
      to++
    }
    return to - start
  }

  #visibleBefore(place: number, commit: number): number {
    let before = place - 1
    while (before >= 0 && this.commits[before]! > commit) before--
    return before
  }

  #move(from: number, end: number, by: number): void {
    for (const column of [this.timestamps, this.values, this.commits, this.starts])
      column?.copyWithin(from + by, from, end)
    this.histograms?.copyWithin(from + by, from, end)
  }

  #reserve(count: number, run: Accepted): void {
    if (count > this.timestamps.length) {
      const capacity = Math.ceil(count * 1.5)
      this.timestamps = grown(this.timestamps, capacity)
      this.values = grown(this.values, capacity)
      this.commits = grown(this.commits, capacity)
      if (this.starts !== undefined) this.starts = grown(this.starts, capacity)
    }
    if (run.starts !== undefined) this.starts ??= new Float64Array(this.timestamps.length)
    if (run.histograms !== undefined) this.histograms ??= []
    // `copyWithin` moves within the length alone.
    if (this.histograms !== undefined && this.histograms.length < count) this.histograms.length = count
  }
}

/** The first place of the first `count` whose instant is not before `time`. */
export function lowerBound(timestamps: Float64Array, count: number, time: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (timestamps[middle]! < time) low = middle + 1
    else high = middle
  }
  return low
}

function histogramBytes(histogram: NativeHistogram | undefined): number {
  if (histogram === undefined) return 0
  const { positive, negative, customBounds } = histogram
  return 256 + 12 * (positive.indices.length + negative.indices.length) + 8 * customBounds.length
}
