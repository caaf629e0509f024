/** Forgets what a series has before an instant, slab by slab. */
import { CUT_OFF, FIRST_SLAB, SLAB, TOTAL } from './records.ts'
import { BEFORE, BEHIND, FIRST_NUMBER } from './slabs.ts'
import type { HeadMemory } from './stream.ts'
import { maxCountOf, type StreamReader } from './stream-reader.ts'

/**
 * Forgets slabs that lie before `time`; what reaches across stays whole. `giveBack` gets the slabs. Returns the first instant at or
 * after `time`, or Infinity when the series has none.
 */
export function cutSeries(
  memory: HeadMemory,
  slot: number,
  time: number,
  { reader, giveBack }: { readonly reader: StreamReader; readonly giveBack: (slab: number) => void },
): number {
  const { records, slabs } = memory
  let first = records.word(slot, FIRST_SLAB)
  if (first === 0) return Infinity
  const isAllBefore = records.lastAt(slot) < time
  for (;;) {
    const behind = slabs.word(first, BEHIND)
    if (isAllBefore ? first === 0 : behind === 0 || slabs.firstAt(behind) > time) break
    giveBack(first)
    first = behind
    if (first === 0) break
    slabs.setWord(first, BEFORE, 0)
  }
  records.setWord(slot, FIRST_SLAB, first)
  if (first === 0) {
    records.setWord(slot, SLAB, 0)
    records.setWord(slot, CUT_OFF, records.word(slot, TOTAL))
    return Infinity
  }
  records.setWord(slot, CUT_OFF, slabs.word(first, FIRST_NUMBER))
  if (slabs.firstAt(first) >= time) return slabs.firstAt(first)
  const span = { low: time, high: Infinity, visible: records.word(slot, TOTAL) }
  const room = maxCountOf(memory, slot, span)
  const columns = { timestamps: new Float64Array(room), values: new Float64Array(room) }
  return reader.read(slot, span, columns, 0) > 0 ? columns.timestamps[0]! : Infinity
}

/** The first instant that the series still has, maybe before the boundary; Infinity when it has none. */
export function firstAtOf({ records, slabs }: HeadMemory, slot: number): number {
  const first = records.word(slot, FIRST_SLAB)
  return first === 0 ? Infinity : slabs.firstAt(first)
}
