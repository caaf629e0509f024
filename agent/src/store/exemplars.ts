/**
 * Exemplars: of a counter, or of each classic bucket of a histogram, one observation that it has counted, with a few labels and its time.
 *
 * - Of a native histogram they are traces of requests, many of them: ids in words, at most one a second and bucket.
 *
 *     a bucket takes five doubles: value, Unix seconds, then six words: trace id (4), span id (2)
 *
 * - Of a family that was declared with `exemplars` they have whatever labels the application gives, the last one wins. A series has one more
 *   double, its last one: a word with the place + 1 of a table, and one that counts them, so that a change is seen without looking there.
 *
 *     the table     a double for each bucket: the place + 1 of its exemplar (a word), and how many doubles that takes (a word)
 *     an exemplar   value, Unix seconds, the length of its labels in bytes (a word); the labels as on a page, without braces
 *
 * - The place for them is taken with the first one, so a series without any pays nothing, or one double.
 * - Ids that are not hexadecimal, or all zero (OpenTelemetry: no trace), are left out.
 */
import type { FamilyRecord } from './journal.ts'
import { NATIVE } from './native.ts'
import { bucketOf, type Scale } from './scale.ts'
import type { Growth, Slot } from './slot.ts'

export type TraceIds = { readonly traceId: string; readonly spanId: string }
export type Exemplar = {
  readonly value: number
  /** Unix seconds. */
  readonly at: number
  /** As on a page, without braces. */
  readonly labels: string
}

const WIDTH = 5
const LEAST_SECONDS = 1
/** Doubles before the labels. */
const HEAD = 3
/** Room is taken in steps of so many doubles, so that labels of about one length find it again. */
const STEP = 4
/** OpenMetrics allows 128 characters, of up to four bytes; names, quotes and what has to be escaped included. */
export const MAX_EXEMPLAR_BYTES = 1_024

const encoder = new TextEncoder()

/** Notes in which trace `value` was observed. Call it after `observe`, for a family that is `native`; elsewhere it does nothing. */
export function exemplify(slot: Slot, value: number, { traceId, spanId }: TraceIds, nowMs: number): void {
  const { scale, growth } = slot
  if (growth === undefined || !scale.isNative) return
  const { numbers, journal } = growth
  const meta = slot.first + scale.nativeOffset
  let place = slot.words[meta + NATIVE.exemplars]! - 1
  const at = nowMs / 1_000
  const offset = bucketOf(scale, value) * WIDTH
  if (place >= 0 && Math.abs(at - numbers.doubles[place + offset + 1]!) < LEAST_SECONDS) return
  if (!/^[0-9a-f]{32}$/i.test(traceId) || !/^[0-9a-f]{16}$/i.test(spanId) || /^0*$/.test(traceId)) return
  journal.beginChange()
  if (place < 0) {
    place = numbers.take(WIDTH * (scale.bounds.length + 1))
    if (place >= 0) slot.words[meta + NATIVE.exemplars] = place + 1
  }
  if (place >= 0) {
    const { doubles, words } = numbers
    doubles[place + offset] = value
    doubles[place + offset + 1] = at
    const first = (place + offset + 2) * 2
    for (let i = 0; i < 4; i++) words[first + i] = Number.parseInt(traceId.slice(i * 8, i * 8 + 8), 16)
    for (let i = 0; i < 2; i++) words[first + 4 + i] = Number.parseInt(spanId.slice(i * 8, i * 8 + 8), 16)
  }
  journal.endChange()
}

/** Notes an exemplar with labels. `last` is the last double of its series; `buckets` are all that the series has, 1 of a counter. */
export function noteExemplar(
  { numbers, journal }: Growth,
  { last, bucket, buckets }: { readonly last: number; readonly bucket: number; readonly buckets: number },
  { value, at, labels }: Exemplar,
): void {
  const bytes = encoder.encode(labels)
  if (bytes.length > MAX_EXEMPLAR_BYTES) return
  const needed = Math.ceil((HEAD + bytes.length / 8) / STEP) * STEP
  journal.beginChange()
  try {
    if (numbers.words[last * 2] === 0) numbers.words[last * 2] = numbers.take(buckets) + 1
    numbers.words[last * 2 + 1]! += 1
    const table = numbers.words[last * 2]! - 1
    if (table < 0) return
    const entry = (table + bucket) * 2
    if (numbers.words[entry + 1]! < needed) {
      const made = numbers.take(needed)
      if (made < 0) return
      giveBackOne({ numbers, journal }, entry)
      numbers.words[entry] = made + 1
      numbers.words[entry + 1] = needed
    }
    const place = numbers.words[entry]! - 1
    numbers.doubles[place] = value
    numbers.doubles[place + 1] = at
    numbers.words[(place + 2) * 2] = bytes.length
    new Uint8Array(numbers.buffer, (place + HEAD) * 8, bytes.length).set(bytes)
  } finally {
    journal.endChange()
  }
}

/** When the exemplar with labels was noted that stands there; undefined when there is none. */
export function exemplarNotedAt({ numbers }: Growth, last: number, bucket: number): number | undefined {
  const table = numbers.words[last * 2]! - 1
  const place = table < 0 ? -1 : numbers.words[(table + bucket) * 2]! - 1
  return place < 0 ? undefined : numbers.doubles[place + 1]
}

/** Gives back what exemplars with labels have taken, when the series goes. */
export function releaseExemplars(growth: Growth, last: number, buckets: number): void {
  const { numbers } = growth
  const table = numbers.words[last * 2]! - 1
  if (table < 0) return
  for (let i = 0; i < buckets; i++) giveBackOne(growth, (table + i) * 2)
  numbers.giveBack(buckets, table)
}

function giveBackOne({ numbers }: Growth, entry: number): void {
  const place = numbers.words[entry]! - 1
  if (place >= 0) numbers.giveBack(numbers.words[entry + 1]!, place)
}

type Numbers = { readonly doubles: Float64Array; readonly words: Uint32Array }
type Place = { readonly record: FamilyRecord; readonly scale: Scale; readonly width: number }

/** The exemplar of a bucket, 0 of a counter, in a snapshot of a store. */
export function readExemplar(
  { doubles, words }: Numbers,
  { record, scale, width }: Place,
  place: number,
  bucket: number,
): Exemplar | undefined {
  if (record.hasExemplars) {
    const table = words[(place + width - 1) * 2]! - 1
    const at = table < 0 ? -1 : words[(table + bucket) * 2]! - 1
    if (at < 0) return undefined
    const bytes = new Uint8Array(doubles.buffer, (at + HEAD) * 8, words[(at + 2) * 2])
    return { value: doubles[at]!, at: doubles[at + 1]!, labels: new TextDecoder().decode(bytes) }
  }
  const meta = record.isNative ? place * 2 + 3 + scale.nativeOffset : -1
  const first = meta < 0 ? -1 : words[meta + NATIVE.exemplars]! - 1
  const at = first + bucket * WIDTH
  if (first < 0 || doubles[at + 1] === 0) return undefined
  const hex = (from: number, count: number): string =>
    [...words.subarray(from, from + count)].map((word) => word.toString(16).padStart(8, '0')).join('')
  const ids = (at + 2) * 2
  const labels = `trace_id="${hex(ids, 4)}",span_id="${hex(ids + 4, 2)}"`
  return { value: doubles[at]!, at: doubles[at + 1]!, labels }
}

/** What the exemplars of a native histogram take, in doubles. */
export function exemplarsWidth(bounds: number): number {
  return WIDTH * (bounds + 1)
}
