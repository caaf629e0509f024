import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels } from '#core'
import { fingerprintOf } from './fingerprint.ts'

/** The same by its definition, slowly. */
function byDefinition(labels: Labels): string {
  let hash = 0xcbf29ce484222325n
  for (const part of labels.flat) {
    for (const byte of [...new TextEncoder().encode(part), 0xff]) {
      hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
    }
  }
  return hash.toString(16).padStart(16, '0')
}

test('the empty set has the offset basis of FNV-1a as its fingerprint', () => {
  assert.equal(fingerprintOf(Labels.empty), 'cbf29ce484222325')
})

test('the fingerprint is FNV-1a over the pairs', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ minLength: 1 }), fc.string({ unit: 'grapheme' })), (record) => {
      const labels = Labels.of(record)
      assert.equal(fingerprintOf(labels), byDefinition(labels))
    }),
  )
})
