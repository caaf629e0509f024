import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Metadata, MetadataStore } from './metadata.ts'

const of = (help: string): Metadata => ({ type: 'counter', help, unit: 'seconds' })

test('what is known of a family is what was said last, and its revision grows with changes alone', () => {
  const store = new MetadataStore()
  store.set('a', of('one'))
  store.set('b', of('two'))
  const { revision } = store
  store.set('a', of('one'))
  assert.equal(store.revision, revision)
  store.set('a', { ...of('one'), unit: '' })
  assert.ok(store.revision > revision)
  assert.deepEqual(
    [...store],
    [
      ['b', of('two')],
      ['a', { ...of('one'), unit: '' }],
    ],
  )
  assert.equal(store.get('c'), undefined)
})

test('families that changed longest ago leave when there are too many, or too many characters', () => {
  const many = new MetadataStore()
  for (let i = 0; i < 50_010; i++) many.set(`f${i}`, of(''))
  assert.deepEqual([many.size, many.get('f9'), many.get('f10')], [50_000, undefined, of('')])
  const long = new MetadataStore()
  for (let i = 0; i < 1000; i++) long.set(`f${i}`, of(`${i}`.padEnd(60_000)))
  assert.ok(long.size > 500 && long.size < 600, `${long.size} families of 60,000 characters`)
  assert.ok(long.get('f999') !== undefined)
  assert.deepEqual([many.evicted, long.evicted], [10, 1000 - long.size])
  assert.ok(long.characters > 500 * 60_000)
})

test('a help text without end is cut off, and said again is no change', () => {
  const store = new MetadataStore()
  store.set('a', of('x'.repeat(1_000_000)))
  const { revision } = store
  store.set('a', of('x'.repeat(1_000_000)))
  assert.equal(store.get('a')?.help.length, 65_536)
  assert.equal(store.revision, revision)
})
