import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bearerOf, signToken, tryReadToken } from './tokens.ts'

const HOUR = 3600_000

test('a token names its subject until it expires', () => {
  const token = signToken('customer-7', 'secret', 0)
  assert.equal(tryReadToken(token, 'secret', 11 * HOUR), 'customer-7')
  assert.equal(tryReadToken(token, 'secret', 13 * HOUR), undefined)
})

test('a token that was changed, cut, or signed by another names nobody', () => {
  const token = signToken('7', 'secret', 0)
  const [, expiry, signature] = token.split('.')
  for (const bad of [
    `8.${expiry}.${signature}`,
    `7.${Number(expiry) + 1}.${signature}`,
    token.slice(0, -1),
    '',
    '..',
    'x',
  ])
    assert.equal(tryReadToken(bad, 'secret', 0), undefined, bad)
  assert.equal(tryReadToken(token, 'other', 0), undefined)
})

test('a bearer header gives its token, anything else gives none', () => {
  assert.equal(bearerOf('Bearer a.b.c'), 'a.b.c')
  for (const other of [undefined, '', 'Basic abc', 'Bearer']) assert.equal(bearerOf(other), '')
})
