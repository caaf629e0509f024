import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BytesOut, formatNumber } from './bytes-out.ts'

function written(value: number): string {
  const out = new BytesOut(64)
  out.number(value)
  return Buffer.from(out.bytes.subarray(0, out.at)).toString()
}

test('a number is written as its shortest text', () => {
  // Whole parts of any length, ends of binary intervals, few digits, and halves, which lie between two decimals.
  const bits = fc
    .tuple(fc.integer({ min: -3, max: 53 }), fc.bigInt({ min: 0n, max: 2n ** 52n - 1n }), fc.nat(52))
    .map(([exponent, mantissa, zeros]) => {
      const cut = (mantissa >> BigInt(zeros)) << BigInt(zeros)
      return new Float64Array(BigUint64Array.of((BigInt(1_023 + exponent) << 52n) | cut).buffer)[0]!
    })
  const decimal = fc.tuple(fc.maxSafeNat(), fc.nat(15)).map(([digits, places]) => digits / 10 ** places)
  const half = fc.tuple(fc.nat(), fc.nat(22)).map(([whole, places]) => (whole + 0.5) * 2 ** places)
  const edges = [
    1.1,
    8.099999999999998,
    9.999999999999998,
    2 ** 52 - 0.5,
    2 ** 51 + 0.25,
    0.1 + 0.2,
    -0,
    0,
    1e21,
    5e-324,
  ]
  fc.assert(
    fc.property(fc.oneof(bits, decimal, half, fc.double(), fc.constantFrom(...edges)), (value) => {
      assert.equal(written(value), formatNumber(value))
    }),
    { numRuns: 20_000 },
  )
})

test('a sum that goes on is written as its shortest text at each step', () => {
  let sum = 0.1
  for (let i = 0; i < 20_000; i++) {
    sum += (i % 97) / 1_000 + 0.0003
    assert.equal(written(sum), String(sum))
  }
})
