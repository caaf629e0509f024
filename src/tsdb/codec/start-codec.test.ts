import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MAX_INSTANT } from '#storage'
import { ByteReader, ByteWriter, DamagedError } from './bytes.ts'
import { decodeStarts, StartRuns } from './start-codec.ts'

const anyStarts = fc.array(
  fc.oneof(fc.constantFrom(0, 0, 1.7e12, 1.7e12), fc.integer(), fc.constantFrom(MAX_INSTANT, -MAX_INSTANT)),
  { minLength: 1, maxLength: 50 },
)

function runsOf(starts: readonly number[]): StartRuns {
  const runs = new StartRuns()
  for (const [place, startAt] of starts.entries()) if (startAt !== 0) runs.push(place, startAt)
  return runs
}

test('start timestamps come back, and those that are not known stay so, up to any limit', () => {
  fc.assert(
    fc.property(anyStarts, fc.nat(60), (starts, limit) => {
      const runs = runsOf(starts)
      const expected = [0, 0, ...starts.map((startAt, i) => (i < limit ? startAt : 0)), 0]
      const filled = new Float64Array(starts.length + 3)
      runs.fill(filled, 2, limit)
      assert.deepEqual([...filled], expected)
      const out = new ByteWriter(1)
      runs.encode(out)
      const read = new Float64Array(starts.length + 3)
      const source = new ByteReader(out.view())
      decodeStarts(source, { size: starts.length, limit }, { column: read, to: 2 })
      assert.ok(source.done)
      assert.deepEqual([...read], expected)
    }),
  )
})

test('a start that never changes costs the same for any number of samples', () => {
  const out = new ByteWriter()
  runsOf(new Array<number>(512).fill(1.7e12)).encode(out)
  assert.ok(out.length <= 12, `${out.length} bytes`)
})

test('damaged bytes are an error or other starts, within the column', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 20 }), (bytes, size) => {
      const column = new Float64Array(size + 2).fill(7)
      try {
        decodeStarts(new ByteReader(bytes), { size, limit: size }, { column, to: 1 })
      } catch (error) {
        assert.ok(error instanceof DamagedError, `${error}`)
      }
      assert.deepEqual([column[0], column.at(-1)], [7, 7])
    }),
    { numRuns: 500 },
  )
})
