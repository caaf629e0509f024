import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { parseUserSource, userOf } from './source.ts'

test('a user is read from a header or a cookie', () => {
  const request = new IncomingMessage(new Socket())
  request.headers = { 'x-user-id': '7', cookie: 'a=1; session=s=2; b' }
  assert.equal(userOf(parseUserSource('header:X-User-Id'), request), '7')
  assert.equal(userOf(parseUserSource('cookie:session'), request), 's=2')
  assert.equal(userOf(parseUserSource('cookie:none'), request), undefined)
  assert.equal(userOf(parseUserSource('header:none'), request), undefined)
})

test('what is not a source says what to write', () => {
  for (const wrong of ['x', 'header:', 'header:a b', 'query:x'])
    assert.throws(() => parseUserSource(wrong), /write header:x-user-id/)
})
