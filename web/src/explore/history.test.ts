import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_ASKED, parseAsked, withAsked } from './history.ts'

test('the newest question is first, and stands there once', () => {
  assert.deepEqual(withAsked(['up', 'a'], 'a'), ['a', 'up'])
})

test('the list is bounded', () => {
  const many = Array.from({ length: 40 }, (_, i) => `q${i}`)
  assert.equal(withAsked(many, 'x').length, MAX_ASKED)
  assert.equal(parseAsked(JSON.stringify(many)).length, MAX_ASKED)
})

test('what is stored may be anything', () => {
  for (const text of [null, '', '{', '{"a":1}', '[1,null,{}]']) assert.deepEqual(parseAsked(text), [])
})
