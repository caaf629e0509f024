import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { giveNumbersBack, NumbersRoom, takeNumbers } from './numbers-room.ts'

const asked = fc.record({
  kind: fc.constantFrom('floats', 'integers', 'clear'),
  count: fc.oneof(fc.nat({ max: 50 }), fc.nat({ max: 200_000 })),
})

test('columns that are taken are as long as asked, and do not lie over each other until all are free', () => {
  fc.assert(
    fc.property(fc.array(asked, { maxLength: 40 }), (all) => {
      const room = new NumbersRoom()
      let taken: { column: Float64Array | Int32Array; mark: number }[] = []
      for (const [mark, { kind, count }] of all.entries()) {
        if (kind === 'clear') {
          room.clear()
          taken = []
          continue
        }
        const column = kind === 'floats' ? room.floats(count) : room.integers(count)
        assert.equal(column.length, count)
        column.fill(mark)
        taken.push({ column, mark })
      }
      for (const { column, mark } of taken) assert.ok(column.every((one) => one === mark))
    }),
    { numRuns: 50 },
  )
})

test('what was taken before is taken again, and nothing more is asked for', () => {
  const room = new NumbersRoom()
  const take = () => {
    for (let i = 0; i < 100; i++) room.floats(1000)
  }
  take()
  const { sizeBytes } = room
  for (let i = 0; i < 5; i++) {
    room.clear()
    take()
  }
  assert.equal(room.sizeBytes, sizeBytes)
})

test('a room that is given back is the next one, unless it has grown large', () => {
  const small = takeNumbers()
  const large = takeNumbers()
  large.floats(2 ** 20)
  giveNumbersBack(small)
  giveNumbersBack(large)
  assert.equal(takeNumbers(), small)
  assert.notEqual(takeNumbers(), large)
})
