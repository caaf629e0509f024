import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Hash64, hashId } from './hash.ts'

const hash = (id: string, k0 = 1, k1 = 2): string => {
  const out: Hash64 = { hi: 0, lo: 0 }
  hashId(id, { k0, k1 }, out)
  assert.deepEqual([out.hi | 0, out.lo | 0], [out.hi, out.lo])
  return `${out.hi}:${out.lo}`
}

test('the same id and key give the same hash; another id or key another', () => {
  assert.equal(hash('user 1'), hash('user 1'))
  assert.notEqual(hash('user 1'), hash('user 2'))
  assert.notEqual(hash('user 1'), hash('user 1', 3))
  assert.notEqual(hash('user 1'), hash('user 1', 1, 3))
  for (const [one, other] of [
    ['', '\0'],
    ['a', 'a\0'],
    ['\0', '\0\0'],
    ['ab', 'ba'],
    ['abcd', 'abcd\0'],
    ['\u0161', 'a\u0001'],
    ['abc\u0161', 'abca'],
    ['x'.repeat(256), ''],
  ] as const)
    assert.notEqual(hash(one), hash(other))
})

test('a hundred thousand ids that differ little have hashes that differ, evenly spread', () => {
  const seen = new Set<string>()
  const buckets = new Float64Array(256)
  const out: Hash64 = { hi: 0, lo: 0 }
  for (let i = 0; i < 100_000; i++) {
    hashId(`user-${i}`, { k0: 7, k1: 9 }, out)
    seen.add(`${out.hi}:${out.lo}`)
    buckets[out.hi >>> 24]! += 1
    buckets[out.lo & 0xff]! += 1
  }
  assert.equal(seen.size, 100_000)
  const expected = 200_000 / 256
  const chi = buckets.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
  // 255 degrees of freedom: mean 255, deviation 23.
  assert.ok(chi < 255 + 6 * 23, `chi squared ${chi}`)
})

test('no two of the texts that are easily confused have one hash, narrow or wide', () => {
  const parts = ['', '\0', 'a', '\u00ff', '\u0100', '\u0161']
  const texts = new Set(
    parts.flatMap((a) =>
      parts.flatMap((b) => parts.flatMap((c) => parts.flatMap((d) => [a + b + c + d, `abcd${a}${b}${c}${d}`]))),
    ),
  )
  assert.equal(new Set([...texts].map((text) => hash(text))).size, texts.size)
})
