import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { histogramOf } from '../../histograms.test-support.ts'
import { decodeRecord, RECORD_HEADER_BYTES, RecordEncoder, type RecordSamples } from './spool-record.ts'

const words = (column: Float64Array) => [...new Uint32Array(column.buffer, column.byteOffset, column.length * 2)]

/** Values by their bits, so that NaNs of every payload come. */
const column = (length: number) =>
  fc
    .array(fc.nat(0xffffffff), { minLength: length * 2, maxLength: length * 2 })
    .map((all) => new Float64Array(Uint32Array.from(all).buffer))
const instants = (length: number) =>
  fc.oneof(
    fc.constant(new Float64Array(length).fill(1.7e12)),
    fc
      .array(fc.integer({ min: 1.7e12, max: 1.7e12 + 2 ** 31 - 1 }), { minLength: length, maxLength: length })
      .map((all) => Float64Array.from(all)),
    fc
      .array(fc.integer({ min: -(2 ** 50), max: 2 ** 50 }), { minLength: length, maxLength: length })
      .map((all) => Float64Array.from(all)),
  )
const records = fc.nat(20).chain((count) =>
  fc.record({
    count: fc.constant(count),
    numbers: fc.array(fc.nat(0xffffffff), { minLength: count, maxLength: count }).map((all) => Uint32Array.from(all)),
    timestamps: instants(count),
    values: column(count),
    starts: fc.option(instants(count), { nil: undefined }),
    histograms: fc.option(
      fc.array(
        fc.option(
          fc.nat(9).map((n) => histogramOf({ counts: [n, 2] })),
          { nil: undefined },
        ),
        { minLength: count, maxLength: count },
      ),
      { nil: undefined },
    ),
    named: fc.array(
      fc.record({
        number: fc.nat(0xffffffff),
        flat: fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }))).map((all) => all.flat()),
      }),
    ),
  }),
)

const plain = (one: RecordSamples) => ({
  ...one,
  values: words(one.values),
  named: one.named.map(({ number, flat }) => ({ number, flat })),
  histograms: one.histograms?.some((histogram) => histogram !== undefined) ? [...one.histograms] : undefined,
})

test('a record is read as it was written, to the bit', () => {
  const encoder = new RecordEncoder()
  fc.assert(
    fc.property(records, (given) => {
      const read = decodeRecord(encoder.encode(given).subarray(RECORD_HEADER_BYTES))
      assert.ok(read !== undefined)
      assert.deepEqual(plain(read), plain(given))
    }),
  )
})

test('a payload that is cut or has bytes too many makes no sense, and is told', () => {
  const encoder = new RecordEncoder()
  fc.assert(
    fc.property(records, fc.nat(200), (given, cut) => {
      const payload = Buffer.from(encoder.encode(given).subarray(RECORD_HEADER_BYTES))
      const shorter = payload.subarray(0, Math.max(1, payload.length - 1 - cut))
      assert.equal(decodeRecord(shorter), undefined)
      assert.equal(decodeRecord(Buffer.concat([payload, Buffer.alloc(cut + 1)])), undefined)
    }),
  )
})

test('a record of a later version is refused, since passing over it would lose it', () => {
  const payload = Buffer.alloc(24)
  payload[0] = 9
  assert.throws(() => decodeRecord(payload), { code: 'ASSAY_DATA_NEWER' })
})
