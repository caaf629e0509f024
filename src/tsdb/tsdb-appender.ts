/**
 * One batch on its way: gathered, then checked, written ahead, applied, in one synchronous turn.
 *
 * A series may leave the head between `append` and `commit` and its slot go to another one; the labels that came with each
 * sample settle which series was meant.
 */
import type { Labels, NativeHistogram, UnixMs } from '#core'
import { type Appender, Batch, type CommitReport, isInstant, Rejections, type SeriesRef } from '#storage'
import type { Head } from './head.ts'
import { isEncodable } from './histogram-codec.ts'

export type AppenderDeps = {
  readonly head: Head
  /** How many samples the batch is likely to get. */
  readonly expected: number
  /** The furthest instant taken. One sample of the year 2100 would make all of today's too old. */
  readonly latest: number
  /** Checks, logs and applies; throws `ASSAY_STORE_WRITE`. Slot 0 stands for a series that could not be made. */
  readonly commit: (batch: Batch, slots: Uint32Array, rejections: Rejections) => CommitReport
}

export class TsdbAppender implements Appender {
  readonly #deps: AppenderDeps
  readonly #rejections = new Rejections()
  readonly #batch: Batch
  readonly #labels: Labels[] = []
  #isOpen = true

  constructor(deps: AppenderDeps) {
    this.#deps = deps
    this.#batch = new Batch(deps.expected)
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
    this.#labels.push(labels)
  }

  appendKnown(ref: SeriesRef, at: UnixMs, value: number, startAt = 0): boolean {
    const labels = this.labelsOf(ref)
    if (labels !== undefined) this.append(ref, labels, at, value, startAt)
    return labels !== undefined
  }

  appendStaleKnown(ref: SeriesRef, at: UnixMs): boolean {
    const labels = this.labelsOf(ref)
    if (labels !== undefined) this.appendStale(ref, labels, at)
    return labels !== undefined
  }

  labelsOf(ref: SeriesRef): Labels | undefined {
    this.#mustBeOpen()
    const { head } = this.#deps
    return head.isCurrent(ref) ? head.labelsOf(head.slotOf(ref)) : undefined
  }

  /** The series a sample goes to, its labels noted; 0 when it was refused, -1 when the sample was. */
  #place(ref: SeriesRef | undefined, labels: Labels, at: UnixMs, isHistogram = false): number {
    this.#mustBeOpen()
    if (!isInstant(at) || at > this.#deps.latest) {
      this.#rejections.add('no-instant', labels, at, isHistogram)
      return -1
    }
    const { head } = this.#deps
    const found = head.find(ref, labels) || head.create(labels)
    if (found === 0) this.#rejections.add('series-limit', labels, at, isHistogram)
    else this.#labels.push(labels)
    return found
  }

  commit(): CommitReport {
    this.#mustBeOpen()
    this.#isOpen = false
    const { head } = this.#deps
    const { refs, count } = this.#batch
    const slots = new Uint32Array(count)
    for (let i = 0; i < count; i++) {
      const ref = refs[i]!
      slots[i] = head.slotOf(
        head.isCurrent(ref) ? ref : head.find(undefined, this.#labels[i]!) || head.create(this.#labels[i]!),
      )
    }
    return this.#deps.commit(this.#batch, slots, this.#rejections)
  }

  [Symbol.dispose](): void {
    this.#isOpen = false
  }

  #mustBeOpen(): void {
    if (!this.#isOpen) throw new TypeError('BUG: an appender was used after its commit or disposal')
  }
}
