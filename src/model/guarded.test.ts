import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { editDistance } from '#core'
import { guarded } from './guarded.ts'

test('a wrong name is answered with the nearest right one', () => {
  const object: Record<string, number> = guarded('latency', { p50: 1, p95: 2 })
  assert.equal(object['p95'], 2)
  assert.throws(() => object['p59'], {
    code: 'ASSAY_MODEL_UNKNOWN',
    message: /latency has no "p59"; write latency\.p5?9?/,
  })
})

test('what tools ask for by themselves is not refused', async () => {
  const object = guarded('x', { a: 1 })
  assert.equal(await object, object)
  assert.equal(JSON.stringify(object), '{"a":1}')
  assert.equal(`${Object.prototype.toString.call(object)}`, '[object Object]')
})

test('edit distance is a metric', () => {
  const word = fc.string({ maxLength: 8 })
  fc.assert(
    fc.property(word, word, word, (a, b, c) => {
      assert.equal(editDistance(a, a), 0)
      assert.equal(editDistance(a, b), editDistance(b, a))
      assert.ok(editDistance(a, c) <= editDistance(a, b) + editDistance(b, c))
      if (a !== b) assert.ok(editDistance(a, b) > 0)
    }),
  )
})
