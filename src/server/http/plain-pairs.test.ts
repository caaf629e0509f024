import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { tryPlainPairs } from './plain-pairs.ts'

const flatOf = (text: string) => [...new URLSearchParams(text)].flat()

const part = fc.oneof(
  fc.string({ unit: 'grapheme' }).map(encodeURIComponent),
  fc.string({ unit: 'grapheme-ascii' }),
  fc.constantFrom(
    '',
    '+',
    '%20',
    '%',
    '%zz',
    '%C3%A9',
    '%c3',
    '%EF%BF%BD',
    '%EF%BB%BF',
    '%ED%A0%80',
    '%00',
    'é',
    '=',
    '&',
  ),
)
const query = fc
  .array(fc.tuple(part, fc.constantFrom('=', '', '=='), part), { maxLength: 6 })
  .map((pairs) => pairs.map((one) => one.join('')).join('&'))

test('what is plain is read as URLSearchParams reads it', () => {
  let plain = 0
  fc.assert(
    fc.property(query, (text) => {
      const flat = tryPlainPairs(text)
      if (flat === undefined) return
      plain++
      assert.deepEqual(flat, flatOf(text))
    }),
    { numRuns: 2000 },
  )
  assert.ok(plain > 200, `${plain} of them were`)
})

test('what clients send is plain', () => {
  for (const text of [
    '',
    'query=up',
    'query=sum+by+%28job%29+%28rate%28http_requests_total%7Bcode%3D~%225..%22%7D%5B5m%5D%29%29&start=1795281900&end=1795285500.5&step=60',
    'match%5B%5D=up&match%5B%5D=%7Bjob%3D%22caf%C3%A9%22%7D',
    'match[]={job="a b"}',
  ])
    assert.deepEqual(tryPlainPairs(text), flatOf(text), text)
})

test('what only the twin reads is left to it', () => {
  for (const text of ['a=é', 'a=%', 'a=%ff', '&'.repeat(100), Array.from({ length: 100 }, () => 'a=1').join('&')])
    assert.equal(tryPlainPairs(text), undefined, text)
})
