/**
 * The head: the newest samples, in memory, behind the write-ahead log.
 *
 * - A commit is applied whole and at once: `check` decides what is taken, `apply` takes it.
 * - `acceptFrom` is the first instant it still takes; `boundary` the first it answers for: what is earlier lies in blocks. The
 *   one runs ahead of the other while a block is being written, so that nothing can slip in behind the writer.
 * - A reader holds a `HeadView`: the number of the last commit it sees, and the boundary of its moment. While a view that needs
 *   samples before a new boundary is open, they are kept.
 * - A histogram's hint is settled in `check`, against the sample before it: pending in the batch, the last one here, or, when the
 *   series has none here, what the caller finds in blocks.
 * - What comes late (before its series' last sample, or before `acceptFrom`) is only pointed out here: see late-store.ts.
 * - A series without samples leaves when its last ones are cut off; its slot is used again under a new generation.
 */
import { Labels, type Matcher, type NativeHistogram, unixMs } from '#core'
import { grown, sameBits } from '#storage'
import type { Accepted, CheckInto, Unchecked } from './accepted.ts'
import { wordsOf } from './bytes.ts'
import { HeadColumns } from './head-columns.ts'
import {
  cutSeries,
  hasSample,
  lastHistogram,
  maxCountOf,
  pushExtras,
  pushSample,
  readSeries,
  type Span,
} from './head-series.ts'
import type { Part } from './part.ts'
import { labelTest, Postings } from './postings.ts'
import { isSameOrNone, settled } from './reset-hints.ts'
import { TextPool } from './text-pool.ts'

/** Slots are below this; a reference is generation * SLOT_LIMIT + slot. */
const SLOT_LIMIT = 2 ** 26
/** Series handled between two yields of a truncation. */
const TRUNCATE_STRIDE = 5000

export type HeadView = {
  readonly commit: number
  readonly boundary: number
  readonly start: number
  readonly end: number
}

export class Head {
  readonly columns: HeadColumns = new HeadColumns()
  readonly #labels: (Labels | undefined)[] = [undefined]
  readonly #slots = new Map<string, number>()
  readonly #postings = new Postings()
  readonly #texts = new TextPool()
  readonly #free: number[] = []
  readonly #maxSeries: number
  readonly #views = new Set<HeadView>()
  /** The last commit that the newest open view sees, or -1. */
  #newestView = -1
  /** For series written since the oldest open view: how many samples they had after which commit. */
  readonly #history = new Map<number, { readonly commits: number[]; readonly totals: number[] }>()
  /** Per slot, while a batch is checked: the batch's last entry for it. */
  #pendingStamp: Float64Array = new Float64Array(0)
  #pendingEntry: Uint32Array = new Uint32Array(0)
  #stamp = 0
  #commit = 0
  #acceptFrom = -Infinity
  #boundary = -Infinity
  #minTime = Infinity
  #maxTime = -Infinity
  #samples = 0

  constructor(maxSeries: number) {
    this.#maxSeries = Math.min(maxSeries, SLOT_LIMIT - 2)
  }

  get boundary(): number {
    return this.#boundary
  }

  /** The last instant ever taken, or -Infinity. */
  get maxTime(): number {
    return this.#maxTime
  }

  get seriesCount(): number {
    return this.#slots.size
  }

  get sampleCount(): number {
    return this.#samples
  }

  /** Bytes of sealed pieces and tails: what the samples take, without labels and index. */
  get sizeBytes(): number {
    const { sealed } = this.columns
    let sum = 0
    for (let slot = 1; slot < sealed.length; slot++) sum += sealed[slot]?.length ?? 0
    return sum + this.#slots.size * 512
  }

  /** The first instant that a series has here, or Infinity. Exact after each truncation. */
  get minTime(): number {
    return Math.max(this.#minTime, this.#boundary)
  }

  labelsOf(slot: number): Labels {
    return this.#labels[slot] ?? Labels.empty
  }

  /** The reference of a series that is there, or 0. A reference from before its slot was given away again is looked up anew. */
  find(ref: number | undefined, labels: Labels): number {
    if (ref !== undefined && this.isCurrent(ref)) return ref
    const slot = this.#slots.get(labels.key)
    return slot === undefined ? 0 : this.#refOf(slot)
  }

  /** The reference of a new series, or 0 when there are too many. */
  create(given: Labels): number {
    if (this.#slots.size >= this.#maxSeries) return 0
    const labels = Labels.fromSorted(given.flat.map((text) => this.#texts.own(text)))
    // A text that is not well-formed becomes another one in UTF-8, which may be known.
    const known = this.#slots.get(labels.key)
    if (known !== undefined) return this.#refOf(known)
    const slot = this.#free.pop() ?? this.#labels.length
    this.columns.ensure(slot)
    this.columns.clear(slot)
    this.columns.generation[slot]!++
    this.columns.reference[slot] = this.columns.generation[slot]! * SLOT_LIMIT + slot
    this.#labels[slot] = labels
    this.#slots.set(labels.key, slot)
    this.#postings.add(slot, labels)
    return this.#refOf(slot)
  }

  /** Whether the reference still stands for the series it was given for. */
  isCurrent(ref: number): boolean {
    return ref > 0 && this.columns.reference[this.slotOf(ref)] === ref
  }

  slotOf(ref: number): number {
    // A division by a power of two is exact, and several times faster than the remainder of two doubles.
    return ref - Math.floor(ref / SLOT_LIMIT) * SLOT_LIMIT
  }

  get acceptFrom(): number {
    return this.#acceptFrom
  }

  /** From now on samples before `time` are refused: the first step of moving them into a block. */
  refuseBefore(time: number): void {
    if (time > this.#acceptFrom) this.#acceptFrom = time
  }

  /** From now on new views look for samples before `time` in blocks: the step after the block is there. */
  raiseBoundary(time: number): void {
    this.refuseBefore(time)
    if (time > this.#boundary) this.#boundary = time
  }

  /** Decides entry by entry what of a batch can be taken. Changes nothing that a reader sees. */
  check(batch: Unchecked, slots: Uint32Array, { into, rejections, before, late }: CheckInto): void {
    const { columns } = this
    const { histograms, starts } = batch
    const keptHistograms: Accepted['histograms'] = histograms === undefined ? undefined : []
    const keptStarts = starts === undefined ? undefined : new Float64Array(batch.count)
    into.histograms = keptHistograms
    into.starts = keptStarts
    const stamp = ++this.#stamp
    if (this.#pendingStamp.length < this.#labels.length) {
      this.#pendingStamp = grown(this.#pendingStamp, this.#labels.length * 2)
      this.#pendingEntry = new Uint32Array(this.#labels.length * 2)
    }
    const inWords = wordsOf(batch.values)
    const outWords = wordsOf(into.values)
    let kept = 0
    let minTime = Infinity
    let maxTime = -Infinity
    for (let i = 0; i < batch.count; i++) {
      const slot = slots[i]!
      const at = batch.timestamps[i]!
      if (slot === 0) {
        rejections.add('series-limit', Labels.empty, unixMs(at), histograms?.[i] !== undefined)
        continue
      }
      const pending = this.#pendingStamp[slot] === stamp
      const last = pending ? into.timestamps[this.#pendingEntry[slot]!]! : columns.lastAt[slot]!
      if (at > last && at >= this.#acceptFrom) {
        into.slots[kept] = slot
        into.timestamps[kept] = at
        outWords[2 * kept] = inWords[2 * i]!
        outWords[2 * kept + 1] = inWords[2 * i + 1]!
        if (keptStarts !== undefined) keptStarts[kept] = starts![i]!
        const histogram = histograms?.[i]
        if (histogram !== undefined) {
          const previous = pending ? keptHistograms![this.#pendingEntry[slot]!] : this.#lastHistogram(slot, before)
          keptHistograms![kept] = before === undefined ? histogram : settled(previous, histogram)
        }
        this.#pendingStamp[slot] = stamp
        this.#pendingEntry[slot] = kept
        kept++
        if (at < minTime) minTime = at
        if (at > maxTime) maxTime = at
        continue
      }
      if (at === last) {
        const again = histograms?.[i]
        const known = pending
          ? keptHistograms?.[this.#pendingEntry[slot]!]
          : this.#lastHistogram(slot, again === undefined ? undefined : before)
        const same = pending
          ? sameBits(into.values, this.#pendingEntry[slot]!, batch.values, i)
          : sameBits(columns.lastValue, slot, batch.values, i)
        if (!same || !isSameOrNone(known, again))
          rejections.add('duplicate', this.labelsOf(slot), unixMs(at), again !== undefined)
      } else if (late !== undefined) late.push(i)
      else {
        const isHistogram = histograms?.[i] !== undefined
        rejections.add(at < last ? 'out-of-order' : 'too-old', this.labelsOf(slot), unixMs(at), isHistogram)
      }
    }
    into.count = kept
    into.minTime = minTime
    into.maxTime = maxTime
  }

  /** Takes what was checked, all at once: the next view sees the whole of it, the views that are open nothing of it. */
  apply({ slots, timestamps, values, histograms, starts, count, minTime, maxTime }: Accepted): void {
    const { columns } = this
    const commit = ++this.#commit
    const words = wordsOf(values)
    const lastWords = wordsOf(columns.lastValue)
    const hasExtras = histograms !== undefined || starts !== undefined
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!
      if (columns.lastCommit[slot] !== commit) {
        // A view opened since the series' last commit has to be able to leave this one out.
        if (columns.lastCommit[slot]! <= this.#newestView) this.#remember(slot)
        columns.lastCommit[slot] = commit
      }
      pushSample(columns, slot, timestamps[i]!, words, i)
      if (hasExtras) {
        const histogram = histograms?.[i]
        const startAt = starts === undefined ? 0 : starts[i]!
        if (histogram !== undefined || startAt !== 0) pushExtras(columns, slot, histogram, startAt)
      }
      lastWords[2 * slot] = words[2 * i]!
      lastWords[2 * slot + 1] = words[2 * i + 1]!
    }
    this.#samples += count
    if (minTime < this.#minTime) this.#minTime = minTime
    if (maxTime > this.#maxTime) this.#maxTime = maxTime
  }

  /** A view for the writer of a block: what is before `acceptFrom` no longer changes, so nothing has to be kept for it. */
  frozenView(start: number, end: number): HeadView {
    return { commit: Infinity, boundary: this.#boundary, start, end }
  }

  openView(start: number, end: number): HeadView {
    const view: HeadView = { commit: this.#commit, boundary: this.#boundary, start, end }
    this.#views.add(view)
    this.#newestView = view.commit
    return view
  }

  closeView(view: HeadView): void {
    this.#views.delete(view)
    if (this.#views.size > 0) return
    this.#history.clear()
    this.#newestView = -1
  }

  /** True while an open view may still read samples before `time` here. */
  isNeededBefore(time: number): boolean {
    for (const { boundary, start, end } of this.#views) {
      const readsHead = end >= boundary
      if (readsHead && boundary < time && start < time) return true
    }
    return false
  }

  /** Series that match and have a sample within [low, high] of the view. */
  select(view: HeadView, matchers: readonly Matcher[], low: number, high: number): readonly Part[] {
    const from = Math.max(low, view.boundary)
    if (from > high) return []
    const test = labelTest(matchers)
    const parts: Part[] = []
    const visit = (slot: number) => {
      const labels = this.#labels[slot]
      if (labels === undefined || !test(labels)) return
      const span: Span = { low: from, high, visible: this.#visible(slot, view) }
      if (hasSample(this.columns, slot, span)) parts.push(this.#part(slot, labels, span))
    }
    const candidates = this.#postings.candidates(matchers)
    if (candidates === undefined) for (let slot = 1; slot < this.#labels.length; slot++) visit(slot)
    else for (let i = 0; i < candidates.length; i++) visit(candidates[i]!)
    return parts
  }

  /** All samples of one series within [low, high], of every commit, if there are any. */
  partOf(slot: number, low: number, high: number): Part | undefined {
    const span: Span = { low, high, visible: this.columns.total[slot]! }
    return hasSample(this.columns, slot, span) ? this.#part(slot, this.labelsOf(slot), span) : undefined
  }

  /**
   * Forgets what lies before the boundary, a stride of series at a time. Only while no open view needs it. A series without
   * samples stays known while its last one is not older than `keepAfter`, so that it can still be ended by a stale marker.
   */
  async truncate(keepAfter: number, pause: () => Promise<void>): Promise<void> {
    const time = this.#boundary
    const gone = new Map<number, Labels>()
    for (let slot = 1; slot < this.#labels.length; slot++) {
      const labels = this.#labels[slot]
      if (labels !== undefined) {
        cutSeries(this.columns, slot, time)
        const isEmpty = this.columns.total[slot] === this.columns.cutOff[slot]
        if (isEmpty && !(this.columns.lastAt[slot]! > keepAfter)) gone.set(slot, labels)
      }
      if (slot % TRUNCATE_STRIDE === 0) await pause()
    }
    this.#forget(gone)
    this.#recount()
  }

  #recount(): void {
    this.#samples = 0
    this.#minTime = Infinity
    for (let slot = 1; slot < this.#labels.length; slot++) {
      if (this.#labels[slot] === undefined) continue
      this.#samples += this.columns.total[slot]! - this.columns.cutOff[slot]!
      if (this.columns.firstAt[slot]! < this.#minTime) this.#minTime = this.columns.firstAt[slot]!
    }
  }

  /** Series that got a sample since they were listed stay. */
  #forget(listed: Map<number, Labels>): void {
    for (const [slot] of listed) {
      if (this.columns.total[slot]! > this.columns.cutOff[slot]!) listed.delete(slot)
    }
    this.#postings.remove(listed)
    for (const [slot, labels] of listed) {
      this.#slots.delete(labels.key)
      this.#labels[slot] = undefined
      this.columns.clear(slot)
      this.#history.delete(slot)
      this.#free.push(slot)
    }
    if (listed.size > 0) this.#texts.keepThoseOf(this.#labels)
  }

  #part(slot: number, labels: Labels, span: Span): Part {
    const { columns } = this
    return {
      labels,
      maxCount: maxCountOf(columns, slot, span),
      read: (out, to) => readSeries(columns, slot, span, out, to),
    }
  }

  /** The last sample of the series, if it is a histogram. */
  #lastHistogram(slot: number, before: CheckInto['before']): NativeHistogram | undefined {
    if (this.columns.total[slot]! > this.columns.cutOff[slot]!) return lastHistogram(this.columns, slot)
    return before?.(this.labelsOf(slot))
  }

  /** How many samples the series had when the view was opened. */
  #visible(slot: number, view: HeadView): number {
    if (this.columns.lastCommit[slot]! <= view.commit) return this.columns.total[slot]!
    const known = this.#history.get(slot)
    if (known === undefined) return 0
    for (let i = known.commits.length - 1; i >= 0; i--) if (known.commits[i]! <= view.commit) return known.totals[i]!
    return 0
  }

  /** Notes what the series had, before a commit changes it; forgets notes that no open view can ask for. */
  #remember(slot: number): void {
    let known = this.#history.get(slot)
    if (known === undefined) {
      known = { commits: [], totals: [] }
      this.#history.set(slot, known)
    }
    known.commits.push(this.columns.lastCommit[slot]!)
    known.totals.push(this.columns.total[slot]!)
    if (known.commits.length < 8) return
    const oldest = this.#views.values().next().value?.commit ?? 0
    let drop = 0
    while (drop + 1 < known.commits.length && known.commits[drop + 1]! <= oldest) drop++
    known.commits.splice(0, drop)
    known.totals.splice(0, drop)
  }

  #refOf(slot: number): number {
    return this.columns.reference[slot]!
  }
}
