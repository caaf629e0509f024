/**
 * Reads chunks of a block into the caller's columns. Made for one question: keeps the frames it used last, one a window and kind, so
 * that neighbours do not look them up again, and goes with it.
 */

import type { Frame } from '../codec/frame.ts'
import { decodePacked, type Wanted } from '../codec/packed-codec.ts'
import { decodeTimestamps } from '../codec/timestamp-codec.ts'
import { decodeValues } from '../codec/value-codec.ts'
import { ExtraColumns, readExtras } from '../columns/extra-columns.ts'
import type { PartColumns } from '../columns/part.ts'
import type { BlockIndex } from './block-index.ts'
import type { WindowDirectory } from './window-directory.ts'

export type ChunkSource = {
  readonly index: BlockIndex
  /** Formats 1 to 3: instants and values of a chunk share a frame. */
  readonly isLegacy: boolean
  /** Unpacked and checked. Throws `ASSAY_TSDB_CORRUPT`. */
  readonly frame: (number: number) => Frame
  /** Makes of what a decoder threw an error that says where. */
  readonly corrupt: (frame: number, cause: unknown) => Error
}

/** A directory in use, with the span asked for. */
export class WindowCursor {
  readonly directory: WindowDirectory
  readonly low: number
  readonly high: number
  /** Where the next series is looked for: they come ascending. */
  next = 0
  /** By column, the samples within the span, [from, to), where they were counted; `from` is -1 where they were not. */
  from: Int32Array = NOTHING
  to: Int32Array = NOTHING
  valuesNumber = -1
  values: Frame | undefined
  instantsNumber = -1
  instants: Frame | undefined

  constructor(directory: WindowDirectory, low: number, high: number) {
    this.directory = directory
    this.low = low
    this.high = high
  }

  /** First and last instant of the column lie within the span, so all do. */
  isInside(column: number): boolean {
    const { columnFirst, columnLast } = this.directory
    return columnFirst[column]! >= this.low && columnLast[column]! <= this.high
  }

  isOutside(column: number): boolean {
    const { columnFirst, columnLast } = this.directory
    return columnLast[column]! < this.low || columnFirst[column]! > this.high
  }

  /** Counts the samples of a column within the span, for `from` and `to`. */
  locate(column: number, instants: Float64Array): void {
    this.from[column] = lowerBound(instants, this.low)
    this.to[column] = lowerBound(instants, this.high + 1)
  }

  /** The samples of the column were not counted yet. */
  isUnknown(column: number): boolean {
    if (this.from === NOTHING) {
      const columns = this.directory.columnFrame.length
      this.from = new Int32Array(columns).fill(-1)
      this.to = new Int32Array(columns)
    }
    return this.from[column] === -1
  }
}

const NOTHING = new Int32Array(0)

export class ChunkReader {
  readonly #source: ChunkSource
  #scratch: Float64Array = new Float64Array(512)

  constructor(source: ChunkSource) {
    this.#source = source
  }

  /** The instants of a column, for as long as its directory lives where many chunks share it. Throws `ASSAY_TSDB_CORRUPT`. */
  instants(cursor: WindowCursor, column: number): Float64Array {
    const { directory } = cursor
    const known = directory.instants[column]
    if (known !== undefined) return known
    const out = new Float64Array(directory.columnCount[column]!)
    this.#readInstants(cursor, column, out, 0)
    if (directory.isShared(column)) directory.instants[column] = out
    return out
  }

  /** How many samples of the chunk lie in the cursor's span: exactly, or no fewer where it would take reading to know. */
  count(cursor: WindowCursor, chunk: number): number {
    const { directory } = cursor
    const column = directory.column[chunk]!
    if (cursor.isOutside(column)) return 0
    if (cursor.isInside(column)) return directory.columnCount[column]!
    const isSure = directory.columnFirst[column]! >= cursor.low || directory.columnLast[column]! <= cursor.high
    if (isSure && !directory.isShared(column)) return directory.columnCount[column]!
    if (cursor.isUnknown(column)) cursor.locate(column, this.instants(cursor, column))
    return cursor.to[column]! - cursor.from[column]!
  }

  /** Whether a sample of the chunk lies in the cursor's span. */
  has(cursor: WindowCursor, chunk: number): boolean {
    const { directory, low, high } = cursor
    const column = directory.column[chunk]!
    if (cursor.isOutside(column)) return false
    // First and last are samples; only a span between the two may fall into a gap.
    if (directory.columnFirst[column]! >= low || directory.columnLast[column]! <= high) return true
    return this.count(cursor, chunk) > 0
  }

  /** Writes the samples of the chunk within the span at `to`; returns where they end. Throws `ASSAY_TSDB_CORRUPT`. */
  read(cursor: WindowCursor, chunk: number, out: PartColumns, to: number): number {
    const { directory } = cursor
    const column = directory.column[chunk]!
    const count = directory.columnCount[column]!
    const withExtras = out.extras !== undefined && directory.extrasOf(chunk)
    if (cursor.isInside(column)) {
      const known = directory.isShared(column) ? this.instants(cursor, column) : undefined
      if (known === undefined) this.#readInstants(cursor, column, out.timestamps, to)
      else out.timestamps.set(known, to)
      this.#readValues(
        cursor,
        chunk,
        { column: out.values, to, count, from: 0, limit: count },
        withExtras ? out.extras : undefined,
      )
      return to + count
    }
    const instants = this.instants(cursor, column)
    if (cursor.isUnknown(column)) cursor.locate(column, instants)
    const range = { from: cursor.from[column]!, to: cursor.to[column]! }
    const inside = range.to - range.from
    if (inside <= 0) return to
    out.timestamps.set(instants.subarray(range.from, range.to), to)
    if (this.#scratch.length < count) this.#scratch = new Float64Array(count)
    const extras = withExtras ? new ExtraColumns(count) : undefined
    const limit = withExtras ? count : range.to
    const from = withExtras ? 0 : range.from
    this.#readValues(cursor, chunk, { column: this.#scratch, to: 0, count, from, limit }, extras)
    out.values.set(this.#scratch.subarray(range.from, range.to), to)
    if (extras !== undefined) moveExtras(extras, range, out.extras!, to)
    return to + inside
  }

  #readInstants(cursor: WindowCursor, column: number, out: Float64Array, to: number): void {
    const { directory } = cursor
    const number = directory.columnFrame[column]!
    try {
      if (cursor.instantsNumber !== number || cursor.instants === undefined) {
        cursor.instants = this.#source.frame(number)
        cursor.instantsNumber = number
      }
      const { source } = cursor.instants
      source.offset = 0
      if (this.#source.isLegacy) source.varint()
      source.offset += directory.columnAt[column]!
      const count = directory.columnCount[column]!
      decodeTimestamps(source, out, to, count)
      if (out[to] !== directory.columnFirst[column] || out[to + count - 1] !== directory.columnLast[column]) {
        throw new Error('instants do not fit the index')
      }
    } catch (cause) {
      throw this.#source.corrupt(number, cause)
    }
  }

  #readValues(cursor: WindowCursor, chunk: number, place: Wanted, extras: ExtraColumns | undefined): void {
    const { directory } = cursor
    const number = directory.frame[chunk]!
    try {
      if (cursor.valuesNumber !== number || cursor.values === undefined) {
        cursor.values = this.#source.frame(number)
        cursor.valuesNumber = number
      }
      const frame = cursor.values
      const { source } = frame
      if (this.#source.isLegacy) {
        source.offset = 0
        const instantsBytes = source.varint()
        source.offset += instantsBytes + directory.at[chunk]!
        decodeValues(source, place.column, place.to, place.count)
      } else decodePacked(frame, directory.at[chunk]!, place)
      if (extras !== undefined) readExtras(source, { size: place.count }, { columns: extras, to: place.to })
    } catch (cause) {
      throw this.#source.corrupt(number, cause)
    }
  }
}

function moveExtras(
  from: ExtraColumns,
  range: { readonly from: number; readonly to: number },
  out: ExtraColumns,
  to: number,
): void {
  for (let i = range.from; i < range.to; i++) {
    const histogram = from.histograms?.[i]
    if (histogram !== undefined) out.setHistogram(to + i - range.from, histogram)
    const startAt = from.starts?.[i] ?? 0
    if (startAt !== 0) out.startsColumn()[to + i - range.from] = startAt
  }
}

/** The first place of an instant at or after `at`. */
function lowerBound(instants: Float64Array, at: number): number {
  let low = 0
  let high = instants.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (instants[middle]! < at) low = middle + 1
    else high = middle
  }
  return low
}
