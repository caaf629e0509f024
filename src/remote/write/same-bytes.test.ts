import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fuzz } from '#core'
import { isSame } from './same-bytes.ts'

test('bytes are the same when each of them is, of any length and at any place', () => {
  fuzz(({ int }) => {
    const a = Buffer.from(Array.from({ length: 120 }, () => int(256)))
    const [i, k, length] = [int(30), int(30), int(80)]
    const b = Buffer.alloc(120, 7)
    a.copy(b, k, i, i + length)
    const view = (bytes: Buffer) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    assert.ok(isSame(view(a), i, view(b), k, length))
    for (let n = 0; n < length; n++) {
      b[k + n]! ^= 1 << int(8)
      assert.equal(isSame(view(a), i, view(b), k, length), false, `${n} of ${length} differs`)
      b[k + n] = a[i + n]!
    }
  }, 400)
})
