/**
 * Brings what the log holds back into the head, one segment at a time: its series numbers are its own.
 *
 * Samples before the head's boundary are in blocks already and left out. A sample whose series the segment did not name (its
 * record was damaged) is left out too: it cannot be said whose it was.
 */
import { Rejections } from '#storage'
import { emptyAccepted } from './accepted.ts'
import type { Head } from './head.ts'
import type { LoggedCommit } from './wal-record.ts'

export function replayInto(head: Head): (commit: LoggedCommit) => void {
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
  return ({ series, samples }) => {
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
  }
}
