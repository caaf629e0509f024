import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MAX_TEMPLATES, PathGuesser, templateOf } from './guess.ts'
import { Routes } from './routes.ts'

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
  const routes = new Routes(() => 2_000)
  const templates = new Set<string | undefined>()
  let seed = 1
  for (let i = 0; i < 200_000; i++) {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fff_ffff
    const letters = String.fromCharCode(97 + (seed % 26), 97 + ((seed >> 5) % 26), 97 + ((seed >> 10) % 26))
    templates.add(guesser.guess(`/${letters}/${seed}?x=${i}`, routes)?.template)
  }
  assert.ok(templates.size <= MAX_TEMPLATES + 1)
})

test('the same path has the same template, whenever it is asked for', () => {
  const guesser = new PathGuesser()
  const routes = new Routes(() => 2_000)
  assert.equal(guesser.guess('/orders/1?x', routes)?.template, '/orders/:id')
  for (let i = 0; i < 5_000; i++) guesser.guess(`/${'a'.repeat(i % 20)}/b/${i}`, routes)
  assert.equal(guesser.guess('/orders/1', routes)?.template, '/orders/:id')
})

test('a path that is read once has the template that is written slowly', () => {
  const segment = fc.oneof(
    fc.constantFrom(
      'orders',
      'v1',
      'v12',
      'v123',
      'V1',
      '.well-known',
      '.well',
      'price-list',
      'a-b.c_d',
      'a-b.c_d-e',
      'x-',
      '-x',
      '',
      'a'.repeat(24),
      'a'.repeat(25),
      `a-${'b'.repeat(23)}`,
      `a-${'b'.repeat(24)}`,
    ),
    fc.stringMatching(/^[a-z0-9._-]{0,30}$/),
    fc.string({ maxLength: 6 }).map((text) => text.replaceAll('/', '')),
  )
  const path = fc.oneof(
    fc.array(segment, { maxLength: 12 }).map((segments) => `/${segments.join('/')}`),
    fc.constantFrom('*', '', 'x', 'http://x/y', `/${'a/'.repeat(600)}`, `/${'1'.repeat(1_100)}/x`),
    fc.string(),
  )
  fc.assert(
    fc.property(fc.array(path, { maxLength: 20 }), fc.boolean(), (paths, withQuery) => {
      const guesser = new PathGuesser()
      const routes = new Routes(() => 2_000)
      for (const one of paths) {
        const target = withQuery ? `${one}?q=/1/2?3` : one
        const query = target.indexOf('?')
        assert.equal(guesser.guess(target, routes)?.template, templateOf(query < 0 ? target : target.slice(0, query)))
      }
    }),
    { numRuns: 1_000 },
  )
})
