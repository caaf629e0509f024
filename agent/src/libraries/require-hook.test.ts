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
  patchMethod(Client.prototype, 'query', around)
  patchMethod(Client.prototype, 'query', around)
  patchMethod(Client.prototype, 'missing', around)
  patchMethod(undefined, 'query', around)
  assert.equal(new Client().query('x'), '(x!)')
  assert.equal(Client.prototype.query.name, 'query')
  assert.equal(Client.prototype.query.length, 2)
  assert.equal(peek(Client.prototype.query, 'mark'), 1)
  assert.deepEqual(Object.keys(Client.prototype), [])
})
