/**
 * Brings what the log holds back into the head, one segment at a time: its series numbers are its own.
 *
 * Samples before the head's boundary are in blocks already and left out. Late ones go where they were, unless a block has them by now.
 * What was deleted is left out as well. A sample whose series the segment did not name (its
 * record was damaged) is left out too: it cannot be said whose it was.
 */
import { Rejections } from '#storage'
import type { Deletions } from '../deletion/deletions.ts'
import type { Interval } from '../deletion/tombstones.ts'
import type { Head } from '../head.ts'
import { checkLate, type LateDeps } from '../late/check-late.ts'
import type { LateStore } from '../late/late-store.ts'
import type { CommitUse } from './wal.ts'
import type { LoggedSamples, LoggedSeries } from './wal-record.ts'

export type ReplayDeps = {
  readonly head: Head
  readonly late: LateStore
  readonly known: LateDeps['known']
  readonly deletions: Pick<Deletions, 'inSegment'>
}

export class Replay {
  readonly #deps: ReplayDeps
  /**
   * References by the bytes of a series' labels. Each segment names its series again: made into texts and looked up anew, the names of
   * 100,000 series took longer than five million samples.
   */
  readonly #refs = new Map<string, number>()
  #slots: Uint32Array = new Uint32Array(0)

  constructor(deps: ReplayDeps) {
    this.#deps = deps
  }

  /** What takes the commits of one segment. `known`: slots by the numbers that are known already. */
  segment(number: number, known: readonly number[] = []): CommitUse {
    const { head, late, deletions } = this.#deps
    const deleted = deletions.inSegment(number)
    const named: LoggedSeries[] = []
    /** By the segment's numbers, which are dense. */
    const slots = [...known]
    const graves = new Map<number, readonly Interval[]>()
    const isDeleted = (number: number, at: number): boolean => {
      if (deleted === undefined) return false
      let intervals = graves.get(number)
      if (intervals === undefined) {
        const series = named[number]
        intervals = series === undefined ? [] : deleted(series.labels)
        graves.set(number, intervals)
      }
      return intervals.some(({ from, to }) => at >= from && at <= to)
    }
    const slotOf = (number: number): number => {
      const known = slots[number]
      if (known !== undefined) return known
      const series = named[number]
      if (series === undefined) return 0
      return (slots[number] = head.slotOf(this.#refOf(series)))
    }
    const replayLate = (batch: LoggedSamples) => {
      const { numbers, timestamps, count } = batch
      const lateSlots = new Uint32Array(count)
      for (let i = 0; i < count; i++) if (!isDeleted(numbers[i]!, timestamps[i]!)) lateSlots[i] = slotOf(numbers[i]!)
      const entries = [...lateSlots.keys()].filter((i) => lateSlots[i] !== 0)
      const labelsOf = (slot: number) => head.labelsOf(slot)
      const question = { batch, slots: lateSlots, entries, takenFrom: -Infinity }
      late.apply(checkLate(question, { labelsOf, known: this.#deps.known }, new Rejections()), labelsOf)
    }
    const replayInOrder = (samples: LoggedSamples) => {
      const { numbers, timestamps, count } = samples
      if (this.#slots.length < count) this.#slots = new Uint32Array(count * 2)
      const batch = this.#slots
      const { boundary } = head
      for (let i = 0; i < count; i++) {
        const number = numbers[i]!
        const at = timestamps[i]!
        // A series that has nothing left in the head is not made again for what is in blocks.
        batch[i] = at < boundary || (deleted !== undefined && isDeleted(number, at)) ? 0 : slotOf(number)
      }
      head.replay(samples, batch)
    }
    return ({ series, samples, late: lateSamples }, isCovered) => {
      for (const one of series) named[one.number] = one
      if (!isCovered) replayInOrder(samples)
      if (lateSamples !== undefined) replayLate(lateSamples)
    }
  }

  /** 0 when there are too many series. */
  #refOf(series: LoggedSeries): number {
    const key = series.bytes.toString('latin1')
    const known = this.#refs.get(key)
    if (known !== undefined) return known
    const { head } = this.#deps
    const { labels } = series
    const ref = head.find(undefined, labels) || head.create(labels)
    this.#refs.set(key, ref)
    return ref
  }
}
