import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_TEMPLATES, PathGuesser, templateOf } from './guess.ts'

test('words stay, ids do not', () => {
  const cases = [
    ['/', '/'],
    ['/orders', '/orders'],
    ['/orders/4711', '/orders/:id'],
    ['/v1/price-list/items', '/v1/price-list/items'],
    ['/users/3f2504e0-4f89-11d3-9a0c-0305e82c3301/cart', '/users/:id/cart'],
    ['/files/a1b2c3', '/files/:id'],
    ['/favicon.ico', '/favicon.ico'],
    ['/.well-known/x', '/.well-known/x'],
    ['/orders/', '/orders/'],
    ['/caf%C3%A9', '/:id'],
    ['/a/b/c/d/e/f/g/h/i/j', '/a/b/c/d/e/f/g/h/*'],
    ['*', '*'],
    ['http://x/y', '/:other'],
  ] as const
  for (const [path, template] of cases) assert.equal(templateOf(path), template)
})

test('random URLs without end end in a bounded set', () => {
  const guesser = new PathGuesser()
  const templates = new Set<string | undefined>()
  let seed = 1
  for (let i = 0; i < 200_000; i++) {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fff_ffff
    const letters = String.fromCharCode(97 + (seed % 26), 97 + ((seed >> 5) % 26), 97 + ((seed >> 10) % 26))
    templates.add(guesser.guess(`/${letters}/${seed}?x=${i}`))
  }
  assert.ok(templates.size <= MAX_TEMPLATES + 1)
})

test('the same path has the same template, whenever it is asked for', () => {
  const guesser = new PathGuesser()
  assert.equal(guesser.guess('/orders/1?x'), '/orders/:id')
  for (let i = 0; i < 5_000; i++) guesser.guess(`/orders/${i}`)
  assert.equal(guesser.guess('/orders/1'), '/orders/:id')
})
