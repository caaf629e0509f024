import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ByteReader, ByteWriter } from './bytes.ts'
import { decodeTimestamps, encodeTimestamps } from './timestamp-codec.ts'
import { decodeValues } from './value-codec.ts'

test('instants come back exactly, even, uneven and far out', () => {
  const start = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map((n) => n * 2 ** 18)
  const steps = fc.array(fc.oneof(fc.constant(15_000), fc.nat(60_000), fc.nat(2 ** 31 - 1)), { maxLength: 50 })
  fc.assert(
    fc.property(start, steps, (first, given) => {
      let at = first
      const column = Float64Array.from([at, ...given.map((step) => (at += step + 1))])
      const out = new ByteWriter(1)
      encodeTimestamps(out, column, 0, column.length)
      const read = new Float64Array(column.length)
      const source = new ByteReader(out.view())
      decodeTimestamps(source, read, 0, column.length)
      assert.ok(source.done)
      assert.deepEqual(read, column)
    }),
  )
})

test('instants on a grid cost nothing per sample', () => {
  const out = new ByteWriter()
  encodeTimestamps(
    out,
    Float64Array.from({ length: 500 }, (_, i) => 1.7e12 + i * 15_000),
    0,
    500,
  )
  assert.ok(out.length < 12, `${out.length} bytes`)
})

test('numbers come back from varint and zigzag up to their limits', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.integer({ min: -(2 ** 31), max: 2 ** 31 }), (big, small) => {
      const out = new ByteWriter(1)
      out.varint(big)
      out.zigzag(small)
      out.zigzag(small * 2 ** 20)
      out.text('é𝒳')
      const source = new ByteReader(out.view())
      assert.deepEqual(
        [source.varint(), source.zigzag(), source.zigzag(), source.text()],
        [big, small, small * 2 ** 20, 'é𝒳'],
      )
      assert.ok(source.done)
    }),
  )
})

test('reading past the end, an endless number and an unknown form are refused', () => {
  const read = new Float64Array(4)
  const cases: readonly (readonly [string, number[]])[] = [
    ['nothing there', []],
    ['an unknown form', [9, 0, 0]],
    ['a cut constant', [0, 1, 2, 3]],
    ['an endless number', [1, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255]],
    ['an exponent that is never written', [1, 99, 0, 0, 0, 0, 0]],
  ]
  for (const [why, given] of cases) {
    assert.throws(() => decodeValues(new ByteReader(Uint8Array.from(given)), read, 0, 4), { name: 'Error' }, why)
  }
  assert.throws(() => decodeTimestamps(new ByteReader(Uint8Array.from([7])), read, 0, 1), /unknown form/)
})
