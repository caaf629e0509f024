import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeJson, encodeJson } from './canonical-json.ts'

test('what is encoded decodes to what JSON itself would make of it', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.deepEqual(decodeJson(encodeJson(value)), JSON.parse(JSON.stringify(value)))
    }),
  )
})

test('equal values have one text, however their members were ordered', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const reversed = Object.fromEntries(Object.entries(value).reverse())
      assert.equal(encodeJson(reversed), encodeJson(value))
    }),
  )
})

test('a value that holds itself is refused with its place', () => {
  const loop: Record<string, unknown> = {}
  loop['again'] = loop
  assert.throws(() => encodeJson(loop), { code: 'ASSAY_STATE_VALUE', message: /\$\.again/ })
  assert.throws(() => encodeJson({ a: [1, Number.NaN] }), { message: /\$\.a\[1\] is NaN/ })
})
