import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  BitReader,
  BitWriter,
  CUSTOM_SCHEMA,
  type NativeHistogram,
  RESET_HINTS,
  sameHistogram,
  writeStale,
} from '#core'
import type { Samples } from '#storage'
import { anyHistogram, histogramOf } from '../histograms.test-support.ts'
import { type Chunk, chunksOf, decodeChunk } from './chunks.ts'

/** Instants that ascend: near ones, steady ones and far ones. */
const instants = fc
  .tuple(
    fc.integer({ min: -(2 ** 50), max: 2 ** 49 }),
    fc.array(fc.oneof(fc.constant(15_000), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 2 ** 40 })), {
      maxLength: 400,
    }),
  )
  .map(([first, steps]) => {
    let at = first
    return Float64Array.from([first, ...steps.map((step) => (at += step))])
  })

const value = fc.oneof(fc.double(), fc.nat(100), fc.constantFrom(0, -0, 1, Number.POSITIVE_INFINITY, Number.NaN))

function decodedAll(chunks: readonly Chunk[]) {
  const timestamps: number[] = []
  const histograms: (NativeHistogram | undefined)[] = []
  const values: Buffer[] = []
  for (const chunk of chunks) {
    const got = decodeChunk(chunk)
    assert.deepEqual([got.timestamps[0], got.timestamps.at(-1)], [chunk.minTime, chunk.maxTime])
    timestamps.push(...got.timestamps)
    values.push(Buffer.from(got.values.buffer, got.values.byteOffset, got.values.byteLength))
    for (let i = 0; i < got.timestamps.length; i++) histograms.push(got.histograms?.[i])
  }
  return { timestamps, histograms, values: Buffer.concat(values) }
}

test('numbers of every width come back', () => {
  const numbers = fc.oneof(
    fc.integer({ min: -70_000, max: 70_000 }),
    fc.integer({ min: -(2 ** 30), max: 2 ** 30 }),
    fc.maxSafeInteger(),
    fc.constantFrom(-3, 4, -31, 32, 2048, -2047, 131_072, -131_071, 2 ** 24, 1 - 2 ** 24, 2 ** 25, 2 ** 53 - 1),
  )
  fc.assert(
    fc.property(fc.array(numbers, { maxLength: 30 }), (given) => {
      const writer = new BitWriter(4)
      for (const one of given) {
        writer.varbitInt(one)
        writer.varbitUint(Math.abs(one))
        writer.varint(Math.floor(one / 2))
        writer.signed(one, 64)
      }
      const reader = new BitReader(writer.take(), 0)
      for (const one of given) {
        assert.equal(reader.varbitInt(), one)
        assert.equal(reader.varbitUint(), Math.abs(one))
        assert.equal(reader.varint(), Math.floor(one / 2))
        assert.equal(reader.signed(64), one)
      }
    }),
  )
})

test('floats in chunks of at most 120 come back by their bits, stale markers too', () => {
  fc.assert(
    fc.property(instants, fc.array(value, { minLength: 1, maxLength: 20 }), (timestamps, some) => {
      const values = Float64Array.from(timestamps, (_, i) => some[i % some.length]!)
      if (values.length > 2) writeStale(values, 2)
      const chunks = [...chunksOf({ timestamps, values, count: values.length })]
      assert.equal(chunks.length, Math.ceil(values.length / 120))
      const got = decodedAll(chunks)
      assert.deepEqual(got.timestamps, [...timestamps])
      assert.ok(got.values.equals(Buffer.from(values.buffer)))
    }),
  )
})

test('a bound of -0 keeps its sign, which thousandths do not know', () => {
  const given = histogramOf({ counts: [1, 2], schema: CUSTOM_SCHEMA, customBounds: [-0, 0.25] })
  const columns = { timestamps: Float64Array.of(1), values: Float64Array.of(0), count: 1, histograms: [given] }
  const [got] = decodedAll([...chunksOf(columns)]).histograms
  assert.deepEqual([...(got?.customBounds ?? [])], [-0, 0.25])
})

test('series of floats and histograms come back with counts, layouts and hints', () => {
  const sample = fc.oneof({ arbitrary: fc.constant(undefined), weight: 1 }, { arbitrary: anyHistogram, weight: 2 })
  fc.assert(
    fc.property(
      fc.array(fc.tuple(sample, fc.nat(4), fc.constantFrom(...RESET_HINTS)), { minLength: 1, maxLength: 30 }),
      (runs) => {
        // Runs of a histogram that grows, so that chunks hold more than one.
        const histograms = runs.flatMap(([one, more, hint]) =>
          one === undefined
            ? [undefined]
            : Array.from({ length: more + 1 }, (_, i) => (i === 0 ? one : { ...grownBy(one, i), resetHint: hint })),
        )
        const count = histograms.length
        const timestamps = Float64Array.from(histograms, (_, i) => i * 15_000 + (i % 3))
        const values = Float64Array.from(histograms, (one, i) => (one === undefined ? i : 0))
        const given: Samples = { timestamps, values, count, histograms }
        const got = decodedAll([...chunksOf(given)])
        assert.deepEqual(got.timestamps, [...timestamps])
        for (const [i, histogram] of got.histograms.entries()) {
          const expected = histograms[i]
          if (expected === undefined || histogram === undefined) assert.equal(histogram, expected)
          else {
            assert.ok(sameHistogram(histogram, expected))
            // Of the first in a chunk it is not kept that no counter was reset.
            const hints = expected.resetHint === 'none' ? ['none', 'unknown'] : [expected.resetHint]
            assert.ok(hints.includes(histogram.resetHint), `${histogram.resetHint} of ${expected.resetHint}`)
          }
        }
      },
    ),
  )
})

function grownBy(one: NativeHistogram, more: number): NativeHistogram {
  const counts = one.positive.counts.map((count) => count + more)
  const added = one.isInteger ? more * counts.length : more
  return { ...one, count: one.count + added, sum: one.sum + more, positive: { ...one.positive, counts } }
}

test('a steady counter takes less than 4 bytes a sample, a steady histogram of eight buckets less than 10', () => {
  const count = 120
  const timestamps = Float64Array.from({ length: count }, (_, i) => 1.7e12 + i * 15_000)
  const values = Float64Array.from({ length: count }, (_, i) => i * 30)
  const [floats] = chunksOf({ timestamps, values, count })
  assert.ok(floats!.data.length / count < 4, `${floats!.data.length}`)
  const histograms = Array.from({ length: count }, (_, i) =>
    histogramOf({
      counts: [1, 2, 3, 4, 5, 6, 7, 8].map((one) => one * i),
      sum: i * 100,
      resetHint: i === 0 ? 'unknown' : 'none',
    }),
  )
  const [chunk] = chunksOf({ timestamps, values, count, histograms })
  assert.ok(chunk!.data.length / count < 10, `${chunk!.data.length}`)
})

test('counts beyond 2^51 are written as floats and come back exactly', () => {
  const huge = histogramOf({ counts: [2 ** 53 - 2, 1] })
  const [chunk] = chunksOf({
    timestamps: Float64Array.of(1),
    values: Float64Array.of(0),
    count: 1,
    histograms: [huge],
  })
  assert.equal(chunk!.encoding, 'floatHistogram')
  assert.ok(sameHistogram(decodeChunk(chunk!).histograms![0]!, huge))
})

test('a chunk lies bit by bit as the format says', () => {
  const bits = [
    '0000000000000011', // three samples
    '1101000000001111', // 1000 as zigzag LEB128
    '0011111111111000000000000000000000000000000000000000000000000000', // 1.5
    '1110100000000111', // 1000 later
    '0', // the same value
    '0', // again 1000 later
    '11', // another value, and a window of its own:
    '00001', // one leading zero
    '001100', // twelve bits
    '111111111111', // 1.5 xor 2
  ].join('')
  const given = { timestamps: Float64Array.of(1000, 2000, 3000), values: Float64Array.of(1.5, 1.5, 2), count: 3 }
  const [chunk] = chunksOf(given)
  const got = [...chunk!.data].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  assert.equal(got, bits.padEnd(Math.ceil(bits.length / 8) * 8, '0'))
})

test('any bytes are samples or an error with its bit, and never more than they can hold', () => {
  const encoding = fc.constantFrom('xor' as const, 'histogram' as const, 'floatHistogram' as const)
  fc.assert(
    fc.property(encoding, fc.uint8Array({ maxLength: 200 }), (encoding, data) => {
      try {
        const { timestamps, histograms } = decodeChunk({ encoding, data })
        const numbers =
          timestamps.length + (histograms ?? []).reduce((sum, { positive }) => sum + positive.counts.length, 0)
        assert.ok(numbers <= data.length * 8)
      } catch (thrown) {
        assert.match(String(thrown), /the chunk makes no sense at bit/)
      }
    }),
    { numRuns: 1000 },
  )
})
