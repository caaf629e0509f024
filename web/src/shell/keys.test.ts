import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type KeyState, NO_KEYS, press, SEQUENCE_MS } from './keys.ts'
import { PAGES } from './pages.ts'

const plain = (key: string) => ({ key, chord: false, inField: false })

test('g and a letter go to each page', () => {
  for (const page of PAGES) {
    const [waiting] = press(NO_KEYS, plain('g'), 0)
    assert.deepEqual(press(waiting, plain(page.key), 300), [NO_KEYS, { kind: 'go', path: page.path }])
  }
})

test('no two pages share a letter', () => {
  assert.equal(new Set(PAGES.map((page) => page.key)).size, PAGES.length)
})

test('a g that waited too long is forgotten', () => {
  const waiting: KeyState = { prefixAt: 0 }
  assert.equal(press(waiting, plain('o'), SEQUENCE_MS + 1)[1], undefined)
})

test('typing into a field and chords with Ctrl do nothing', () => {
  assert.equal(press(NO_KEYS, { key: '?', chord: false, inField: true }, 0)[1], undefined)
  assert.equal(press(NO_KEYS, { key: 'g', chord: true, inField: false }, 0)[0].prefixAt, undefined)
})

test('? helps, / searches, d changes the scheme', () => {
  assert.deepEqual(press(NO_KEYS, plain('?'), 0)[1], { kind: 'help' })
  assert.deepEqual(press(NO_KEYS, plain('/'), 0)[1], { kind: 'search' })
  assert.deepEqual(press(NO_KEYS, plain('d'), 0)[1], { kind: 'scheme' })
})
