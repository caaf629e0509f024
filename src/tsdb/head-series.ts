/**
 * The samples of one series in the head: pieces of sealed samples, then the tail.
 *
 * A piece is: length of what follows the head of the piece, count, first instant, span to the last; then the two columns as
 * the codecs write them, and a section of histograms and start timestamps where it has some. Readers skip a piece by its head.
 * Pieces are only added behind and cut off in front.
 */
import type { NativeHistogram } from '#core'
import { ByteReader, ByteWriter } from './bytes.ts'
import { ExtrasWriter, readExtras } from './extra-columns.ts'
import { type HeadColumns, TAIL } from './head-columns.ts'
import { clip, type PartColumns } from './part.ts'
import { decodeTimestamps, encodeTimestamps } from './timestamp-codec.ts'
import { decodeValues, encodeValues } from './value-codec.ts'

const piece = new ByteWriter(4096)
const body = new ByteWriter(4096)

/** Appends a sample whose place was checked: `at` is after the last. `words` and `i` give the value's bits. */
export function pushSample(columns: HeadColumns, slot: number, at: number, words: Uint32Array, i: number): void {
  if (columns.tailCount[slot] === TAIL) sealTail(columns, slot)
  const place = columns.tailAt(slot) + columns.tailCount[slot]!
  columns.page(slot)[place] = at
  const page = columns.pageWords(slot)
  const valueAt = (place + TAIL) * 2
  page[valueAt] = words[2 * i]!
  page[valueAt + 1] = words[2 * i + 1]!
  columns.tailCount[slot]!++
  if (columns.total[slot] === columns.cutOff[slot]) columns.firstAt[slot] = at
  columns.lastAt[slot] = at
  columns.total[slot]!++
}

/** Notes what the sample just pushed has besides its value. 0: its start is not known. */
export function pushExtras(
  columns: HeadColumns,
  slot: number,
  histogram: NativeHistogram | undefined,
  startAt: number,
): void {
  let extras = columns.extras.get(slot)
  if (extras === undefined) {
    extras = new ExtrasWriter()
    columns.extras.set(slot, extras)
  }
  extras.push(columns.tailCount[slot]! - 1, histogram, startAt)
}

/** The last sample of the series, when it lies here and is a histogram. */
export function lastHistogram(columns: HeadColumns, slot: number): NativeHistogram | undefined {
  return columns.extras.get(slot)?.lastAt(columns.tailCount[slot]! - 1)
}

function sealTail(columns: HeadColumns, slot: number): void {
  const page = columns.page(slot)
  const from = columns.tailAt(slot)
  const count = columns.tailCount[slot]!
  body.reset()
  encodeTimestamps(body, page, from, count)
  encodeValues(body, page, from + TAIL, count)
  const extras = columns.extras.get(slot)
  if (extras !== undefined) {
    // A series that went over to plain samples is a plain series again.
    if (extras.isEmpty) columns.extras.delete(slot)
    else extras.write(body)
    extras.reset()
  }
  piece.reset()
  piece.varint(body.length)
  piece.varint(count)
  piece.zigzag(page[from]!)
  piece.varint(page[from + count - 1]! - page[from]!)
  piece.bytes(body.view())
  const used = columns.sealedBytes[slot]!
  const needed = used + piece.length
  let sealed = columns.sealed[slot]
  if (sealed === undefined || sealed.length < needed) {
    // A quarter of slack: half the waste of doubling, and still few moves over the ~20 pieces a series gathers.
    const larger = new Uint8Array(Math.ceil(needed * 1.25))
    if (sealed !== undefined) larger.set(sealed.subarray(0, used))
    columns.sealed[slot] = sealed = larger
  }
  sealed.set(piece.view(), used)
  columns.sealedBytes[slot] = needed
  columns.tailCount[slot] = 0
}

export type Span = {
  readonly low: number
  readonly high: number
  /** Samples of the series that the reader's snapshot has, counted from its very first. */
  readonly visible: number
}

/** Room that `readSeries` needs: pieces that touch the span are decoded whole before they are clipped. */
export function maxCountOf(columns: HeadColumns, slot: number, { low, high }: Span): number {
  // The tail may be full and sealed by the time it is read.
  let room = TAIL
  const sealed = columns.sealed[slot]
  if (sealed === undefined) return room
  const source = new ByteReader(sealed, 0, columns.sealedBytes[slot]!)
  while (!source.done) {
    const length = source.varint()
    const count = source.varint()
    const first = source.zigzag()
    const last = first + source.varint()
    if (first > high) break
    if (last >= low) room += count
    source.offset += length
  }
  return room
}

/** Writes the samples within the span at `to`; returns how many. */
export function readSeries(
  columns: HeadColumns,
  slot: number,
  { low, high, visible }: Span,
  out: PartColumns,
  at: number,
): number {
  const { timestamps, values, extras } = out
  let to = at
  let seen = columns.cutOff[slot]!
  const sealed = columns.sealed[slot]
  if (sealed !== undefined) {
    const source = new ByteReader(sealed, 0, columns.sealedBytes[slot]!)
    while (!source.done && seen < visible) {
      const length = source.varint()
      const count = source.varint()
      const first = source.zigzag()
      const last = first + source.varint()
      const next = source.offset + length
      if (first > high) return to - at
      if (last >= low) {
        decodeTimestamps(source, timestamps, to, count)
        decodeValues(source, values, to, count)
        const limit = Math.min(count, visible - seen)
        if (extras !== undefined && source.offset < next)
          readExtras(source, { size: count, limit }, { columns: extras, to })
        to += clip(out, { from: to, to: to + limit, low, high })
      }
      seen += count
      source.offset = next
    }
  }
  const count = Math.min(columns.tailCount[slot]!, visible - seen)
  if (count <= 0) return to - at
  const page = columns.page(slot)
  const from = columns.tailAt(slot)
  timestamps.set(page.subarray(from, from + count), to)
  values.set(page.subarray(from + TAIL, from + TAIL + count), to)
  if (extras !== undefined) columns.extras.get(slot)?.readInto(extras, to, count)
  to += clip(out, { from: to, to: to + count, low, high })
  return to - at
}

/** Whether the span holds a sample. Decodes only when the span lies inside a gap between a piece's ends. */
export function hasSample(columns: HeadColumns, slot: number, span: Span): boolean {
  const { low, high, visible } = span
  if (visible <= columns.cutOff[slot]! || columns.firstAt[slot]! > high || columns.lastAt[slot]! < low) return false
  // The common cases: the series still grows and the span reaches to its end; or the span reaches to its beginning.
  if (visible === columns.total[slot] && columns.lastAt[slot]! <= high) return true
  if (columns.firstAt[slot]! >= low) return true
  return readSeries(columns, slot, span, scratchFor(maxCountOf(columns, slot, span)), 0) > 0
}

let scratch = { timestamps: new Float64Array(1024), values: new Float64Array(1024) }

/** Columns for looking, shared by all callers: good until the next call. */
function scratchFor(count: number): typeof scratch {
  if (scratch.timestamps.length < count) {
    scratch = { timestamps: new Float64Array(count * 2), values: new Float64Array(count * 2) }
  }
  return scratch
}

/** Forgets whole pieces, and the whole tail, that lie before `time`. What reaches across `time` stays whole. */
export function cutSeries(columns: HeadColumns, slot: number, time: number): void {
  if (columns.firstAt[slot]! >= time) return
  cutPieces(columns, slot, time)
  if (columns.sealedBytes[slot] === 0 && columns.lastAt[slot]! < time) {
    columns.cutOff[slot]! += columns.tailCount[slot]!
    columns.tailCount[slot] = 0
    columns.extras.delete(slot)
  }
  columns.firstAt[slot] = firstFrom(columns, slot, time)
}

function cutPieces(columns: HeadColumns, slot: number, time: number): void {
  const sealed = columns.sealed[slot]
  if (sealed === undefined) return
  const source = new ByteReader(sealed, 0, columns.sealedBytes[slot]!)
  let cut = 0
  while (!source.done) {
    const length = source.varint()
    const count = source.varint()
    const last = source.zigzag() + source.varint()
    if (last >= time) break
    source.offset += length
    cut = source.offset
    columns.cutOff[slot]! += count
  }
  if (cut === 0) return
  const left = sealed.slice(cut, columns.sealedBytes[slot]!)
  columns.sealed[slot] = left.length === 0 ? undefined : left
  columns.sealedBytes[slot] = left.length
}

/** The first instant at or after `time`, or Infinity. Exact, as a gap may be years long and blocks are cut by it. */
function firstFrom(columns: HeadColumns, slot: number, time: number): number {
  const span = { low: time, high: Infinity, visible: columns.total[slot]! }
  const out = scratchFor(maxCountOf(columns, slot, span))
  return readSeries(columns, slot, span, out, 0) > 0 ? out.timestamps[0]! : Infinity
}
