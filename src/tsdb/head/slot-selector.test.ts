import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels, matcher, matchesAll } from '#core'
import { compareLabels } from '#storage'
import { anyMatchers, distinctLabels } from './any-labels.test-support.ts'
import { nothingKnown } from './index-pieces.ts'
import { LabelIndex } from './label-index.ts'

/** What happens to an index between two questions. */
const steps = fc.array(
  fc.oneof(
    fc.record({ add: fc.nat(29) }),
    fc.record({ remove: fc.nat(29) }),
    fc.record({ tell: fc.constant(true) }),
    fc.record({ ask: fc.nat(2) }),
  ),
  { maxLength: 60 },
)

test('a kept selection is what a walk finds, in order, here and in a thread that was told', () => {
  fc.assert(
    fc.property(distinctLabels, fc.array(anyMatchers, { minLength: 3, maxLength: 3 }), steps, (all, asked, script) => {
      const index = new LabelIndex()
      const told = new LabelIndex()
      const known = nothingKnown()
      const slotOf = new Map<Labels, number>()
      let toldOf = new Map<Labels, number>()
      let next = 1
      const expected = (among: ReadonlyMap<Labels, number>, given: (typeof asked)[number]) =>
        [...among]
          .filter(([one]) => matchesAll(given, one))
          .sort(([a], [b]) => compareLabels(a, b))
          .map(([, slot]) => slot)
      for (const step of script) {
        if ('add' in step) {
          const one = all[step.add]
          if (one === undefined || slotOf.has(one)) continue
          index.add(next, one)
          slotOf.set(one, next++)
        } else if ('remove' in step) {
          const one = all[step.remove]
          if (one === undefined || !slotOf.has(one)) continue
          // What is gone has no labels anywhere any more, told or not.
          index.remove(slotOf.get(one)!)
          slotOf.delete(one)
          told.adopt(index.piecesFor(known))
          toldOf = new Map(slotOf)
        } else if ('tell' in step) {
          told.adopt(index.piecesFor(known))
          toldOf = new Map(slotOf)
        } else {
          const given = asked[step.ask]!
          assert.deepEqual([...index.sorted(given)], expected(slotOf, given))
          assert.deepEqual([...told.sorted(given)], expected(toldOf, given))
          for (const [one, slot] of toldOf) assert.equal(told.labelsOf(slot).key, one.key)
        }
      }
    }),
    { numRuns: 500 },
  )
})

test('a thread that was told before tables and lists grew finds what it was told of', () => {
  const index = new LabelIndex()
  const told = new LabelIndex()
  const labelsOf = (i: number) => Labels.of({ __name__: 'up', job: `job-${i % 7}`, instance: `i-${i}` })
  for (let i = 1; i <= 1000; i++) index.add(i, labelsOf(i))
  told.adopt(index.piecesFor(nothingKnown()))
  for (let i = 1001; i <= 100_000; i++) index.add(i, labelsOf(i))
  assert.equal(told.sorted([matcher('__name__', '=', 'up')]).length, 1000)
  assert.equal(told.sorted([matcher('instance', '=~', 'i-9.*')]).length, 111)
  assert.equal(told.sorted([matcher('job', '=', 'job-3')]).length, 143)
  assert.equal(told.symbol('i-5000'), 0)
  assert.equal(index.sorted([matcher('__name__', '=', 'up')]).length, 100_000)
})
