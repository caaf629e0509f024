import assert from 'node:assert/strict'
import { test } from 'node:test'
import { patchMethod, peek } from './require-hook.ts'

test('a patched method keeps its name, length, properties and place, and is patched once', () => {
  class Client {
    query(text: string, _values?: unknown): string {
      return `${text}!`
    }
  }
  Object.assign(Client.prototype.query, { mark: 1 })
  const around = (original: (this: object, ...given: unknown[]) => unknown) =>
    function (this: object, ...given: unknown[]): unknown {
      return `(${String(original.apply(this, given))})`
    }
  assert.equal(patchMethod(Client.prototype, 'query', around), true)
  assert.equal(patchMethod(Client.prototype, 'query', around), true)
  assert.equal(patchMethod(Client.prototype, 'missing', around), false)
  assert.equal(patchMethod(undefined, 'query', around), false)
  assert.equal(new Client().query('x'), '(x!)')
  assert.equal(Client.prototype.query.name, 'query')
  assert.equal(Client.prototype.query.length, 2)
  assert.equal(peek(Client.prototype.query, 'mark'), 1)
  assert.deepEqual(Object.keys(Client.prototype), [])
})

test('what is frozen is left as it is, and the caller is told', () => {
  const holder = Object.freeze({ query: () => 'x' })
  const before = holder.query
  assert.equal(
    patchMethod(holder, 'query', () => () => 'other'),
    false,
  )
  assert.equal(holder.query, before)
})
