/**
 * One batch on its way: gathered, then checked, written ahead, applied, in one synchronous turn.
 *
 * While it is open the head forgets no series: the references that were gathered stand for the series they were given for.
 */
import type { Labels, NativeHistogram, UnixMs } from '#core'
import { type Appender, Batch, type CommitReport, isInstant, Rejections, type SeriesRef } from '#storage'
import { isEncodable } from './codec/histogram-codec.ts'
import type { Head } from './head.ts'

/** Memory of one batch, used again for the next: made anew for each, it made the collector mark three times a second under remote write. */
export class BatchRoom {
  readonly batch = new Batch()
  #slots: Uint32Array = new Uint32Array(0)

  /** By entry of the batch; whatever was there before. */
  slots(): Uint32Array {
    if (this.#slots.length < this.batch.count) this.#slots = new Uint32Array(this.batch.refs.length)
    return this.#slots
  }
}

export type AppenderDeps = {
  readonly head: Head
  /** What the batch is gathered in, and where it goes when that is over. */
  readonly room: BatchRoom
  readonly giveBack: (room: BatchRoom) => void
  /** The furthest instant taken. One sample of the year 2100 would make all of today's too old. */
  readonly latest: number
  /** Checks, logs and applies; throws `ASSAY_STORE_WRITE`. */
  readonly commit: (batch: Batch, slots: Uint32Array, rejections: Rejections) => CommitReport
}

export class TsdbAppender implements Appender {
  readonly #deps: AppenderDeps
  readonly #rejections = new Rejections()
  readonly #batch: Batch
  #isOpen = true

  constructor(deps: AppenderDeps) {
    this.#deps = deps
    deps.head.appenderOpened()
    this.#batch = deps.room.batch
  }

  append(ref: SeriesRef | undefined, labels: Labels, at: UnixMs, value: number, startAt = 0): SeriesRef {
    const found = this.#place(ref, labels, at)
    if (found > 0) this.#batch.push(found, at, value, startAt)
    return (found < 0 ? (ref ?? 0) : found) as SeriesRef
  }

  appendHistogram(
    ref: SeriesRef | undefined,
    labels: Labels,
    at: UnixMs,
    histogram: NativeHistogram,
    startAt = 0,
  ): SeriesRef {
    // It would be written and could never be read again.
    if (!isEncodable(histogram)) throw new TypeError(`BUG: the buckets of a histogram of ${labels} make no sense`)
    const found = this.#place(ref, labels, at, true)
    if (found > 0) this.#batch.pushHistogram(found, at, histogram, startAt)
    return (found < 0 ? (ref ?? 0) : found) as SeriesRef
  }

  appendStale(ref: SeriesRef | undefined, labels: Labels, at: UnixMs): void {
    this.#mustBeOpen()
    const found = this.#deps.head.find(ref, labels)
    if (found === 0 || !isInstant(at) || at > this.#deps.latest) return
    this.#batch.markStale(found, at)
  }

  appendKnown(ref: SeriesRef, at: UnixMs, value: number, startAt = 0): boolean {
    this.#mustBeOpen()
    const { head, latest } = this.#deps
    if (!head.isCurrent(ref)) return false
    if (isInstant(at) && at <= latest) this.#batch.push(ref, at, value, startAt)
    else this.#rejections.add('no-instant', head.labelsOf(head.slotOf(ref)), at)
    return true
  }

  appendStaleKnown(ref: SeriesRef, at: UnixMs): boolean {
    this.#mustBeOpen()
    const { head, latest } = this.#deps
    if (!head.isCurrent(ref)) return false
    if (isInstant(at) && at <= latest) this.#batch.markStale(ref, at)
    return true
  }

  labelsOf(ref: SeriesRef): Labels | undefined {
    this.#mustBeOpen()
    const { head } = this.#deps
    return head.isCurrent(ref) ? head.labelsOf(head.slotOf(ref)) : undefined
  }

  /** The series a sample goes to; 0 when it was refused, -1 when the sample was. */
  #place(ref: SeriesRef | undefined, labels: Labels, at: UnixMs, isHistogram = false): number {
    this.#mustBeOpen()
    if (!isInstant(at) || at > this.#deps.latest) {
      this.#rejections.add('no-instant', labels, at, isHistogram)
      return -1
    }
    const { head } = this.#deps
    const found = head.find(ref, labels) || head.create(labels)
    if (found === 0) this.#rejections.add('series-limit', labels, at, isHistogram)
    return found
  }

  commit(): CommitReport {
    this.#mustBeOpen()
    const { head } = this.#deps
    const { refs, count } = this.#batch
    const slots = this.#deps.room.slots()
    for (let i = 0; i < count; i++) slots[i] = head.slotOf(refs[i]!)
    try {
      return this.#deps.commit(this.#batch, slots, this.#rejections)
    } finally {
      this.#close()
    }
  }

  [Symbol.dispose](): void {
    this.#close()
  }

  #close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#deps.head.appenderClosed()
    this.#batch.reset()
    this.#deps.giveBack(this.#deps.room)
  }

  #mustBeOpen(): void {
    if (!this.#isOpen) throw new TypeError('BUG: an appender was used after its commit or disposal')
  }
}
