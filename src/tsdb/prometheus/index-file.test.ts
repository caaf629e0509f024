/** The index of a Prometheus block: both versions are read as they were written, and a changed byte is noticed. Real ones: test/import-prometheus.integration.test.ts. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { byBytes, crc32c } from '#core'
import { DamagedError } from '../codec/bytes.ts'
import { type ChunkEntry, IndexFile } from './index-file.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-index-'))
after(() => rm(root, { recursive: true }))
const path = join(root, 'index')

type Given = { readonly labels: readonly (readonly [string, string])[]; readonly chunks: readonly ChunkEntry[] }

function uvarint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
  return [...bytes, rest]
}
const varint = (value: number) => uvarint(value < 0 ? -2 * value - 1 : 2 * value)
const be32 = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
const be64 = (value: number) => [...be32(Math.floor(value / 2 ** 32)), ...be32(value % 2 ** 32)]
const text = (value: string) => [...uvarint(Buffer.byteLength(value)), ...Buffer.from(value)]
const checked = (bytes: readonly number[]) => [...bytes, ...be32(crc32c(Uint8Array.from(bytes)))]

/** Written from the description of the format alone. */
function indexOf(version: 1 | 2, all: readonly Given[]): Buffer {
  const out: number[] = [...be32(0xbaaad700), version]
  const symbols = [...new Set(all.flatMap(({ labels }) => labels.flat()))].sort(byBytes)
  const refs = new Map<string, number>()
  const symbolsAt = out.length
  const body = be32(symbols.length)
  for (const [i, symbol] of symbols.entries()) {
    refs.set(symbol, version === 1 ? symbolsAt + 4 + body.length : i)
    body.push(...text(symbol))
  }
  out.push(...be32(body.length), ...checked(body))
  while (out.length % 16 !== 0) out.push(0)
  const seriesAt = out.length
  for (const { labels, chunks } of all) {
    const entry = uvarint(labels.length)
    for (const symbol of labels.flat()) entry.push(...uvarint(refs.get(symbol)!))
    entry.push(...uvarint(chunks.length))
    for (const [i, { minTime, maxTime, ref }] of chunks.entries()) {
      const before = chunks[i - 1]
      entry.push(...(before === undefined ? varint(minTime) : uvarint(minTime - before.maxTime)))
      entry.push(...uvarint(maxTime - minTime))
      entry.push(...(before === undefined ? uvarint(ref) : varint(ref - before.ref)))
    }
    out.push(...uvarint(entry.length), ...checked(entry))
    while (out.length % 16 !== 0) out.push(0)
  }
  const end = out.length
  out.push(...checked([symbolsAt, seriesAt, end, end, end, end].flatMap(be64)))
  return Buffer.from(out)
}

async function read(bytes: Buffer): Promise<{ readonly found: readonly Given[]; readonly damage: readonly string[] }> {
  await writeFile(path, bytes)
  using index = new IndexFile(path)
  const damage: string[] = []
  const found: Given[] = []
  for (const { labels, chunks } of index.series((what) => void damage.push(what)))
    found.push({ labels: [...labels()], chunks })
  return { found, damage }
}

const chunks = fc
  .array(fc.record({ gap: fc.nat(1e6), length: fc.nat(1e7), ref: fc.nat(2 ** 40) }), { minLength: 1, maxLength: 4 })
  .chain((given) =>
    fc.integer({ min: -1e12, max: 2e12 }).map((start) => {
      let at = start
      return given.map(({ gap, length, ref }) => {
        const minTime = at + gap
        at = minTime + length
        return { minTime, maxTime: at, ref }
      })
    }),
  )
const all = fc.uniqueArray(
  fc.record({
    labels: fc
      .uniqueArray(
        fc.tuple(
          fc.string({ minLength: 1, maxLength: 5 }),
          fc.string({ minLength: 1, maxLength: 200, unit: 'grapheme' }),
        ),
        {
          maxLength: 4,
          selector: ([name]) => name,
        },
      )
      .map((pairs) => pairs.sort(([a], [b]) => byBytes(a, b))),
    chunks,
  }),
  { maxLength: 6, selector: ({ labels }) => JSON.stringify(labels) },
)

test('what was written comes back, of both versions', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(1, 2), all, async (version, drawn) => {
      // Records of the generator have no prototype.
      const given = drawn.map(({ labels, chunks }) => ({ labels, chunks }))
      assert.deepEqual(await read(indexOf(version, given)), { found: given, damage: [] })
    }),
  )
})

test('a changed byte is an error, is told, or changes nothing', async () => {
  const given: readonly Given[] = ['a', 'b', 'c'].map((i) => ({
    labels: [
      ['__name__', 'm'],
      ['i', i],
    ],
    chunks: [{ minTime: 1000, maxTime: 2000, ref: 8 }],
  }))
  for (const version of [1, 2] as const) {
    const whole = indexOf(version, given)
    for (let place = 0; place < whole.length; place++) {
      for (const mask of [0x01, 0x80]) {
        const seen = await read(Buffer.from(whole.with(place, whole[place]! ^ mask))).catch((error: unknown) => {
          assert.ok(error instanceof DamagedError, `byte ${place}: ${error}`)
          return undefined
        })
        if (seen === undefined || seen.damage.length > 0) continue
        assert.deepEqual(seen.found, given, `byte ${place} of version ${version}`)
      }
    }
  }
})
