/** Native histograms at random, for laws: small enough that buckets meet, sound in layout, with counts that add up. */
import fc from 'fast-check'
import { type Buckets, CUSTOM_SCHEMA, exponentialBound, type NativeHistogram, NO_BUCKETS, RESET_HINTS } from '#core'

const side: fc.Arbitrary<Buckets> = fc
  .uniqueArray(fc.tuple(fc.integer({ min: -6, max: 12 }), fc.integer({ min: 0, max: 50 })), {
    selector: ([index]) => index,
    maxLength: 6,
  })
  .map(bucketsOf)

function bucketsOf(pairs: readonly (readonly [number, number])[]): Buckets {
  const sorted = [...pairs].sort(([a], [b]) => a - b)
  return { indices: Int32Array.from(sorted, ([i]) => i), counts: Float64Array.from(sorted, ([, count]) => count) }
}

const total = ({ counts }: Buckets): number => counts.reduce((sum, count) => sum + count, 0)

export const anyExponential: fc.Arbitrary<NativeHistogram> = fc
  .record({
    schema: fc.integer({ min: -2, max: 3 }),
    zeroThreshold: fc.constantFrom(0, 0, 0.001, 0.5, 1, 3),
    zeroCount: fc.integer({ min: 0, max: 20 }),
    sum: fc.integer({ min: -1000, max: 1000 }),
    positive: side,
    negative: side,
    resetHint: fc.constantFrom(...RESET_HINTS),
  })
  .map((parts) => {
    const positive = beyond(parts.positive, parts)
    const negative = beyond(parts.negative, parts)
    const count = parts.zeroCount + total(positive) + total(negative)
    return { ...parts, positive, negative, count, customBounds: new Float64Array(0), isInteger: false }
  })

/** A bucket that begins within the zero bucket is none that a client would count in. */
function beyond(side: Buckets, of: { readonly schema: number; readonly zeroThreshold: number }): Buckets {
  const pairs = [...side.indices].map((index, i) => [index, side.counts[i]!] as const)
  return bucketsOf(pairs.filter(([index]) => exponentialBound(of.schema, index - 1) >= of.zeroThreshold))
}

export const anyCustom: fc.Arbitrary<NativeHistogram> = fc
  .tuple(
    fc.uniqueArray(fc.integer({ min: -5, max: 10 }), { maxLength: 6 }),
    fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 7, maxLength: 7 }),
    fc.integer({ min: -1000, max: 1000 }),
    fc.constantFrom(...RESET_HINTS),
  )
  .map(([bounds, counts, sum, resetHint]) => {
    const positive = bucketsOf(counts.slice(0, bounds.length + 1).map((count, i) => [i, count] as const))
    return {
      schema: CUSTOM_SCHEMA,
      zeroThreshold: 0,
      zeroCount: 0,
      count: total(positive),
      sum,
      positive,
      negative: NO_BUCKETS,
      customBounds: Float64Array.from(bounds.sort((a, b) => a - b)),
      resetHint,
      isInteger: false,
    }
  })

export const anyHistogram: fc.Arbitrary<NativeHistogram> = fc.oneof(anyExponential, anyCustom)

/**
 * Two that can be added, of one schema or one zero bucket. Where both differ, Prometheus counts buckets of the finer one that
 * vanish in the zero bucket of the other once more in the coarser bucket that reaches out of it, and so do we.
 */
export const anyPair: fc.Arbitrary<readonly [NativeHistogram, NativeHistogram]> = fc.oneof(
  fc
    .tuple(anyExponential, anyExponential)
    .filter(([a, b]) => a.schema === b.schema || a.zeroThreshold === b.zeroThreshold),
  fc.tuple(anyCustom, anyCustom),
)
