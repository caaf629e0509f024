import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeOf, networkSentence, urlOf, whereIs } from './where.ts'

test('a place is named by its variable, or by its field and part', () => {
  assert.equal(whereIs({ env: 'SHOP_DB_URL' }, 'url', 'shopDb'), 'SHOP_DB_URL')
  assert.equal(whereIs('postgres://x', 'url', 'shopDb'), 'the url of shopDb')
})

test('a wrong address is refused without being shown: it may hold a password', () => {
  for (const value of ['not a url', 'mysql://root:hush@db/x']) {
    assert.throws(
      () => urlOf(value, ['postgres', 'postgresql'], 'SHOP_DB_URL'),
      (error: Error) => {
        assert.match(error.message, /^SHOP_DB_URL is no address this part can have; write postgres:\/\//)
        assert.ok(!error.message.includes('hush'))
        return true
      },
    )
  }
  assert.equal(urlOf('postgresql://db/x', ['postgres', 'postgresql'], 'X').host, 'db')
})

test('the code of an error is found through causes and attempts', () => {
  const refused = Object.assign(new Error('x'), { code: 'ECONNREFUSED' })
  assert.equal(codeOf(new TypeError('fetch failed', { cause: refused })), 'ECONNREFUSED')
  assert.equal(codeOf(new AggregateError([refused])), 'ECONNREFUSED')
  assert.equal(networkSentence(new Error('other'), 'db:1'), undefined)
})
