/**
 * Query answers as Prometheus writes them on its HTTP API, as bytes. A range answer holds up to millions of points: objects for each,
 * or strings, would cost more than the query.
 *
 * - It depends on nothing but the answer, so any thread can do it; pieces can be transferred.
 * - Pieces are made when they are asked for: the text of an answer is many times as large as its numbers.
 *
 * Source of the shape: prometheus.io/docs/prometheus/latest/querying/api.
 */

import type { NativeHistogram } from '../histogram.ts'
import { boundaryRule, bucketsOf } from '../histogram-bounds.ts'
import type { MatrixSeries, QueryAnswer, VectorSample } from '../query.ts'
import { formatPlainValue } from '../value.ts'
import { copyWords, FixedText } from './copy-words.ts'
import { InstantHeads, SLOT } from './instant-heads.ts'
import { JsonBytes, type Piece } from './json-bytes.ts'
import { shortText } from './short-text.ts'
import { instantJson, NUMBER_ROOM, writeInstant, writeValue } from './write-number.ts'

/** A whole body, whose pieces are made when they are asked for. `points`: how much is held until they are sent. */
export type Body = {
  readonly points: number
  readonly pieces: () => Iterable<Piece>
  /** The same as a text, a character a byte, where it is short; asked for instead of pieces, or before them (short-text.ts). */
  readonly text?: () => string | undefined
}

export type Rendering = {
  /** Most series or samples that are shown; a warning tells when there were more. Absent: all. */
  readonly limit?: number
  /** JSON of what it took; '' or absent: not told. */
  readonly stats?: string
  /** Further warnings, told after those of the answer. */
  readonly warnings?: readonly string[]
}

export const TRUNCATED = 'results truncated due to limit'

/** Of each kind so many caveats are told, and how many more there are. */
const MOST_CAVEATS = 10
/** Points of one series that are written before full pieces are handed out. */
const POINTS_AT_ONCE = 10_000
/** A head, or an instant; a value; quotes and brackets. */
const POINT_ROOM = SLOT + 2 * NUMBER_ROOM
/** Below this, the steps are written faster than looked up. */
const MIN_SERIES_FOR_HEADS = 3
/** What a point and a label set take, about: for the first piece. */
const POINT_BYTES = 32
const LABELS_BYTES = 256

const QUOTE = 34
const COMMA = 44
const OPEN = 91
/** `"]`, the first character in the lower byte. */
const END_OF_POINT = 0x5d22

/** The whole body of a success: the answer in its envelope, with its first ten warnings and infos. */
export function renderAnswer(answer: QueryAnswer, rendering: Rendering = {}): Body {
  const { limit = Number.POSITIVE_INFINITY, stats = '', warnings = [] } = rendering
  const { shown, whole } = limited(answer, limit)
  const points = pointsOf(shown)
  const caveats = caveatsJson(
    [...firstOf('warning', answer.warnings), ...(whole ? [] : [TRUNCATED]), ...warnings],
    firstOf('info', answer.infos),
  )
  const expected = expectedBytes(shown, points) + stats.length + caveats.length
  function* write(out: JsonBytes): Iterable<Piece> {
    out.ascii(`{"status":"success","data":{"resultType":"${shown.kind}","result":`)
    if (shown.kind === 'matrix') yield* writeMatrix(out, shown.series)
    else if (shown.kind === 'vector') yield* writeVector(out, shown.samples)
    else writeSingle(out, shown)
    if (stats !== '') out.json(`,"stats":${stats}`)
    out.ascii('}')
    out.tail(caveats)
  }
  return {
    points,
    *pieces() {
      const out = new JsonBytes(expected)
      yield* write(out)
      yield* out.takeAll()
    },
    text: () => shortText(expected, write),
  }
}

/** `,"warnings":[...],"infos":[...]`: what stands behind the data of a body, each only when there are some. */
export function caveatsJson(warnings: readonly string[], infos: readonly string[]): string {
  return (
    (warnings.length === 0 ? '' : `,"warnings":${JSON.stringify(warnings)}`) +
    (infos.length === 0 ? '' : `,"infos":${JSON.stringify(infos)}`)
  )
}

function firstOf(kind: 'warning' | 'info', messages: readonly string[]): readonly string[] {
  if (messages.length <= MOST_CAVEATS) return messages
  return [...messages.slice(0, MOST_CAVEATS), `${messages.length - MOST_CAVEATS} more ${kind} annotations omitted`]
}

function limited(answer: QueryAnswer, limit: number): { readonly shown: QueryAnswer; readonly whole: boolean } {
  if (answer.kind === 'vector' && answer.samples.length > limit)
    return { shown: { ...answer, samples: answer.samples.slice(0, limit) }, whole: false }
  if (answer.kind === 'matrix' && answer.series.length > limit)
    return { shown: { ...answer, series: answer.series.slice(0, limit) }, whole: false }
  return { shown: answer, whole: true }
}

/** A histogram counts for as many points as it has buckets. */
function pointsOf(answer: QueryAnswer): number {
  let points = 1
  if (answer.kind === 'vector') for (const { histogram } of answer.samples) points += sizeOf(histogram)
  if (answer.kind === 'matrix')
    for (const { timestamps, histograms } of answer.series) {
      points += 1 + timestamps.length
      for (const histogram of histograms?.values ?? []) points += sizeOf(histogram)
    }
  return points
}

function sizeOf(histogram: NativeHistogram | undefined): number {
  return histogram === undefined ? 1 : 1 + histogram.positive.indices.length + histogram.negative.indices.length
}

function expectedBytes(answer: QueryAnswer, points: number): number {
  const sets = answer.kind === 'vector' ? answer.samples.length : answer.kind === 'matrix' ? answer.series.length : 1
  return 128 + sets * LABELS_BYTES + points * POINT_BYTES
}

function writeSingle(out: JsonBytes, answer: Extract<QueryAnswer, { readonly kind: 'scalar' | 'string' }>): void {
  out.ascii('[')
  out.instant(answer.at)
  out.json(answer.kind === 'scalar' ? `,"${formatPlainValue(answer.value)}"]` : `,${JSON.stringify(answer.value)}]`)
}

function* writeVector(out: JsonBytes, samples: readonly VectorSample[]): Iterable<Piece> {
  out.ascii('[')
  // All samples have the moment of the question, nearly always.
  let moment: number = samples[0]?.at ?? 0
  let beforeValue = new FixedText(`,"value":[${instantJson(moment)},`)
  for (let i = 0; i < samples.length; i++) {
    const { labels, at, value, histogram } = samples[i]!
    if (i > 0) out.ascii(',')
    out.fixed(METRIC)
    out.labels(labels)
    if (histogram === undefined) {
      if (at !== moment) {
        moment = at
        beforeValue = new FixedText(`,"value":[${instantJson(at)},`)
      }
      out.fixed(beforeValue)
      out.value(value)
    } else {
      out.ascii(',"histogram":[')
      out.instant(at)
      out.ascii(',')
      writeHistogram(out, histogram)
    }
    out.fixed(END_OF_SAMPLE)
    if (out.hasFull) yield* out.takeFull()
  }
  out.ascii(']')
}

const METRIC = new FixedText('{"metric":')
const END_OF_SAMPLE = new FixedText(']}')

/** Floats and histograms stand apart; a series without one of them has no such key. */
function* writeMatrix(out: JsonBytes, all: readonly MatrixSeries[]): Iterable<Piece> {
  const points = new PointWriter(out, all)
  out.ascii('[')
  for (let i = 0; i < all.length; i++) {
    const series = all[i]!
    out.ascii(i === 0 ? '{"metric":' : ',{"metric":')
    out.labels(series.labels)
    const count = series.timestamps.length
    if (count > 0) {
      out.ascii(',"values":')
      for (let from = 0; from < count; from += POINTS_AT_ONCE) {
        points.write(series, from, Math.min(count, from + POINTS_AT_ONCE))
        if (out.hasFull) yield* out.takeFull()
      }
      out.ascii(']')
    }
    const { timestamps, values } = series.histograms ?? NO_HISTOGRAMS
    for (let k = 0; k < values.length; k++) {
      out.ascii(k === 0 ? ',"histograms":[[' : ',[')
      out.instant(timestamps[k]!)
      out.ascii(',')
      writeHistogram(out, values[k]!)
      out.ascii(k === values.length - 1 ? ']]' : ']')
      if (out.hasFull) yield* out.takeFull()
    }
    out.ascii('}')
    if (out.hasFull) yield* out.takeFull()
  }
  out.ascii(']')
}

const NO_HISTOGRAMS = { timestamps: new Float64Array(0), values: [] as readonly NativeHistogram[] }

/** `[[1,"2"],[3,"4"]` of the series of one answer: what begins a point, a comma or the list's own bracket, comes with it. */
class PointWriter {
  readonly #out: JsonBytes
  readonly #heads: InstantHeads

  constructor(out: JsonBytes, all: readonly MatrixSeries[]) {
    this.#out = out
    let longest: Float64Array = NO_HISTOGRAMS.timestamps
    if (all.length >= MIN_SERIES_FOR_HEADS)
      for (const { timestamps } of all) if (timestamps.length > longest.length) longest = timestamps
    this.#heads = new InstantHeads(longest)
  }

  /** Points [from, to). */
  write({ timestamps, values }: MatrixSeries, from: number, to: number): void {
    const out = this.#out
    const heads = this.#heads
    const { instants } = heads
    let { bytes, view, at } = out
    let head = from === 0 ? 0 : lowerBound(instants, timestamps[from]!)
    // The value before, which is there in digits: one that did not change since is copied.
    let before = Number.NaN
    let digits = 0
    let length = 0
    for (let i = from; i < to; i++) {
      if (at + POINT_ROOM > bytes.length) {
        out.at = at
        out.room(POINT_ROOM)
        ;({ bytes, view, at } = out)
        before = Number.NaN
      }
      const start = at
      const instant = timestamps[i]!
      while (head < instants.length && instants[head]! < instant) head++
      if (head < instants.length && instants[head] === instant) {
        at = heads.copy(head, view, at)
      } else {
        bytes[at++] = COMMA
        bytes[at++] = OPEN
        at = writeInstant(view, at, instant)
        bytes[at++] = COMMA
        bytes[at++] = QUOTE
      }
      const value = values[i]!
      // Zero may have another sign, and is written as fast.
      if (value === before && value !== 0) {
        copyWords(view, digits, length, view, at)
        digits = at
      } else {
        before = value
        digits = at
        length = writeValue(view, at, value) - at
      }
      at += length
      view.setUint16(at, END_OF_POINT, true)
      at += 2
      if (i === 0) bytes[start] = OPEN
    }
    out.at = at
  }
}

/** The first place whose value is not below. */
function lowerBound(sorted: Float64Array, wanted: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! < wanted) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * `{"count":"3","sum":"6","buckets":[[0,"1","2","3"]]}`. A bucket is its kind of bounds (0 `(]`, 1 `[)`, 2 `()`, 3 `[]`), its ends
 * and its count. Empty ones are not listed.
 */
function writeHistogram(out: JsonBytes, histogram: NativeHistogram): void {
  out.ascii('{"count":')
  out.value(histogram.count)
  out.ascii(',"sum":')
  out.value(histogram.sum)
  let isFirst = true
  for (const bucket of bucketsOf(histogram)) {
    out.ascii(`${isFirst ? ',"buckets":[' : ','}[${boundaryRule(bucket)},`)
    isFirst = false
    out.value(bucket.lower)
    out.ascii(',')
    out.value(bucket.upper)
    out.ascii(',')
    out.value(bucket.count)
    out.ascii(']')
  }
  out.ascii(isFirst ? '}' : ']}')
}
