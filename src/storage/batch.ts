/**
 * The samples of one appender before their commit, as columns: which series, when, what.
 *
 * - A value keeps its bits: a stale marker is written by `markStale` and never travels as a number.
 * - A number that is NaN is stored as the one ordinary NaN, so that no caller can make a stale marker by accident.
 */
import { type NativeHistogram, writeStale } from '#core'

const FIRST_CAPACITY = 64

export class Batch {
  refs: Float64Array
  timestamps: Float64Array
  values: Float64Array
  /** By place, made with the first one: the sample is the histogram then, and its value 0. */
  histograms: (NativeHistogram | undefined)[] | undefined
  /** By place, made with the first start timestamp that is known; 0 where it is not. */
  starts: Float64Array | undefined
  count = 0

  /** `capacity`: how many entries are expected; it grows beyond. */
  constructor(capacity: number = FIRST_CAPACITY) {
    this.refs = new Float64Array(capacity)
    this.timestamps = new Float64Array(capacity)
    this.values = new Float64Array(capacity)
  }

  push(ref: number, at: number, value: number, startAt = 0): void {
    if (this.count === this.refs.length) this.#grow()
    this.refs[this.count] = ref
    this.timestamps[this.count] = at
    this.values[this.count] = Number.isNaN(value) ? Number.NaN : value
    // What is no instant is not known.
    if (startAt !== 0 && isInstant(startAt)) (this.starts ??= new Float64Array(this.refs.length))[this.count] = startAt
    this.count++
  }

  pushHistogram(ref: number, at: number, histogram: NativeHistogram, startAt = 0): void {
    this.push(ref, at, 0, startAt)
    this.histograms ??= []
    this.histograms[this.count - 1] = histogram
  }

  /** Empty again, with the room it has. */
  reset(): void {
    this.count = 0
    this.histograms = undefined
    this.starts = undefined
  }

  /** Pushes a stale marker. */
  markStale(ref: number, at: number): void {
    this.push(ref, at, 0)
    writeStale(this.values, this.count - 1)
  }

  #grow(): void {
    const capacity = Math.max(FIRST_CAPACITY, this.refs.length * 2)
    this.refs = grown(this.refs, capacity)
    this.timestamps = grown(this.timestamps, capacity)
    this.values = grown(this.values, capacity)
    if (this.starts !== undefined) this.starts = grown(this.starts, capacity)
  }
}

/** A copy with room for `capacity` entries; NaN payloads survive, as the bytes are copied and not the numbers. */
export function grown(column: Float64Array, capacity: number): Float64Array<ArrayBuffer> {
  const out = new Float64Array(capacity)
  new Uint8Array(out.buffer).set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength))
  return out
}

/** True when two entries hold the very same bits: what makes a repeated sample equal. */
export function sameBits(a: Float64Array, i: number, b: Float64Array, j: number): boolean {
  const x = new Uint32Array(a.buffer, a.byteOffset + i * 8, 2)
  const y = new Uint32Array(b.buffer, b.byteOffset + j * 8, 2)
  return x[0] === y[0] && x[1] === y[1]
}

/** The furthest instant a store takes, to both sides (the year 37648): differences of differences stay exact. */
export const MAX_INSTANT: number = 2 ** 50

/** True for instants that a store can keep: whole milliseconds within `MAX_INSTANT`. */
export function isInstant(at: number): boolean {
  return Number.isSafeInteger(at) && at >= -MAX_INSTANT && at <= MAX_INSTANT
}
