import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError, asArray, asDocument, isRecord, member } from './client.ts'

test('a list is taken out of its envelope, or as it is', () => {
  assert.deepEqual(asArray(member({ incidents: [1, 2] }, 'incidents'), 'incidents'), [1, 2])
  assert.deepEqual(asArray(member([1, 2], 'incidents'), 'incidents'), [1, 2])
})

test('what is no list is refused with a sentence that says what to check', () => {
  for (const body of [null, {}, 'text', 7, { incidents: 'none' }]) {
    assert.throws(
      () => asArray(member(body, 'incidents'), 'incidents'),
      (error) => error instanceof ApiError && /no list of incidents.*same version/.test(error.message),
    )
  }
})

test('a document must have the member that all of its kind have', () => {
  assert.deepEqual(asDocument<{ parts: [] }>({ parts: [] }, 'parts', 'overview'), { parts: [] })
  for (const body of [null, [], {}, '<html>'])
    assert.throws(() => asDocument<{ parts: [] }>(body, 'parts', 'overview'), ApiError)
})

test('null and lists are no records', () => {
  assert.equal(isRecord(null), false)
  assert.equal(isRecord([]), false)
  assert.equal(isRecord({}), true)
})
