import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEPARTED_MS, Departed } from './departed.ts'
import type { WorkerPage } from './protocol.ts'

const NOBODY: ReadonlySet<string> = new Set()
const hello = (worker: string) => ({ proof: '', worker, startedAt: 1, pid: 1, isThread: true })
const page: WorkerPage = {
  families: (['counter', 'gauge', 'histogram'] as const).map((kind) => ({
    name: kind,
    kind,
    help: '',
    body: Buffer.from(`${kind} 1\n`),
  })),
  users: 'u',
}
const named = (pages: readonly WorkerPage[]): string[][] =>
  pages.map(({ families }) => families.map(({ name }) => name))

test('last words are shown without gauges, to every scraper, and then no more', () => {
  const departed = new Departed()
  departed.add(hello('3'), new Map([['text', page]]), 0)
  for (const at of [0, 1, DEPARTED_MS]) {
    assert.deepEqual(named(departed.pages('text', undefined, NOBODY, at)), [['counter', 'histogram']])
  }
  assert.deepEqual(departed.pages('text', undefined, NOBODY, DEPARTED_MS + 1), [])
})

test('a scraper that comes rarely sees them once all the same', () => {
  const departed = new Departed()
  departed.add(hello('3'), new Map([['text', page]]), 0)
  assert.equal(departed.pages('text', undefined, NOBODY, DEPARTED_MS * 5).length, 1)
  assert.equal(departed.pages('text', undefined, NOBODY, DEPARTED_MS * 5).length, 0)
})

test('a living worker of the same label ends them; a format that nobody asked for has none', () => {
  const departed = new Departed()
  departed.add(hello('3'), new Map([['text', page]]), 0)
  assert.deepEqual(departed.pages('protobuf', undefined, NOBODY, 1), [])
  assert.deepEqual(departed.pages('text', undefined, new Set(['3']), 1), [])
  assert.deepEqual(departed.pages('text', undefined, NOBODY, 2), [])
})

test('families are asked for by name there too', () => {
  const departed = new Departed()
  departed.add(hello('3'), new Map([['text', page]]), 0)
  assert.deepEqual(named(departed.pages('text', new Set(['counter']), NOBODY, 1)), [['counter']])
})

test('however many come and go, few are kept', () => {
  const departed = new Departed()
  for (let i = 0; i < 1_000; i++) departed.add(hello(String(i)), new Map([['text', page]]), i)
  assert.equal(departed.pages('text', undefined, NOBODY, 1_000).length, 32)
  departed.add(hello('silent'), new Map(), 1_000)
  assert.equal(departed.pages('text', undefined, NOBODY, 1_000).length, 32)
})

test('what a hub leaves is shown by whoever is the next one, and forgotten by who joins another', () => {
  const departed = new Departed()
  departed.inherit({ ...page, left: '1', last: 'text' }, 0)
  departed.inherit({ ...page, left: '1', last: 'protobuf' }, 0)
  departed.inherit({ ...page, left: '2', last: 'text' }, 0)
  assert.deepEqual(
    departed.entries().map(({ worker, pages }) => [worker, ...pages.keys()].join(' ')),
    ['1 text protobuf', '2 text'],
  )
  assert.deepEqual(named(departed.pages('protobuf', undefined, NOBODY, 1)), [['counter', 'histogram']])
  departed.clear()
  assert.deepEqual(departed.pages('text', undefined, NOBODY, 1), [])
})
