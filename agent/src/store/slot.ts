/**
 * Recording: a number at a known place of shared memory. The hot path of everything.
 *
 * - A slot is resolved once and kept. There is one for each series, so that a series that is removed can be cut off: what is still
 *   written to its slot then goes nowhere.
 * - A counter or gauge is one double. A histogram is its sum (a double), the place of its wide counts (a word), a word for each bucket,
 *   not cumulated; with a native histogram eight more words (native.ts). Words are unsigned 32-bit numbers.
 * - A summary is its sum, its count and its quantiles, a double each. Quantiles may be absent, like the value of a gauge.
 * - A word that is full goes on at zero, and 2^32 is added to its double among the wide counts, which are made then.
 * - Nothing here allocates, except the first time a histogram needs more room. NaN is for the caller to keep out.
 */

import { exemplarsWidth } from './exemplars.ts'
import type { Journal, Kind } from './journal.ts'
import type { Numbers } from './memory.ts'
import { NATIVE, NATIVE_WORDS, observeNative, releaseNative } from './native.ts'
import { bucketOfHeld, held, NO_SCALE, type Scale } from './scale.ts'

/** What recording needs when a histogram grows. */
export type Growth = { readonly numbers: Numbers; readonly journal: Journal }

export type Slot = {
  values: Float64Array
  /** Of the value, or of a histogram's sum. */
  at: number
  words: Uint32Array
  /** Of the first bucket's count. */
  first: number
  readonly scale: Scale
  readonly growth: Growth | undefined
  /** Its path in the family's index. */
  node: number
  /** What records to the series without looking at the slot; cut off with it. */
  twin: Place | undefined
}

/** Where the value of a series lies. */
export type Place = { values: Float64Array; at: number }

/** A gauge without a value: these bits, which no arithmetic makes. */
const ABSENT_UPPER = 0x7ffa55a5
const FULL = 0xffffffff
const UPPER = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0

/** Where in a summary's doubles they are. */
export const SUMMARY = { sum: 0, count: 1, quantiles: 2 } as const

/** Doubles that a series takes. */
export function seriesWidth(kind: Kind, scale: Scale, hasExemplars = false): number {
  const width = kind === 'summary' ? SUMMARY.quantiles + scale.bounds.length : kind === 'histogram' ? widthOf(scale) : 1
  return hasExemplars ? width + 1 : width
}

/** Doubles that a histogram takes. */
export function widthOf({ bounds, isNative }: Scale): number {
  return 1 + Math.ceil((bounds.length + 2) / 2) + (isNative ? NATIVE_WORDS / 2 : 0)
}

export function makeSlot(growth: Growth, place: number, scale: Scale): Slot {
  const { doubles, words } = growth.numbers
  return { values: doubles, at: place, words, first: place * 2 + 3, scale, growth, node: 0, twin: undefined }
}

/** Lets a slot be of another series of its family. */
export function moveSlot(slot: Slot, place: number): void {
  const { growth } = slot
  if (growth === undefined) return
  const { doubles, words } = growth.numbers
  // Only when they have grown: to write a reference costs more than to compare one.
  if (slot.values !== doubles) {
    slot.values = doubles
    slot.words = words
  }
  slot.at = place
  slot.first = place * 2 + 3
}

/** From now on what is written to it goes nowhere. */
export function cutOff(slot: Slot): void {
  slot.values = new Float64Array(widthOf(slot.scale))
  slot.words = new Uint32Array(slot.values.buffer)
  slot.at = 0
  slot.first = 3
  if (slot.twin === undefined) return
  slot.twin.values = slot.values
  slot.twin.at = 0
}

/** A slot that is of no series. */
export function looseSlot(scale: Scale = NO_SCALE): Slot {
  const values = new Float64Array(widthOf(scale))
  return {
    values,
    at: 0,
    words: new Uint32Array(values.buffer),
    first: 3,
    scale,
    growth: undefined,
    node: 0,
    twin: undefined,
  }
}

export function add(slot: Slot, value: number): void {
  slot.values[slot.at]! += value
}

export function set(slot: Slot, value: number): void {
  slot.values[slot.at] = value
}

/** Adds to a gauge that may be without a value. */
export function addToGauge(slot: Slot, value: number): void {
  if (isAbsent(slot.words, slot.at)) slot.values[slot.at] = value
  else slot.values[slot.at]! += value
}

/** Takes a gauge's value away: it is not shown until it is set again. */
export function unset({ words, at }: Slot): void {
  unsetAt(words, at)
}

/** The same of a place. */
export function unsetAt(words: Uint32Array, place: number): void {
  words[place * 2 + UPPER] = ABSENT_UPPER
}

export function isAbsent(words: Uint32Array, place: number): boolean {
  return words[place * 2 + UPPER] === ABSENT_UPPER
}

/** Adds one observation to a histogram. */
export function observe(slot: Slot, value: number): void {
  held[0] = value
  observeHeld(slot)
}

/** Adds the observation that is held (scale.ts). */
export function observeHeld(slot: Slot): void {
  const { words, scale } = slot
  const at = slot.first + bucketOfHeld(scale)
  const count = words[at]!
  if (count === FULL) addCount(slot, at - slot.first, 1)
  else words[at] = count + 1
  slot.values[slot.at]! += held[0]!
  if (scale.isNative) observeNative(slot)
}

/** Adds many observations to one bucket. Where there is no memory for wide counts a count that is full stays as it is. */
export function addCount(slot: Slot, bucket: number, more: number): void {
  const at = slot.first + bucket
  const sum = slot.words[at]! + more
  if (sum <= FULL) {
    slot.words[at] = sum
    return
  }
  const { growth, scale } = slot
  if (growth === undefined) return
  const { numbers, journal } = growth
  journal.beginChange()
  if (slot.words[slot.first - 1] === 0) {
    const made = numbers.take(scale.bounds.length + 1)
    if (made >= 0) slot.words[slot.first - 1] = made + 1
  }
  const wide = slot.words[slot.first - 1]! - 1
  if (wide >= 0) {
    const rest = sum % 2 ** 32
    numbers.doubles[wide + bucket]! += sum - rest
    slot.words[at] = rest
  }
  journal.endChange()
}

/** Gives back what a histogram has taken beside its own run. */
export function releaseHistogram(growth: Growth, place: number, scale: Scale): void {
  const { numbers } = growth
  const wide = numbers.words[place * 2 + 2]! - 1
  if (wide >= 0) numbers.giveBack(scale.bounds.length + 1, wide)
  if (!scale.isNative) return
  const meta = place * 2 + 3 + scale.nativeOffset
  releaseNative(growth, numbers.words, meta)
  const exemplars = numbers.words[meta + NATIVE.exemplars]! - 1
  if (exemplars >= 0) numbers.giveBack(exemplarsWidth(scale.bounds.length), exemplars)
}
