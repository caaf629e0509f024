/**
 * Functions over windows that overlap, at the cost of the samples and not of the windows' lengths: largest and smallest by a queue of
 * candidates, sums and means of whole numbers by differences of running sums. To the bit what `over-time.ts` says of each window.
 *
 * - Sums of whole numbers below 2^53 are exact in any order, so that nothing is to be compensated. Other sums depend on their order, and go
 *   window by window.
 *
 * Source of the queue: D. Lemire, "Streaming maximum-minimum filter using no more than three comparisons per element", 2006.
 */
import type { Windows } from './windows.ts'

const EXACT = 2 ** 53

/** Room for one series, used again for the next. */
let queue = new Int32Array(1024)
let sums = new Float64Array(1024)

/** `max_over_time` with `sign` 1, `min_over_time` with -1, at each step whose window is not empty. */
export function fillExtreme(
  { from, to, filled, count }: Windows,
  values: Float64Array,
  sign: 1 | -1,
  out: Float64Array,
): boolean {
  if (queue.length < count) queue = new Int32Array(count * 2)
  const places = queue
  // Candidates stand at [head, tail), the best first; of equal ones the first. NaN never stands there.
  let head = 0
  let tail = 0
  let next = 0
  for (let step = 0; step < filled.length; step++) {
    if (filled[step] === 0) continue
    const start = from[step]!
    const end = to[step]!
    if (next < start) next = start
    for (; next < end; next++) {
      const value = values[next]! * sign
      if (Number.isNaN(value)) continue
      while (tail > head && values[places[tail - 1]!]! * sign < value) tail--
      if (head === tail) head = tail = 0
      places[tail++] = next
    }
    while (head < tail && places[head]! < start) head++
    out[step] = head < tail ? values[places[head]!]! : values[start]!
  }
  return true
}

/** `sum_over_time`, or `avg_over_time` with `isMean`, of whole numbers. False, and nothing is filled: they are none, or too large. */
export function fillWholeSums(
  { from, to, filled, count }: Windows,
  values: Float64Array,
  isMean: boolean,
  out: Float64Array,
): boolean {
  if (sums.length <= count) sums = new Float64Array((count + 1) * 2)
  const running = sums
  let sum = 0
  let size = 0
  running[0] = 0
  for (let i = 0; i < count; i++) {
    const value = values[i]!
    // -0 is left out too: its sums are not always 0.
    if (Math.floor(value) !== value || (value === 0 && Object.is(value, -0))) return false
    size += Math.abs(value)
    running[i + 1] = sum += value
  }
  if (!(size <= EXACT)) return false
  for (let step = 0; step < filled.length; step++) {
    if (filled[step] === 0) continue
    const total = running[to[step]!]! - running[from[step]!]!
    out[step] = isMean ? total / (to[step]! - from[step]!) : total
  }
  return true
}
