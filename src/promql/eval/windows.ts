/**
 * The windows of all steps over one column of instants, and what `rate` and its kin multiply growth with in each.
 *
 * - The same as `slideOn` finds sample by sample and `rate.ts` window by window, which is the slow twin of both.
 */

import type { OfInstants } from './by-instants.ts'
import { FLOAT, type Frame } from './column.ts'
import type { NumbersRoom } from './numbers-room.ts'
import type { Reads } from './reads.ts'

/** Ends and starts of the windows by step: (start, end]. */
export type Ends = { readonly starts: Float64Array; readonly ends: Float64Array; readonly frame: Frame }

export class Windows implements OfInstants {
  readonly timestamps: Float64Array
  readonly count: number
  uses = 0
  /** By step, the samples of the window: [from, to). */
  readonly from: Int32Array
  readonly to: Int32Array
  /** By step, FLOAT where the window is not empty. */
  readonly filled: Uint8Array
  /** None is empty. */
  readonly isFull: boolean
  /** Samples of all windows together. */
  readonly held: number
  readonly #ends: Ends
  readonly #room: NumbersRoom
  #growth: Growth | undefined

  /** What it has beside `filled` and the kinds of growth lies in the room. */
  constructor(timestamps: Float64Array, count: number, ends: Ends, room: NumbersRoom) {
    this.timestamps = timestamps
    this.count = count
    this.#ends = ends
    this.#room = room
    const steps = ends.ends.length
    this.from = room.integers(steps)
    this.to = room.integers(steps)
    this.filled = new Uint8Array(steps)
    let from = 0
    let to = 0
    let held = 0
    let full = 0
    for (let step = 0; step < steps; step++) {
      const end = ends.ends[step]!
      const start = ends.starts[step]!
      while (to < count && timestamps[to]! <= end) to++
      while (from < to && timestamps[from]! <= start) from++
      this.from[step] = from
      this.to[step] = to
      if (from < to) {
        this.filled[step] = FLOAT
        full++
      }
      held += to - from
    }
    this.isFull = full === steps
    this.held = held
  }

  /** Of rates, or of increases: whoever asks first says which, and all ask the same. */
  growth(isRate: boolean): Growth {
    return (this.#growth ??= growthOf(this, this.#ends, isRate, this.#room))
  }

  /** The window of a step: (startMs, endMs]. */
  endsAt(step: number): { readonly startMs: number; readonly endMs: number } {
    return { startMs: this.#ends.starts[step]!, endMs: this.#ends.ends[step]! }
  }

  /** Counts what series with these windows handed out: see `Reads`. */
  countIn(reads: Reads): void {
    const { handedOut, spared } = reads
    const { from, to, uses } = this
    for (let step = 0, before = 0; step < from.length; step++) {
      const size = to[step]! - from[step]!
      if (size > 0) {
        handedOut[step]! += size * uses
        const old = Math.min(before, to[step]!)
        if (old > from[step]!) spared[step]! += (old - from[step]!) * uses
      }
      before = to[step]!
    }
  }
}

/**
 * By step: FLOAT where there are two samples; what growth is multiplied with there; and from which share of growth on the first value is so
 * near zero that this has to be looked at. Two numbers a step, side by side: with all that they are made of, the windows of forty targets
 * did not fit the processor's cache.
 */
export type Growth = {
  readonly kinds: Uint8Array
  readonly numbers: Float64Array
  /** At no step, at each step there are two. */
  readonly isBlank: boolean
  readonly isFull: boolean
}

/** Rounding of a product and two quotients is far below. */
const MARGIN = 1.000001
/** Below it products are rounded by more. */
const TINY = 1e-300

function growthOf(windows: Windows, { starts, ends }: Ends, isRate: boolean, room: NumbersRoom): Growth {
  const { timestamps, from, to } = windows
  const steps = from.length
  const kinds = new Uint8Array(steps)
  // Where there are not two samples nobody looks.
  const numbers = room.floats(steps * 2)
  let seen = 0
  for (let step = 0; step < steps; step++) {
    if (to[step]! - from[step]! < 2) continue
    const { sampled, toStart, toEnd } = stretchOf(timestamps, from[step]!, to[step]!, starts[step]!, ends[step]!)
    const factor = (sampled + toStart + toEnd) / sampled
    kinds[step] = FLOAT
    seen++
    numbers[2 * step] = isRate ? factor / ((ends[step]! - starts[step]!) / 1000) : factor
    numbers[2 * step + 1] = (toStart / sampled) * MARGIN
  }
  return { kinds, numbers, isBlank: seen === 0, isFull: seen === steps }
}

/** What lies between the samples of a window, and how far beyond them growth is extrapolated, in seconds. */
function stretchOf(timestamps: Float64Array, from: number, to: number, startMs: number, endMs: number) {
  const firstMs = timestamps[from]!
  const lastMs = timestamps[to - 1]!
  const sampled = (lastMs - firstMs) / 1000
  const gap = sampled / (to - from - 1)
  const threshold = gap * 1.1
  let toStart = (firstMs - startMs) / 1000
  if (toStart >= threshold) toStart = gap / 2
  let toEnd = (endMs - lastMs) / 1000
  if (toEnd >= threshold) toEnd = gap / 2
  return { sampled, toStart, toEnd }
}

/**
 * `rate`, `increase` or `delta` of floats for all steps into `out`; at which steps there is one says the kinds of `growth`. `nextReset` as
 * `nextResets` has it, absent where no value is lower than the one before it or nobody asks.
 */
export function fillGrowth(
  windows: Windows,
  values: Float64Array,
  nextReset: Int32Array | undefined,
  { isCounter, isRate }: { readonly isCounter: boolean; readonly isRate: boolean },
  out: Float64Array,
): void {
  const { from, to } = windows
  const { kinds, numbers, isFull } = windows.growth(isRate)
  if (isCounter && isFull && nextReset === undefined) {
    fillRising(windows, values, isRate, out)
    return
  }
  for (let step = 0; step < kinds.length; step++) {
    if (kinds[step] === 0) continue
    const start = from[step]!
    const end = to[step]!
    const first = values[start]!
    let result = values[end - 1]! - first
    if (nextReset !== undefined)
      for (let i = nextReset[start + 1]!; i < end; i = nextReset[i + 1]!) result += values[i - 1]!
    // Not to before the instant where the counter would have been zero. Most counters are far from there.
    out[step] =
      isCounter && !(first > numbers[2 * step + 1]! * result + TINY) && result > 0 && first >= 0
        ? result * factorNear(windows, step, first / result, isRate)
        : result * numbers[2 * step]!
  }
}

/** As `fillGrowth`, for counters that never fall and have two samples at each step: nearly all. 4.8 ns a step instead of 10. */
function fillRising(windows: Windows, values: Float64Array, isRate: boolean, out: Float64Array): void {
  const { from, to } = windows
  const { kinds, numbers } = windows.growth(isRate)
  for (let step = 0; step < kinds.length; step++) {
    const first = values[from[step]!]!
    const result = values[to[step]! - 1]! - first
    if (first > numbers[2 * step + 1]! * result + TINY) out[step] = result * numbers[2 * step]!
    else
      out[step] =
        result > 0 && first >= 0
          ? result * factorNear(windows, step, first / result, isRate)
          : result * numbers[2 * step]!
  }
}

function factorNear(windows: Windows, step: number, zeroShare: number, isRate: boolean): number {
  const { startMs, endMs } = windows.endsAt(step)
  const { timestamps, from, to } = windows
  const { sampled, toStart, toEnd } = stretchOf(timestamps, from[step]!, to[step]!, startMs, endMs)
  const toZero = sampled * zeroShare
  const factor = (sampled + (toZero < toStart ? toZero : toStart) + toEnd) / sampled
  return isRate ? factor / ((endMs - startMs) / 1000) : factor
}
