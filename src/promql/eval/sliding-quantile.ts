/**
 * `quantile_over_time` of windows that overlap: the samples of a window are kept in order, and of the next one only what leaves and what
 * comes finds its place. To the bit what sorting each window says (`over-time.ts`).
 *
 * - Where the order is not that of numbers alone it gives way: NaN counts as the smallest, and of the zeros only one sign may be there.
 * - Its work is bounded before it begins: a place costs as many moves as the window holds at most.
 *
 * An hour of windows of 30 minutes, one a minute, over 40 series at 15 s: 6.5 ms of CPU a query, 17 when each was sorted, in turns on a busy
 * machine (`bench/queries.ts --only quantile_over`).
 */
import { quantileOfSorted } from './quantile.ts'
import type { Windows } from './windows.ts'

/** Some milliseconds. */
const MAX_MOVES = 10_000_000

/** Room for one window, used again for the next series. */
let room = new Float64Array(256)

/** False, and nothing that counts is filled, where each window has to be sorted. `shares` by step, each within [0, 1]. */
export function fillQuantiles(
  { from, to, filled, count }: Windows,
  values: Float64Array,
  shares: Float64Array,
  out: Float64Array,
): boolean {
  let longest = 0
  for (let step = 0; step < filled.length; step++) {
    if (filled[step] === 0) continue
    if (!(shares[step]! >= 0 && shares[step]! <= 1)) return false
    const size = to[step]! - from[step]!
    if (size > longest) longest = size
  }
  if (longest * count > MAX_MOVES || !areOrdered(values, count)) return false
  if (room.length < longest) room = new Float64Array(longest * 2)
  const sorted = room
  // The samples [first, last) are in it.
  let first = 0
  let last = 0
  for (let step = 0; step < filled.length; step++) {
    if (filled[step] === 0) continue
    const start = from[step]!
    const end = to[step]!
    if (2 * (start - first) > last - first || 2 * (end - last) > end - start) {
      // Most of it is new.
      const size = end - start
      for (let i = 0; i < size; i++) sorted[i] = values[start + i]!
      sorted.subarray(0, size).sort()
    } else {
      while (first < start && last < end) replace(sorted, last - first, values[first++]!, values[last++]!)
      while (first < start) remove(sorted, last - first, values[first++]!)
      while (last < end) insert(sorted, last - first, values[last++]!)
    }
    first = start
    last = end
    out[step] = quantileOfSorted(shares[step]!, sorted, last - first)
  }
  return true
}

/** Neither a NaN nor a zero below zero is among them. */
function areOrdered(values: Float64Array, count: number): boolean {
  for (let i = 0; i < count; i++) {
    const value = values[i]!
    if (Number.isNaN(value) || (value === 0 && Object.is(value, -0))) return false
  }
  return true
}

/** The first place of a value that is there. */
function placeOf(sorted: Float64Array, size: number, value: number): number {
  let low = 0
  let high = size - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}

/** What lies between the two moves by one place. */
function replace(sorted: Float64Array, size: number, old: number, value: number): void {
  let at = placeOf(sorted, size, old)
  for (; at + 1 < size && sorted[at + 1]! < value; at++) sorted[at] = sorted[at + 1]!
  for (; at > 0 && sorted[at - 1]! > value; at--) sorted[at] = sorted[at - 1]!
  sorted[at] = value
}

function remove(sorted: Float64Array, size: number, value: number): void {
  for (let at = placeOf(sorted, size, value); at + 1 < size; at++) sorted[at] = sorted[at + 1]!
}

function insert(sorted: Float64Array, size: number, value: number): void {
  let at = size
  for (; at > 0 && sorted[at - 1]! > value; at--) sorted[at] = sorted[at - 1]!
  sorted[at] = value
}
