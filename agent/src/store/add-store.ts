/**
 * Adds what one store holds to another: pages of an application with threads, and what threads that have ended have counted.
 *
 * - Counters and histograms are added, native ones at the coarser of the two resolutions; so the sum is exact whatever the order.
 * - Gauges of all threads are a sum: requests in flight, connections of pools to the same place. Where every thread sees the same thing (an
 *   outbox), the greatest is told. What has ended has no gauges, and no quantiles.
 * - What needs the loop of a thread that has not answered is not known, and neither is a sum that it is a part of: such series are taken away.
 * - Of a summary's quantiles the greatest is told: that of all values together lies at or below it, and cannot be known.
 * - A family of another kind or with other bounds than the one of its name is passed over: it cannot be told truthfully.
 * - Of exemplars the newest is told.
 * - Series beyond the limit of the target's family go into its overflow series, as everywhere.
 */
import { readExemplar } from './exemplars.ts'
import type { Family, FamilySpec } from './family.ts'
import type { Across } from './journal.ts'
import { OVERFLOW_LABELS, unformatLabels } from './label-text.ts'
import { addNative, readNative } from './native.ts'
import { add, addCount, isAbsent, type Slot, SUMMARY, set, unset, unsetAt } from './slot.ts'
import type { Store } from './store.ts'
import { type FamilyView, SERIES, type StoreReader } from './store-reader.ts'

/** Of a store that is added: its thread has brought it up to date, or has not answered, or is no more. */
export type Freshness = 'fresh' | 'stale' | 'ended'

/** Adds the snapshot that `from` has read last. Stale ones come behind all others. */
export function addStore(from: StoreReader, into: Store, freshness: Freshness): void {
  for (const view of from.families) {
    if (view === undefined || (view.record.kind === 'gauge' && freshness === 'ended')) continue
    addFamily(from, view, into, freshness)
  }
}

function addFamily(from: StoreReader, view: FamilyView, into: Store, freshness: Freshness): void {
  const { name, help, kind, bounds, isNative, across, hasExemplars } = view.record
  // Those of native histograms are told with labels too, as the sum has no use for their ids.
  const exemplars = hasExemplars || isNative
  const spec: FamilySpec = {
    name,
    help,
    kind,
    needsLoop: view.needsLoop,
    across,
    exemplars,
    ...(bounds.length > 0 || kind === 'histogram' ? { bounds: [...bounds], native: isNative } : {}),
  }
  const family = into.tryFamily(spec)
  if (family === undefined || family.scale.isNative !== isNative) return
  for (let i = 0; i < view.count; i++) {
    const place = view.series[i * SERIES.size]!
    if (kind === 'gauge' && isAbsent(from.words, place)) continue
    const labels = from.labels(view, i)
    const before = family.size
    const isTaken = view.needsLoop && freshness === 'stale'
    const slot = labels === OVERFLOW_LABELS ? family.overflow() : family.series(unformatLabels(labels))
    if (isTaken) takeAway(family, slot)
    else if (kind === 'counter') add(slot, from.doubles[place]!)
    else if (kind === 'histogram') addHistogram(from, view, place, slot)
    else if (kind === 'summary') addSummary(from, view, place, slot, { isFirst: family.size > before, freshness })
    else if (family.size > before || isAbsent(slot.words, slot.at)) set(slot, from.doubles[place]!)
    else set(slot, together(family.across, slot.values[slot.at]!, from.doubles[place]!))
    if (exemplars && !isTaken && slot.growth !== undefined) addExemplars(from, view, place, family, slot.at)
  }
}

function together(across: Across, one: number, other: number): number {
  return across === 'greatest' ? Math.max(one, other) : one + other
}

function takeAway(family: Family, slot: Slot): void {
  // Of histograms the overflow series alone cannot be removed: it stays without its share.
  if (family.kind === 'counter' || family.kind === 'gauge') unset(slot)
  else family.remove(slot)
}

function addExemplars(from: StoreReader, view: FamilyView, place: number, family: Family, into: number): void {
  for (let bucket = 0; bucket <= view.scale.bounds.length; bucket++) {
    const one = readExemplar(from, view, place, bucket)
    if (one === undefined || one.at < (family.exemplarNotedAt(into, bucket) ?? 0)) continue
    family.exemplify(into, bucket, one)
  }
}

function addSummary(
  { doubles, words }: StoreReader,
  { scale }: FamilyView,
  place: number,
  { values, words: into, at }: Slot,
  { isFirst, freshness }: { readonly isFirst: boolean; readonly freshness: Freshness },
): void {
  for (const part of [SUMMARY.sum, SUMMARY.count]) values[at + part]! += doubles[place + part]!
  for (let i = SUMMARY.quantiles; i < SUMMARY.quantiles + scale.bounds.length; i++) {
    if (isFirst || freshness === 'stale') unsetAt(into, at + i)
    if (freshness !== 'fresh' || isAbsent(words, place + i)) continue
    const known = isAbsent(into, at + i) ? Number.NEGATIVE_INFINITY : values[at + i]!
    values[at + i] = Math.max(known, doubles[place + i]!)
  }
}

function addHistogram({ doubles, words }: StoreReader, { scale }: FamilyView, place: number, slot: Slot): void {
  const wide = words[place * 2 + 2]! - 1
  for (let i = 0; i <= scale.bounds.length; i++) {
    const more = words[place * 2 + 3 + i]! + (wide < 0 ? 0 : doubles[wide + i]!)
    addCount(slot, i, more)
  }
  slot.values[slot.at]! += doubles[place]!
  if (scale.isNative) addNative(slot, readNative(words, place * 2 + 3 + scale.nativeOffset))
}
