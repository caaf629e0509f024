/**
 * A histogram that others are added to or taken from: schema, zero bucket and bounds are brought together first.
 *
 * - The coarser schema wins; the wider zero bucket wins, widened until it ends at a bound of both; of custom bounds those
 *   that both have stay.
 * - Buckets of the other that lie within the zero bucket count as zero.
 * - Compensated, what rounding took from each number is kept beside it, and `settled` adds it; else the sums are plain.
 * - What comes out is never marked as integer: PromQL calculates with floats.
 *
 * Source of the rules: prometheus: model/histogram/float_histogram.go (`Add`, `Sub`, `KahanAdd`, `reconcileZeroBuckets`,
 * `adjustCounterReset`).
 */
import { CUSTOM_SCHEMA, exponentialBound, type NativeHistogram, NO_BUCKETS, type ResetHint } from '#core'
import { compensate } from '../eval/kahan.ts'
import { beyondZero, coarserSide, compactSide, mergeSides, type Side, sliceSide } from './buckets.ts'
import { sameBounds, sharedBounds, toShared } from './custom-bounds.ts'

/** What an operation has to say beside its result. */
export type Caveats = {
  /** One says its counter was reset, the other that it was not. */
  readonly resetCollision: boolean
  /** The custom bounds differed, and only the shared ones are left. */
  readonly boundsReconciled: boolean
}

export class Accumulator {
  readonly #compensated: boolean
  #hint: ResetHint
  #schema: number
  #zeroThreshold: number
  #zeroCount: number
  #count: number
  #sum: number
  #positive: Side
  #negative: Side
  #customBounds: Float64Array
  #lostZero = 0
  #lostCount = 0
  #lostSum = 0
  #isAlone = true

  constructor(first: NativeHistogram, compensated: boolean) {
    this.#compensated = compensated
    this.#hint = first.resetHint
    this.#schema = first.schema
    this.#zeroThreshold = first.zeroThreshold
    this.#zeroCount = first.zeroCount
    this.#count = first.count
    this.#sum = first.sum
    this.#customBounds = first.customBounds
    this.#positive = this.#sideOf(first.positive)
    this.#negative = this.#sideOf(first.negative)
  }

  /** `undefined`, and nothing is changed, when exponential buckets meet custom ones. */
  add(other: NativeHistogram, sign: 1 | -1 = 1): Caveats | undefined {
    const custom = this.#schema === CUSTOM_SCHEMA
    if (custom !== (other.schema === CUSTOM_SCHEMA)) return undefined
    this.#isAlone = false
    const resetCollision = this.#adjustHint(other.resetHint)
    if (custom) {
      this.#addScalars(0, other, sign)
      return { resetCollision, boundsReconciled: this.#addCustom(other, sign) }
    }
    const otherZero = this.#reconcileZero(other)
    this.#addScalars(otherZero, other, sign)
    const schema = Math.min(this.#schema, other.schema)
    const join = (mine: Side, theirs: Side) =>
      mergeSides(
        coarserSide(mine, this.#schema - schema),
        beyondZero(coarserSide(theirs, other.schema - schema), schema, this.#zeroThreshold),
        sign,
      )
    // Only where buckets of the other are joined can something of them be lost.
    const alike = other.schema === schema
    this.#positive = join(this.#positive, alike ? other.positive : this.#sideOf(other.positive))
    this.#negative = join(this.#negative, alike ? other.negative : this.#sideOf(other.negative))
    this.#schema = schema
    return { resetCollision, boundsReconciled: false }
  }

  /** Every number divided (`by`), what was lost of it too. */
  divide(by: number): void {
    this.#apply((value) => value / by)
  }

  /** Every number multiplied. */
  scale(factor: number): void {
    this.#apply((value) => value * factor)
  }

  /** True when a number has become infinite. */
  get overflows(): boolean {
    const infinite = (value: number): boolean => value === Infinity || value === -Infinity
    return (
      infinite(this.#zeroCount) ||
      infinite(this.#count) ||
      infinite(this.#sum) ||
      this.#positive.counts.some(infinite) ||
      this.#negative.counts.some(infinite)
    )
  }

  clone(): Accumulator {
    const copy = new Accumulator(this.histogram, this.#compensated)
    copy.#positive = this.#positive
    copy.#negative = this.#negative
    copy.#lostZero = this.#lostZero
    copy.#lostCount = this.#lostCount
    copy.#lostSum = this.#lostSum
    copy.#isAlone = this.#isAlone
    return copy
  }

  /** As it stands, without what rounding took. */
  get histogram(): NativeHistogram {
    return this.#make(this.#zeroCount, this.#count, this.#sum, this.#positive, this.#negative)
  }

  /** With what rounding took. */
  get settled(): NativeHistogram {
    // Of one alone nothing was lost, and its -0 stays one.
    if (this.#isAlone) return this.histogram
    return this.#make(
      this.#zeroCount + this.#lostZero,
      this.#count + this.#lostCount,
      this.#sum + this.#lostSum,
      settle(this.#positive),
      settle(this.#negative),
    )
  }

  #make(zeroCount: number, count: number, sum: number, positive: Side, negative: Side): NativeHistogram {
    return {
      schema: this.#schema,
      zeroThreshold: this.#zeroThreshold,
      zeroCount,
      count,
      sum,
      positive: { indices: positive.indices, counts: positive.counts },
      negative: { indices: negative.indices, counts: negative.counts },
      customBounds: this.#customBounds,
      resetHint: this.#hint,
      isInteger: false,
    }
  }

  #sideOf({ indices, counts }: Side): Side {
    return this.#compensated ? { indices, counts, lost: new Float64Array(counts.length) } : { indices, counts }
  }

  #addScalars(otherZero: number, other: NativeHistogram, sign: 1 | -1): void {
    const zero = this.#zeroCount + sign * otherZero
    this.#lostZero = compensate(sign * otherZero, this.#zeroCount, zero, this.#lostZero)
    this.#zeroCount = zero
    const count = this.#count + sign * other.count
    this.#lostCount = compensate(sign * other.count, this.#count, count, this.#lostCount)
    this.#count = count
    const sum = this.#sum + sign * other.sum
    this.#lostSum = compensate(sign * other.sum, this.#sum, sum, this.#lostSum)
    this.#sum = sum
  }

  /** True when the bounds had to be reconciled. */
  #addCustom(other: NativeHistogram, sign: 1 | -1): boolean {
    if (sameBounds(this.#customBounds, other.customBounds)) {
      this.#positive = mergeSides(this.#positive, other.positive, sign)
      return false
    }
    const theirs = this.#sideOf(other.positive)
    const shared = sharedBounds(this.#customBounds, other.customBounds)
    const mine = toShared(this.#positive, this.#customBounds, shared)
    this.#positive = compactSide(mergeSides(mine, toShared(theirs, other.customBounds, shared), sign))
    this.#customBounds = shared
    return true
  }

  /** True when one was reset and the other was not. Gauges win, then what is not known. */
  #adjustHint(other: ResetHint): boolean {
    if (other === this.#hint || this.#hint === 'gauge') return false
    if (other === 'gauge') this.#hint = 'gauge'
    else {
      const collides = this.#hint !== 'unknown' && other !== 'unknown'
      this.#hint = 'unknown'
      return collides
    }
    return false
  }

  /** Widens the narrower zero bucket until both are equal; returns the other's zero count. */
  #reconcileZero(other: NativeHistogram): number {
    let { zeroThreshold, zeroCount } = other
    // Neither is above the other when one is NaN, which only a broken histogram has; then nothing is widened.
    while (zeroThreshold > this.#zeroThreshold || zeroThreshold < this.#zeroThreshold) {
      if (zeroThreshold < this.#zeroThreshold) {
        const wider = widerZero(other, this.#zeroThreshold)
        zeroThreshold = wider.zeroThreshold
        zeroCount = wider.zeroCount
      }
      if (zeroThreshold > this.#zeroThreshold) this.#widenZero(zeroThreshold)
    }
    return zeroCount
  }

  #widenZero(threshold: number): void {
    const wider = widerZero(
      {
        schema: this.#schema,
        zeroThreshold: this.#zeroThreshold,
        zeroCount: this.#zeroCount,
        positive: this.#positive,
        negative: this.#negative,
      },
      threshold,
      this.#lostZero,
    )
    this.#zeroThreshold = wider.zeroThreshold
    this.#zeroCount = wider.zeroCount
    this.#lostZero = wider.lost
    const outside = (side: Side): Side =>
      compactSide(sliceSide(side, (at) => exponentialBound(this.#schema, side.indices[at]! - 1) >= wider.zeroThreshold))
    this.#positive = outside(this.#positive)
    this.#negative = outside(this.#negative)
  }

  #apply(change: (value: number) => number): void {
    this.#zeroCount = change(this.#zeroCount)
    this.#count = change(this.#count)
    this.#sum = change(this.#sum)
    this.#lostZero = change(this.#lostZero)
    this.#lostCount = change(this.#lostCount)
    this.#lostSum = change(this.#lostSum)
    const all = ({ indices, counts, lost }: Side): Side => ({
      indices,
      counts: counts.map(change),
      lost: lost?.map(change),
    })
    this.#positive = all(this.#positive)
    this.#negative = all(this.#negative)
  }
}

type Zeroed = {
  readonly schema: number
  readonly zeroThreshold: number
  readonly zeroCount: number
  readonly positive: Side
  readonly negative: Side
}

/**
 * The zero bucket `h` has when it reaches at least to `threshold`, above its own: the buckets that begin below it are counted
 * in, and a bucket with observations that it ends in draws it to that bucket's end.
 */
export function widerZero(
  { schema, zeroThreshold, zeroCount, positive, negative }: Zeroed,
  threshold: number,
  lostBefore = 0,
): { readonly zeroThreshold: number; readonly zeroCount: number; readonly lost: number } {
  if (threshold === zeroThreshold) return { zeroThreshold, zeroCount, lost: lostBefore }
  let end = threshold
  for (;;) {
    let count = zeroCount
    let lost = lostBefore
    let drawn = false
    const take = (term: number): void => {
      const next = count + term
      lost = compensate(term, count, next, lost)
      count = next
    }
    for (const side of [positive, negative]) {
      for (let i = 0; i < side.indices.length; i++) {
        if (exponentialBound(schema, side.indices[i]! - 1) >= end) break
        take(side.counts[i]!)
        if (side.lost !== undefined) take(side.lost[i]!)
        const upper = exponentialBound(schema, side.indices[i]!)
        if (upper <= end) continue
        if (side.counts[i] !== 0) {
          end = upper
          // What was counted on the positive side holds for the narrower zero bucket only.
          drawn = side === negative
        }
        break
      }
    }
    if (!drawn) return { zeroThreshold: end, zeroCount: count, lost }
  }
}

function settle({ indices, counts, lost }: Side): Side {
  if (lost === undefined) return { indices, counts }
  return { indices, counts: counts.map((count, i) => count + lost[i]!) }
}

/** A histogram with nothing in its buckets on either side. */
export function withoutBuckets(h: NativeHistogram): NativeHistogram {
  return { ...h, positive: NO_BUCKETS, negative: NO_BUCKETS }
}
