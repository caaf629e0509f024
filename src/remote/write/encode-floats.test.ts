import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels } from '#core'
import type { Metadata } from '#storage'
import { batchOf } from './batch-of.ts'
import { FloatsEncoder, isPlain } from './encode-floats-v1.ts'
import { FloatsEncoderV2 } from './encode-floats-v2.ts'
import { encodeWriteV1 } from './encode-v1.ts'
import { encodeWriteV2 } from './encode-v2.ts'
import type { QueuedSamples, SentLabels } from './sample-queue.ts'

const samples = fc.array(
  fc.record({
    labels: fc.dictionary(fc.string({ minLength: 1, unit: 'grapheme' }), fc.string({ minLength: 1, unit: 'grapheme' })),
    at: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 2 ** 50 }), fc.constant(2 ** 35 - 1)),
    // By their bits: a NaN of every payload.
    low: fc.nat(0xffffffff),
    high: fc.oneof(fc.nat(0xffffffff), fc.constant(0x7ff00000)),
  }),
  { maxLength: 30 },
)

const known: Readonly<Record<string, Metadata>> = {
  m: { type: 'counter', help: 'Help.', unit: '' },
  n: { type: 'unknown', help: '', unit: 'seconds' },
}

test('the same for 2.0, whatever is known of families, request after request', () => {
  const encoder = new FloatsEncoderV2()
  const metadataOf = (family: string) => known[family]
  const series = new Map<string, SentLabels>()
  fc.assert(
    fc.property(samples, fc.array(fc.constantFrom('m', 'n', 'm_total', 'other')), (given, names) => {
      const count = given.length
      const queued: QueuedSamples = {
        count,
        series: given.map(({ labels }, i) => {
          const of = Labels.of({ ...labels, __name__: names[i % Math.max(1, names.length)] })
          if (!series.has(of.key)) series.set(of.key, { labels: of, hash: 0 })
          return series.get(of.key)!
        }),
        timestamps: Float64Array.from(given, ({ at }) => at),
        values: new Float64Array(Uint32Array.from(given.flatMap(({ low, high }) => [low, high])).buffer),
        starts: Float64Array.from(given, ({ at }, i) => (i % 3 === 0 ? at : 0)),
        histograms: new Array(count).fill(undefined),
        tickets: new Float64Array(count),
      }
      const slow = encodeWriteV2(
        batchOf(queued, () => []),
        metadataOf,
      )
      assert.deepEqual([...encoder.encode(queued, { metadataOf, revision: 1 })], [...slow])
    }),
    { numRuns: 300 },
  )
})

test('plain floats are the same bytes on the fast way and the slow one', () => {
  const encoder = new FloatsEncoder()
  fc.assert(
    fc.property(samples, (given) => {
      const count = given.length
      const queued: QueuedSamples = {
        count,
        series: given.map(({ labels }) => ({ labels: Labels.of(labels), hash: 0 })),
        timestamps: Float64Array.from(given, ({ at }) => at),
        values: new Float64Array(Uint32Array.from(given.flatMap(({ low, high }) => [low, high])).buffer),
        starts: new Float64Array(count),
        histograms: new Array(count).fill(undefined),
        tickets: new Float64Array(count),
      }
      assert.ok(isPlain(queued))
      const slow = encodeWriteV1({ ...batchOf(queued, () => []), metadata: [] })
      assert.deepEqual([...encoder.encode(queued)], [...slow])
    }),
    { numRuns: 300 },
  )
})
