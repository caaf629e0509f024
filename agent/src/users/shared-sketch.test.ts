import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Hash64, hashId } from './hash.ts'
import { HEAD_WORDS, SharedSketch } from './shared-sketch.ts'
import { DAY_KIND, MINUTE_KIND, Sketch, type SketchKind } from './sketch.ts'

const HEAD_BYTES = 64

function shared(kind: SketchKind): { readonly memory: SharedArrayBuffer; readonly sketch: SharedSketch } {
  const memory = new SharedArrayBuffer(HEAD_BYTES + 2 ** kind.p)
  return { memory, sketch: new SharedSketch(memory, 0, HEAD_BYTES, kind) }
}

test('a sketch in shared memory is the plain one: the same ids give the same data', () => {
  const hashes = fc.array(fc.tuple(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff)), { maxLength: 30 })
  fc.assert(
    fc.property(
      fc.constantFrom(DAY_KIND, MINUTE_KIND),
      hashes,
      fc.constantFrom(0, 700, 768, 769, 1_024, 1_025, 5_000),
      (kind, few, many) => {
        const { sketch } = shared(kind)
        const plain = new Sketch(kind)
        const out: Hash64 = { hi: 0, lo: 0 }
        for (const [hi, lo] of [...few, [0, 0], [0, 1 << 11], [0xffff_ffff, 0xffff_ffff]] as [number, number][]) {
          sketch.add(hi | 0, lo | 0)
          plain.add(hi, lo)
        }
        for (let i = 0; i < many; i++) {
          hashId(`u${i}`, { k0: 1, k1: 2 }, out)
          sketch.add(out.hi, out.lo)
          plain.add(out.hi, out.lo)
        }
        const read = sketch.read()!.sketch
        if (read.isExact === plain.isExact) assert.deepEqual(read.toData(), plain.toData())
        // Shared memory turns at exactLimit, the plain one when its bytes are full: as registers they are the same.
        const registers = Sketch.ofRegisters(kind, new Uint8Array(2 ** kind.p))
        registers.merge(plain)
        const readRegisters = Sketch.ofRegisters(kind, new Uint8Array(2 ** kind.p))
        readRegisters.merge(read)
        assert.deepEqual(readRegisters.toData(), registers.toData())
      },
    ),
    { numRuns: 60 },
  )
})

test('it is exact to its limit and begins anew with another stamp', () => {
  for (const kind of [DAY_KIND, MINUTE_KIND]) {
    const { sketch } = shared(kind)
    sketch.reset(7)
    const out: Hash64 = { hi: 0, lo: 0 }
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < kind.exactLimit; i++) {
        hashId(`u${i}`, { k0: 3, k1: 4 }, out)
        sketch.add(out.hi, out.lo)
      }
    }
    assert.deepEqual([sketch.read()?.stamp, sketch.read()?.sketch.count()], [7, kind.exactLimit])
    assert.equal(sketch.read()?.sketch.isExact, true)
    sketch.add(1, 1)
    assert.equal(sketch.read()?.sketch.isExact, false)
    sketch.reset(8)
    assert.deepEqual([sketch.read()?.stamp, sketch.read()?.sketch.count()], [8, 0])
  }
})

test('a reader that meets a sketch being turned goes without it rather than take a table for registers', () => {
  const { memory, sketch } = shared(MINUTE_KIND)
  sketch.add(0x55_555_555, 5)
  const head = new Int32Array(memory, 0, HEAD_WORDS)
  head[0] = 1
  assert.equal(sketch.read(), undefined)
  head[0] = 2
  assert.equal(sketch.read()?.sketch.count(), 1)
  head[1] = 1
  assert.equal(sketch.read(), undefined, 'a table said to be registers has ranks that no hash has')
})
