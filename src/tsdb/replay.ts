/**
 * Brings what the log holds back into the head, one segment at a time: its series numbers are its own.
 *
 * Samples before the head's boundary are in blocks already and left out. Late ones go where they were, unless a block has them by now.
 * What was deleted is left out as well. A sample whose series the segment did not name (its
 * record was damaged) is left out too: it cannot be said whose it was.
 */
import { Rejections } from '#storage'
import { checkLate, type LateDeps } from './check-late.ts'
import type { Deletions } from './deletion/deletions.ts'
import type { Interval } from './deletion/tombstones.ts'
import type { Head } from './head.ts'
import type { LateStore } from './late-store.ts'
import type { LoggedCommit, LoggedSamples } from './wal-record.ts'

export type ReplayDeps = {
  readonly head: Head
  readonly late: LateStore
  readonly known: LateDeps['known']
  /** What was deleted of this segment's series. */
  readonly deleted: ReturnType<Deletions['inSegment']>
}

export function replayInto({ head, late, known, deleted }: ReplayDeps): (commit: LoggedCommit) => void {
  const named = new Map<number, LoggedCommit['series'][number]['labels']>()
  /** By the segment's numbers, which are dense. */
  const refs: number[] = []
  const graves = new Map<number, readonly Interval[]>()
  const isDeleted = (number: number, at: number): boolean => {
    if (deleted === undefined) return false
    let intervals = graves.get(number)
    if (intervals === undefined) {
      const labels = named.get(number)
      intervals = labels === undefined ? [] : deleted(labels)
      graves.set(number, intervals)
    }
    return intervals.some(({ from, to }) => at >= from && at <= to)
  }
  const refOf = (number: number) => {
    const known = refs[number]
    if (known !== undefined) return known
    const labels = named.get(number)
    if (labels === undefined) return 0
    const ref = head.find(undefined, labels) || head.create(labels)
    refs[number] = ref
    return ref
  }
  const replayLate = (batch: LoggedSamples) => {
    const { numbers, timestamps, count } = batch
    const slots = new Uint32Array(count)
    for (let i = 0; i < count; i++)
      if (!isDeleted(numbers[i]!, timestamps[i]!)) slots[i] = head.slotOf(refOf(numbers[i]!))
    const entries = [...slots.keys()].filter((i) => slots[i] !== 0)
    const labelsOf = (slot: number) => head.labelsOf(slot)
    const question = { batch, slots, entries, takenFrom: -Infinity }
    late.apply(checkLate(question, { labelsOf, known }, new Rejections()), labelsOf)
  }
  return ({ series, samples, late: lateSamples }) => {
    for (const { number, labels } of series) named.set(number, labels)
    const { numbers, timestamps, count } = samples
    const slots = new Uint32Array(count)
    for (let i = 0; i < count; i++) {
      // A series that has nothing left in the head is not made again for what is in blocks.
      if (timestamps[i]! >= head.boundary && !isDeleted(numbers[i]!, timestamps[i]!))
        slots[i] = head.slotOf(refOf(numbers[i]!))
    }
    head.apply(head.check(samples, slots, { rejections: new Rejections() }))
    if (lateSamples !== undefined) replayLate(lateSamples)
  }
}
