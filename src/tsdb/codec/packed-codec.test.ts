import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isStaleAt, writeStale } from '#core'
import { MAX_WIDTH, packBits, packedBytes, unpackBits, widthOf } from './bit-pack.ts'
import { ByteWriter, wordsOf } from './bytes.ts'
import { Frame } from './frame.ts'
import { decodePacked, encodePacked } from './packed-codec.ts'

const bits = (column: Float64Array) => [...wordsOf(column)]

/** Written behind `before` other bytes, and read back as far as `limit`. */
function through(given: Float64Array, { before = 0, from = 0, limit = given.length } = {}) {
  const out = new ByteWriter(1)
  for (let i = 0; i < before; i++) out.u8(0xff)
  encodePacked(out, given, 0, given.length)
  const size = out.length - before
  out.u8(0x77)
  const frame = new Frame(out.view())
  const read = new Float64Array(limit + 2)
  decodePacked(frame, before, { column: read, to: 1, count: given.length, from, limit })
  return { read: read.slice(1 + from, -1), size, next: limit === given.length ? frame.source.u8() : undefined }
}

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
  2 ** 52,
  -(2 ** 53),
  5e-324,
  0.1,
)
const plain = fc.oneof(
  fc.double(),
  special,
  fc.integer(),
  fc.integer().map((n) => n / 1000),
)
const columns = fc.oneof(
  fc.array(plain, { minLength: 1, maxLength: 300 }).map((list) => Float64Array.from(list)),
  fc.array(anyBits, { minLength: 1, maxLength: 40 }).map((list) => {
    const column = new Float64Array(list.length)
    for (const [i, one] of list.entries()) column.set(one, i)
    return column
  }),
  fc
    .tuple(fc.double({ noNaN: true }), fc.array(fc.nat(1 << 20), { minLength: 1, maxLength: 600 }))
    .map(([first, steps]) => {
      let sum = first
      return Float64Array.from(steps, (step) => (sum += step / 1024))
    }),
  fc
    .tuple(fc.nat(15), fc.nat(45), fc.array(fc.tuple(fc.nat(0xffff), fc.nat(99)), { minLength: 1, maxLength: 600 }))
    .map(([digits, shift, steps]) => {
      let sum = 0
      const column = Float64Array.from(steps, ([step]) => (sum += step * 2 ** (shift % 30)) / 10 ** (digits % 6))
      for (const [i, [, rare]] of steps.entries()) if (rare === 99) writeStale(column, i)
      return column
    }),
)

test('values come back bit by bit, whatever they are, wherever they lie, and as far as they are wanted', () => {
  fc.assert(
    fc.property(columns, fc.nat(9), fc.nat(), fc.nat(), (given, before, cut, skip) => {
      const { read, next } = through(given, { before })
      assert.deepEqual(bits(read), bits(given))
      assert.equal(next, 0x77, 'the reader stands behind the column')
      const limit = 1 + (cut % given.length)
      assert.deepEqual(bits(through(given, { before, limit }).read), bits(given.slice(0, limit)))
      const from = skip % limit
      assert.deepEqual(bits(through(given, { before, from, limit }).read), bits(given.slice(from, limit)))
    }),
    { numRuns: 500 },
  )
})

test('a number of any width comes back from its bits', () => {
  const widths = fc.integer({ min: 0, max: MAX_WIDTH })
  fc.assert(
    fc.property(
      widths,
      fc.array(fc.double({ min: 0, max: 1 - 2 ** -53, noNaN: true }), { maxLength: 200 }),
      fc.nat(7),
      (width, parts, before) => {
        const base = -(2 ** 40)
        const column = Float64Array.from(parts, (part) => base + Math.floor(part * 2 ** Math.min(width, 52)))
        const out = new ByteWriter(1)
        for (let i = 0; i < before; i++) out.u8(0xaa)
        packBits(out, column, { from: 0, count: column.length, base, width })
        assert.equal(out.length, before + packedBytes(column.length, width))
        const read = new Float64Array(column.length)
        unpackBits(new Frame(out.view()).words, before * 8, width, column.length, base, read)
        assert.deepEqual(read, column)
      },
    ),
  )
})

test('the width of a range is that of its largest number', () => {
  for (let width = 1; width <= MAX_WIDTH; width++) {
    assert.equal(widthOf(2 ** (width - 1)), width)
    if (width < MAX_WIDTH) assert.equal(widthOf(2 ** width - 1), width)
  }
  assert.equal(widthOf(0), 0)
})

test('a stale marker among whole numbers stands aside and stays one', () => {
  const given = Float64Array.from({ length: 30 }, (_, i) => i * 7)
  writeStale(given, 29)
  const { read, size } = through(given)
  assert.ok(isStaleAt(read, 29))
  assert.deepEqual(bits(read), bits(given))
  assert.ok(size < 60, `${size} bytes`)
})

test('each kind of column takes the form that is made for it', () => {
  let sum = 1000
  const cases: readonly (readonly [why: string, Float64Array, most: number])[] = [
    ['constant', new Float64Array(480).fill(0.1 + 0.2), 9],
    ['a counter that grows evenly', Float64Array.from({ length: 480 }, (_, i) => 5e9 + i * 1000), 32],
    [
      'a gauge with two decimals',
      Float64Array.from({ length: 480 }, (_, i) => Math.round(Math.sin(i) * 30) / 100),
      480,
    ],
    ['a sum of fractions', Float64Array.from({ length: 480 }, (_, i) => (sum += Math.sin(i) ** 2)), 480 * 6],
    [
      'full-width fractions of any size',
      Float64Array.from({ length: 120 }, (_, i) => Math.sin(i) * 10 ** (i % 30)),
      9 * 120 + 1,
    ],
  ]
  for (const [why, column, most] of cases) {
    const { size } = through(column)
    assert.ok(size <= most, `${why}: ${size} bytes, at most ${most} expected`)
  }
})

test('a column that was changed is refused, or read as something, but never ends the process', () => {
  fc.assert(
    fc.property(columns, fc.nat(), fc.nat(255), fc.boolean(), (given, pick, byte, isCut) => {
      const out = new ByteWriter(1)
      encodePacked(out, given, 0, given.length)
      const bytes = Buffer.from(out.view())
      const place = pick % bytes.length
      if (!isCut) bytes[place] = byte
      const read = new Float64Array(given.length)
      try {
        decodePacked(new Frame(isCut ? bytes.subarray(0, place) : bytes), 0, {
          column: read,
          to: 0,
          count: given.length,
          from: 0,
          limit: given.length,
        })
        assert.ok(!isCut, 'a cut column was read')
      } catch (error) {
        assert.equal((error as Error).constructor.name, 'DamagedError')
      }
    }),
    { numRuns: 300 },
  )
})
