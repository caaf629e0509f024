import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Guard } from './guard.ts'
import { RouteBook } from './http/routes/route-book.ts'
import { mayKnow, patchWhenMet } from './met.ts'
import { Store } from './store/index.ts'

const familiesOf = (store: Store): string[] => [...store.families()].map(({ name }) => name)

test('a library has metrics when it is met, and not before', () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  const before = familiesOf(store)
  const patch = patchWhenMet({ guard, store: () => store, book: () => new RouteBook(() => 10) })
  const meet = (id: string): void => {
    if (mayKnow(id)) patch({ id, parentFilename: '/app/index.js', exports: {} })
  }
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

test('each module that a patch waits for is met under every name, and by whom it is to be required', () => {
  const cases: readonly (readonly [id: string, by: string, why: string])[] = [
    ['router', '/app/node_modules/express/lib/application.js', 'Express 5'],
    ['./router', '/app/node_modules/express/lib/express.js', 'Express 4'],
    ['./router/index.js', '/app/node_modules/express-4.17/lib/express.js', 'a folder of another name'],
    ['./route', '/app/node_modules/express/lib/router/index.js', 'Express 4, its routes'],
    ['./context', '/app/node_modules/koa/lib/application.js', 'Koa'],
    ['../../router.js', '/app/node_modules/hono/dist/cjs/router/smart-router/index.js', 'Hono'],
    ['/app/node_modules/@redis/client', '/app/node_modules/redis/dist/index.js', 'an absolute name'],
    ['./commands-queue', '/app/node_modules/@redis/client/dist/lib/client/index.js', 'redis, inside'],
    ['./Redis', '/app/node_modules/ioredis/built/index.js', 'ioredis, inside'],
    ['./client', '/app/node_modules/pg/lib/index.js', 'pg, inside'],
  ]
  for (const [id, parentFilename, why] of cases) {
    const met: string[] = []
    const note = (what: string) => (): never => {
      met.push(what)
      throw new Error('enough')
    }
    using guard = new Guard(new Store(), () => {})
    const patch = patchWhenMet({ guard, store: note('store'), book: note('book') })
    assert.ok(mayKnow(id), why)
    assert.throws(() => patch({ id, parentFilename, exports: {} }), /enough/, why)
    assert.equal(met.length, 1, why)
  }
})
