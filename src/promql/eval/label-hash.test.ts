import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Labels } from '#core'
import { hashFraction, xxHash64 } from './label-hash.ts'

test('xxHash64 gives the digests that its authors publish', () => {
  for (const { text, digest, why } of [
    { text: '', digest: 0xef46db3751d8e999n, why: 'nothing at all' },
    { text: 'a', digest: 0xd24ec4f1a98c6e5bn, why: 'a single byte at the end' },
    { text: 'abc', digest: 0x44bc2cf5ad770999n, why: 'less than four bytes' },
    {
      text: 'Call me Ishmael. Some years ago--never mind how long precisely-',
      digest: 0x02a2e85470d6fd96n,
      why: 'whole stripes and a rest of each size',
    },
  ])
    assert.equal(xxHash64(Buffer.from(text)), digest, why)
})

test('a label set has one place between 0 and 1, however it was made', () => {
  const place = hashFraction(Labels.of({ __name__: 'up', job: 'shop' }))
  assert.ok(place >= 0 && place <= 1)
  assert.equal(hashFraction(Labels.of({ job: 'shop', __name__: 'up' })), place)
  assert.notEqual(hashFraction(Labels.of({ __name__: 'up', job: 'crm' })), place)
})

test('long values are told from each other', () => {
  const long = 'x'.repeat(300)
  assert.notEqual(hashFraction(Labels.of({ a: long })), hashFraction(Labels.of({ a: `${long}y` })))
})
