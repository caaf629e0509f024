import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CUSTOM_SCHEMA, type NativeHistogram, ProtoReader, ProtoWriter, sameHistogram, writeStale } from '#core'
import { readHistogram, writeHistogram } from './histogram-message.ts'
import { anyHistogram, histogramOf } from './histograms.test-support.ts'

function encoded(histogram: NativeHistogram, at = 0, startAt = 0): Buffer {
  const writer = new ProtoWriter()
  writeHistogram(writer, histogram, at, startAt)
  return writer.take()
}

function decoded(bytes: Uint8Array) {
  return readHistogram(new ProtoReader(bytes), bytes.length)
}

test('decode ∘ encode is the identity, hint and instants too', () => {
  fc.assert(
    fc.property(anyHistogram, fc.integer({ min: -(2 ** 50), max: 2 ** 50 }), fc.nat(), (histogram, at, startAt) => {
      const got = decoded(encoded(histogram, at, startAt))
      assert.equal(got.kind, 'histogram')
      if (got.kind !== 'histogram') return
      assert.ok(sameHistogram(got.histogram, histogram))
      assert.deepEqual(
        [got.at, got.startAt, got.histogram.resetHint, got.histogram.isInteger],
        [at, startAt, histogram.resetHint, histogram.isInteger],
      )
    }),
  )
})

test('a sum that is the stale marker makes the sample one, whatever else it holds', () => {
  const sum = new Float64Array(1)
  writeStale(sum, 0)
  const writer = new ProtoWriter()
  writer.doubleOf(3, sum, 0)
  writer.varintField(15, 7)
  assert.deepEqual(decoded(writer.take()), { kind: 'stale', at: 7, startAt: 0 })
})

test('a histogram with a fault is told with its reason', () => {
  const cases: readonly (readonly [given: Parameters<typeof histogramOf>[0], fault: RegExp])[] = [
    [{ counts: [1, 2], count: 9 }, /3 observations in buckets, 9 in the count/],
    [{ counts: [1], schema: -5 }, /schema -5 is none/],
    [{ counts: [1], schema: 53 }, /schema 53 is none/],
    [{ counts: [1], schema: CUSTOM_SCHEMA, customBounds: [2, 1] }, /does not come after/],
  ]
  for (const [given, fault] of cases) {
    const got = decoded(encoded(histogramOf(given)))
    assert.ok(got.kind === 'fault' && fault.test(got.fault), JSON.stringify(got))
  }
})

test('a schema finer than 8 is brought to 8', () => {
  // Of schema 10, four buckets make one of schema 8: 1 to 4 become 1, 5 to 8 become 2, 0 stays 0.
  const fine = histogramOf({ counts: [1, 2, 3, 4, 5, 6], indices: [0, 1, 2, 4, 5, 9], schema: 10 })
  const got = decoded(encoded(fine))
  assert.ok(got.kind === 'histogram')
  assert.equal(got.histogram.schema, 8)
  assert.deepEqual([...got.histogram.positive.indices], [0, 1, 2, 3])
  assert.deepEqual([...got.histogram.positive.counts], [1, 9, 5, 6])
  const farthest = decoded(encoded(histogramOf({ counts: [1, 2], indices: [-9, 9], schema: 52 })))
  assert.ok(farthest.kind === 'histogram')
  assert.deepEqual([...farthest.histogram.positive.indices], [0, 1])
})

test('lists that are not packed are read too', () => {
  const writer = new ProtoWriter()
  writer.varintField(1, 3)
  writer.blockField(11, () => {
    writer.zigzagField(1, 4)
    writer.varintField(2, 2)
  })
  writer.zigzagField(12, 1)
  writer.zigzagField(12, 1)
  const got = decoded(writer.take())
  assert.ok(got.kind === 'histogram')
  assert.deepEqual(
    [[...got.histogram.positive.indices], [...got.histogram.positive.counts]],
    [
      [4, 5],
      [1, 2],
    ],
  )
})

test('any bytes, and any change of a message, are a histogram, a fault or an error with its byte', () => {
  const base = encoded(histogramOf({ counts: [1, 2, 3] }), 1, 1)
  fc.assert(
    fc.property(fc.nat(base.length - 1), fc.nat(255), fc.uint8Array({ maxLength: 20 }), (place, byte, tail) => {
      const bytes = Buffer.concat([base, tail])
      bytes[place] = byte
      try {
        assert.ok(['histogram', 'fault', 'stale'].includes(decoded(bytes).kind))
      } catch (thrown) {
        assert.match(String(thrown), /makes no sense at byte/)
      }
    }),
    { numRuns: 500 },
  )
})
