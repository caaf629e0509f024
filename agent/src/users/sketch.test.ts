import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Hash64, hashId } from './hash.ts'
import { DAY_KIND, MINUTE_KIND, Sketch, type SketchKind } from './sketch.ts'

const KEY = { k0: 11, k1: 13 }
const KINDS = [DAY_KIND, MINUTE_KIND] as const

function filled(kind: SketchKind, from: number, to: number): Sketch {
  const sketch = new Sketch(kind)
  const out: Hash64 = { hi: 0, lo: 0 }
  for (let i = from; i < to; i++) {
    hashId(`id ${i}`, KEY, out)
    sketch.add(out.hi, out.lo)
  }
  return sketch
}

const merged = (...all: Sketch[]): Sketch => {
  const sum = new Sketch(all[0]!.kind)
  for (const one of all) sum.merge(one)
  return sum
}

test('while its ids fit the bytes of its registers the count is exact, however often each comes', () => {
  for (const kind of KINDS) {
    for (const many of [0, 1, 500, kind.places]) {
      const sketch = filled(kind, 0, many)
      sketch.merge(filled(kind, 0, many))
      assert.equal(sketch.count(), many)
    }
  }
})

test('beyond it the error stays within four standard errors, at every size', () => {
  for (const kind of KINDS) {
    const bound = (4 * 1.04) / Math.sqrt(2 ** kind.p)
    for (const many of [1_100, 3_000, 10_000, 40_000, 100_000, 400_000]) {
      const error = Math.abs(filled(kind, 0, many).count() / many - 1)
      assert.ok(error < bound, `p ${kind.p}, ${many}: ${(100 * error).toFixed(2)} %`)
    }
  }
})

test('merging is the sketch of both, in any order and grouping, exact or not', () => {
  const size = fc.integer({ min: 0, max: 3_500 })
  fc.assert(
    fc.property(fc.constantFrom(...KINDS), size, size, size, size, (kind, a0, a1, b0, b1) => {
      const one = (): Sketch => filled(kind, Math.min(a0, a1), Math.max(a0, a1))
      const other = (): Sketch => filled(kind, Math.min(b0, b1), Math.max(b0, b1))
      assert.deepEqual(merged(one(), other()).toData(), merged(other(), one()).toData())
      assert.deepEqual(merged(one(), one()).toData(), one().toData())
      assert.deepEqual(merged(merged(one()), other(), one()).toData(), merged(one(), other()).toData())
    }),
    { numRuns: 40 },
  )
  assert.equal(
    merged(filled(DAY_KIND, 0, 5_000), filled(DAY_KIND, 2_000, 9_000)).count(),
    filled(DAY_KIND, 0, 9_000).count(),
  )
})

test('data reads back: exact, sparse and full', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...KINDS),
      fc.constantFrom(0, 1, 10, 1_024, 1_025, 2_049, 3_000, 30_000),
      (kind, many) => {
        const sketch = filled(kind, 0, many)
        const back = Sketch.tryFrom(JSON.parse(JSON.stringify(sketch.toData())), kind)
        assert.deepEqual(back?.toData(), sketch.toData())
        assert.equal(back?.count(), sketch.count())
      },
    ),
    { numRuns: 30 },
  )
  assert.ok('sparse' in filled(DAY_KIND, 0, 2_100).toData(), 'few of 16,384 registers are set')
  assert.ok('registers' in filled(MINUTE_KIND, 0, 30_000).toData())
})

test('what is not a sketch of the kind is refused', () => {
  const bytes = (length: number, value = 0): string => Buffer.alloc(length, value).toString('base64')
  for (const [wrong, why] of [
    [null, 'nothing'],
    [5, 'a number'],
    [{}, 'no content'],
    [{ exact: [1] }, 'an array'],
    [{ exact: bytes(3) }, 'half an id'],
    [{ exact: bytes(4 * 1_028) }, 'too many ids'],
    [{ exact: 'äää=' }, 'no base64'],
    [{ exact: 'AAAAA' }, 'cut base64'],
    [{ registers: bytes(4_095) }, 'a register short'],
    [{ registers: bytes(4_096, 22) }, 'a rank that 32 bits cannot have'],
    [{ registers: 'A'.repeat(1_000_000) }, 'too long'],
    [{ sparse: bytes(4) }, 'a third of a register'],
    [{ sparse: bytes(3, 255) }, 'a register that is not there'],
    [{ sparse: bytes(3) }, 'a rank of zero'],
  ] as const)
    assert.equal(Sketch.tryFrom(wrong, MINUTE_KIND), undefined, why)
  assert.equal(Sketch.tryFrom({ exact: bytes(7, 255) }, DAY_KIND), undefined, 'an id of 56 bits')
})
