/**
 * One row of results after the other, for the series of a selector: what an instant selector or a function over a range makes of
 * them, without a column, labels or an object for each.
 *
 * - For floats as they come from nearly every series. Where anything else turns up (a histogram, a start timestamp that counts) nothing is
 *   given, and the caller goes by `selectInstant` and `slide`, the slow twins.
 * - What is read and held counts as it does there, in the same order.
 */
import { isStaleAt } from '#core'
import { type Samples, type SeriesSet, selectSet } from '#storage'
import type { VectorSelector } from '../ast.ts'
import type { Span } from '../position.ts'
import { anchor } from './anchor.ts'
import { ByInstants, type OfInstants } from './by-instants.ts'
import { FLOAT, type Frame, timeAt } from './column.ts'
import type { Context } from './context.ts'
import type { NumbersRoom } from './numbers-room.ts'
import { Reads } from './reads.ts'
import type { RangeFunction, Window } from './window.ts'
import { nextResets } from './window.ts'
import { fillGrowth, Windows } from './windows.ts'

/** Both are of all steps, `isFull` where each has a float. Good until the next row. */
export type TakeRow = (series: number, values: Float64Array, kinds: Uint8Array, isFull: boolean) => void

/** Makes the rows of a set. `undefined` where the slow path has to be taken. */
export interface RowSource {
  readonly set: SeriesSet
  /** Calls `take` for each series that has a result at some step; `true` where all were floats. */
  each(take: TakeRow): Promise<boolean>
  /** Whether these kinds stay as they are behind the next row, so that columns may share them. */
  isKept(kinds: Uint8Array): boolean
}

/** The set of a selector, or none: a subquery without a single step reads nothing. */
export function setOf(selector: VectorSelector, context: Context): SeriesSet | undefined {
  const querier = context.queriers.get(selector)
  return querier === undefined ? undefined : selectSet(querier, selector.matchers)
}

/** By step: which sample a selector sees, or -1. */
class Newest implements OfInstants {
  readonly timestamps: Float64Array
  readonly count: number
  uses = 0
  readonly at: Int32Array
  readonly kinds: Uint8Array
  readonly isBlank: boolean
  readonly isFull: boolean

  constructor(
    timestamps: Float64Array,
    count: number,
    { times, lookbackMs, room }: { times: Float64Array; lookbackMs: number; room: NumbersRoom },
  ) {
    this.timestamps = timestamps
    this.count = count
    this.at = room.integers(times.length).fill(-1)
    this.kinds = new Uint8Array(times.length)
    let at = -1
    let seen = 0
    for (let step = 0; step < times.length; step++) {
      const time = times[step]!
      while (at + 1 < count && timestamps[at + 1]! <= time) at++
      if (at < 0 || timestamps[at]! <= time - lookbackMs) continue
      this.at[step] = at
      this.kinds[step] = FLOAT
      seen++
    }
    this.isBlank = seen === 0
    this.isFull = seen === times.length
  }
}

/** Rows of an instant selector. */
export class InstantRows implements RowSource {
  readonly set: SeriesSet
  readonly #frame: Frame
  readonly #context: Context
  readonly #span: Span
  readonly #times: Float64Array
  readonly #kinds: Uint8Array

  constructor(set: SeriesSet, selector: VectorSelector, offset: number, frame: Frame, context: Context) {
    this.set = set
    this.#frame = frame
    this.#context = context
    this.#span = selector.span
    this.#times = new Float64Array(frame.count)
    this.#kinds = new Uint8Array(frame.count)
    for (let step = 0; step < frame.count; step++)
      this.#times[step] = anchor(selector, timeAt(frame, step), context.bounds) - offset
  }

  isKept(kinds: Uint8Array): boolean {
    return kinds !== this.#kinds
  }

  async each(take: TakeRow): Promise<boolean> {
    const context = this.#context
    const { count: steps } = this.#frame
    const { lookbackMs } = context
    const times = this.#times
    const reads = new Reads(steps)
    const { handedOut } = reads
    const row = new Float64Array(steps)
    const ownKinds = this.#kinds
    const known = new ByInstants<Newest>(
      (timestamps, count, room) => new Newest(timestamps, count, { times, lookbackMs, room }),
      ({ kinds, uses }) => {
        for (let step = 0; step < steps; step++) if (kinds[step] !== 0) handedOut[step]! += uses
      },
      steps * 2,
    )
    const { set } = this
    if (!context.hasRoom(set.count * steps)) await this.#refuseTooMany()
    for (let series = 0; series < set.count; series++) {
      const { timestamps, values, count, histograms } =
        steps === 1 && set.readNewest !== undefined ? set.readNewest(series, times[0]!) : set.read(series)
      if (histograms !== undefined) return false
      if (count === 0) continue
      context.charge(steps, this.#span)
      const newest = known.of(timestamps, count)
      if (!newest.isBlank) {
        if (!fillNewest(newest.at, values, row)) {
          newest.uses++
          take(series, row, newest.kinds, newest.isFull)
        } else if (withoutStale(newest, values, handedOut, ownKinds)) take(series, row, ownKinds, false)
      }
      if (context.spend(count + steps)) await context.breathe()
    }
    known.end()
    context.reads.add(reads)
    return true
  }

  /** All at once, before the first row is made: what would be too much takes no memory. Throws `ASSAY_PROMQL_LIMIT`. */
  async #refuseTooMany(): Promise<void> {
    const context = this.#context
    const { set } = this
    let live = 0
    for (let series = 0; series < set.count; series++) {
      const { count } = set.read(series)
      if (count > 0) live++
      if (context.spend(count + 1)) await context.breathe()
    }
    context.expectRoom(live * this.#frame.count, this.#span)
  }
}

/** The values at these places; whether one of them is a stale marker. */
function fillNewest(at: Int32Array, values: Float64Array, row: Float64Array): boolean {
  let isStale = false
  for (let step = 0; step < row.length; step++) {
    const place = at[step]!
    if (place < 0) continue
    const value = values[place]!
    row[step] = value
    if (Number.isNaN(value) && isStaleAt(values, place)) isStale = true
  }
  return isStale
}

/** Where a selector sees a stale marker the series has ended. False: it is nowhere. */
function withoutStale({ at, kinds }: Newest, values: Float64Array, handedOut: Float64Array, into: Uint8Array): boolean {
  let isAny = false
  for (let step = 0; step < kinds.length; step++) {
    const isSeen = kinds[step] !== 0 && !isStaleAt(values, at[step]!)
    into[step] = isSeen ? FLOAT : 0
    if (!isSeen) continue
    handedOut[step]! += 1
    isAny = true
  }
  return isAny
}

/** How a range function is run over windows. */
export type RowFunction =
  | { readonly kind: 'growth'; readonly isCounter: boolean; readonly isRate: boolean }
  /** `run`, for windows of less than `limit` samples. */
  | {
      readonly kind: 'any'
      readonly run: RangeFunction
      readonly window: Window
      readonly limit: number
      /** Does the same for all windows of a series at once; false where it cannot. Taken where windows overlap. */
      readonly sliding?: SlidingFunction | undefined
    }

/** `args`: the scalar arguments by step. */
export type SlidingFunction = (
  windows: Windows,
  values: Float64Array,
  out: Float64Array,
  args: readonly Float64Array[],
) => boolean

export type WindowRowsOptions = {
  readonly selector: VectorSelector
  readonly offset: number
  readonly range: number
  readonly run: RowFunction
  /** Of the call: where it is told that its results would be too many. */
  readonly span: Span
  /** Its scalar arguments by step. */
  readonly args: readonly Float64Array[]
}

/** Rows of a function over the windows of a range selector. */
export class WindowRows implements RowSource {
  readonly set: SeriesSet
  readonly #frame: Frame
  readonly #context: Context
  readonly #options: WindowRowsOptions
  readonly #kinds: Uint8Array

  constructor(set: SeriesSet, options: WindowRowsOptions, frame: Frame, context: Context) {
    this.set = set
    this.#options = options
    this.#frame = frame
    this.#context = context
    this.#kinds = new Uint8Array(frame.count)
  }

  isKept(kinds: Uint8Array): boolean {
    return kinds !== this.#kinds
  }

  async each(take: TakeRow): Promise<boolean> {
    const frame = this.#frame
    const context = this.#context
    const { selector, offset, range, run, args } = this.#options
    const { count: steps } = frame
    const ends = new Float64Array(steps)
    for (let step = 0; step < steps; step++) ends[step] = anchor(selector, timeAt(frame, step), context.bounds) - offset
    const starts = ends.map((end) => end - range)
    const reads = new Reads(steps)
    const ofFrame = { starts, ends, frame }
    const known = new ByInstants<Windows>(
      (timestamps, count, room) => new Windows(timestamps, count, ofFrame, room),
      (windows) => windows.countIn(reads),
      steps * 4,
    )
    const row = new Float64Array(steps)
    const ownKinds = this.#kinds
    const { set } = this
    let live = 0
    // Beyond the budget nothing more is made: the charge at the end says so, as in `slide`.
    let hasRoom = true
    for (let series = 0; series < set.count; series++) {
      const samples = set.read(series)
      if (samples.histograms !== undefined || (context.usesStarts && samples.starts !== undefined)) return false
      const { timestamps, values } = samples
      const seen = lookThrough(values, samples.count)
      const count = seen >= NANS ? dropStale(samples) : samples.count
      if (count === 0) continue
      context.charge(count, selector.span)
      live++
      hasRoom &&= context.hasRoom(live * steps)
      let work = count
      if (hasRoom) {
        const windows = known.of(timestamps, count)
        windows.uses++
        const slides =
          run.kind === 'any' && windows.held > 2 * count && run.sliding?.(windows, values, row, args) === true
        const falls = run.kind === 'growth' && run.isCounter && (seen & FALLS) !== 0
        // More than one turn's work has to give way within a series.
        if (windows.held > MAX_HELD && (falls || (run.kind === 'any' && !slides))) return false
        if (slides) {
          if (windows.held > 0) take(series, row, windows.filled, windows.isFull)
          work += steps
        } else if (run.kind === 'growth') {
          fillGrowth(windows, values, falls ? nextResets(values, count) : undefined, run, row)
          const { kinds, isBlank, isFull } = windows.growth(run.isRate)
          if (!isBlank) take(series, row, kinds, isFull)
          work += steps
        } else {
          if (count >= run.limit) return false
          const isAll = runOver(windows, values, run, { starts, ends, frame, args }, row, ownKinds)
          const kinds = isAll ? windows.filled : ownKinds
          if (isAny(kinds)) take(series, row, kinds, isAll && windows.isFull)
          work += windows.held
        }
      }
      if (context.spend(work)) await context.breathe()
    }
    known.end()
    context.charge(live * steps, this.#options.span)
    context.reads.add(reads)
    return true
  }
}

/** Samples that the windows of one series may hold: about ten milliseconds of work. */
const MAX_HELD = 1_000_000

/** Runs a function over all windows that are not empty; whether each had a result. */
function runOver(
  { timestamps, filled, from, to }: Windows,
  values: Float64Array,
  { run, window }: { readonly run: RangeFunction; readonly window: Window },
  {
    starts,
    ends,
    frame,
    args,
  }: {
    readonly starts: Float64Array
    readonly ends: Float64Array
    readonly frame: Frame
    readonly args: readonly Float64Array[]
  },
  row: Float64Array,
  kinds: Uint8Array,
): boolean {
  let isAll = true
  window.timestamps = timestamps
  window.values = values
  for (let step = 0; step < filled.length; step++) {
    kinds[step] = 0
    if (filled[step] === 0) continue
    window.from = from[step]!
    window.to = to[step]!
    window.startMs = starts[step]!
    window.endMs = ends[step]!
    window.atMs = timeAt(frame, step)
    for (let i = 0; i < args.length; i++) window.args[i] = args[i]![step]!
    if (run(window, row, step)) kinds[step] = FLOAT
    else isAll = false
  }
  return isAll
}

function isAny(kinds: Uint8Array): boolean {
  for (let step = 0; step < kinds.length; step++) if (kinds[step] !== 0) return true
  return false
}

const FALLS = 1
const NANS = 2

/** What there is among the values: one lower than the one before it, a NaN. One pass for both. */
function lookThrough(values: Float64Array, count: number): number {
  let seen = 0
  let before = -Infinity
  for (let i = 0; i < count; i++) {
    const value = values[i]!
    if (!(value >= before)) seen |= Number.isNaN(value) ? FALLS | NANS : FALLS
    before = value
  }
  return seen
}

/** Takes stale markers out of the columns, in place; returns how many samples are left. */
function dropStale({ timestamps, values, count }: Samples): number {
  let kept = 0
  for (let i = 0; i < count; i++) {
    if (isStaleAt(values, i)) continue
    if (kept < i) {
      timestamps[kept] = timestamps[i]!
      values.copyWithin(kept, i, i + 1)
    }
    kept++
  }
  return kept
}
