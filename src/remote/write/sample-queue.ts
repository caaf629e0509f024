/**
 * Samples that wait to be sent: a ring of columns that grows to what it holds, and gives them out in the order they came.
 *
 * Who fills it bounds it. Values keep their bits: a stale marker never travels as a number.
 */
import type { Labels, NativeHistogram } from '#core'

/** A series as it is sent: external labels on it, relabelled. `hash` chooses its lane. */
export type SentLabels = {
  readonly labels: Labels
  readonly hash: number
  /** Its number in a segment of the spool, where it was named in one. */
  spooled?: { readonly segment: number; readonly number: number }
  /** Its labels as 1.0 has them, once they were sent so. */
  encoded?: Buffer
}

/** Where samples come from: a commit, a record of the spool, what was taken out before. */
export type SampleColumns = {
  readonly timestamps: Float64Array
  readonly values: Float64Array
  /** Unix milliseconds, 0 where not known; absent: none is known. */
  readonly starts?: Float64Array | undefined
  readonly histograms?: readonly (NativeHistogram | undefined)[] | undefined
}

/** Samples taken out, oldest first. `histograms` is there when one of them is one: at its place, and `values` is 0 there. */
export type QueuedSamples = {
  readonly count: number
  readonly series: readonly SentLabels[]
  readonly timestamps: Float64Array
  readonly values: Float64Array
  readonly starts: Float64Array
  readonly histograms: readonly (NativeHistogram | undefined)[]
  /** Which record of the spool each came with; 0: none. */
  readonly tickets: Float64Array
}

/** Those at the places `kept`, in that order. */
export function picked(queued: QueuedSamples, kept: readonly number[]): QueuedSamples {
  const values = new Float64Array(kept.length)
  // By its bytes: a stale marker is bits.
  for (const [to, from] of kept.entries()) values.set(queued.values.subarray(from, from + 1), to)
  return {
    count: kept.length,
    series: kept.map((i) => queued.series[i]!),
    timestamps: Float64Array.from(kept, (i) => queued.timestamps[i]!),
    values,
    starts: Float64Array.from(kept, (i) => queued.starts[i]!),
    histograms: kept.map((i) => queued.histograms[i]),
    tickets: Float64Array.from(kept, (i) => queued.tickets[i]!),
  }
}

const FIRST_CAPACITY = 64

export class SampleQueue {
  #series: (SentLabels | undefined)[] = []
  #histograms: (NativeHistogram | undefined)[] = []
  #timestamps: Float64Array = new Float64Array(FIRST_CAPACITY)
  #starts: Float64Array = new Float64Array(FIRST_CAPACITY)
  #tickets: Float64Array = new Float64Array(FIRST_CAPACITY)
  #values: Float64Array = new Float64Array(FIRST_CAPACITY)
  #words: Uint32Array = new Uint32Array(this.#values.buffer)
  #first = 0
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Entry `index` of the columns, the value by its bits. */
  push(series: SentLabels, from: SampleColumns, index: number, ticket: number): void {
    if (this.#count === this.#timestamps.length) this.#resize(this.#count * 2)
    const place = (this.#first + this.#count++) % this.#timestamps.length
    this.#series[place] = series
    this.#histograms[place] = from.histograms?.[index]
    this.#timestamps[place] = from.timestamps[index]!
    this.#starts[place] = from.starts?.[index] ?? 0
    this.#tickets[place] = ticket
    copyBits(from.values, index, this.#words, place)
  }

  /** The oldest `count` samples, out of the queue. */
  take(count: number): QueuedSamples {
    const taken = Math.min(count, this.#count)
    const size = this.#timestamps.length
    const out = {
      count: taken,
      series: new Array<SentLabels>(taken),
      timestamps: new Float64Array(taken),
      values: new Float64Array(taken),
      starts: new Float64Array(taken),
      histograms: new Array<NativeHistogram | undefined>(taken),
      tickets: new Float64Array(taken),
    }
    const words = new Uint32Array(out.values.buffer)
    for (let i = 0; i < taken; i++) {
      const place = (this.#first + i) % size
      out.series[i] = this.#series[place]!
      out.histograms[i] = this.#histograms[place]
      out.timestamps[i] = this.#timestamps[place]!
      out.starts[i] = this.#starts[place]!
      out.tickets[i] = this.#tickets[place]!
      words[i * 2] = this.#words[place * 2]!
      words[i * 2 + 1] = this.#words[place * 2 + 1]!
      this.#series[place] = undefined
      this.#histograms[place] = undefined
    }
    this.#first = (this.#first + taken) % size
    this.#count -= taken
    // After a flood its memory is given back.
    if (this.#count === 0 && size > 16 * 1024) this.#resize(FIRST_CAPACITY)
    return out
  }

  #resize(capacity: number): void {
    const count = this.#count
    const size = this.#timestamps.length
    const place = (i: number) => (this.#first + i) % size
    const timestamps = new Float64Array(capacity)
    const starts = new Float64Array(capacity)
    const tickets = new Float64Array(capacity)
    const values = new Float64Array(capacity)
    const words = new Uint32Array(values.buffer)
    const series = new Array<SentLabels | undefined>(capacity)
    const histograms = new Array<NativeHistogram | undefined>(capacity)
    for (let i = 0; i < count; i++) {
      const from = place(i)
      timestamps[i] = this.#timestamps[from]!
      starts[i] = this.#starts[from]!
      tickets[i] = this.#tickets[from]!
      words[i * 2] = this.#words[from * 2]!
      words[i * 2 + 1] = this.#words[from * 2 + 1]!
      series[i] = this.#series[from]
      histograms[i] = this.#histograms[from]
    }
    this.#timestamps = timestamps
    this.#starts = starts
    this.#tickets = tickets
    this.#values = values
    this.#words = words
    this.#series = series
    this.#histograms = histograms
    this.#first = 0
  }
}

function copyBits(from: Float64Array, index: number, words: Uint32Array, place: number): void {
  const source = new Uint32Array(from.buffer, from.byteOffset + index * 8, 2)
  words[place * 2] = source[0]!
  words[place * 2 + 1] = source[1]!
}
