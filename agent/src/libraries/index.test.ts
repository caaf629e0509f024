import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Guard } from '../guard.ts'
import { Store } from '../store/index.ts'
import { libraryPatches } from './index.ts'

const familiesOf = (store: Store): string[] => [...store.families()].map(({ name }) => name)

test('a library has metrics when it is met, and not before', () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  const before = familiesOf(store)
  const patches = libraryPatches(store, guard)
  const meet = (id: string): void => {
    for (const patch of patches) patch({ id, parentFilename: '/app/index.js', exports: {} })
  }
  for (const id of ['./utils', 'express', 'pgx', 'redis-like', '', 'x'.repeat(10_000)]) meet(id)
  assert.deepEqual(familiesOf(store), before)
  meet('@redis/client')
  assert.ok(familiesOf(store).includes('db_client_operation_duration_seconds'))
  assert.ok(!familiesOf(store).includes('messaging_client_sent_messages_total'))
  meet('./lib/channel_model')
  assert.ok(familiesOf(store).includes('messaging_client_sent_messages_total'))
})
