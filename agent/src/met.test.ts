import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Guard } from './guard.ts'
import { RouteBook } from './http/routes/route-book.ts'
import { patchWhenMet } from './met.ts'
import { Store } from './store/index.ts'

const familiesOf = (store: Store): string[] => [...store.families()].map(({ name }) => name)

test('a library has metrics when it is met, and not before', () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  const before = familiesOf(store)
  const patch = patchWhenMet({ guard, store: () => store, book: () => new RouteBook(() => 10) })
  const meet = (id: string): void => patch({ id, parentFilename: '/app/index.js', exports: {} })
  for (const id of ['./utils', 'express', 'pgx', 'redis-like', '', 'x'.repeat(10_000)]) meet(id)
  assert.deepEqual(familiesOf(store), before)
  meet('@redis/client')
  assert.ok(familiesOf(store).includes('db_client_operation_duration_seconds'))
  assert.ok(!familiesOf(store).includes('messaging_client_sent_messages_total'))
  meet('./lib/channel_model')
  assert.ok(familiesOf(store).includes('messaging_client_sent_messages_total'))
})

test('names that many applications have load nothing', () => {
  const nothing = (): never => assert.fail('it was loaded')
  using guard = new Guard(nothing, () => {})
  const patch = patchWhenMet({ guard, store: nothing, book: nothing })
  for (const id of ['./router', './route', './context', './router/index', './index', '../router.js'])
    patch({ id, parentFilename: '/app/server.js', exports: {} })
})
