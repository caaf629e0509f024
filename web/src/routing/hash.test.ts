import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatHash, parseHash, withParams } from './hash.ts'

test('a place survives formatting and parsing', () => {
  const segment = fc.stringMatching(/^[a-zA-Z0-9_-]{1,12}$/)
  fc.assert(
    fc.property(
      fc.array(segment, { maxLength: 3 }),
      fc.dictionary(segment, fc.string(), { maxKeys: 3 }),
      (path, params) => {
        const place = { path: `/${path.join('/')}`, search: new URLSearchParams(params).toString() }
        assert.deepEqual(parseHash(formatHash(place)), place)
      },
    ),
  )
})

test('no hash, or one that is not ours, is the overview', () => {
  for (const hash of ['', '#', '#main']) assert.equal(parseHash(hash).path, '/')
})

test('parameters are set and removed without touching the others', () => {
  assert.equal(withParams('a=1&b=2', { b: undefined, c: 'x y' }), 'a=1&c=x+y')
})
