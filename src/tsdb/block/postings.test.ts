import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels, MATCH_OPS, matcher, matchesAll } from '#core'
import { labelTest, Postings } from './postings.ts'

const text = fc.constantFrom('', 'a', 'b', 'ab')
const labels = fc.record({ x: text, y: text, z: text }).map((record) => Labels.of(record))
const matchers = fc.array(
  fc
    .tuple(
      fc.constantFrom('x', 'y', 'z', 'w'),
      fc.constantFrom(...MATCH_OPS),
      fc.constantFrom('', 'a', 'a.*', '.*', '.+', 'a|b'),
    )
    .map(([name, op, value]) => matcher(name, op, value)),
  { maxLength: 3 },
)

test('candidates and test together find exactly what a walk over all series finds, also after removals', () => {
  fc.assert(
    fc.property(fc.array(labels, { maxLength: 20 }), fc.array(fc.nat(19)), matchers, (all, removed, given) => {
      const postings = new Postings()
      for (const [slot, one] of all.entries()) postings.add(slot, one)
      const gone = new Map(removed.filter((slot) => slot < all.length).map((slot) => [slot, all[slot]!]))
      postings.remove(gone)
      const there = [...all.keys()].filter((slot) => !gone.has(slot))
      const test = labelTest(given)
      const found = (postings.candidates(given) ?? there).filter((slot) => test(all[slot]!))
      const expected = there.filter((slot) => matchesAll(given, all[slot]!))
      assert.deepEqual(
        found.toSorted((a, b) => a - b),
        expected,
      )
    }),
    { numRuns: 500 },
  )
})

test('a selection begins at the shortest list', () => {
  const postings = new Postings()
  for (let slot = 1; slot <= 100; slot++) postings.add(slot, Labels.of({ job: 'shop', i: `${slot}` }))
  assert.deepEqual(postings.candidates([matcher('job', '=', 'shop'), matcher('i', '=', '7')]), [7])
  assert.equal(postings.candidates([matcher('job', '=~', '.*')]), undefined)
  assert.deepEqual(postings.candidates([matcher('nope', '=', 'x')]), [])
})
