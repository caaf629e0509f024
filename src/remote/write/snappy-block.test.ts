import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compressSync, uncompressSync } from 'snappy'
import { AssayError, fuzz, type Random } from '#core'
import { SnappyBlocks, snappyLength } from './snappy-block.ts'
import { unpackAtOnce } from './unpack.ts'

/** Bytes with runs, repetitions near and far, and noise. */
function anyBytes({ int }: Random): Buffer {
  const parts: Buffer[] = []
  for (let n = int(12); n > 0; n--) {
    const known = Buffer.concat(parts)
    const how = int(4)
    if (how === 0) parts.push(Buffer.alloc(int(300), int(256)))
    else if (how === 1) parts.push(Buffer.from(Array.from({ length: int(200) }, () => int(256))))
    else if (how === 2) parts.push(Buffer.from(known.subarray(int(known.length + 1)).subarray(0, int(100_000))))
    else parts.push(Buffer.from('http_requests_total'.repeat(int(2000)).slice(int(20))))
  }
  return Buffer.concat(parts)
}

test('what the package packs is unpacked to the same bytes, in one buffer again and again', () => {
  const blocks = new SnappyBlocks()
  fuzz((random) => {
    const bytes = anyBytes(random)
    const block = compressSync(bytes)
    assert.ok(bytes.equals(blocks.unpack(block, snappyLength(block)!)))
  })
})

test('damaged blocks are taken or refused as the package does, to the same bytes', () => {
  const blocks = new SnappyBlocks()
  let refused = 0
  let taken = 0
  fuzz((random) => {
    const block = random.damage(compressSync(anyBytes(random)))
    let want: Buffer | undefined
    const length = snappyLength(block)
    if (length !== undefined && length < 2 ** 20) {
      try {
        want = uncompressSync(block) as Buffer
      } catch {}
    }
    let got: Uint8Array | undefined
    try {
      got = unpackAtOnce(block, 2 ** 20, blocks)
    } catch (thrown) {
      assert.ok(thrown instanceof AssayError, String(thrown))
    }
    if (want === undefined) refused++
    else taken++
    assert.deepEqual(got === undefined ? undefined : Buffer.from(got), want)
  }, 1000)
  assert.ok(refused > 100 && taken > 50, `${refused} refused, ${taken} taken`)
})

test('a block that lies about its length is refused before it is believed, and nothing of another shows', () => {
  const blocks = new SnappyBlocks()
  const secret = compressSync(Buffer.from('secret'.repeat(100)))
  blocks.unpack(secret, 600)
  const cases: readonly (readonly [bytes: readonly number[], why: RegExp])[] = [
    [[5, 0], /ends|beyond/],
    [[5], /unpacks to 0 bytes and not to 5/],
    [[4, 0x0c, 1, 2, 3, 4, 0x00, 9], /beyond its end/],
    [[8, 0x00, 7, 0x0e, 9, 0], /before its beginning/],
    [[8, 0x00, 7, 0x0e, 0, 0], /before its beginning/],
    [[2, 0x00, 7, 0x3e, 1, 0], /beyond its end/],
    [[8, 0xf0], /ends within a length/],
    [[8, 0xfc, 255, 255, 255, 255], /beyond its end/],
    [[8, 0x00, 7, 0x0e, 1], /ends within a copy/],
    [[8, 0x00, 7, 0x0f, 1, 0, 0], /ends within a copy/],
    [[8, 0x00, 7, 0x01], /ends within a copy/],
  ]
  for (const [bytes, why] of cases)
    assert.throws(() => blocks.unpack(Uint8Array.from(bytes), bytes[0]!), why, String(bytes))
})
