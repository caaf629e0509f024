import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Hash64, hashId } from './hash.ts'
import { EXACT_LIMIT, Sketch } from './sketch.ts'

const KEY = { k0: 11, k1: 13 }

function filled(p: number, from: number, to: number): Sketch {
  const sketch = new Sketch(p)
  const out: Hash64 = { hi: 0, lo: 0 }
  for (let i = from; i < to; i++) {
    hashId(`id ${i}`, KEY, out)
    sketch.add(out.hi, out.lo)
  }
  return sketch
}

const merged = (...all: Sketch[]): Sketch => {
  const sum = new Sketch(all[0]!.p)
  for (const one of all) sum.merge(one)
  return sum
}

test('up to the limit the count is exact, however often each comes', () => {
  for (const many of [0, 1, 500, EXACT_LIMIT]) {
    const sketch = filled(14, 0, many)
    sketch.merge(filled(14, 0, many))
    assert.equal(sketch.count(), many)
  }
})

test('beyond it the error stays within four standard errors, at every size', () => {
  for (const [p, bound] of [
    [14, 4 * 0.0081],
    [12, 4 * 0.0163],
  ] as const) {
    for (const many of [1_100, 3_000, 10_000, 40_000, 100_000, 400_000]) {
      const error = Math.abs(filled(p, 0, many).count() / many - 1)
      assert.ok(error < bound, `p ${p}, ${many}: ${(100 * error).toFixed(2)} %`)
    }
  }
})

test('merging is the sketch of both, in any order and grouping, exact or not', () => {
  const size = fc.integer({ min: 0, max: 2_500 })
  fc.assert(
    fc.property(fc.tuple(size, size), fc.tuple(size, size), ([a0, a1], [b0, b1]) => {
      const one = (): Sketch => filled(12, Math.min(a0, a1), Math.max(a0, a1))
      const other = (): Sketch => filled(12, Math.min(b0, b1), Math.max(b0, b1))
      assert.equal(merged(one(), other()).count(), merged(other(), one()).count())
      assert.equal(merged(one(), one()).count(), one().count())
      assert.deepEqual(merged(merged(one()), other()).toData().registers, merged(one(), other()).toData().registers)
    }),
    { numRuns: 30 },
  )
  assert.equal(merged(filled(14, 0, 5_000), filled(14, 2_000, 9_000)).count(), filled(14, 0, 9_000).count())
})

test('data reads back, and what is not a sketch does not', () => {
  for (const many of [0, 10, 5_000]) {
    const sketch = filled(12, 0, many)
    assert.deepEqual(Sketch.tryFrom(JSON.parse(JSON.stringify(sketch.toData())))?.toData(), sketch.toData())
  }
  for (const wrong of [
    null,
    5,
    {},
    { p: 99, exact: [] },
    { p: 12, registers: 'AAAA' },
    { p: 12, exact: [-1] },
    { p: 12, exact: Array(5_000).fill(1) },
    { p: 12, exact: ['a'] },
  ]) {
    assert.equal(Sketch.tryFrom(wrong), undefined)
  }
})
