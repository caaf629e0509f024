import assert from 'node:assert/strict'
import { test } from 'node:test'
import { idText, parseUserSource, userOf } from './source.ts'
import { ConnectionMemory, type VisitedRequest } from './visit.ts'

const request = (headers: VisitedRequest['headers'], more: object = {}): VisitedRequest => ({ headers, ...more })
const read = (
  source: string,
  from: VisitedRequest,
  framework?: unknown,
  memory = new ConnectionMemory(),
): string | undefined => idText(userOf(parseUserSource(source), from, framework, memory))

test('a user is read from a header, a cookie, the user or the session of the framework', () => {
  const from = request({ 'x-user-id': '7', cookie: 'a=1; session=s=2; b; =x' })
  const cases = [
    ['header:X-User-Id', from, undefined, '7'],
    ['header:none', from, undefined, undefined],
    ['header:x', request({ x: ['first', 'second'] }), undefined, 'first'],
    ['cookie:session', from, undefined, 's=2'],
    ['cookie:none', from, undefined, undefined],
    ['cookie:b', from, undefined, undefined],
    ['cookie:a', request({}), undefined, undefined],
    ['user:id', request({}, { user: { id: 7 } }), undefined, '7'],
    ['user:id', from, { user: { id: 'u9' } }, 'u9'],
    ['user:id', from, { state: { user: { id: 8n } } }, '8'],
    ['user:profile.id', from, { user: { profile: { id: 'deep' } } }, 'deep'],
    ['user:profile.id', from, { user: { profile: 'text' } }, undefined],
    ['user:_id', from, { user: { _id: { toHexString: () => 'abc123' } } }, 'abc123'],
    ['user:id', from, { user: undefined }, undefined],
    ['user:id', from, { user: { id: { nested: 1 } } }, undefined],
    ['user:id', from, { user: { id: Number.NaN } }, undefined],
    ['user:id', from, { user: { id: 'x'.repeat(1_000_000) } }, undefined],
    ['session:userId', from, { session: { userId: 's1' } }, 's1'],
    ['session:userId', from, { session: { get: (name: string) => `${name}!` } }, 'userId!'],
    ['session:userId', from, { session: null }, undefined],
    ['session:passport.user', from, { session: { passport: { user: 'p' } } }, 'p'],
  ] as const
  for (const [source, given, framework, expected] of cases)
    assert.equal(
      read(source, given, framework),
      expected,
      `${source} of ${JSON.stringify(framework ?? given, replacer)}`,
    )
})

const replacer = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value)

test('a cookie header is parsed anew when it changes on the connection, and only then', () => {
  const memory = new ConnectionMemory()
  assert.equal(read('cookie:s', request({ cookie: 's=1' }), undefined, memory), '1')
  memory.cookieUser = 'kept'
  assert.equal(read('cookie:s', request({ cookie: 's=1' }), undefined, memory), 'kept')
  assert.equal(read('cookie:s', request({ cookie: 's=2' }), undefined, memory), '2')
  assert.equal(read('cookie:s', request({}), undefined, memory), undefined)
})

test('what is not a source says what to write', () => {
  for (const wrong of [
    'x',
    'header:',
    'header:a b',
    'query:x',
    'user:',
    'user:a..b',
    'user:.a',
    `user:${'a.'.repeat(9)}b`,
  ])
    assert.throws(() => parseUserSource(wrong), /write header:x-user-id/)
})

test('a cookie header of a megabyte is read and not remembered', () => {
  const memory = new ConnectionMemory()
  assert.equal(read('cookie:s', request({ cookie: `a=${'x'.repeat(1_000_000)}; s=1` }), undefined, memory), '1')
  assert.equal(memory.cookies, undefined)
})
