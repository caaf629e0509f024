/**
 * The windows of all steps over one column of instants, and what `rate` and its kin multiply growth with in each.
 *
 * - The same as `slideOn` finds sample by sample and `rate.ts` window by window, which is the slow twin of both.
 */

import type { OfInstants } from './by-instants.ts'
import { FLOAT, type Frame } from './column.ts'
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
  /** Samples of all windows together. */
  readonly held: number
  readonly #ends: Ends
  #growth: Growth | undefined

  constructor(timestamps: Float64Array, count: number, ends: Ends) {
    this.timestamps = timestamps
    this.count = count
    this.#ends = ends
    const steps = ends.ends.length
    this.from = new Int32Array(steps)
    this.to = new Int32Array(steps)
    this.filled = new Uint8Array(steps)
    let from = 0
    let to = 0
    let held = 0
    for (let step = 0; step < steps; step++) {
      const end = ends.ends[step]!
      const start = ends.starts[step]!
      while (to < count && timestamps[to]! <= end) to++
      while (from < to && timestamps[from]! <= start) from++
      this.from[step] = from
      this.to[step] = to
      if (from < to) this.filled[step] = FLOAT
      held += to - from
    }
    this.held = held
  }

  get growth(): Growth {
    return (this.#growth ??= growthOf(this, this.#ends))
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
 * By step: FLOAT where there are two samples, and what `rate.ts` works with there. Numbers of a step stand together, FIELDS each: for one step
 * a single array is made, and for many a row of them is one line of the processor's cache.
 */
export type Growth = { readonly kinds: Uint8Array; readonly numbers: Float64Array }

const FIELDS = 6
/** Lengths in seconds: what lies between the samples, and how far beyond them it is extrapolated. */
const SAMPLED = 0
const TO_START = 1
const TO_END = 2
const SECONDS = 3
/** What growth is multiplied with where the counter would not have been zero so near. */
const FOR_INCREASE = 4
const FOR_RATE = 5

/** The distances that `stretchOf` extrapolates over. */
function growthOf({ timestamps, from, to }: Windows, { starts, ends }: Ends): Growth {
  const steps = from.length
  const kinds = new Uint8Array(steps)
  const numbers = new Float64Array(steps * FIELDS)
  for (let step = 0; step < steps; step++) {
    const gaps = to[step]! - from[step]! - 1
    if (gaps < 1) continue
    const firstMs = timestamps[from[step]!]!
    const lastMs = timestamps[to[step]! - 1]!
    const sampled = (lastMs - firstMs) / 1000
    const gap = sampled / gaps
    const threshold = gap * 1.1
    let toStart = (firstMs - starts[step]!) / 1000
    if (toStart >= threshold) toStart = gap / 2
    let toEnd = (ends[step]! - lastMs) / 1000
    if (toEnd >= threshold) toEnd = gap / 2
    const seconds = (ends[step]! - starts[step]!) / 1000
    const factor = (sampled + toStart + toEnd) / sampled
    const at = step * FIELDS
    kinds[step] = FLOAT
    numbers[at + SAMPLED] = sampled
    numbers[at + TO_START] = toStart
    numbers[at + TO_END] = toEnd
    numbers[at + SECONDS] = seconds
    numbers[at + FOR_INCREASE] = factor
    numbers[at + FOR_RATE] = factor / seconds
  }
  return { kinds, numbers }
}

/**
 * `rate`, `increase` or `delta` of floats for all steps into `out`; at which steps there is one says `growth.kinds`. `nextReset` as
 * `nextResets` has it, absent where no value is lower than the one before it or nobody asks.
 */
export function fillGrowth(
  { from, to, growth }: Windows,
  values: Float64Array,
  nextReset: Int32Array | undefined,
  { isCounter, isRate }: { readonly isCounter: boolean; readonly isRate: boolean },
  out: Float64Array,
): void {
  const { kinds, numbers } = growth
  const factor = isRate ? FOR_RATE : FOR_INCREASE
  for (let step = 0; step < kinds.length; step++) {
    if (kinds[step] === 0) continue
    const start = from[step]!
    const end = to[step]!
    const first = values[start]!
    let result = values[end - 1]! - first
    if (nextReset !== undefined)
      for (let i = nextReset[start + 1]!; i < end; i = nextReset[i + 1]!) result += values[i - 1]!
    // Not to before the instant where the counter would have been zero. Most counters are far from there, which products tell as well
    // as a quotient does, and sooner: by more than they may be wrong.
    const at = step * FIELDS
    const isFar = first * numbers[at + SAMPLED]! > numbers[at + TO_START]! * result * MARGIN
    out[step] =
      isCounter && !isFar && result > 0 && first >= 0
        ? result * factorNear(numbers, at, first / result, isRate)
        : result * numbers[at + factor]!
  }
}

const MARGIN = 1.000001

function factorNear(numbers: Float64Array, at: number, zeroShare: number, isRate: boolean): number {
  const length = numbers[at + SAMPLED]!
  const toZero = length * zeroShare
  const toStart = numbers[at + TO_START]!
  const before = toZero < toStart ? toZero : toStart
  const factor = (length + before + numbers[at + TO_END]!) / length
  return isRate ? factor / numbers[at + SECONDS]! : factor
}
