import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tryParseFaults } from './faults.ts'

test('a board gives the faults that are on and since when', () => {
  assert.deepEqual(tryParseFaults('{"mes-slow":12,"crm-errors":34}'), { 'mes-slow': 12, 'crm-errors': 34 })
  assert.deepEqual(tryParseFaults('{}'), {})
})

test('entries that are no instants are left out', () => {
  assert.deepEqual(tryParseFaults('{"mes-slow":true,"crm-errors":34}'), { 'crm-errors': 34 })
})

test('a board that is half written changes nothing', () => {
  for (const text of ['', '{"mes-slow":1', 'null', '[1]', '7']) assert.equal(tryParseFaults(text), undefined, text)
})
