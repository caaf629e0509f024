/**
 * The head: the newest samples, in shared memory, behind the write-ahead log.
 *
 * - A commit is applied whole and at once: `check` decides what is taken, `apply` takes it.
 * - `acceptFrom` is the first instant it still takes; `boundary` the first it answers for: what is earlier lies in blocks. The
 *   one runs ahead of the other while a block is being written, so that nothing can slip in behind the writer.
 * - A reader holds a `HeadView`: the number of the last commit it sees, and the boundary of its moment. While a view that needs
 *   samples before a new boundary is open, they are kept.
 * - A histogram's hint is settled in `check`, against the sample before it: pending in the batch, the last one here, or, when the
 *   series has none here, what the caller finds in blocks.
 * - What comes late (before its series' last sample, or before `acceptFrom`) is only pointed out here: see late-store.ts.
 * - A series without samples leaves when its last ones are cut off, and its references are forgotten; not while an appender is open, so
 *   that what it has gathered finds its series at its commit.
 *
 * A little beyond 400 lines because it is the one place where the life of a series in memory can be read: made, written, read, forgotten.
 */
import type { Labels, Matcher, NativeHistogram } from '#core'
import type { Accepted, CheckInto, Unchecked } from '../accepted.ts'
import { ByteWriter, wordsOf } from '../codec/bytes.ts'
import type { Part } from '../columns/part.ts'
import { keptBytesOf } from '../read/kept-lists.ts'
import { BatchCheck } from './batch-check.ts'
import { cutSeries, firstAtOf } from './cut-series.ts'
import { HeadExtras } from './head-extras.ts'
import type { HeadKnown, HeadPieces } from './head-mirror.ts'
import { HeadPart } from './head-part.ts'
import { HeadReader } from './head-reader.ts'
import { nothingKnown } from './index-pieces.ts'
import { LabelIndex } from './label-index.ts'
import { pushSample } from './push-sample.ts'
import { CUT_OFF, GENERATION, LAST_AT, LAST_COMMIT, Records, SLOT_MASK, TOTAL } from './records.ts'
import { Slabs } from './slabs.ts'
import type { HeadMemory } from './stream.ts'
import { type Span, StreamReader } from './stream-reader.ts'
import { type HeadView, NO_NOTES, Views } from './views.ts'

/** Slots are below this; a reference is generation * SLOT_LIMIT + slot. */
const SLOT_LIMIT = 2 ** 26
/** Series handled between two yields: about a millisecond. */
const TRUNCATE_STRIDE = 1000
const RENEW_STRIDE = 250
/** Turns that the end of a truncation waits for open appenders, before it leaves the series for next time. */
const MAX_WAITS = 1000
/** What no sane series has; its labels have to fit a piece of memory. */
const MAX_LABELS = 100_000
/** Histograms and start timestamps that are copied for another thread: some ten thousand histograms, about a millisecond. */
const MAX_LENT_EXTRAS = 2 * 1024 * 1024

export class Head {
  readonly #memory: HeadMemory = { records: new Records(), slabs: new Slabs() }
  readonly #extras = new HeadExtras()
  /** Odd while a commit is being applied; see head-reader.ts. */
  readonly #turn = new Int32Array(new SharedArrayBuffer(4))
  readonly reader: HeadReader = new HeadReader(this.#memory, this.#extras, this.#turn)
  /** For cutting, beside those who read. */
  readonly #stream = new StreamReader(this.#memory)
  readonly #views = new Views()
  readonly #check = new BatchCheck(this.#memory.records, {
    labelsOf: (slot) => this.labelsOf(slot),
    lastHistogram: (slot, before) => this.#lastHistogram(slot, before),
  })
  #index = new LabelIndex()
  /** Slots to be given away again, and one beyond the last that ever was. */
  #free: number[] = []
  #end = 1
  #isRenewing = false
  #appenders = 0
  readonly #maxSeries: number
  #commit = 0
  #acceptFrom = -Infinity
  #boundary = -Infinity
  #minTime = Infinity
  /** The least instant taken since the last truncation began. */
  #minTaken = Infinity
  #maxTime = -Infinity
  #samples = 0

  constructor(maxSeries: number) {
    this.#maxSeries = Math.min(maxSeries, SLOT_LIMIT - 2)
  }

  get records(): Records {
    return this.#memory.records
  }

  get boundary(): number {
    return this.#boundary
  }

  /** The last instant ever taken, or -Infinity. */
  get maxTime(): number {
    return this.#maxTime
  }

  get seriesCount(): number {
    return this.#index.seriesCount
  }

  get sampleCount(): number {
    return this.#samples
  }

  /** Bytes of samples, records, labels and index. */
  get sizeBytes(): number {
    const labels = this.#index.sizeBytes + keptBytesOf(this.#index)
    return this.#memory.slabs.sizeBytes + this.#end * 64 + labels + this.#extras.sizeBytes
  }

  /** The first instant that a series has here, or Infinity. Exact after each truncation. */
  get minTime(): number {
    return Math.max(this.#minTime, this.#boundary)
  }

  get acceptFrom(): number {
    return this.#acceptFrom
  }

  labelsOf(slot: number): Labels {
    return this.#index.labelsOf(slot)
  }

  /** The reference of the series in a slot. */
  refOf(slot: number): number {
    return this.records.word(slot, GENERATION) * SLOT_LIMIT + slot
  }

  /** The reference of a series that is there, or 0. A reference from before its slot was given away again is looked up anew. */
  find(ref: number | undefined, labels: Labels): number {
    if (ref !== undefined && this.isCurrent(ref)) return ref
    const slot = this.#index.find(labels)
    return slot === 0 ? 0 : this.refOf(slot)
  }

  /** The reference of a series that `find` did not find, or 0 when there are too many. */
  create(labels: Labels): number {
    if (this.#index.seriesCount >= this.#maxSeries || labels.size > MAX_LABELS) return 0
    const slot = (this.#isRenewing ? undefined : this.#free.pop()) ?? this.#end++
    this.records.ensure(slot)
    this.records.clear(slot)
    this.#index.add(slot, labels)
    return this.refOf(slot)
  }

  /** For checkpoints: the head as it lies in memory. */
  get parts(): { readonly memory: HeadMemory; readonly index: LabelIndex; readonly extras: HeadExtras } {
    return { memory: this.#memory, index: this.#index, extras: this.#extras }
  }

  /** The slot of a new series with these pairs of the index, in order of their names; 0 when there are too many. */
  createOf(pairs: Uint32Array, count: number): number {
    if (this.#index.seriesCount >= this.#maxSeries) return 0
    const slot = this.#end++
    this.records.ensure(slot)
    this.records.clear(slot)
    this.#index.addPairs(slot, pairs, count)
    return slot
  }

  /** What a checkpoint brought, in a head that had no sample. */
  brought({ samples, minTime, maxTime }: { samples: number; minTime: number; maxTime: number }): void {
    this.#samples = samples
    this.#minTime = minTime
    this.#maxTime = maxTime
  }

  /** Whether the reference still stands for the series it was given for. */
  isCurrent(ref: number): boolean {
    const generation = ref < SLOT_LIMIT ? 0 : Math.floor(ref / SLOT_LIMIT)
    const slot = ref - generation * SLOT_LIMIT
    return slot > 0 && slot < this.#end && this.records.word(slot, GENERATION) === generation
  }

  slotOf(ref: number): number {
    // A division by a power of two is exact, and several times faster than the remainder of two doubles.
    return ref < SLOT_LIMIT ? ref : ref - Math.floor(ref / SLOT_LIMIT) * SLOT_LIMIT
  }

  /** While one is open no reference is forgotten. */
  appenderOpened(): void {
    this.#appenders++
  }

  appenderClosed(): void {
    this.#appenders--
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

  /**
   * Decides entry by entry what of a batch can be taken. Changes nothing that a reader sees. What comes back is good until the next
   * call, and may be the batch's own columns.
   */
  check(batch: Unchecked, slots: Uint32Array, given: CheckInto): Accepted {
    return this.#check.check(batch, slots, { ...given, acceptFrom: this.#acceptFrom, end: this.#end })
  }

  /** Takes what was checked, all at once: the next view sees the whole of it, the views that are open nothing of it. */
  apply(accepted: Accepted): void {
    Atomics.add(this.#turn, 0, 1)
    try {
      this.#take(accepted)
    } finally {
      Atomics.add(this.#turn, 0, 1)
    }
  }

  #take({ slots, timestamps, values, histograms, starts, count, minTime, maxTime }: Accepted): void {
    const { records } = this
    const commit = ++this.#commit
    const newestView = this.#views.newest
    const words = wordsOf(values)
    const hasExtras = histograms !== undefined || starts !== undefined
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!
      const page = records.page(slot)
      const record = (slot & SLOT_MASK) * 16
      const lastCommit = page.doubles[record / 2 + LAST_COMMIT]!
      if (lastCommit !== commit) {
        // A view opened since the series' last commit has to be able to leave this one out.
        if (lastCommit <= newestView) this.#views.note(slot, lastCommit, page.words[record + TOTAL]!)
        page.doubles[record / 2 + LAST_COMMIT] = commit
      }
      if (hasExtras) {
        const histogram = histograms?.[i]
        const startAt = starts === undefined ? 0 : starts[i]!
        if (histogram !== undefined || startAt !== 0)
          this.#extras.push(slot, page.words[record + TOTAL]!, histogram, startAt)
      }
      pushSample(this.#memory, slot, timestamps[i]!, values, words, i)
    }
    this.#samples += count
    if (minTime < this.#minTime) this.#minTime = minTime
    if (minTime < this.#minTaken) this.#minTaken = minTime
    if (maxTime > this.#maxTime) this.#maxTime = maxTime
  }

  /**
   * Takes what a log says was taken: of each series what is after its last sample. The rest was taken before: it is in a block or a
   * checkpoint. Only before there is a reader. As `check` and `apply` would, at half the price: replay.test.ts.
   */
  replay({ timestamps, values, histograms, starts, count }: Unchecked, slots: Uint32Array): void {
    const { records } = this
    const words = wordsOf(values)
    const hasExtras = histograms !== undefined || starts !== undefined
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!
      const at = timestamps[i]!
      if (slot === 0 || at < this.#acceptFrom) continue
      const page = records.page(slot)
      if (!(at > page.doubles[(slot & SLOT_MASK) * 8 + LAST_AT]!)) continue
      if (hasExtras) {
        const histogram = histograms?.[i]
        const startAt = starts === undefined ? 0 : starts[i]!
        if (histogram !== undefined || startAt !== 0)
          this.#extras.push(slot, page.words[(slot & SLOT_MASK) * 16 + TOTAL]!, histogram, startAt)
      }
      pushSample(this.#memory, slot, at, values, words, i)
      this.#samples++
      if (at < this.#minTime) this.#minTime = at
      if (at > this.#maxTime) this.#maxTime = at
    }
  }

  /** A view for the writer of a block: what is before `acceptFrom` no longer changes, so nothing has to be kept for it. */
  frozenView(start: number, end: number): HeadView {
    return { commit: Infinity, boundary: this.#boundary, start, end, index: this.#index, notes: NO_NOTES }
  }

  openView(start: number, end: number): HeadView {
    const view = { commit: this.#commit, boundary: this.#boundary, start, end, index: this.#index }
    return this.#views.open(view, this.#end)
  }

  /** No fewer series than match now, about. */
  estimate(matchers: readonly Matcher[]): number {
    return this.#index.estimate(matchers)
  }

  /**
   * What another thread needs to read of an open view what `sets` select, without what it has; see head-mirror.ts. `undefined` when that is
   * more than can be copied.
   */
  lend(view: HeadView, known: HeadKnown, sets: readonly (readonly Matcher[])[]): HeadPieces | undefined {
    const extras = this.#lentExtras(view, sets)
    if (extras === undefined) return undefined
    const { records, slabs } = this.#memory
    const marks = this.#extras.marks
    if (known.index === undefined || known.index.of !== view.index) known.index = { of: view.index, ...nothingKnown() }
    const pieces = {
      records: records.segmentsFrom(known.records),
      slabs: slabs.segmentsFrom(known.slabs),
      index: view.index.piecesFor(known.index),
      generation: view.index.generation,
      ...(known.marks === marks ? {} : { marks }),
      turn: this.#turn.buffer,
      notes: this.#views.memoryOf(view),
      commit: view.commit,
      boundary: view.boundary,
      extras,
    }
    known.records = records.segmentCount
    known.slabs = slabs.segmentCount
    known.marks = marks
    return pieces
  }

  /** What selected series have besides their values, encoded; `undefined` when it is much. */
  #lentExtras(view: HeadView, sets: readonly (readonly Matcher[])[]): HeadPieces['extras'] | undefined {
    const lent = new Map<number, Uint8Array>()
    if (this.#extras.isEmpty) return lent
    let bytes = 0
    for (const matchers of sets) {
      for (const slot of view.index.sorted(matchers)) {
        if (lent.has(slot) || !this.#extras.has(slot)) continue
        const out = new ByteWriter(256)
        this.#extras.write(slot, out)
        bytes += out.length
        if (bytes > MAX_LENT_EXTRAS) return undefined
        lent.set(slot, new Uint8Array(out.view()))
      }
    }
    return lent
  }

  closeView(view: HeadView): void {
    this.#views.close(view)
    this.#memory.slabs.release(this.#views.oldestNumber)
  }

  /** True while an open view may still read samples before `time` here. */
  isNeededBefore(time: number): boolean {
    return this.#views.isNeededBefore(time)
  }

  /** All samples of one series within [low, high], of every commit, if there are any. */
  partOf(slot: number, low: number, high: number): Part | undefined {
    const span: Span = { low, high, visible: this.records.word(slot, TOTAL) }
    return this.reader.hasSample(slot, span) ? new HeadPart(this.reader, this.#index, slot, span) : undefined
  }

  /**
   * Forgets what lies before the boundary, a stride of series at a time. Only while no open view needs it. A series without
   * samples stays known while its last one is not older than `keepAfter`, so that it can still be ended by a stale marker.
   */
  async truncate(keepAfter: number, pause: () => Promise<void>): Promise<void> {
    const time = this.#boundary
    const gone: number[] = []
    const { slabs } = this.#memory
    const giveBack = (slab: number) => slabs.giveBack(slab, this.#views.lastNumber)
    let minTime = Infinity
    this.#minTaken = Infinity
    for (let slot = 1; slot < this.#end; slot++) {
      if (this.#index.has(slot)) {
        if (firstAtOf(this.#memory, slot) < time) {
          this.#samples += this.records.word(slot, CUT_OFF)
          minTime = Math.min(minTime, cutSeries(this.#memory, slot, time, { reader: this.#stream, giveBack }))
          this.#samples -= this.records.word(slot, CUT_OFF)
          this.#extras.cut(slot, this.records.word(slot, CUT_OFF))
        } else minTime = Math.min(minTime, firstAtOf(this.#memory, slot))
        if (this.#isEmpty(slot) && !(this.records.lastAt(slot) > keepAfter)) gone.push(slot)
      }
      if (slot % TRUNCATE_STRIDE === 0) await pause()
    }
    slabs.release(this.#views.oldestNumber)
    this.#minTime = Math.min(minTime, this.#minTaken)
    for (let waits = 0; this.#appenders > 0 && waits < MAX_WAITS; waits++) await pause()
    if (this.#appenders === 0) this.#forget(gone)
    if (this.#index.isWorn) await this.#renew(pause)
  }

  /** Series that got a sample since they were listed stay. */
  #forget(listed: readonly number[]): void {
    for (const slot of listed) {
      if (!this.#isEmpty(slot)) continue
      this.#index.remove(slot)
      this.#extras.delete(slot)
      this.records.clear(slot)
      this.records.setWord(slot, GENERATION, this.records.word(slot, GENERATION) + 1)
    }
  }

  /** Makes the index anew of the series that are left; what is made meanwhile comes behind, as no slot is given away again. */
  async #renew(pause: () => Promise<void>): Promise<void> {
    const fresh = new LabelIndex()
    const old = this.#index
    this.#isRenewing = true
    try {
      for (let slot = 1; slot < this.#end; slot++) {
        if (old.has(slot)) fresh.copyFrom(old, slot)
        if (slot % RENEW_STRIDE === 0) await pause()
      }
      this.#index = fresh
      this.#free = []
      for (let slot = this.#end - 1; slot > 0; slot--) if (!fresh.has(slot)) this.#free.push(slot)
    } finally {
      this.#isRenewing = false
    }
  }

  #isEmpty(slot: number): boolean {
    return this.records.word(slot, TOTAL) === this.records.word(slot, CUT_OFF)
  }

  /** The last sample of the series, if it is a histogram. */
  #lastHistogram(slot: number, before: CheckInto['before']): NativeHistogram | undefined {
    if (!this.#isEmpty(slot)) return this.#extras.lastHistogram(slot, this.records.word(slot, TOTAL) - 1)
    return before?.(this.labelsOf(slot))
  }
}
