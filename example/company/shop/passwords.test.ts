import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPassword, hashPassword } from './passwords.ts'

test('a password is known by its hash, another one is not', async () => {
  const stored = hashPassword('workshop')
  assert.equal(await checkPassword('workshop', stored), true)
  assert.equal(await checkPassword('Workshop', stored), false)
  assert.notEqual(hashPassword('workshop'), stored, 'each hash has a salt of its own')
})

test('a hash that is none lets nobody in', async () => {
  assert.equal(await checkPassword('', ''), false)
  assert.equal(await checkPassword('x', 'zz:zz'), false)
})
