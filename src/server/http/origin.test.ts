import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLoopback, isOwnHost, requireSameOrigin } from './origin.ts'

const host = '127.0.0.1:2424'

test('our own page and a program may change things', () => {
  requireSameOrigin({ host })
  requireSameOrigin({ host, origin: 'http://127.0.0.1:2424', 'sec-fetch-site': 'same-origin' })
  requireSameOrigin({ host, 'sec-fetch-site': 'none' })
})

const foreign = [
  { why: 'another site', headers: { origin: 'https://evil.example' } },
  { why: 'another port of this machine', headers: { origin: 'http://127.0.0.1:8080' } },
  { why: 'a hidden origin', headers: { origin: 'null' } },
  { why: 'a browser that says so', headers: { 'sec-fetch-site': 'cross-site' } },
  { why: 'another host under the same site', headers: { 'sec-fetch-site': 'same-site' } },
]
for (const { why, headers } of foreign)
  test(`nothing is changed for ${why}`, () =>
    assert.throws(() => requireSameOrigin({ host, ...headers }), { type: 'forbidden' }))

test('addresses, localhost and the external host are ours; a name that merely resolves here is not', () => {
  for (const own of [undefined, '127.0.0.1:2424', '[::1]:2424', 'localhost', 'a.localhost:1', 'assay.example:80'])
    assert.ok(isOwnHost(own, 'https://assay.example/x'), String(own))
  for (const other of ['evil.example', 'evil.example:2424', 'localhost.evil.example'])
    assert.ok(!isOwnHost(other, 'https://assay.example'), other)
})

test('loopback is what only this machine reaches', () => {
  for (const one of ['127.0.0.1', '127.9.9.9', '::1', 'localhost']) assert.ok(isLoopback(one), one)
  for (const one of ['0.0.0.0', '::', '10.0.0.1', '', '127.evil.example']) assert.ok(!isLoopback(one), one)
})
