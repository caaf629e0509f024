import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels } from '#core'
import { batchOf } from './batch-of.ts'
import { FloatsEncoder, isPlain } from './encode-floats-v1.ts'
import { encodeWriteV1 } from './encode-v1.ts'
import type { QueuedSamples } from './sample-queue.ts'

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
