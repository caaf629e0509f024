/**
 * The first histogram behind deleted samples knows nothing of a counter reset: the one that it was settled against is not there any more.
 *
 * For what a batch brings to the head; what is read behind deleted samples is seen to by `without-deleted.ts`.
 */
import type { Labels } from '#core'
import type { Accepted } from '../accepted.ts'
import { unsettled } from '../columns/reset-hints.ts'
import type { Tombstones } from './tombstones.ts'

type HeadPlaces = {
  readonly labelsOf: (slot: number) => Labels
  readonly records: { readonly lastAt: (slot: number) => number }
}

/** Call before the batch is applied: the head's last instants are those before it. Changes the batch's histograms. */
export function unsettleNext({ slots, histograms, count }: Accepted, head: HeadPlaces, deleted: Tombstones): void {
  if (histograms === undefined || deleted.isEmpty) return
  const seen = new Set<number>()
  for (let i = 0; i < count; i++) {
    const slot = slots[i]!
    // Behind the first of the batch the one before it is the batch's own.
    if (seen.has(slot)) continue
    seen.add(slot)
    const histogram = histograms[i]
    if (histogram === undefined) continue
    const last = head.records.lastAt(slot)
    if (isDeleted(deleted, head.labelsOf(slot), last)) histograms[i] = unsettled(histogram)
  }
}

export function isDeleted(deleted: Tombstones, labels: Labels, at: number): boolean {
  return deleted.of(labels)?.some(({ from, to }) => at >= from && at <= to) === true
}
