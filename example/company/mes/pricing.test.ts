import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePriceRequest } from './pricing.ts'

const shape = { width: 10, depth: 20, height: 30, twist: 0 }

test('a request for a shape and one for an uploaded model are understood', () => {
  const byShape = { material: 'pla', quantity: 2, model: { shape } }
  assert.deepEqual(parsePriceRequest(byShape), byShape)
  const byKey = { material: 'pla', quantity: 1, model: { key: 'models/a.stl' } }
  assert.deepEqual(parsePriceRequest({ ...byKey, extra: 1 }), byKey)
})

test('a request that cannot be priced says what is missing', () => {
  const cases = [
    { body: undefined, says: /the body must be an object/ },
    { body: { quantity: 1 }, says: /material/ },
    { body: { material: 'pla', quantity: 0 }, says: /quantity/ },
    { body: { material: 'pla', quantity: 1.5 }, says: /quantity/ },
    { body: { material: 'pla', quantity: 1 }, says: /model must be an object/ },
    { body: { material: 'pla', quantity: 1, model: {} }, says: /model.shape must be an object/ },
    {
      body: { material: 'pla', quantity: 1, model: { shape: { ...shape, width: Number.NaN } } },
      says: /model.shape.width/,
    },
    {
      body: { material: 'pla', quantity: 1, model: { shape: { ...shape, height: 5000 } } },
      says: /model.shape.height/,
    },
  ]
  for (const { body, says } of cases) assert.throws(() => parsePriceRequest(body), says)
})
