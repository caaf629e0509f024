import assert from 'node:assert/strict'
import { test } from 'node:test'
import { handlerOf } from './handler-of.ts'

test('routes keep their pattern, the files of the UI share one, and what is not there another', () => {
  assert.equal(handlerOf('/api/v1/label/:name/values', ''), '/api/v1/label/:name/values')
  assert.equal(handlerOf('/watch/-/ready', '/watch'), '/-/ready')
  assert.equal(handlerOf('/watch', '/watch'), '/')
  assert.equal(handlerOf('/assets/index-B1x9Qz7a.js', ''), '/static/*')
  assert.equal(handlerOf(undefined, '/watch'), '/*')
})
