/**
 * What a sample may have besides its instant and its value: a native histogram, a start timestamp. As columns for readers, and as
 * a section of bytes behind the columns of a chunk, a sealed piece or a logged commit.
 *
 * - Where no sample has either there is no section, and there are no columns.
 * - Places are counted from the first sample of the chunk; readers may leave out those from a limit on.
 *
 * section: u8 (1: starts, 2: histograms), starts, varint number of histograms, histograms
 * Drawn in docs/formats/block.md.
 */
import type { NativeHistogram } from '#core'
import { ByteReader, ByteWriter, DamagedError } from '../codec/bytes.ts'
import { decodeHistograms, HistogramEncoder } from '../codec/histogram-codec.ts'
import { decodeStarts, StartRuns } from '../codec/start-codec.ts'
import { unsettled } from './reset-hints.ts'

const STARTS = 1
const HISTOGRAMS = 2

/** As in a batch: made with the first entry. */
export type Extras = {
  readonly histograms?: readonly (NativeHistogram | undefined)[] | undefined
  readonly starts?: Float64Array | undefined
}

/** Columns that are made with their first entry, beside columns of `capacity` entries. */
export class ExtraColumns implements Extras {
  readonly #capacity: number
  histograms: (NativeHistogram | undefined)[] | undefined
  starts: Float64Array | undefined

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get isEmpty(): boolean {
    return this.histograms === undefined && this.starts === undefined
  }

  setHistogram(entry: number, histogram: NativeHistogram): void {
    this.histograms ??= new Array<NativeHistogram | undefined>(this.#capacity).fill(undefined)
    this.histograms[entry] = histogram
  }

  /** The histogram at `entry`, if there is one, is told to know nothing of the one before it. */
  unsettle(entry: number): void {
    const histogram = this.histograms?.[entry]
    if (histogram !== undefined) this.histograms![entry] = unsettled(histogram)
  }

  startsColumn(): Float64Array {
    return (this.starts ??= new Float64Array(this.#capacity))
  }

  /** Of the entries [from, to) keeps [start, end), moved to `from`; the rest is empty again. */
  keep({ from, to, start, end }: { from: number; to: number; start: number; end: number }): void {
    const kept = from + end - start
    for (const column of [this.histograms, this.starts]) {
      if (column === undefined) continue
      if (start > from) column.copyWithin(from, start, end)
    }
    this.histograms?.fill(undefined, kept, to)
    this.starts?.fill(0, kept, to)
  }

  /** The first `count` entries for a reader: a column only when it says something. */
  take(count: number): {
    readonly histograms?: readonly (NativeHistogram | undefined)[]
    readonly starts?: Float64Array
  } {
    const histograms = this.histograms?.slice(0, count)
    const starts = this.starts?.subarray(0, count)
    return {
      ...(histograms?.some((one) => one !== undefined) ? { histograms } : {}),
      ...(starts?.some((one) => one !== 0) ? { starts } : {}),
    }
  }
}

/** Gathers the section of one chunk, sample by sample. Lives as long as its samples are few: in a tail, while a chunk is written. */
export class ExtrasWriter {
  readonly #encoder = new HistogramEncoder()
  readonly #bytes = new ByteWriter(256)
  readonly #starts = new StartRuns()
  #histograms = 0
  #lastPlace = -1

  get isEmpty(): boolean {
    return this.#histograms === 0 && this.#starts.count === 0
  }

  get sizeBytes(): number {
    return this.#bytes.length
  }

  /** Notes what the sample at `place` has; places ascend. 0: its start is not known. */
  push(place: number, histogram: NativeHistogram | undefined, startAt: number): void {
    if (startAt !== 0) this.#starts.push(place, startAt)
    if (histogram === undefined) return
    this.#encoder.push(this.#bytes, place, histogram)
    this.#histograms++
    this.#lastPlace = place
  }

  /** The histogram at `place` if it was the last one given. */
  lastAt(place: number): NativeHistogram | undefined {
    return place === this.#lastPlace ? this.#encoder.last : undefined
  }

  write(out: ByteWriter): void {
    out.u8((this.#starts.count > 0 ? STARTS : 0) | (this.#histograms > 0 ? HISTOGRAMS : 0))
    if (this.#starts.count > 0) this.#starts.encode(out)
    if (this.#histograms === 0) return
    out.varint(this.#histograms)
    out.bytes(this.#bytes.view())
  }

  /** Reads back what was gathered of samples before `limit`. */
  readInto(columns: ExtraColumns, to: number, limit: number): void {
    if (this.#starts.count > 0) this.#starts.fill(columns.startsColumn(), to, limit)
    if (this.#histograms > 0)
      decodeHistograms(
        new ByteReader(this.#bytes.view()),
        { count: this.#histograms, size: Infinity, limit },
        (place, histogram) => columns.setHistogram(to + place, histogram),
      )
  }

  reset(): void {
    this.#encoder.reset()
    this.#bytes.reset()
    this.#starts.clear()
    this.#histograms = 0
    this.#lastPlace = -1
  }
}

/** Writes the section of the entries [from, from + size); false, and nothing, where none has anything. */
export function writeExtras(out: ByteWriter, { histograms, starts }: Extras, from: number, size: number): boolean {
  const writer = new ExtrasWriter()
  for (let i = 0; i < size; i++) writer.push(i, histograms?.[from + i], starts?.[from + i] ?? 0)
  if (writer.isEmpty) return false
  writer.write(out)
  return true
}

/** Reads the section of a chunk of `size` samples, those before `limit` into `columns` from entry `to` on. Throws `DamagedError`. */
export function readExtras(
  source: ByteReader,
  { size, limit = size }: { readonly size: number; readonly limit?: number },
  { columns, to }: { readonly columns: ExtraColumns; readonly to: number },
): void {
  const has = source.u8()
  if (has === 0 || has > (STARTS | HISTOGRAMS)) throw new DamagedError(`a section that begins with ${has}`)
  if (has & STARTS) decodeStarts(source, { size, limit }, { column: columns.startsColumn(), to })
  if ((has & HISTOGRAMS) === 0) return
  const count = source.count(1)
  decodeHistograms(source, { count, size, limit }, (place, histogram) => columns.setHistogram(to + place, histogram))
}
