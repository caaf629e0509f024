import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isStaleAt, writeStale } from '#core'
import { ByteReader, ByteWriter, wordsOf } from './bytes.ts'
import { decodeTimestamps, encodeTimestamps } from './timestamp-codec.ts'
import { decodeValues, encodeValues } from './value-codec.ts'

const bits = (column: Float64Array) => [...wordsOf(column)]

function throughValues(given: Float64Array): { read: Float64Array; size: number } {
  const out = new ByteWriter(1)
  encodeValues(out, given, 0, given.length)
  const read = new Float64Array(given.length + 2)
  const source = new ByteReader(out.view())
  decodeValues(source, read, 1, given.length)
  assert.ok(source.done)
  return { read: read.slice(1, -1), size: out.length }
}

/** Any bits at all, so that every NaN payload comes up. */
const anyBits = fc
  .tuple(fc.nat(0xffffffff), fc.nat(0xffffffff))
  .map((words) => new Float64Array(new Uint32Array(words).buffer))
const special = fc.constantFrom(
  0,
  -0,
  1,
  -1,
  Infinity,
  -Infinity,
  Number.NaN,
  1e15,
  2 ** 50,
  2 ** 53,
  5e-324,
  1.5,
  0.1,
  1e300,
)
const plain = fc.oneof(
  fc.double(),
  special,
  fc.integer(),
  fc.integer().map((n) => n / 1000),
)

test('values come back bit by bit, whatever they are', () => {
  const columns = fc.oneof(
    fc.array(plain, { minLength: 1, maxLength: 60 }).map((list) => Float64Array.from(list)),
    fc.array(anyBits, { minLength: 1, maxLength: 20 }).map((list) => {
      const column = new Float64Array(list.length)
      for (const [i, one] of list.entries()) column.set(one, i)
      return column
    }),
    fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 60 }).map((steps) => {
      let sum = 0
      return Float64Array.from(steps, (step) => (sum += step) / 100)
    }),
  )
  fc.assert(
    fc.property(columns, (given) => assert.deepEqual(bits(throughValues(given).read), bits(given))),
    {
      numRuns: 500,
    },
  )
})

test('a stale marker among whole numbers stands aside and stays one', () => {
  const given = Float64Array.from({ length: 30 }, (_, i) => i * 7)
  writeStale(given, 29)
  const { read, size } = throughValues(given)
  assert.ok(isStaleAt(read, 29))
  assert.deepEqual(bits(read), bits(given))
  assert.ok(size < 60, `${size} bytes`)
})

test('each kind of column takes the form that is made for it', () => {
  const sizes: readonly (readonly [why: string, Float64Array, number])[] = [
    ['constant', new Float64Array(120).fill(0.1 + 0.2), 9],
    ['a counter that grows evenly', Float64Array.from({ length: 120 }, (_, i) => 5e9 + i * 1000), 140],
    [
      'a gauge with two decimals',
      Float64Array.from({ length: 120 }, (_, i) => Math.round(Math.sin(i) * 30) / 100),
      150,
    ],
    ['full-width fractions', Float64Array.from({ length: 120 }, (_, i) => Math.sin(i)), 9 * 120 + 1],
  ]
  for (const [why, column, most] of sizes) {
    const { size } = throughValues(column)
    assert.ok(size <= most, `${why}: ${size} bytes, at most ${most} expected`)
  }
})

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
