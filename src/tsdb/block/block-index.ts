/**
 * Which series a block has, decoded: symbols, label pairs, the pairs of each series, the series of each pair. One piece of shared
 * memory, about 9 bytes a label of a series; nothing in it is an object of JavaScript's but the strings that were asked for.
 *
 * - Symbols are sorted by their bytes, pairs by name and value, series by their labels: so numbers compare as the texts do.
 * - The series of each pair come from the pairs of the series, by one counting sort: 2 ms for 24,000 series, not more than
 *   reading them would take, nothing on disk, and nothing that could disagree.
 * - Frames and windows (window-directory.ts) are listed here too, as there are few of them.
 * Encoded in block-index-file.ts; matchers are answered by select-series.ts.
 */
import { byBytes, Labels } from '#core'
import { DamagedError } from '../codec/bytes.ts'
import { Flat } from '../codec/flat.ts'

export type FrameEntry = {
  readonly offset: number
  readonly bytes: number
  readonly rawBytes: number
  readonly crc: number
}

/** A stretch of time within a block, and where its directory lies in the index file. Windows ascend and do not overlap. */
export type WindowEntry = {
  readonly minTime: number
  readonly maxTime: number
  readonly chunks: number
  readonly offset: number
  readonly bytes: number
  readonly rawBytes: number
  readonly crc: number
}

/** What the decoder of a file has read; numbers are checked by `BlockIndex.make`. */
export type IndexContent = {
  /** UTF-8, one behind the other. */
  readonly symbolBytes: Uint8Array
  /** Where each symbol starts, and where the last one ends. */
  readonly symbolStart: Uint32Array
  readonly pairName: Uint32Array
  readonly pairValue: Uint32Array
  readonly labelStart: Uint32Array
  readonly labelPairs: Uint32Array
  readonly frames: readonly FrameEntry[]
  readonly windows: readonly WindowEntry[]
}

const FRAME_FIELDS = 4
/** Of a string of JavaScript's beside its characters, and its entry. */
const TEXT_BYTES = 32
const WINDOW_FIELDS = 7

export class BlockIndex {
  readonly flat: Flat
  readonly seriesCount: number
  readonly pairCount: number
  readonly frameCount: number
  readonly windowCount: number
  /** Pairs of series s: labelPairs from labelStart[s] up to labelStart[s + 1], ascending. */
  readonly labelStart: Uint32Array
  readonly labelPairs: Uint32Array
  /** Series of pair p: postings from postingStart[p] up to postingStart[p + 1], ascending. */
  readonly postingStart: Uint32Array
  readonly postings: Uint32Array
  readonly #symbolBytes: Buffer
  readonly #symbolStart: Uint32Array
  readonly #pairName: Uint32Array
  readonly #pairValue: Uint32Array
  readonly #frames: Float64Array
  readonly #windows: Float64Array
  readonly #texts: (string | undefined)[] = []

  constructor(flat: Flat) {
    this.flat = flat
    this.#symbolBytes = Buffer.from(flat.buffer, flat.u8(0).byteOffset, flat.u8(0).length)
    this.#symbolStart = flat.u32(1)
    this.#pairName = flat.u32(2)
    this.#pairValue = flat.u32(3)
    this.labelStart = flat.u32(4)
    this.labelPairs = flat.u32(5)
    this.postingStart = flat.u32(6)
    this.postings = flat.u32(7)
    this.#frames = flat.f64(8)
    this.#windows = flat.f64(9)
    this.seriesCount = this.labelStart.length - 1
    this.pairCount = this.#pairName.length
    this.frameCount = this.#frames.length / FRAME_FIELDS
    this.windowCount = this.#windows.length / WINDOW_FIELDS
  }

  /** Throws `DamagedError` where numbers point to what is not there. */
  static make(content: IndexContent): BlockIndex {
    const { symbolBytes, symbolStart, pairName, pairValue, labelStart, labelPairs, frames, windows } = content
    const pairs = pairName.length
    const flat = Flat.make([
      ['u8', symbolBytes.length],
      ['u32', symbolStart.length],
      ['u32', pairs],
      ['u32', pairs],
      ['u32', labelStart.length],
      ['u32', labelPairs.length],
      ['u32', pairs + 1],
      ['u32', labelPairs.length],
      ['f64', frames.length * FRAME_FIELDS],
      ['f64', windows.length * WINDOW_FIELDS],
    ])
    mustBeBelow(pairName, symbolStart.length - 1, 'symbol')
    mustBeBelow(pairValue, symbolStart.length - 1, 'symbol')
    mustBeBelow(labelPairs, pairs, 'label pair')
    flat.u8(0).set(symbolBytes)
    flat.u32(1).set(symbolStart)
    flat.u32(2).set(pairName)
    flat.u32(3).set(pairValue)
    flat.u32(4).set(labelStart)
    flat.u32(5).set(labelPairs)
    sortPostings(flat)
    flat.f64(8).set(frames.flatMap((frame) => [frame.offset, frame.bytes, frame.rawBytes, frame.crc]))
    flat
      .f64(9)
      .set(
        windows.flatMap((one) => [one.minTime, one.maxTime, one.chunks, one.offset, one.bytes, one.rawBytes, one.crc]),
      )
    return new BlockIndex(flat)
  }

  /** What it takes in memory when every text was asked for. */
  get sizeBytes(): number {
    return this.flat.sizeBytes + this.#symbolBytes.length + (this.#symbolStart.length - 1) * TEXT_BYTES
  }

  frame(number: number): FrameEntry {
    const at = number * FRAME_FIELDS
    const all = this.#frames
    return { offset: all[at]!, bytes: all[at + 1]!, rawBytes: all[at + 2]!, crc: all[at + 3]! }
  }

  window(number: number): WindowEntry {
    const at = number * WINDOW_FIELDS
    const all = this.#windows
    return {
      minTime: all[at]!,
      maxTime: all[at + 1]!,
      chunks: all[at + 2]!,
      offset: all[at + 3]!,
      bytes: all[at + 4]!,
      rawBytes: all[at + 5]!,
      crc: all[at + 6]!,
    }
  }

  /** The name, or the value, of a label pair. */
  nameOf(pair: number): string {
    return this.#text(this.#pairName[pair]!)
  }

  valueOf(pair: number): string {
    return this.#text(this.#pairValue[pair]!)
  }

  labels(series: number): Labels {
    const start = this.labelStart[series]!
    const end = this.labelStart[series + 1]!
    const flat = new Array<string>((end - start) * 2)
    for (let i = start, k = 0; i < end; i++) {
      const pair = this.labelPairs[i]!
      flat[k++] = this.#text(this.#pairName[pair]!)
      flat[k++] = this.#text(this.#pairValue[pair]!)
    }
    return Labels.fromSorted(flat)
  }

  /** The number of the series with exactly these labels: they are sorted. */
  find(labels: Labels): number | undefined {
    const { flat } = labels
    const pairs: number[] = []
    for (let i = 0; i < flat.length; i += 2) {
      const pair = this.findPair(flat[i]!, flat[i + 1]!)
      if (pair === undefined) return undefined
      pairs.push(pair)
    }
    let low = 0
    let high = this.seriesCount - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const order = this.#compare(middle, pairs)
      if (order === 0) return middle
      if (order < 0) low = middle + 1
      else high = middle - 1
    }
    return undefined
  }

  findPair(name: string, value: string): number | undefined {
    const { from, to } = this.pairsOf(name)
    const pair = this.#lowerBound(from, to, (one) => byBytes(this.valueOf(one), value))
    return pair < to && this.valueOf(pair) === value ? pair : undefined
  }

  /** The pairs of a name, ordered by value: [from, to). */
  pairsOf(name: string): { readonly from: number; readonly to: number } {
    const from = this.#lowerBound(0, this.pairCount, (one) => byBytes(this.nameOf(one), name))
    return { from, to: this.endOfName(from, name) }
  }

  /** Where the pairs of the name that `from` is the first of end. */
  endOfName(from: number, name: string): number {
    return this.#lowerBound(from, this.pairCount, (one) => (byBytes(this.nameOf(one), name) > 0 ? 0 : -1))
  }

  #lowerBound(from: number, to: number, order: (pair: number) => number): number {
    let low = from
    let high = to
    while (low < high) {
      const middle = (low + high) >>> 1
      if (order(middle) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Of the pairs of a series and others. */
  #compare(series: number, pairs: readonly number[]): number {
    const start = this.labelStart[series]!
    const size = this.labelStart[series + 1]! - start
    for (let i = 0; i < size && i < pairs.length; i++) {
      const order = this.labelPairs[start + i]! - pairs[i]!
      if (order !== 0) return order
    }
    return size - pairs.length
  }

  #text(symbol: number): string {
    return (this.#texts[symbol] ??= this.#symbolBytes.toString(
      'utf8',
      this.#symbolStart[symbol],
      this.#symbolStart[symbol + 1],
    ))
  }
}

function sortPostings(flat: Flat): void {
  const labelStart = flat.u32(4)
  const labelPairs = flat.u32(5)
  const start = flat.u32(6)
  const postings = flat.u32(7)
  for (let i = 0; i < labelPairs.length; i++) start[labelPairs[i]! + 1]!++
  for (let pair = 1; pair < start.length; pair++) start[pair]! += start[pair - 1]!
  const next = start.slice()
  for (let series = 0; series + 1 < labelStart.length; series++) {
    for (let i = labelStart[series]!; i < labelStart[series + 1]!; i++) postings[next[labelPairs[i]!]!++] = series
  }
}

function mustBeBelow(column: Uint32Array, limit: number, what: string): void {
  for (let i = 0; i < column.length; i++) if (column[i]! >= limit) throw new DamagedError(`no ${what} ${column[i]}`)
}
