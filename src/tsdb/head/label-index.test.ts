import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels, matcher, matchesAll } from '#core'
import { compareLabels } from '#storage'
import { anyMatchers, distinctLabels } from './any-labels.test-support.ts'
import { LabelIndex } from './label-index.ts'

function indexOf(all: readonly Labels[]): LabelIndex {
  const index = new LabelIndex()
  for (const [i, one] of all.entries()) index.add(i + 1, one)
  return index
}

test('a selection finds exactly what a walk over all series finds, also after removals, additions and a copy', () => {
  fc.assert(
    fc.property(
      distinctLabels,
      fc.array(fc.nat(29)),
      fc.array(anyMatchers, { maxLength: 4 }),
      fc.nat(30),
      (all, removed, asked, later) => {
        const early = Math.min(later, all.length)
        const index = indexOf(all.slice(0, early))
        // Asked before the others come: what was kept of the expressions is carried on.
        for (const given of asked) index.select(given)
        for (let i = early; i < all.length; i++) index.add(i + 1, all[i]!)
        const gone = new Set(removed.filter((i) => i < all.length))
        for (const i of gone) index.remove(i + 1)
        const copy = new LabelIndex()
        for (let slot = 1; slot < index.end; slot++) if (index.has(slot)) copy.copyFrom(index, slot)
        for (const one of [index, copy])
          for (const given of asked) {
            const expected = [...all.keys()].filter((i) => !gone.has(i) && matchesAll(given, all[i]!)).map((i) => i + 1)
            assert.deepEqual(
              [...one.select(given)].toSorted((a, b) => a - b),
              expected,
            )
          }
        for (const [i, one] of all.entries()) {
          assert.equal(index.find(one), gone.has(i) ? 0 : i + 1)
          assert.equal(copy.find(one), gone.has(i) ? 0 : i + 1)
          assert.equal(copy.labelsOf(i + 1).key, gone.has(i) ? '' : one.key)
        }
      },
    ),
    { numRuns: 300 },
  )
})

test('slots are sorted as their labels are', () => {
  fc.assert(
    fc.property(distinctLabels, fc.nat(30), (all, later) => {
      const early = Math.min(later, all.length)
      const index = indexOf(all.slice(0, early))
      index.sort(index.select([]))
      for (let i = early; i < all.length; i++) index.add(i + 1, all[i]!)
      const slots = index.select([])
      index.sort(slots)
      assert.deepEqual(
        [...slots].map((slot) => index.labelsOf(slot).key),
        all.toSorted(compareLabels).map((one) => one.key),
      )
    }),
    { numRuns: 300 },
  )
})

test('few series are estimated as many as they are, many no lower', () => {
  const index = new LabelIndex()
  for (let i = 1; i <= 3000; i++)
    index.add(i, Labels.of({ job: i <= 900 ? 'shop' : 'crm', instance: `i${i % 100}`, odd: String(i % 2) }))
  const estimate = (...names: readonly [string, string][]) =>
    index.estimate(names.map(([name, value]) => matcher(name, '=', value)))
  assert.equal(estimate(['job', 'shop'], ['instance', 'i7']), 9)
  assert.equal(estimate(['job', 'shop'], ['odd', '1']), 450)
  assert.equal(estimate(['job', 'crm'], ['odd', '1']), 1500)
  assert.equal(estimate(['job', 'crm'], ['instance', 'none']), 0)
  index.remove(107)
  assert.equal(estimate(['job', 'shop'], ['instance', 'i7']), 8)
  assert.equal(estimate(['job', 'shop']), 900)
  const few = [matcher('job', '=', 'shop'), matcher('instance', '=~', 'i7')]
  assert.equal(index.estimate(few), 900)
  // Of a selection that is kept, as long as nothing came.
  const plain = [matcher('job', '=', 'shop'), matcher('instance', '!=', 'i7')]
  assert.equal(index.sorted(plain).length, index.estimate(plain))
  index.add(3001, Labels.of({ job: 'shop', instance: 'i8' }))
  assert.equal(index.sorted(plain).length, index.estimate(plain))
})

test('a series that is gone can be added again under another slot', () => {
  const index = new LabelIndex()
  const up = Labels.of({ __name__: 'up', job: 'shop' })
  index.add(1, up)
  index.remove(1)
  assert.equal(index.find(up), 0)
  index.add(2, up)
  assert.equal(index.find(up), 2)
  assert.deepEqual([...index.select([matcher('job', '=', 'shop')])], [2])
  assert.equal(index.seriesCount, 1)
})

test('a thousand series with long lists of slots are found by what they share', () => {
  const index = new LabelIndex()
  for (let i = 1; i <= 5000; i++) index.add(i, Labels.of({ job: 'shop', instance: `i${i}`, shard: String(i % 7) }))
  assert.equal(index.select([matcher('job', '=', 'shop')]).length, 5000)
  assert.equal(index.select([matcher('shard', '=', '3')]).length, 714)
  assert.deepEqual([...index.select([matcher('instance', '=~', 'i(17|4711)')])], [17, 4711])
  assert.equal(index.isWorn, false)
  for (let i = 1; i <= 3000; i++) index.remove(i)
  assert.equal(index.isWorn, true)
  assert.equal(index.select([matcher('job', '=', 'shop')]).length, 2000)
})

test('a text that is not well-formed is the one that it becomes in UTF-8', () => {
  const index = new LabelIndex()
  index.add(1, Labels.of({ job: 'a\ud800b' }))
  assert.equal(index.find(Labels.of({ job: 'a\ufffdb' })), 1)
  assert.equal(index.labelsOf(1).get('job'), 'a\ufffdb')
})
