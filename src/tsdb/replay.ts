/**
 * Brings what the log holds back into the head, one segment at a time: its series numbers are its own.
 *
 * Samples before the head's boundary are in blocks already and left out. Late ones go where they were, unless a block has them by now.
 * A sample whose series the segment did not name (its
 * record was damaged) is left out too: it cannot be said whose it was.
 */
import { Rejections } from '#storage'
import { emptyAccepted } from './accepted.ts'
import { checkLate, type LateDeps } from './check-late.ts'
import type { Head } from './head.ts'
import type { LateStore } from './late-store.ts'
import type { LoggedCommit, LoggedSamples } from './wal-record.ts'

export function replayInto(head: Head, late: LateStore, known: LateDeps['known']): (commit: LoggedCommit) => void {
  const named = new Map<number, LoggedCommit['series'][number]['labels']>()
  /** By the segment's numbers, which are dense. */
  const refs: number[] = []
  const into = emptyAccepted()
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
    const { numbers, count } = batch
    const slots = new Uint32Array(count)
    for (let i = 0; i < count; i++) slots[i] = head.slotOf(refOf(numbers[i]!))
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
      if (timestamps[i]! >= head.boundary) slots[i] = head.slotOf(refOf(numbers[i]!))
    }
    if (into.slots.length < count) {
      into.slots = new Uint32Array(count)
      into.timestamps = new Float64Array(count)
      into.values = new Float64Array(count)
    }
    head.check(samples, slots, { into, rejections: new Rejections() })
    head.apply(into)
    if (lateSamples !== undefined) replayLate(lateSamples)
  }
}
