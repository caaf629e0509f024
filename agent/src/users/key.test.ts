import assert from 'node:assert/strict'
import { test } from 'node:test'
import { usersKey } from './key.ts'

const SECRET = Buffer.alloc(32, 7)

test('a configured key is the same everywhere; one of the secret file is one of the service', () => {
  const configured = 'correct horse battery staple'
  assert.deepEqual(usersKey(configured, SECRET, 'shop'), usersKey(configured, undefined, 'crm'))
  assert.deepEqual(usersKey(undefined, SECRET, 'shop'), usersKey(undefined, SECRET, 'shop'))
  assert.notEqual(usersKey(undefined, SECRET, 'shop').id, usersKey(undefined, SECRET, 'crm').id)
  assert.notEqual(usersKey(undefined, undefined, 'shop').id, usersKey(undefined, undefined, 'shop').id)
})

test('its id is not a part of the key', () => {
  const { k0, k1, id } = usersKey(undefined, SECRET, 'shop')
  assert.match(id, /^[0-9a-f]{16}$/)
  const key = Buffer.alloc(8)
  key.writeInt32LE(k0, 0)
  key.writeInt32LE(k1, 4)
  assert.notEqual(key.toString('hex'), id)
})
