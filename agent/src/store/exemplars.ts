/**
 * Exemplars of a native histogram's classic buckets: of each bucket the last traced observation, at most one a second.
 *
 *     a bucket takes five doubles: value, Unix seconds, then six words: trace id (4), span id (2)
 *
 * - The place for them is taken with the first one, so a service without tracing pays nothing.
 * - Ids that are not hexadecimal, or all zero (OpenTelemetry: no trace), are left out.
 */
import { NATIVE } from './native.ts'
import { bucketOf } from './scale.ts'
import type { Slot } from './slot.ts'

export type TraceIds = { readonly traceId: string; readonly spanId: string }
export type Exemplar = {
  readonly value: number
  readonly at: number
  readonly traceId: string
  readonly spanId: string
}

const WIDTH = 5
const LEAST_SECONDS = 1

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

/** The exemplar of a bucket; `meta` is the first word of the native histogram. */
export function readExemplar(
  doubles: Float64Array,
  words: Uint32Array,
  meta: number,
  bucket: number,
): Exemplar | undefined {
  const place = words[meta + NATIVE.exemplars]! - 1 + bucket * WIDTH
  if (words[meta + NATIVE.exemplars] === 0 || doubles[place + 1] === 0) return undefined
  const hex = (from: number, count: number): string =>
    [...words.subarray(from, from + count)].map((word) => word.toString(16).padStart(8, '0')).join('')
  const ids = (place + 2) * 2
  return { value: doubles[place]!, at: doubles[place + 1]!, traceId: hex(ids, 4), spanId: hex(ids + 4, 2) }
}

/** What the exemplars of a histogram take, in doubles. */
export function exemplarsWidth(bounds: number): number {
  return WIDTH * (bounds + 1)
}
