/**
 * The writing half of a remote engine: takes what a store takes, keeps of each series its labels and its last sample, and passes the
 * rest on to who sends it (`onCommit`).
 *
 * - What a store would reject is rejected here, so that writers hear it at once: samples out of order, duplicates, those that are too old.
 *   A series that was forgotten, or written before this process began, has no last sample here; then the engine decides.
 * - A stale marker for a series that is not known is passed on, unlike in a store: the series may be in the engine.
 * - A series without a sample for `FORGET_MS` is forgotten, its reference with it.
 * - It answers no question: that is the reading half's business.
 */
import { type Clock, isStaleAt, type Labels, type NativeHistogram, sameHistogram, type UnixMs, unixMs } from '#core'
import {
  type Appender,
  type AppenderOptions,
  Batch,
  type CommitListener,
  type CommitReport,
  isInstant,
  Rejections,
  type SeriesRef,
  type Store,
  type StoreStats,
} from '#storage'

export type PassOnOptions = {
  readonly clock: Clock
  readonly onCommit: CommitListener
  /** Default 5,000,000: about 3 GB of labels. */
  readonly maxSeries?: number
}

/** A series without a sample for so long, or up to twice as long, is forgotten. */
const FORGET_MS = 1200_000
const MAX_SERIES = 5_000_000
/** References are slots, and times this the generation of a slot, which grows when it is given to another series. */
const SLOTS = 2 ** 24

type Slot = {
  readonly labels: Labels
  ref: number
  lastAt: number
  /** By its bits; a histogram stands beside it. */
  readonly last: Float64Array
  lastHistogram: NativeHistogram | undefined
  isUsed: boolean
}

export class PassOnStore implements Store {
  readonly #options: PassOnOptions
  readonly #byKey = new Map<string, Slot>()
  readonly #slots: (Slot | undefined)[] = []
  readonly #generations: number[] = []
  readonly #free: number[] = []
  #windowMs = 0
  #newest = Number.NEGATIVE_INFINITY
  #passed = 0
  #sweptAtMs: number

  constructor(options: PassOnOptions) {
    this.#options = options
    this.#sweptAtMs = options.clock.monotonicMs()
  }

  appender(options?: AppenderOptions): Appender {
    return new PassOnAppender(this, options?.keepOrder ?? false)
  }

  querier(): never {
    throw new TypeError('BUG: a remote engine is asked as if its samples were here')
  }

  stats(): StoreStats {
    return {
      series: this.#byKey.size,
      samples: this.#passed,
      sizeBytes: 0,
      minTime: undefined,
      maxTime: Number.isFinite(this.#newest) ? unixMs(this.#newest) : undefined,
    }
  }

  /** Late samples are passed on when they are not older than the newest by more; 0: never. */
  setOutOfOrderWindow(ms: number): void {
    this.#windowMs = ms
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#byKey.clear()
    this.#slots.length = 0
  }

  /** The reference of a series, made when there is none; 0 when there are too many. */
  ensure(ref: number | undefined, labels: Labels): number {
    if (ref !== undefined && this.known(ref) !== undefined) return ref
    const known = this.#byKey.get(labels.key)
    if (known !== undefined) return known.ref
    if (this.#byKey.size >= Math.min(SLOTS, this.#options.maxSeries ?? MAX_SERIES)) return 0
    const index = this.#free.pop() ?? this.#slots.length
    const generation = (this.#generations[index] ?? 0) + 1
    this.#generations[index] = generation
    const slot: Slot = {
      labels,
      ref: generation * SLOTS + index,
      lastAt: Number.NEGATIVE_INFINITY,
      last: new Float64Array(1),
      lastHistogram: undefined,
      isUsed: true,
    }
    this.#slots[index] = slot
    this.#byKey.set(labels.key, slot)
    return slot.ref
  }

  known(ref: number): Slot | undefined {
    const slot = this.#slots[ref % SLOTS]
    return slot?.ref === ref ? slot : undefined
  }

  commit(batch: Batch, rejections: Rejections, keepOrder: boolean): CommitReport {
    const taken = new Batch(batch.count)
    const series: Slot[] = []
    for (let i = 0; i < batch.count; i++) {
      const slot = this.known(batch.refs[i]!)
      if (slot === undefined || !this.#takes(slot, batch, i, { keepOrder, rejections })) continue
      const startAt = batch.starts?.[i] ?? 0
      const histogram = batch.histograms?.[i]
      const at = batch.timestamps[i]!
      if (histogram !== undefined) taken.pushHistogram(slot.ref, at, histogram, startAt)
      else if (isStaleAt(batch.values, i)) taken.markStale(slot.ref, at)
      else taken.push(slot.ref, at, batch.values[i]!, startAt)
      series.push(slot)
    }
    if (taken.count > 0) {
      this.#passed += taken.count
      const { count, timestamps, values, histograms, starts } = taken
      this.#options.onCommit({
        count,
        timestamps,
        values,
        histograms,
        starts,
        labels: (i) => series[i]!.labels,
        ref: (i) => series[i]!.ref,
      })
    }
    this.#forget()
    return { appended: taken.count, rejected: rejections.list() }
  }

  #takes(
    slot: Slot,
    batch: Batch,
    i: number,
    { keepOrder, rejections }: { readonly keepOrder: boolean; readonly rejections: Rejections },
  ): boolean {
    const at = batch.timestamps[i]!
    const histogram = batch.histograms?.[i]
    slot.isUsed = true
    if (at > slot.lastAt) {
      slot.lastAt = at
      slot.last.set(batch.values.subarray(i, i + 1))
      slot.lastHistogram = histogram
      if (at > this.#newest) this.#newest = at
      return true
    }
    if (at === slot.lastAt) {
      if (!isSame(slot, batch, i)) rejections.add('duplicate', slot.labels, unixMs(at), histogram !== undefined)
      return false
    }
    if (this.#windowMs > 0 && !keepOrder) {
      if (at >= this.#newest - this.#windowMs) return true
      rejections.add('too-old', slot.labels, unixMs(at), histogram !== undefined)
    } else rejections.add('out-of-order', slot.labels, unixMs(at), histogram !== undefined)
    return false
  }

  #forget(): void {
    const now = this.#options.clock.monotonicMs()
    if (now - this.#sweptAtMs < FORGET_MS) return
    this.#sweptAtMs = now
    for (const [index, slot] of this.#slots.entries()) {
      if (slot === undefined) continue
      if (!slot.isUsed) {
        this.#byKey.delete(slot.labels.key)
        this.#slots[index] = undefined
        this.#free.push(index)
      }
      slot.isUsed = false
    }
  }
}

class PassOnAppender implements Appender {
  readonly #store: PassOnStore
  readonly #keepOrder: boolean
  readonly #batch = new Batch()
  readonly #rejections = new Rejections()

  constructor(store: PassOnStore, keepOrder: boolean) {
    this.#store = store
    this.#keepOrder = keepOrder
  }

  append(ref: SeriesRef | undefined, labels: Labels, at: UnixMs, value: number, startAt?: number): SeriesRef {
    const found = this.#place(ref, labels, at)
    if (found > 0 && isInstant(at)) this.#batch.push(found, at, value, startAt)
    return found as SeriesRef
  }

  appendHistogram(
    ref: SeriesRef | undefined,
    labels: Labels,
    at: UnixMs,
    histogram: NativeHistogram,
    startAt?: number,
  ): SeriesRef {
    const found = this.#place(ref, labels, at, true)
    if (found > 0 && isInstant(at)) this.#batch.pushHistogram(found, at, histogram, startAt)
    return found as SeriesRef
  }

  appendStale(ref: SeriesRef | undefined, labels: Labels, at: UnixMs): void {
    const found = this.#place(ref, labels, at)
    if (found > 0 && isInstant(at)) this.#batch.markStale(found, at)
  }

  appendKnown(ref: SeriesRef, at: UnixMs, value: number, startAt?: number): boolean {
    const slot = this.#store.known(ref)
    if (slot === undefined) return false
    if (isInstant(at)) this.#batch.push(ref, at, value, startAt)
    else this.#rejections.add('no-instant', slot.labels, at)
    return true
  }

  appendStaleKnown(ref: SeriesRef, at: UnixMs): boolean {
    const slot = this.#store.known(ref)
    if (slot === undefined) return false
    if (isInstant(at)) this.#batch.markStale(ref, at)
    else this.#rejections.add('no-instant', slot.labels, at)
    return true
  }

  labelsOf(ref: SeriesRef): Labels | undefined {
    return this.#store.known(ref)?.labels
  }

  commit(): CommitReport {
    return this.#store.commit(this.#batch, this.#rejections, this.#keepOrder)
  }

  [Symbol.dispose](): void {}

  #place(ref: SeriesRef | undefined, labels: Labels, at: UnixMs, isHistogram = false): number {
    const found = this.#store.ensure(ref, labels)
    if (found === 0) this.#rejections.add('series-limit', labels, at, isHistogram)
    else if (!isInstant(at)) this.#rejections.add('no-instant', labels, at, isHistogram)
    return found
  }
}

/** The very bits of the last sample again. */
function isSame(slot: Slot, batch: Batch, i: number): boolean {
  const histogram = batch.histograms?.[i]
  if (histogram !== undefined || slot.lastHistogram !== undefined)
    return histogram !== undefined && slot.lastHistogram !== undefined && sameHistogram(histogram, slot.lastHistogram)
  const a = new Uint32Array(slot.last.buffer)
  const b = new Uint32Array(batch.values.buffer, batch.values.byteOffset + i * 8, 2)
  return a[0] === b[0] && a[1] === b[1]
}
