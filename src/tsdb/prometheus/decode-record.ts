/**
 * What a record of a Prometheus log says: series, samples, histograms, deletions. Others are passed over.
 *
 * Source: prometheus: tsdb/docs/format/wal.md, tsdb/record/record.go.
 */
import {
  type BucketSpan,
  CUSTOM_SCHEMA,
  isStaleAt,
  Labels,
  type NativeHistogram,
  NO_BOUNDS,
  type ResetHint,
  tryBucketsOf,
} from '#core'
import { DamagedError } from '../codec/bytes.ts'
import { GoReader } from './go-reader.ts'

const SERIES = 1
const SAMPLES = 2
const TOMBSTONES = 3
const EXEMPLARS = 4
const MARKERS = 5
const METADATA = 6
const HISTOGRAMS = 7
const FLOAT_HISTOGRAMS = 8
const CUSTOM_HISTOGRAMS = 9
const CUSTOM_FLOAT_HISTOGRAMS = 10
const SAMPLES_WITH_STARTS = 11
/** A checkpoint's first valid instant. */
const MIN_VALID_TIME = 14

/** Prometheus' numbers of hints. */
const HINTS: readonly ResetHint[] = ['unknown', 'reset', 'none', 'gauge']

export type RecordUse = {
  readonly series: (ref: number, labels: Labels) => void
  /** `values[0]` is the value, by its bits. */
  readonly sample: (ref: number, at: number, values: Float64Array, startAt: number) => void
  /** `undefined`: a stale marker. */
  readonly histogram: (ref: number, at: number, histogram: NativeHistogram | undefined) => void
  readonly deleted: (ref: number, from: number, to: number) => void
  /** A record of which nothing is kept: what it holds. */
  readonly passedOver: (what: string) => void
}

const VALUE = new Float64Array(1)

/** Throws `DamagedError`; what stood before the damage was used. */
export function decodeRecord(bytes: Buffer, use: RecordUse): void {
  const reader = new GoReader(bytes)
  const kind = reader.u8()
  switch (kind) {
    case SERIES:
      while (reader.left > 0) {
        const ref = reader.be64()
        const flat = Array.from({ length: reader.uvarint() * 2 }, () => reader.text())
        use.series(ref, Labels.fromFlat(flat))
      }
      return
    case SAMPLES:
      eachFromBase(reader, (ref, at) => {
        reader.double(VALUE, 0)
        use.sample(ref, at, VALUE, 0)
      })
      return
    case SAMPLES_WITH_STARTS:
      samplesWithStarts(reader, use)
      return
    case TOMBSTONES:
      while (reader.left > 0) {
        const ref = reader.be64()
        const from = reader.varint()
        use.deleted(ref, from, reader.varint())
      }
      return
    case HISTOGRAMS:
    case CUSTOM_HISTOGRAMS:
      eachFromBase(reader, (ref, at) => use.histogram(ref, at, readHistogram(reader, true)))
      return
    case FLOAT_HISTOGRAMS:
    case CUSTOM_FLOAT_HISTOGRAMS:
      eachFromBase(reader, (ref, at) => use.histogram(ref, at, readHistogram(reader, false)))
      return
    case EXEMPLARS:
      use.passedOver('exemplars: they are not kept on disk')
      return
    case METADATA:
    case MARKERS:
    case MIN_VALID_TIME:
      return
    default:
      use.passedOver(`records of kind ${kind}, which is not known`)
  }
}

/** References and instants as differences to those that the record begins with. */
function eachFromBase(reader: GoReader, use: (ref: number, at: number) => void): void {
  if (reader.left === 0) return
  const ref = reader.be64()
  const at = reader.be64()
  while (reader.left > 0) {
    const further = reader.varint()
    use(ref + further, at + reader.varint())
  }
}

function samplesWithStarts(reader: GoReader, use: RecordUse): void {
  if (reader.left === 0) return
  let ref = reader.varint()
  const firstAt = reader.varint()
  const firstStart = reader.varint()
  let start = firstStart
  reader.double(VALUE, 0)
  use.sample(ref, firstAt, VALUE, start)
  while (reader.left > 0) {
    ref += reader.varint()
    const at = firstAt + reader.varint()
    const mark = reader.u8()
    // 0: none, 1: as before, else a difference to the first.
    if (mark === 0) start = 0
    else if (mark !== 1) start = firstStart + reader.varint()
    reader.double(VALUE, 0)
    use.sample(ref, at, VALUE, start)
  }
}

const NUMBER = new Float64Array(1)

/** `undefined`: a stale marker. */
function readHistogram(reader: GoReader, isInteger: boolean): NativeHistogram | undefined {
  const double = () => {
    reader.double(NUMBER, 0)
    return NUMBER[0]!
  }
  const count = () => (isInteger ? reader.uvarint() : double())
  const resetHint = HINTS[reader.u8()] ?? 'unknown'
  const schema = reader.varint()
  const zeroThreshold = double()
  const zeroCount = count()
  const total = count()
  const sum = double()
  const isStale = isStaleAt(NUMBER, 0)
  const spans = (): readonly BucketSpan[] =>
    Array.from({ length: few(reader, 2) }, () => ({ offset: reader.varint(), length: reader.uvarint() }))
  const positiveSpans = spans()
  const negativeSpans = spans()
  const counts = (): Float64Array => {
    const found = new Float64Array(few(reader, isInteger ? 1 : 8))
    let before = 0
    for (let i = 0; i < found.length; i++) found[i] = isInteger ? (before += reader.varint()) : double()
    return found
  }
  const positive = tryBucketsOf(positiveSpans, counts())
  const negative = tryBucketsOf(negativeSpans, counts())
  const customBounds =
    schema === CUSTOM_SCHEMA ? Float64Array.from({ length: few(reader, 8) }, () => double()) : NO_BOUNDS
  if (isStale) return undefined
  if (positive === undefined || negative === undefined)
    throw new DamagedError('spans and buckets of a histogram do not fit together')
  return { schema, zeroThreshold, zeroCount, count: total, sum, positive, negative, customBounds, resetHint, isInteger }
}

/** A count of items that take at least `each` bytes. */
function few(reader: GoReader, each: number): number {
  const count = reader.uvarint()
  if (count * each > reader.left) throw new DamagedError(`${count} items cannot follow`)
  return count
}
