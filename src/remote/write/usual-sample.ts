/**
 * A float as nearly all senders write it: value, instant and, in 2.0, the start of its counter, in this order, each left out when it is 0.
 * What else the wire allows is left to the decoders.
 */
import { bytesTag, fixed64Tag, varintTag } from '#core'
import type { FloatColumns } from './float-columns.ts'

const SAMPLE = bytesTag(2)
const VALUE = fixed64Tag(1)
const INSTANT = varintTag(2)
const START = varintTag(3)

/** Where a varint ended that `readVarint` read. */
let varintEnd = 0

/** Reads the sample at `at` into the columns and answers where it ends; -1, and nothing read, when it is no usual one. */
export function readUsualSample(
  bytes: DataView,
  at: number,
  end: number,
  { into, hasStart }: { readonly into: FloatColumns; readonly hasStart: boolean },
): number {
  if (at + 2 > end || bytes.getUint8(at) !== SAMPLE) return -1
  const length = bytes.getUint8(at + 1)
  const stop = at + 2 + length
  if (length >= 0x80 || stop > end) return -1
  let p = at + 2
  let valueAt = -1
  if (p < stop && bytes.getUint8(p) === VALUE) {
    valueAt = p + 1
    p += 9
  }
  let instant = 0
  if (p < stop && bytes.getUint8(p) === INSTANT) {
    instant = readVarint(bytes, p + 1, stop)
    if (instant < 0) return -1
    p = varintEnd
  }
  let start = 0
  if (hasStart && p < stop && bytes.getUint8(p) === START) {
    start = readVarint(bytes, p + 1, stop)
    if (start < 0) return -1
    p = varintEnd
  }
  if (p !== stop) return -1
  into.push(bytes, valueAt, instant)
  if (start !== 0) into.setStart(into.count - 1, start)
  return stop
}

/** A varint of at most eight bytes, below 2^56, which leaves its end in `varintEnd`; -1 for all others: none is negative. */
export function readVarint(bytes: DataView, at: number, end: number): number {
  let low = 0
  let high = 0
  let p = at
  for (let shift = 0; shift < 56; shift += 7) {
    if (p >= end) return -1
    const byte = bytes.getUint8(p++)
    if (shift < 28) low |= (byte & 0x7f) << shift
    else high |= (byte & 0x7f) << (shift - 28)
    if (byte < 0x80) {
      varintEnd = p
      return high * 2 ** 28 + low
    }
  }
  return -1
}

/** Where the varint read last ended. */
export function endOfVarint(): number {
  return varintEnd
}
