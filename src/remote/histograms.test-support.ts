/** Native histograms for the laws of this room: arbitrary valid ones, and ones from a few words. */
import fc from 'fast-check'
import {
  type Buckets,
  CUSTOM_SCHEMA,
  type NativeHistogram,
  NO_BOUNDS,
  NO_BUCKETS,
  RESET_HINTS,
  type ResetHint,
} from '#core'

/** Buckets from 0 on unless `indices` says otherwise; the count adds up unless given. */
export function histogramOf(given: {
  readonly counts: readonly number[]
  readonly indices?: readonly number[]
  readonly schema?: number
  readonly count?: number
  readonly sum?: number
  readonly customBounds?: readonly number[]
  readonly resetHint?: ResetHint
  readonly isInteger?: boolean
}): NativeHistogram {
  const { counts, indices = counts.map((_, i) => i) } = given
  return {
    schema: given.schema ?? 0,
    zeroThreshold: given.schema === CUSTOM_SCHEMA ? 0 : 1e-128,
    zeroCount: 0,
    count: given.count ?? counts.reduce((sum, count) => sum + count, 0),
    sum: given.sum ?? 0,
    positive: { indices: Int32Array.from(indices), counts: Float64Array.from(counts) },
    negative: NO_BUCKETS,
    customBounds: given.customBounds === undefined ? NO_BOUNDS : Float64Array.from(given.customBounds),
    resetHint: given.resetHint ?? 'unknown',
    isInteger: given.isInteger ?? true,
  }
}

const count = fc.oneof(fc.nat(5), fc.nat(100_000), fc.integer({ min: 0, max: 2 ** 45 }))
const floatCount = fc.double({ min: 0, noNaN: true }).map((value) => value + 0)

const buckets = (counts: fc.Arbitrary<number>, range: { min: number; max: number }): fc.Arbitrary<Buckets> =>
  fc
    .uniqueArray(fc.tuple(fc.integer(range), counts), { maxLength: 8, selector: ([index]) => index })
    .map((pairs) => pairs.toSorted(([a], [b]) => a - b))
    .map((pairs) => ({
      indices: Int32Array.from(pairs, ([index]) => index),
      counts: Float64Array.from(pairs, ([, value]) => value),
    }))

const bounds = fc
  .uniqueArray(
    fc.oneof(
      fc.integer({ min: -50, max: 50_000 }).map((value) => value / 1000),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
    ),
    { maxLength: 8, comparator: (a, b) => a === b },
  )
  .map((list) => Float64Array.from(list.toSorted((a, b) => a - b)))

/** Valid ones of every kind: integer and float, exponential and custom, all hints. */
export const anyHistogram: fc.Arbitrary<NativeHistogram> = fc
  .record({
    custom: fc.option(bounds, { nil: undefined, freq: 2 }),
    isInteger: fc.boolean(),
    schema: fc.integer({ min: -4, max: 8 }),
    zeroThreshold: fc.oneof(
      fc.constant(1e-128),
      fc.constant(2 ** -128),
      fc.constant(0),
      fc.double({ min: 0, max: 1, noNaN: true }),
    ),
    sum: fc.double(),
    resetHint: fc.constantFrom(...RESET_HINTS),
  })
  .chain(({ custom, isInteger, schema, zeroThreshold, sum, resetHint }) => {
    const counts = isInteger ? count : floatCount
    const wide = { min: -200_000, max: 200_000 }
    return fc
      .record({
        zeroCount: custom === undefined ? counts : fc.constant(0),
        positive: buckets(counts, custom === undefined ? wide : { min: 0, max: custom.length }),
        negative: custom === undefined ? buckets(counts, wide) : fc.constant(NO_BUCKETS),
        floatTotal: floatCount,
      })
      .map(({ zeroCount, positive, negative, floatTotal }) => ({
        schema: custom === undefined ? schema : CUSTOM_SCHEMA,
        zeroThreshold: custom === undefined ? zeroThreshold : 0,
        zeroCount,
        count: isInteger
          ? [...positive.counts, ...negative.counts].reduce((all, one) => all + one, zeroCount)
          : floatTotal,
        sum,
        positive,
        negative,
        customBounds: custom ?? NO_BOUNDS,
        resetHint,
        isInteger,
      }))
  })
