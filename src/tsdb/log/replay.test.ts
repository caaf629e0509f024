/** A log is replayed by a shorter way than commits take: both lead to the same head. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels } from '#core'
import { Rejections, sampleHistogram } from '#storage'
import { wordsOf } from '../codec/bytes.ts'
import { Head } from '../head.ts'

const SERIES = 6

type Entry = { readonly series: number; readonly at: number; readonly value: number; readonly kind: number }

const entries = fc.array(
  fc.record({
    series: fc.nat(SERIES - 1),
    at: fc.nat(60),
    value: fc.oneof(fc.double(), fc.integer({ min: -5, max: 900 }), fc.constantFrom(-0, 0, 0.1, 12.34)),
    kind: fc.nat(12),
  }),
  { maxLength: 40 },
)

/** The columns of a batch; a few entries have a histogram or a start. */
function columnsOf(batch: readonly Entry[]) {
  const histograms = batch.map(({ kind }) => (kind === 0 ? sampleHistogram([kind, 1]) : undefined))
  return {
    timestamps: Float64Array.from(batch, ({ at }) => at * 1000),
    values: Float64Array.from(batch, ({ value }) => value),
    ...(histograms.some((one) => one !== undefined) ? { histograms } : {}),
    ...(batch.some(({ kind }) => kind === 1) ? { starts: Float64Array.from(batch, ({ kind }) => +(kind === 1)) } : {}),
    count: batch.length,
  }
}

function headOf(boundary: number): Head {
  const head = new Head(1000)
  head.raiseBoundary(boundary)
  for (let i = 0; i < SERIES; i++) head.create(Labels.of({ __name__: 'm', i: `${i}` }))
  return head
}

function contentOf(head: Head) {
  const series = Array.from({ length: SERIES }, (_, i) => {
    const part = head.partOf(i + 1, -Infinity, Infinity)
    if (part === undefined) return []
    const columns = { timestamps: new Float64Array(part.maxCount), values: new Float64Array(part.maxCount) }
    const count = part.read(columns, 0)
    return [[...columns.timestamps.subarray(0, count)], [...wordsOf(columns.values).subarray(0, count * 2)]]
  })
  return { series, samples: head.sampleCount, minTime: head.minTime, maxTime: head.maxTime }
}

test('commits replayed are commits checked and applied', () => {
  fc.assert(
    fc.property(fc.array(entries, { maxLength: 12 }), fc.nat(30), (batches, boundary) => {
      const fast = headOf(boundary * 1000)
      const slow = headOf(boundary * 1000)
      for (const batch of batches) {
        const columns = columnsOf(batch)
        const slots = Uint32Array.from(batch, ({ series }) => series + 1)
        fast.replay(columns, slots)
        slow.apply(slow.check(columns, slots, { rejections: new Rejections() }))
      }
      assert.deepEqual(contentOf(fast), contentOf(slow))
    }),
    { numRuns: 300 },
  )
})
