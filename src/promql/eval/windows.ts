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
  readonly even: Even
}

/** What lies between the samples of a window, and how far beyond them growth is extrapolated, in seconds. */
type Stretch = { readonly sampled: number; readonly toStart: number; readonly toEnd: number }

/**
 * The longest run of steps [begin, end) over which windows move by as many samples at each step, with the same stretch: nearly all of a range
 * where steps are a multiple of the scrape interval.
 */
type Even = Stretch & { readonly begin: number; readonly end: number; readonly stride: number }

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
  let even: Even = { begin: 0, end: 0, stride: 0, ...NO_STRETCH }
  let begin = 0
  let stride = 0
  let before: Stretch = NO_STRETCH
  for (let step = 0; step < steps; step++) {
    let stretch = NO_STRETCH
    if (to[step]! - from[step]! >= 2) {
      stretch = stretchOf(timestamps, from[step]!, to[step]!, starts[step]!, ends[step]!)
      const { sampled, toStart, toEnd } = stretch
      const factor = (sampled + toStart + toEnd) / sampled
      kinds[step] = FLOAT
      seen++
      numbers[2 * step] = isRate ? factor / ((ends[step]! - starts[step]!) / 1000) : factor
      numbers[2 * step + 1] = (toStart / sampled) * MARGIN
    }
    const moves = step === 0 ? -1 : from[step]! - from[step - 1]!
    if (step === begin + 1) stride = moves
    const isEven =
      stretch.sampled === before.sampled &&
      stretch.toStart === before.toStart &&
      stretch.toEnd === before.toEnd &&
      numbers[2 * step] === numbers[2 * step - 2] &&
      moves === stride &&
      moves === to[step]! - to[step - 1]!
    if (!isEven) begin = step
    else if (step + 1 - begin > even.end - even.begin) even = { begin, end: step + 1, stride, ...stretch }
    before = stretch
  }
  return { kinds, numbers, isBlank: seen === 0, isFull: seen === steps, even }
}

/** Of a window with less than two samples. Like no other: NaN equals nothing. */
const NO_STRETCH: Stretch = { sampled: Number.NaN, toStart: Number.NaN, toEnd: Number.NaN }

function stretchOf(timestamps: Float64Array, from: number, to: number, startMs: number, endMs: number): Stretch {
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
  const { even } = windows.growth(isRate)
  if (isCounter && even.end > 0) {
    fillEven(windows, values, nextReset, isRate, out)
    return
  }
  fillSteps(windows, values, nextReset, { isCounter, isRate, begin: 0, end: out.length }, out)
}

/** As `fillGrowth`, for steps [begin, end). */
function fillSteps(
  windows: Windows,
  values: Float64Array,
  nextReset: Int32Array | undefined,
  {
    isCounter,
    isRate,
    begin,
    end: limit,
  }: { readonly isCounter: boolean; readonly isRate: boolean; readonly begin: number; readonly end: number },
  out: Float64Array,
): void {
  const { from, to } = windows
  const { kinds, numbers } = windows.growth(isRate)
  for (let step = begin; step < limit; step++) {
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

/**
 * As `fillGrowth`, for counters: over the even stretch nothing but the values is looked at. 8 ns a step instead of 24, a third of the counters
 * near zero (1,080 series of 40 targets, which take turns, 241 steps; a busy machine).
 */
function fillEven(
  windows: Windows,
  values: Float64Array,
  nextReset: Int32Array | undefined,
  isRate: boolean,
  out: Float64Array,
): void {
  const { numbers, even } = windows.growth(isRate)
  const { begin, end, stride, sampled, toStart, toEnd } = even
  const { startMs, endMs } = windows.endsAt(begin)
  const factor = numbers[2 * begin]!
  const near = numbers[2 * begin + 1]!
  let start = windows.from[begin]!
  let last = windows.to[begin]! - 1
  for (let step = begin; step < end; step++) {
    const first = values[start]!
    let result = values[last]! - first
    if (nextReset !== undefined)
      for (let i = nextReset[start + 1]!; i <= last; i = nextReset[i + 1]!) result += values[i - 1]!
    if (first > near * result + TINY || !(result > 0 && first >= 0)) out[step] = result * factor
    else {
      // As `factorNear`.
      const toZero = sampled * (first / result)
      const own = (sampled + (toZero < toStart ? toZero : toStart) + toEnd) / sampled
      out[step] = result * (isRate ? own / ((endMs - startMs) / 1000) : own)
    }
    start += stride
    last += stride
  }
  if (begin > 0) fillSteps(windows, values, nextReset, { isCounter: true, isRate, begin: 0, end: begin }, out)
  if (end < out.length)
    fillSteps(windows, values, nextReset, { isCounter: true, isRate, begin: end, end: out.length }, out)
}

function factorNear(windows: Windows, step: number, zeroShare: number, isRate: boolean): number {
  const { startMs, endMs } = windows.endsAt(step)
  const { timestamps, from, to } = windows
  const { sampled, toStart, toEnd } = stretchOf(timestamps, from[step]!, to[step]!, startMs, endMs)
  const toZero = sampled * zeroShare
  const factor = (sampled + (toZero < toStart ? toZero : toStart) + toEnd) / sampled
  return isRate ? factor / ((endMs - startMs) / 1000) : factor
}
