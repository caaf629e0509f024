import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LabelIndex, type LabelValues, NO_PLACE } from './label-index.ts'
import { wellFormed } from './label-text.ts'

/** What tells two series apart: their values, without absent ones at the end. */
function keyOf(values: LabelValues): string {
  const texts = values.map((value) => wellFormed(value ?? ''))
  while (texts.at(-1) === '') texts.pop()
  return JSON.stringify(texts)
}

test('values lead to the place that was set for them, whatever came between, and to none when none was', () => {
  const value = fc.oneof(
    fc.constantFrom(undefined, '', 'a', 'b', 'c'),
    fc.nat(400).map(String),
    fc.string({ unit: 'binary', maxLength: 3 }),
    fc.constantFrom('x'.repeat(256), 'x'.repeat(300)),
  )
  const given = fc.array(value, { maxLength: 6 })
  fc.assert(
    fc.property(fc.array(given, { maxLength: 400, size: 'max' }), fc.array(given), (made, asked) => {
      const index = new LabelIndex()
      const places = new Map<string, number>()
      for (const [i, values] of made.entries()) {
        const node = index.node(values, true)
        assert.equal(index.placeAt(node), places.get(keyOf(values)) ?? NO_PLACE)
        index.setPlace(node, i)
        places.set(keyOf(values), i)
      }
      for (const values of [...made, ...asked])
        assert.equal(index.placeAt(index.node(values, false)), places.get(keyOf(values)) ?? NO_PLACE)
      assert.equal(index.nodes, places.size)
    }),
    { numRuns: 50 },
  )
})

test('each of a hundred thousand combinations of few values is found', () => {
  const index = new LabelIndex()
  const values = (i: number): string[] => [`${i % 100}`, `${Math.floor(i / 100) % 100}`, `${Math.floor(i / 10_000)}`]
  for (let i = 0; i < 100_000; i++) index.setPlace(index.node(values(i), true), i)
  for (let i = 0; i < 100_000; i++) assert.equal(index.placeAt(index.node(values(i), false)), i)
  assert.equal(index.nodes, 100_000)
})
