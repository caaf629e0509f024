import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels } from '#core'
import { parse } from '../parser.ts'
import type { Column } from './column.ts'
import { labelsOfAbsent, precedesNaturally, sortByLabels } from './label-functions.ts'

function sorted(values: readonly string[], descending = false): readonly string[] {
  const columns = values.map((x): Column => {
    const labels = Labels.of({ x })
    return { labels, dropName: false, values: new Float64Array(1), kinds: new Uint8Array(1) }
  })
  return sortByLabels({ type: 'vector', columns }, ['x'], descending).columns.map(({ labels }) => labels.get('x'))
}

test('digits compare as numbers, the rest as text', () => {
  const order = ['9', '10', 'a1', 'a1b', 'a2', 'a10', 'b']
  assert.deepEqual(sorted(['a10', 'a2', 'a1b', 'a1', 'b', '10', '9']), order)
  assert.deepEqual(sorted(order, true), order.toReversed())
})

// What Prometheus 3.5 answers when it is asked.
test('few series without the label stay where they come, as Go sorts them', () => {
  assert.deepEqual(sorted(['a10', 'a2', 'a02', '']), ['a02', 'a2', 'a10', ''])
  assert.deepEqual(sorted(['a10', 'a2', 'a02', ''], true), ['', 'a10', 'a2', 'a02'])
  assert.deepEqual(sorted(['', 'b', 'a']), ['', 'a', 'b'])
})

test('digits beyond 64 bits are text', () => {
  assert.equal(precedesNaturally('9223372036854775807', '10000000000000000000'), false)
  assert.equal(precedesNaturally('10000000000000000000', '9223372036854775807'), true)
})

test('many series come out in one order, whatever the order they come in', () => {
  const values = fc.uniqueArray(fc.stringMatching(/^[ab0-9]{0,6}$/), { minLength: 13, maxLength: 30 })
  fc.assert(
    fc.property(values, fc.infiniteStream(fc.double({ noNaN: true })), (given, random) => {
      const keys = new Map(given.map((value) => [value, random.next().value as number]))
      const shuffled = given.toSorted((a, b) => keys.get(a)! - keys.get(b)!)
      assert.deepEqual(sorted(shuffled), sorted(given))
    }),
  )
})

test('numbers come in their order, and backwards in its reverse', () => {
  const values = fc.uniqueArray(fc.nat(), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(values, (given) => {
      const expected = given.toSorted((a, b) => a - b).map(String)
      assert.deepEqual(sorted(given.map(String)), expected)
      assert.deepEqual(sorted(given.map(String), true), expected.toReversed())
    }),
  )
})

test('what is absent has the labels that its matchers fix, once each', () => {
  const labels = (text: string) => labelsOfAbsent(parse(text)).toString()
  assert.equal(labels('up{job="a",x=~"b"}'), '{job="a"}')
  assert.equal(labels('up{job="a",job="b",y="c"}'), '{y="c"}')
  assert.equal(labels('(up{job="a"}[5m])'), '{job="a"}')
  assert.equal(labels('sum(up{job="a"})'), '{}')
})
