import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels } from '#core'
import type { Matching } from '../ast.ts'
import { matchLabels } from './grouping.ts'
import { groupOf, pairOf } from './known-matches.ts'

const value = fc.constantFrom('', '1', '2')
const labels = fc
  .record({ __name__: fc.constantFrom('m', 'n'), a: value, b: value, c: value })
  .map((all) => Labels.of(Object.fromEntries(Object.entries(all).filter(([, text]) => text !== ''))))
const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', '__name__'))
const matching = fc.record({
  card: fc.constantFrom<Matching['card'][]>('one-to-one', 'many-to-one'),
  on: fc.boolean(),
  labels: names,
  include: names,
})

test('what is known of a match is what is found anew, whatever was asked between', () => {
  fc.assert(
    fc.property(
      fc.array(labels, { minLength: 1, maxLength: 6 }),
      fc.array(matching, { minLength: 1, maxLength: 3 }),
      fc.array(fc.tuple(fc.nat(5), fc.nat(6), fc.nat(2)), { maxLength: 40 }),
      (all, matchings, asked) => {
        for (const [i, j, k] of asked) {
          const many = all[i % all.length]!
          // The last one stands for a side that is filled.
          const one = j === 6 ? undefined : all[j % all.length]!
          const by = matchings[k % matchings.length]!
          assert.equal(groupOf(many, by).key, matchLabels(many, by.on, by.labels).key)
          const make = () => many.with('one', one?.key ?? 'none').with('by', JSON.stringify(by))
          assert.equal(pairOf(many, one, by, make).key, make().key)
        }
      },
    ),
  )
})

test('a pair that comes again is not made again, and another partner is', () => {
  const by: Matching = { card: 'many-to-one', on: true, labels: ['a'], include: ['b'] }
  const [many, first, second] = ['1', '2', '3'].map((a) => Labels.of({ a }))
  let made = 0
  const ask = (one: Labels | undefined) => pairOf(many!, one, by, () => Labels.of({ made: String(++made) })).get('made')
  assert.deepEqual([first, first, second, first, undefined, undefined].map(ask), ['1', '1', '2', '3', '4', '4'])
  assert.equal(groupOf(many!, by), groupOf(many!, by))
})

test('no more is kept than fits: then it is found anew', () => {
  const by: Matching = { card: 'one-to-one', on: true, labels: ['a'], include: [] }
  const first = Labels.of({ a: 'x', b: 'y' })
  const group = groupOf(first, by)
  for (let i = 0; i < 40_000; i++) groupOf(Labels.of({ a: String(i), b: 'y' }), by)
  assert.notEqual(groupOf(first, by), group)
  assert.equal(groupOf(first, by).key, group.key)
})
