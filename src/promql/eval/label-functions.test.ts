import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parse } from '../parser.ts'
import { compareNatural, labelsOfAbsent } from './label-functions.ts'

test('digits compare as numbers, the rest as text', () => {
  const sorted = ['a10', 'a2', 'a1b', 'a1', 'b', '10', '9'].sort(compareNatural)
  assert.deepEqual(sorted, ['9', '10', 'a1', 'a1b', 'a2', 'a10', 'b'])
})

test('natural order is an order', () => {
  const text = fc.stringMatching(/^[ab0-9]{0,6}$/)
  fc.assert(
    fc.property(text, text, text, (a, b, c) => {
      assert.equal(Math.sign(compareNatural(a, b)), -Math.sign(compareNatural(b, a)) + 0)
      if (compareNatural(a, b) <= 0 && compareNatural(b, c) <= 0) assert.ok(compareNatural(a, c) <= 0)
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
