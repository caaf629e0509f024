/**
 * Decides what of a batch's late samples is taken: within the window, and no other sample at their instant.
 *
 * - Samples of the batch that are in order were decided before: they win.
 * - What is there at the instants in question is read once for each cluster of them, so that neither many samples of one stretch nor two
 *   that are far apart make a long series be read again and again.
 */
import { type Labels, type NativeHistogram, unixMs } from '#core'
import { type Rejections, sameBits } from '#storage'
import { type Accepted, emptyAccepted, type Unchecked } from '../accepted.ts'
import { wordsOf } from '../codec/bytes.ts'
import { isSameOrNone } from '../columns/reset-hints.ts'
import type { Columns } from '../columns/weave.ts'
import { lowerBound } from './late-table.ts'

/** Late samples of one series further apart than this are looked up apart. */
const CLUSTER_GAP_MS = 600_000

export type LateDeps = {
  readonly labelsOf: (slot: number) => Labels
  /** All samples of a series within [low, high], from wherever they lie; several columns, each ascending. */
  readonly known: (slot: number, low: number, high: number) => readonly Columns[]
}

export type LateBatch = {
  readonly batch: Unchecked
  readonly slots: Uint32Array
  /** The entries in question. */
  readonly entries: readonly number[]
  /** What of the batch is taken in order. */
  readonly inOrder?: Accepted
  /** The first instant that is taken. */
  readonly takenFrom: number
}

/** What is taken: entries of one series together, ascending. */
export function checkLate(
  { batch, slots, entries, inOrder, takenFrom }: LateBatch,
  deps: LateDeps,
  rejections: Rejections,
): Accepted {
  const into = emptyAccepted()
  const { timestamps, values, histograms, starts } = batch
  const isHistogram = (entry: number) => histograms?.[entry] !== undefined
  const inWindow = entries.filter((entry) => {
    if (timestamps[entry]! >= takenFrom) return true
    rejections.add('too-old', deps.labelsOf(slots[entry]!), unixMs(timestamps[entry]!), isHistogram(entry))
    return false
  })
  if (inWindow.length === 0) return into
  const room = inWindow.length
  into.slots = new Uint32Array(room)
  into.timestamps = new Float64Array(room)
  into.values = new Float64Array(room)
  into.histograms = histograms === undefined ? undefined : new Array<NativeHistogram | undefined>(room).fill(undefined)
  into.starts = starts === undefined ? undefined : new Float64Array(room)
  const inWords = wordsOf(values)
  const outWords = wordsOf(into.values)
  // The earlier entry of an instant comes first, so that it wins.
  inWindow.sort((a, b) => slots[a]! - slots[b]! || timestamps[a]! - timestamps[b]! || a - b)
  const pending = inOrder === undefined ? undefined : entriesOf(inOrder, slots, inWindow)
  const isRepeated = (entry: number, at: { readonly columns: Columns; readonly place: number }) =>
    sameBits(at.columns.values, at.place, values, entry) &&
    isSameOrNone(at.columns.histograms?.[at.place], histograms?.[entry])
  for (let from = 0; from < inWindow.length; ) {
    const slot = slots[inWindow[from]!]!
    let to = from + 1
    while (
      to < inWindow.length &&
      slots[inWindow[to]!] === slot &&
      timestamps[inWindow[to]!]! - timestamps[inWindow[to - 1]!]! <= CLUSTER_GAP_MS
    )
      to++
    const known = deps.known(slot, timestamps[inWindow[from]!]!, timestamps[inWindow[to - 1]!]!)
    for (let i = from; i < to; i++) {
      const entry = inWindow[i]!
      const at = timestamps[entry]!
      const last = into.count - 1
      const there =
        last >= 0 && into.slots[last] === slot && into.timestamps[last] === at
          ? { columns: into, place: last }
          : (pending?.(slot, at) ?? sampleAt(known, at))
      if (there !== undefined) {
        if (!isRepeated(entry, there)) rejections.add('duplicate', deps.labelsOf(slot), unixMs(at), isHistogram(entry))
        continue
      }
      const place = into.count++
      into.slots[place] = slot
      into.timestamps[place] = at
      outWords[2 * place] = inWords[2 * entry]!
      outWords[2 * place + 1] = inWords[2 * entry + 1]!
      if (into.histograms !== undefined) into.histograms[place] = histograms?.[entry]
      if (into.starts !== undefined) into.starts[place] = starts?.[entry] ?? 0
      into.minTime = Math.min(into.minTime, at)
      into.maxTime = Math.max(into.maxTime, at)
    }
    from = to
  }
  return into
}

function sampleAt(
  known: readonly Columns[],
  at: number,
): { readonly columns: Columns; readonly place: number } | undefined {
  for (const columns of known) {
    const place = lowerBound(columns.timestamps, columns.count, at)
    if (place < columns.count && columns.timestamps[place] === at) return { columns, place }
  }
  return undefined
}

/** Looks in what the batch itself brings in order, for the series in question. */
function entriesOf(
  inOrder: Accepted,
  slots: Uint32Array,
  entries: readonly number[],
): (slot: number, at: number) => { readonly columns: Columns; readonly place: number } | undefined {
  const bySlot = new Map<number, Map<number, number>>()
  for (const entry of entries) bySlot.set(slots[entry]!, new Map())
  for (let i = 0; i < inOrder.count; i++) bySlot.get(inOrder.slots[i]!)?.set(inOrder.timestamps[i]!, i)
  return (slot, at) => {
    const place = bySlot.get(slot)?.get(at)
    return place === undefined ? undefined : { columns: inOrder, place }
  }
}
