import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AssayError } from './error.ts'
import { bytesTag, fixed64Tag, ProtoReader, ProtoWriter, varintTag } from './proto.ts'
import { isStaleAt, writeStale } from './stale.ts'

test('whole numbers come back, negative ones included', () => {
  fc.assert(
    fc.property(fc.array(fc.maxSafeInteger()), (numbers) => {
      const writer = new ProtoWriter(1)
      for (const number of numbers) {
        writer.varint(number)
        writer.zigzag(Math.trunc(number / 2))
      }
      const reader = new ProtoReader(writer.take())
      for (const number of numbers) {
        assert.equal(reader.varint(), number)
        assert.equal(reader.zigzag(), Math.trunc(number / 2) + 0)
      }
      assert.ok(reader.done)
    }),
  )
})

test('fields of every kind come back, and a NaN keeps its payload', () => {
  const column = new Float64Array([1.5, 0])
  writeStale(column, 1)
  const writer = new ProtoWriter()
  writer.textField(1, 'Größe')
  writer.doubleOf(2, column, 1)
  writer.blockField(3, () => writer.varintField(1, -5))
  writer.doubleField(4, 0.1)
  const reader = new ProtoReader(writer.take())
  assert.equal(reader.varint(), bytesTag(1))
  assert.equal(reader.text(), 'Größe')
  assert.equal(reader.varint(), fixed64Tag(2))
  const back = new Float64Array(1)
  reader.doubleInto(back, 0)
  assert.ok(isStaleAt(back, 0))
  assert.equal(reader.varint(), bytesTag(3))
  const end = reader.block()
  assert.equal(reader.varint(), varintTag(1))
  assert.equal(reader.varint(), -5)
  reader.expect(end)
  assert.equal(reader.varint(), fixed64Tag(4))
  assert.equal(reader.double(), 0.1)
})

test('a message that is cut or changed is an error or another message, never a crash', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const reader = new ProtoReader(bytes)
      try {
        while (!reader.done) reader.skip(reader.varint())
      } catch (thrown) {
        assert.ok(thrown instanceof AssayError && thrown.code === 'ASSAY_PROTO', String(thrown))
      }
    }),
  )
})
