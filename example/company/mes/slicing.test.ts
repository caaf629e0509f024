import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatStl, meshOf, parseStl } from './mesh.ts'
import { calibrate, priceOf, slice } from './slicing.ts'

const shapes = fc.record({
  width: fc.double({ min: 5, max: 200, noNaN: true }),
  depth: fc.double({ min: 5, max: 200, noNaN: true }),
  height: fc.double({ min: 5, max: 200, noNaN: true }),
  twist: fc.double({ min: 0, max: 180, noNaN: true }),
})
const near = (actual: number, expected: number, share: number, what: string) =>
  assert.ok(Math.abs(actual - expected) <= Math.abs(expected) * share, `${what}: ${actual}, expected about ${expected}`)

test('an STL file reads back as the mesh that was written, to the precision of 32 bits', () => {
  fc.assert(
    fc.property(shapes, (shape) => {
      const mesh = meshOf(shape, 5)
      const read = parseStl(formatStl(mesh))
      assert.equal(read.triangles, mesh.triangles)
      assert.deepEqual([...read.vertices], [...mesh.vertices].map(Math.fround))
    }),
    { numRuns: 50 },
  )
})

test('a box has the volume, height and outline that geometry says', () => {
  const { volumeMm3, heightMm, outlineMm, layerMm } = slice(
    meshOf({ width: 20, depth: 30, height: 40, twist: 0 }),
    50_000,
  )
  near(volumeMm3, 20 * 30 * 40, 1e-9, 'volume')
  near(heightMm, 40, 1e-12, 'height')
  near(outlineMm * layerMm, 2 * (20 + 30) * 40, 1e-9, 'outline times layer')
})

test('more work changes the effort, not the price by more than a few per cent', () => {
  fc.assert(
    fc.property(shapes, (shape) => {
      const material = { gramsPerCm3: 1.24, centsPerKg: 2400, centsPerHour: 450 }
      const coarse = priceOf(slice(meshOf(shape), 40_000), material, 1)
      const fine = priceOf(slice(meshOf(shape), 160_000), material, 1)
      near(coarse.cents, fine.cents, 0.05 + 2 / fine.cents, 'price')
    }),
    { numRuns: 20 },
  )
})

test('a larger quantity costs more in all and less a piece', () => {
  const slices = slice(meshOf({ width: 40, depth: 40, height: 40, twist: 20 }), 20_000)
  const material = { gramsPerCm3: 1.24, centsPerKg: 2400, centsPerHour: 450 }
  const prices = [1, 10, 100].map((quantity) => ({ quantity, cents: priceOf(slices, material, quantity).cents }))
  for (let i = 1; i < prices.length; i++) {
    assert.ok(prices[i]!.cents > prices[i - 1]!.cents)
    assert.ok(prices[i]!.cents / prices[i]!.quantity < prices[i - 1]!.cents / prices[i - 1]!.quantity)
  }
})

test('a model that is cut off, empty or too large is refused with what is wrong', () => {
  const whole = formatStl(meshOf({ width: 10, depth: 10, height: 10, twist: 0 }, 3))
  const cases = [
    { bytes: whole.subarray(0, 40), says: /shorter than an STL header/ },
    { bytes: whole.subarray(0, whole.length / 2), says: /is \d+ bytes long/ },
    { bytes: new Uint8Array(84), says: /0 triangles/ },
    { bytes: Uint8Array.from({ length: 84 }, (_, i) => (i >= 80 ? 255 : 0)), says: /4294967295 triangles/ },
  ]
  for (const { bytes, says } of cases) assert.throws(() => parseStl(bytes), says)
})

test('calibration gives the work that takes the wanted time by the given clock', () => {
  let calls = 0
  // A clock that says the measured rounds took 4 ms.
  const cpuNow = () => (calls++ === 0 ? 0 : 4)
  const meshes = [meshOf({ width: 10, depth: 10, height: 10, twist: 0 }, 2)]
  assert.equal(calibrate({ cpuMs: 10, meshes, cpuNow, measuredRounds: 2 }), (300_000 * 2 * 10) / 4)
})
