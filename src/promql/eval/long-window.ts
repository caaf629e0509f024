/**
 * Quantiles of windows that hold so many samples that sorting them at once would keep everybody waiting: sorted in pieces,
 * with a look at the clock and the signal between them.
 *
 * - The result is to the bit that of sorting all at once (`quantile`).
 * - One value of a rank is found by bisecting the doubles, which in order of their bits are the order of their values.
 */
import type { Context } from './context.ts'
import { interpolate, quantile } from './quantile.ts'
import type { Window } from './window.ts'

/** Samples from which on a window is a long one; also the length of a piece, which is sorted in about 10 ms. */
export const LONG = 65_536

/** What a function makes of a long window of floats. Rejects with the signal's reason. */
export type LongFunction = (window: Window, pace: Pace) => Promise<number>

/** What of `Context` gives way to others. */
export type Pace = Pick<Context, 'spend' | 'breathe'>

export const longQuantileOverTime: LongFunction = ({ values, from, to, args }, pace) =>
  longQuantile(args[0]!, values.slice(from, to), pace)

/** As `madOverTime`: the median of the distances to the median; NaN as soon as one sample is. */
export const longMadOverTime: LongFunction = async ({ values, from, to }, pace) => {
  const samples = values.slice(from, to)
  const median = await longQuantile(0.5, samples, pace)
  for (const piece of piecesOf(samples)) {
    // Sorted, so NaN stands at the end.
    if (Number.isNaN(piece[piece.length - 1])) return Number.NaN
    for (let i = 0; i < piece.length; i++) piece[i] = Math.abs(piece[i]! - median)
    if (pace.spend(piece.length)) await pace.breathe()
  }
  return longQuantile(0.5, samples, pace)
}

/** `quantile` of any number of values, which are sorted in place piece by piece. */
export async function longQuantile(q: number, values: Float64Array, pace: Pace): Promise<number> {
  if (values.length < LONG) return quantile(q, values)
  const pieces = piecesOf(values)
  for (const piece of pieces) {
    piece.sort()
    if (pace.spend(piece.length)) await pace.breathe()
  }
  const nans = pieces.reduce((sum, piece) => sum + piece.length - upTo(piece, Infinity), 0)
  return interpolate(q, values.length, (rank) => (rank < nans ? Number.NaN : valueOfRank(pieces, rank - nans)))
}

function piecesOf(values: Float64Array): readonly Float64Array[] {
  const pieces: Float64Array[] = []
  for (let at = 0; at < values.length; at += LONG) pieces.push(values.subarray(at, at + LONG))
  return pieces
}

/** The value with `rank` others before it in all pieces together, NaN left out. */
function valueOfRank(pieces: readonly Float64Array[], rank: number): number {
  let low = orderOf(-Infinity)
  let high = orderOf(Infinity)
  while (low < high) {
    // Rounds down, also below zero.
    const middle = (low + high) >> 1n
    const value = valueAt(middle)
    const count = pieces.reduce((sum, piece) => sum + upTo(piece, value), 0)
    if (count > rank) high = middle
    else low = middle + 1n
  }
  return valueAt(low)
}

/** How many values of a sorted piece are not above `value`; -0 is below 0, as typed arrays sort. */
function upTo(piece: Float64Array, value: number): number {
  let from = 0
  let to = piece.length
  while (from < to) {
    const middle = (from + to) >>> 1
    const one = piece[middle]!
    const isAbove = !(one <= value) || (value === 0 && Object.is(value, -0) && Object.is(one, 0))
    if (isAbove) to = middle
    else from = middle + 1
  }
  return from
}

const BITS = new DataView(new ArrayBuffer(8))
const MAGNITUDE = 2n ** 63n - 1n

/** The place of a double among all: of two, the smaller has the smaller one. */
function orderOf(value: number): bigint {
  BITS.setFloat64(0, value)
  const bits = BITS.getBigInt64(0)
  return bits < 0n ? bits ^ MAGNITUDE : bits
}

function valueAt(order: bigint): number {
  BITS.setBigInt64(0, order < 0n ? order ^ MAGNITUDE : order)
  return BITS.getFloat64(0)
}
