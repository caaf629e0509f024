import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DAY_KIND, MINUTE_KIND, Sketch, type SketchKind } from './sketch.ts'

/** Ids that are spread as hashes are. */
const idAt = (i: number, kind: SketchKind): number => {
  const mixed = BigInt.asUintN(64, (BigInt(i) + 1n) * 0x9e37_79b9_7f4a_7c15n)
  const again = BigInt.asUintN(64, (mixed ^ (mixed >> 31n)) * 0xbf58_476d_1ce4_e5b9n)
  return Number((again ^ (again >> 29n)) >> BigInt(64 - kind.bits)) || 1
}

const filled = (kind: SketchKind, from: number, to: number): Sketch => {
  const sketch = new Sketch(kind)
  for (let i = from; i < to; i++) sketch.addId(idAt(i, kind))
  return sketch
}

const size = fc.integer({ min: 0, max: 5_000 })
const kinds = fc.constantFrom(DAY_KIND, MINUTE_KIND)

test('merging is the sketch of both, in any order, and says whether anything was new', () => {
  fc.assert(
    fc.property(kinds, size, size, size, size, (kind, a0, a1, b0, b1) => {
      const [one, other] = [
        filled(kind, Math.min(a0, a1), Math.max(a0, a1)),
        filled(kind, Math.min(b0, b1), Math.max(b0, b1)),
      ]
      const [left, right] = [new Sketch(kind), new Sketch(kind)]
      left.merge(one)
      left.merge(other)
      right.merge(other)
      right.merge(one)
      assert.deepEqual(left.toData(), right.toData())
      assert.equal(left.merge(one), false)
      assert.equal(left.merge(other), false)
    }),
    { numRuns: 30 },
  )
})

test('what is read is what was written, exact, sparse and full', () => {
  fc.assert(
    fc.property(kinds, fc.constantFrom(0, 1, 1_024, 1_025, 2_048, 2_049, 3_000, 20_000), (kind, many) => {
      const sketch = filled(kind, 0, many)
      const back = Sketch.tryFrom(JSON.parse(JSON.stringify(sketch.toData())), kind)
      assert.deepEqual(back?.toData(), sketch.toData())
      assert.equal(back?.count(), sketch.count())
    }),
    { numRuns: 20 },
  )
})

test('counts are exact while the ids fit, then within three standard errors', () => {
  for (const kind of [DAY_KIND, MINUTE_KIND]) {
    assert.equal(filled(kind, 0, kind.places).count(), kind.places)
    for (const many of [5_000, 50_000, 500_000]) {
      const error = Math.abs(filled(kind, 0, many).count() / many - 1)
      assert.ok(error < (3 * 1.04) / Math.sqrt(2 ** kind.p), `${many}: ${error}`)
    }
  }
})

test('what is no sketch of the kind is refused', () => {
  const bytes = (length: number, value = 0) => Buffer.alloc(length, value).toString('base64')
  for (const wrong of [
    null,
    {},
    { exact: bytes(3) },
    { exact: bytes(4 * 1_028) },
    { exact: 'AAAAA' },
    { registers: bytes(4_095) },
    { registers: bytes(4_096, 22) },
    { sparse: bytes(4) },
    { sparse: bytes(3, 255) },
    { sparse: bytes(3) },
  ])
    assert.equal(Sketch.tryFrom(wrong, MINUTE_KIND), undefined, JSON.stringify(wrong).slice(0, 60))
})
