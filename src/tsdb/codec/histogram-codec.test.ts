import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type NativeHistogram, NO_BOUNDS, NO_BUCKETS } from '#core'
import { sampleHistogram } from '#storage'
import { anyHistogram } from './any-histogram.test-support.ts'
import { ByteReader, ByteWriter, DamagedError } from './bytes.ts'
import { decodeHistograms, HistogramEncoder, isEncodable } from './histogram-codec.ts'

/** Histograms and how many other samples stand before each. */
const anyRun = fc.array(fc.record({ skip: fc.oneof(fc.constant(0), fc.nat(3)), histogram: anyHistogram }), {
  maxLength: 30,
})

function encoded(run: readonly { readonly skip: number; readonly histogram: NativeHistogram }[]): {
  readonly bytes: Buffer
  readonly places: readonly number[]
} {
  const out = new ByteWriter(1)
  const encoder = new HistogramEncoder()
  const places: number[] = []
  let place = 0
  for (const { skip, histogram } of run) {
    place += skip
    places.push(place)
    encoder.push(out, place++, histogram)
  }
  return { bytes: out.view(), places }
}

function decoded(bytes: Uint8Array, count: number, limit = Infinity): (readonly [number, NativeHistogram])[] {
  const found: (readonly [number, NativeHistogram])[] = []
  decodeHistograms(new ByteReader(bytes), { count, size: 1000, limit }, (place, one) => found.push([place, one]))
  return found
}

test('histograms come back number by number, with their hints and places, whatever comes after what', () => {
  fc.assert(
    fc.property(anyRun, (run) => {
      const { bytes, places } = encoded(run)
      assert.deepEqual(
        decoded(bytes, run.length),
        run.map(({ histogram }, i) => [places[i], histogram]),
      )
    }),
    { numRuns: 500 },
  )
})

test('a reader that stops at a limit gets what lies before it', () => {
  fc.assert(
    fc.property(anyRun, fc.nat(40), (run, limit) => {
      const { bytes } = encoded(run)
      assert.deepEqual(
        decoded(bytes, run.length, limit),
        decoded(bytes, run.length).filter(([place]) => place < limit),
      )
    }),
  )
})

test('damaged bytes are an error or other histograms, and never take more than they could hold', () => {
  fc.assert(
    fc.property(anyRun, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 }), (run, changes) => {
      const bytes = Buffer.from(encoded(run).bytes)
      if (bytes.length === 0) return
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte
      let numbers = 0
      try {
        decodeHistograms(new ByteReader(bytes), { count: run.length, size: 1000, limit: Infinity }, (_, one) => {
          assert.ok(isEncodable(one))
          numbers += one.positive.counts.length + one.negative.counts.length
        })
      } catch (error) {
        assert.ok(error instanceof DamagedError, `${error}`)
      }
      assert.ok(numbers <= 8 * bytes.length * (run.length + 1), `${numbers} counts from ${bytes.length} bytes`)
    }),
    { numRuns: 1000 },
  )
  assert.throws(() => decoded(Uint8Array.of(0), 1), DamagedError, 'the first one has no layout')
  assert.throws(() => decoded(Uint8Array.of(128 | 8), 1), DamagedError, 'a flag that is never written')
})

test('a run of buckets that no bytes can follow is refused before memory is taken', () => {
  const out = new ByteWriter()
  out.u8(8)
  out.zigzag(0)
  out.u8(0)
  out.varint(0)
  out.varint(1)
  out.zigzag(0)
  out.varint(2 ** 40)
  out.varint(0)
  assert.throws(() => decoded(out.view(), 1), /1099511627776 buckets cannot follow/)
})

test('what does not change takes a byte, and of what changes only the buckets that do', () => {
  const wide = (counts: (i: number) => number, sum: number): NativeHistogram => ({
    schema: 3,
    zeroThreshold: 2 ** -128,
    zeroCount: 0,
    count: 1e6,
    sum,
    positive: {
      indices: Int32Array.from({ length: 160 }, (_, i) => i - 20),
      counts: Float64Array.from({ length: 160 }, (_, i) => counts(i)),
    },
    negative: NO_BUCKETS,
    customBounds: NO_BOUNDS,
    resetHint: 'none',
    isInteger: true,
  })
  const sizes: number[] = []
  const out = new ByteWriter()
  const encoder = new HistogramEncoder()
  for (const [place, one] of [
    wide((i) => i * 1000, 5),
    wide((i) => i * 1000, 5),
    wide((i) => i * 1000 + (i === 30 ? 7 : 0), 6),
  ].entries()) {
    const before = out.length
    encoder.push(out, place, one)
    sizes.push(out.length - before)
  }
  assert.deepEqual(sizes.slice(1), [1, 1 + 2 + 2 + 20 + 1])
})

test('buckets that could not be read back are told before they are written', () => {
  const good = sampleHistogram([1, 2])
  assert.ok(isEncodable(good))
  for (const positive of [
    { indices: Int32Array.of(1, 1), counts: Float64Array.of(1, 2) },
    { indices: Int32Array.of(2, 1), counts: Float64Array.of(1, 2) },
    { indices: Int32Array.of(1), counts: Float64Array.of(1, 2) },
  ])
    assert.equal(isEncodable({ ...good, positive }), false)
})
