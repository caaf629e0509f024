/**
 * A native histogram beside the classic buckets: counts of schema 3 in a window of shared memory that grows as values need it.
 *
 *     word 0  the window's place + 1, in doubles (0: none yet)   word 3  levels of resolution given up (the schema is 3 minus them)
 *     word 1  index of its first bucket (signed)                 word 4  observations at or below ZERO_THRESHOLD
 *     word 2  how many buckets it has                            word 5  the exemplars' place + 1 (exemplars.ts)
 *
 * - At most MAX_BUCKETS: beyond them the resolution is halved (as OpenTelemetry's exponential histograms do). So a series takes at most 768
 *   bytes for it, 128 as a rule.
 * - A bucket whose 32 bits are full makes the native histogram begin anew, as after a restart: that is 4 billion requests of one duration.
 * - A negative value, which durations and sizes never are, counts as zero; an infinite one is in no bucket.
 */
import { coarser, held, NATIVE_SCHEMA, nativeIndexOfHeld, ZERO_THRESHOLD } from './scale.ts'
import type { Growth, Slot } from './slot.ts'

export const NATIVE_WORDS = 8
export const NATIVE = { window: 0, base: 1, length: 2, levels: 3, zeros: 4, exemplars: 5 } as const
export const MAX_BUCKETS = 192
const FIRST_BUCKETS = 32
const FULL = 0xffffffff

/** A native histogram as it is in memory now. */
export type Native = {
  readonly schema: number
  readonly zeros: number
  /** Index of the first of `counts`, by the schema. */
  readonly base: number
  readonly counts: Uint32Array
}

/** Reads the native histogram whose words begin at `meta`. Counts are those in memory, not a copy. */
export function readNative(words: Uint32Array, meta: number): Native {
  const window = words[meta + NATIVE.window]! - 1
  const length = window < 0 ? 0 : words[meta + NATIVE.length]!
  return {
    schema: NATIVE_SCHEMA - words[meta + NATIVE.levels]!,
    zeros: words[meta + NATIVE.zeros]!,
    base: words[meta + NATIVE.base]! | 0,
    counts: words.subarray(window * 2, window * 2 + length),
  }
}

/** Adds the observation that is held (scale.ts). */
export function observeNative(slot: Slot): void {
  const { words } = slot
  const meta = slot.first + slot.scale.nativeOffset
  const value = held[0]!
  if (!(value > ZERO_THRESHOLD && value < Number.POSITIVE_INFINITY)) {
    // +Infinity and NaN are in no bucket.
    if (value <= ZERO_THRESHOLD) words[meta + NATIVE.zeros]! += 1
    return
  }
  const finest = nativeIndexOfHeld()
  const levels = words[meta + NATIVE.levels]!
  const offset = (levels === 0 ? finest : coarser(finest, levels)) - (words[meta + NATIVE.base]! | 0)
  if (offset >= 0 && offset < words[meta + NATIVE.length]!) {
    const at = (words[meta + NATIVE.window]! - 1) * 2 + offset
    const count = words[at]!
    if (count !== FULL) {
      words[at] = count + 1
      return
    }
  }
  makeRoom(slot, meta, finest)
}

/** Adds another native histogram, at the coarser of the two resolutions. */
export function addNative(slot: Slot, other: Native): void {
  const { growth } = slot
  if (growth === undefined) return
  const meta = slot.first + slot.scale.nativeOffset
  growth.journal.beginChange()
  slot.words[meta + NATIVE.zeros]! += other.zeros
  const window = joined([readNative(slot.words, meta), other])
  if (window !== undefined) write(slot, meta, growth, window)
  growth.journal.endChange()
}

/** Gives the window back, when the series goes. */
export function releaseNative({ numbers }: Growth, words: Uint32Array, meta: number): void {
  const window = words[meta + NATIVE.window]! - 1
  if (window >= 0) numbers.giveBack(words[meta + NATIVE.length]! / 2, window)
  words[meta + NATIVE.window] = 0
  words[meta + NATIVE.length] = 0
}

/** The bucket is not in the window, or is full: a wider window, or less resolution, and then it is counted. `finest` is by schema 3. */
function makeRoom(slot: Slot, meta: number, finest: number): void {
  const { growth } = slot
  if (growth === undefined) return
  growth.journal.beginChange()
  try {
    const one: Native = { schema: NATIVE_SCHEMA, zeros: 0, base: finest, counts: Uint32Array.of(1) }
    const wanted = joined([readNative(slot.words, meta), one])
    if (wanted === undefined) {
      releaseNative(growth, slot.words, meta)
      slot.words[meta + NATIVE.zeros] = 0
      write(slot, meta, growth, { levels: 0, base: finest - FIRST_BUCKETS / 2, counts: afresh(FIRST_BUCKETS / 2) })
    } else write(slot, meta, growth, wanted)
  } finally {
    growth.journal.endChange()
  }
}

type Window = { readonly levels: number; readonly base: number; readonly counts: Float64Array }

/** All counts in one window; undefined when there are none, or one of them does not fit into 32 bits. */
function joined(parts: readonly Native[]): Window | undefined {
  let levels = parts.reduce(
    (most, { schema, counts }) => (counts.length > 0 ? Math.max(most, NATIVE_SCHEMA - schema) : most),
    0,
  )
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (const { schema, base, counts } of parts) {
    for (let i = 0; i < counts.length; i++) {
      if (counts[i] === 0) continue
      const index = coarser(base + i, levels - NATIVE_SCHEMA + schema)
      low = Math.min(low, index)
      high = Math.max(high, index)
    }
  }
  if (low > high) return undefined
  for (; high - low >= MAX_BUCKETS; levels++) {
    low = coarser(low, 1)
    high = coarser(high, 1)
  }
  const used = high - low + 1
  let length = FIRST_BUCKETS
  while (length < used) length = Math.min(MAX_BUCKETS, length * 2)
  // Room on both sides: the next value is as likely to be smaller as larger.
  const first = low - ((length - used) >> 1)
  const wide = new Float64Array(length)
  for (const { schema, base, counts } of parts) {
    for (let i = 0; i < counts.length; i++) {
      if (counts[i]! > 0) wide[coarser(base + i, levels - NATIVE_SCHEMA + schema) - first]! += counts[i]!
    }
  }
  return wide.some((count) => count > FULL) ? undefined : { levels, base: first, counts: wide }
}

function afresh(at: number): Float64Array {
  const counts = new Float64Array(FIRST_BUCKETS)
  counts[at] = 1
  return counts
}

function write(slot: Slot, meta: number, growth: Growth, { levels, base, counts }: Window): void {
  const { numbers } = growth
  const made = numbers.take(counts.length / 2)
  // Without memory the observation is missing here; the classic buckets have it.
  if (made < 0) return
  const { words } = numbers
  words.set(counts, made * 2)
  releaseNative(growth, words, meta)
  slot.words = words
  words[meta + NATIVE.window] = made + 1
  words[meta + NATIVE.base] = base
  words[meta + NATIVE.length] = counts.length
  words[meta + NATIVE.levels] = levels
}
