import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteCache } from './byte-cache.ts'

test('what was used longest ago leaves first, by bytes', () => {
  const cache = new ByteCache<string>(10)
  cache.set('a', 'A', 4)
  cache.set('b', 'B', 4)
  assert.equal(cache.get('a'), 'A')
  cache.set('c', 'C', 4)
  assert.deepEqual([cache.get('a'), cache.get('b'), cache.get('c'), cache.bytes], ['A', undefined, 'C', 8])
  assert.equal(cache.evicted, 1)
})

test('an entry larger than the whole bound stays until the next comes', () => {
  const cache = new ByteCache<string>(10)
  cache.set('a', 'A', 4)
  cache.set('big', 'B', 50)
  assert.deepEqual([cache.get('a'), cache.get('big')], [undefined, 'B'])
  cache.set('c', 'C', 1)
  assert.deepEqual([cache.get('big'), cache.get('c'), cache.bytes], [undefined, 'C', 1])
})

test('setting again replaces, and a prefix is forgotten whole', () => {
  const cache = new ByteCache<string>(100)
  cache.set('x:1', 'old', 4)
  cache.set('x:1', 'new', 6)
  cache.set('x:2', 'two', 6)
  cache.set('y:1', 'other', 6)
  assert.equal(cache.get('x:1'), 'new')
  cache.deletePrefix('x:')
  assert.deepEqual(
    [cache.get('x:1'), cache.get('x:2'), cache.get('y:1'), cache.bytes],
    [undefined, undefined, 'other', 6],
  )
  assert.equal(cache.evicted, 0, 'nothing had to make room')
})
