/** Histograms of every kind for laws: layouts that repeat and change, counts that grow, stay, fall, are whole, are not. */
import fc from 'fast-check'
import { type Buckets, CUSTOM_SCHEMA, type NativeHistogram, NO_BUCKETS, RESET_HINTS } from '#core'

const LAYOUTS = [
  { schema: 0, zeroThreshold: 0, positive: [0, 1, 2], negative: [], customBounds: [] },
  {
    schema: 3,
    zeroThreshold: 2 ** -128,
    positive: [-7, -6, 0, 1, 2, 3, 40, 41, 42, 43],
    negative: [-1, 5],
    customBounds: [],
  },
  { schema: 8, zeroThreshold: 0.001, positive: [-(2 ** 31), 2 ** 31 - 1], negative: [0], customBounds: [] },
  { schema: -4, zeroThreshold: 0, positive: [], negative: [], customBounds: [] },
  { schema: CUSTOM_SCHEMA, zeroThreshold: 0, positive: [0, 2], negative: [], customBounds: [0.5, 1, 2.5] },
  { schema: CUSTOM_SCHEMA, zeroThreshold: 0, positive: [0, 2], negative: [], customBounds: [-Infinity, 1, 3] },
] as const

const wholeCount = fc.oneof(fc.nat(3), fc.nat(1_000_000), fc.constantFrom(2 ** 51, 2 ** 51 + 2, 2 ** 53, 2 ** 63))
const anyCount = fc.oneof(fc.nat(3), fc.double(), fc.constantFrom(0, -0, Number.NaN, Infinity, 0.5))

export const anyHistogram: fc.Arbitrary<NativeHistogram> = fc
  .record({
    layout: fc.constantFrom(...LAYOUTS),
    isInteger: fc.boolean(),
    resetHint: fc.constantFrom(...RESET_HINTS),
    sum: fc.oneof(fc.double(), fc.integer(), fc.constantFrom(0, -0, Number.NaN, Infinity)),
    counts: fc.oneof(
      fc.array(wholeCount, { minLength: 14, maxLength: 14 }),
      fc.array(anyCount, { minLength: 14, maxLength: 14 }),
      fc.constant(new Array<number>(14).fill(1)),
    ),
  })
  .map(({ layout, isInteger, resetHint, sum, counts }) => {
    const [zeroCount = 0, count = 0, ...rest] = counts
    return {
      schema: layout.schema,
      zeroThreshold: layout.zeroThreshold,
      customBounds: Float64Array.from(layout.customBounds),
      zeroCount,
      count,
      sum,
      positive: buckets(layout.positive, rest),
      negative: buckets(layout.negative, rest.slice(layout.positive.length)),
      resetHint,
      isInteger,
    }
  })

function buckets(indices: readonly number[], counts: readonly number[]): Buckets {
  if (indices.length === 0) return NO_BUCKETS
  return { indices: Int32Array.from(indices), counts: Float64Array.from(counts.slice(0, indices.length)) }
}
