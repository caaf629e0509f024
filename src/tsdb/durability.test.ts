/**
 * What the store keeps when bytes are lost, changed or refused. Deaths of the process: see kill.integration.test.ts.
 *
 * A little beyond 400 lines: each kind of damage is one short test over the same few directories, and they are read side by side.
 */
import assert from 'node:assert/strict'
import { writeSync } from 'node:fs'
import { appendFile, copyFile, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { isStaleAt, Labels, ManualClock, matcher, silentLog, unixMs } from '#core'
import { commitAll, dump, sampleHistogram } from '#storage'
import { openTsdb, type TsdbOptions } from './index.ts'
import { RECORD_MARKER } from './log/wal-record.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-durable-'))
after(() => rm(root, { recursive: true }))
let dirs = 0
const newDir = () => join(root, `${dirs++}`)
const open = (dir: string, more: Partial<TsdbOptions> = {}) =>
  openTsdb({ dir, clock: new ManualClock(), log: silentLog, maxAheadMs: Infinity, ...more })

const series = (i: number) => Labels.of({ __name__: 'm', i: `${i}` })
const all = [matcher('__name__', '=', 'm')]

/** Ten commits of three series each, a second apart; the last one of histograms, with start timestamps. */
async function fill(dir: string, more: Partial<TsdbOptions> = {}): Promise<void> {
  await using store = await open(dir, more)
  for (let at = 0; at < 10; at++) {
    using batch = store.appender()
    for (const i of [0, 1]) batch.append(undefined, series(i), unixMs(at * 1000), at * 10 + i)
    batch.appendHistogram(
      undefined,
      series(2),
      unixMs(at * 1000),
      sampleHistogram([at, 1, at % 3]),
      1 + Math.floor(at / 5),
    )
    batch.commit()
  }
}

async function copyDir(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (entry.isDirectory()) await copyDir(join(from, entry.name), join(to, entry.name))
    else await copyFile(join(from, entry.name), join(to, entry.name))
  }
}

test('a log cut at any byte opens with whole commits only, says so once, and takes new ones', async () => {
  const source = newDir()
  await fill(source)
  const [name] = await readdir(join(source, 'wal'))
  const size = (await readFile(join(source, 'wal', name!))).length
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: size - 1 }), async (cut) => {
      const dir = newDir()
      await copyDir(source, dir)
      await truncate(join(dir, 'wal', name!), cut)
      let commits: number
      {
        await using store = await open(dir)
        const found = dump(store, all).map((one) => (one as unknown[]).length - 1)
        commits = found[0] ?? 0
        assert.ok(commits < 10)
        assert.deepEqual(found, commits === 0 ? [] : [commits, commits, commits])
        assert.equal(commitAll(store, [[series(0), 1e6, 7]]).appended, 1)
      }
      await using again = await open(dir)
      assert.equal(again.stats().replay.tornBytes, 0)
      assert.equal(dump(again, all).length, commits === 0 ? 1 : 3)
    }),
    { numRuns: 25 },
  )
})

test('segments end at their size, and all of them are read', async () => {
  const dir = newDir()
  await fill(dir, { walSegmentBytes: 100 })
  assert.ok((await readdir(join(dir, 'wal'))).length > 3)
  await using store = await open(dir)
  assert.equal(store.stats().samples, 30)
})

test('a flipped bit in a block is found: the block is set aside, never read as another number', async () => {
  const source = newDir()
  await fill(source)
  {
    await using store = await open(source)
    await store.flush()
    commitAll(store, [[series(9), 1e6, 1]])
  }
  const plain = await (async () => {
    await using store = await open(source)
    return JSON.stringify(dump(store, all))
  })()
  const [block] = await readdir(join(source, 'blocks'))
  const files = await readdir(join(source, 'blocks', block!))
  assert.deepEqual(files.toSorted(), ['chunks.bin', 'index.bin', 'meta.json'])
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...files), fc.nat(), async (file, pick) => {
      const dir = newDir()
      await copyDir(source, dir)
      const path = join(dir, 'blocks', block!, file)
      const bytes = await readFile(path)
      const bit = pick % (bytes.length * 8)
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      await writeFile(path, bytes)
      await using store = await open(dir)
      try {
        // A change that means nothing (white space in meta.json) may pass; a changed number may not.
        assert.equal(
          JSON.stringify(dump(store, all)),
          store.stats().blocks === 1 ? plain : JSON.stringify(dump(store, all)),
        )
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'ASSAY_TSDB_CORRUPT')
      }
      if (store.stats().blocks === 1) return
      assert.deepEqual(store.stats().setAside, [`corrupt-${block}`])
      assert.deepEqual(await readdir(join(dir, 'blocks')), [`corrupt-${block}`])
      assert.equal(dump(store, all).length, 1, 'the head still serves')
    }),
    { numRuns: 60 },
  )
})

test('a block that misses a file, or was cut, is set aside when opening', async () => {
  for (const file of ['meta.json', 'index.bin', 'chunks.bin']) {
    for (const spoil of ['remove', 'cut'] as const) {
      const dir = newDir()
      await fill(dir)
      {
        await using store = await open(dir)
        await store.flush()
      }
      const [block] = await readdir(join(dir, 'blocks'))
      const path = join(dir, 'blocks', block!, file)
      if (spoil === 'remove') await rm(path)
      else await truncate(path, (await readFile(path)).length - 3)
      await using store = await open(dir)
      assert.deepEqual(store.stats().setAside, [`corrupt-${block}`], `${spoil} ${file}`)
    }
  }
})

test('verify reads every frame and sets aside what is damaged', async () => {
  const dir = newDir()
  await fill(dir)
  {
    await using store = await open(dir)
    await store.flush()
    assert.deepEqual(await store.verify(), [])
  }
  const [block] = await readdir(join(dir, 'blocks'))
  const path = join(dir, 'blocks', block!, 'chunks.bin')
  const bytes = await readFile(path)
  bytes[12]! ^= 1
  await writeFile(path, bytes)
  await using store = await open(dir)
  assert.equal(store.stats().blocks, 1)
  assert.deepEqual(await store.verify(), [block])
  assert.deepEqual([store.stats().blocks, store.stats().setAside], [0, [`corrupt-${block}`]])
})

test('what is whole of a damaged block serves again after the next upkeep', async () => {
  const dir = newDir()
  await using store = await open(dir, { blockMs: 8 * 3600_000 })
  const series = (i: number) => Labels.of({ __name__: 'm', i: `${i}` })
  for (let k = 0; k < 900; k++)
    commitAll(
      store,
      [0, 1].map((i) => [series(i), k * 15_000, k * i]),
    )
  await store.flush()
  const [block] = await readdir(join(dir, 'blocks'))
  const path = join(dir, 'blocks', block!, 'chunks.bin')
  const bytes = await readFile(path)
  bytes[12]! ^= 1
  await writeFile(path, bytes)
  assert.throws(() => dump(store, all), { code: 'ASSAY_TSDB_CORRUPT' })
  assert.deepEqual(dump(store, all), [])
  await store.upkeep()
  const counts = dump(store, all).map((one) => (one as unknown[]).length - 1)
  assert.deepEqual(counts, [420, 420], 'the first window of two hours is lost')
  assert.deepEqual(store.stats().setAside, [`corrupt-${block}`])
  assert.deepEqual(
    store.blocks().map(({ name, samples }) => [name, samples]),
    [[`${block}.1`, 840]],
  )
})

test('a folder left by an interrupted write is deleted, and a stranger in the folder is left alone', async () => {
  const dir = newDir()
  await fill(dir)
  await mkdir(join(dir, 'blocks', 'tmp-0_5'), { recursive: true })
  await mkdir(join(dir, 'blocks', 'notes'), { recursive: true })
  await using _store = await open(dir)
  assert.deepEqual(await readdir(join(dir, 'blocks')), ['notes'])
})

test('a directory of format 1 opens as it is, log and block, and goes on', async () => {
  const dir = newDir()
  await copyDir(join(import.meta.dirname, 'testdata', 'format-1'), dir)
  const old = (i: number) => Labels.of({ __name__: 'old', i: `${i}` })
  const expected = (k: number) => [k * 3, Math.sin(k), 7]
  {
    await using store = await open(dir)
    const { blocks, headSamples, replay } = store.stats()
    assert.deepEqual([blocks, headSamples, replay.damagedBytes, replay.tornBytes], [1, 61, 0, 0])
    for (const i of [0, 1, 2]) {
      using querier = store.querier(unixMs(0), unixMs(1e9))
      const samples = querier.select([matcher('i', '=', `${i}`)])[0]!.samples()
      assert.equal(samples.count, i === 2 ? 61 : 60)
      for (let k = 0; k < 60; k++) {
        assert.deepEqual([samples.timestamps[k], samples.values[k]], [k * 15_000, expected(k)[i]])
      }
      assert.equal(isStaleAt(samples.values, 60), i === 2)
      assert.deepEqual([samples.histograms, samples.starts], [undefined, undefined])
    }
    using batch = store.appender()
    batch.appendHistogram(undefined, old(0), unixMs(61 * 15_000), sampleHistogram([1]), 5)
    batch.commit()
  }
  await using again = await open(dir)
  await again.flush()
  const blocks = await readdir(join(dir, 'blocks'))
  const formats = await Promise.all(
    blocks.map(async (name) => JSON.parse(await readFile(join(dir, 'blocks', name, 'meta.json'), 'utf8')).format),
  )
  assert.deepEqual(formats.toSorted(), [1, 4])
  using querier = again.querier(unixMs(0), unixMs(1e9))
  const { count, histograms } = querier.select([matcher('i', '=', '0')])[0]!.samples()
  assert.deepEqual([count, histograms?.[60]?.count], [61, 1])
})

test('a log with a record of a later version refuses to open instead of passing over it', async () => {
  const dir = newDir()
  await fill(dir)
  const [name] = await readdir(join(dir, 'wal'))
  const payload = Buffer.from([99, 1, 2, 3])
  const record = Buffer.concat([RECORD_MARKER, Buffer.alloc(8), payload])
  record.writeUInt32LE(payload.length, 4)
  record.writeUInt32LE(crc32(payload), 8)
  await appendFile(join(dir, 'wal', name!), record)
  await assert.rejects(open(dir), { code: 'ASSAY_DATA_NEWER', message: /record of kind 99.*start that version/ })
})

test('a block of a later version refuses to open instead of hiding its data', async () => {
  const dir = newDir()
  await mkdir(join(dir, 'blocks', '0_5'), { recursive: true })
  await writeFile(join(dir, 'assay.json'), JSON.stringify({ product: 'assay', format: 1, id: 'x' }))
  const members = { format: 99, something: 'new' }
  const meta = { ...members, crc: crc32(JSON.stringify(members)) }
  await writeFile(join(dir, 'blocks', '0_5', 'meta.json'), JSON.stringify(meta))
  await assert.rejects(open(dir), { code: 'ASSAY_DATA_NEWER' })
})

test('a flipped bit in the number of its format does not make a block a later version', async () => {
  const dir = newDir()
  await fill(dir)
  {
    await using store = await open(dir)
    await store.flush()
  }
  const [block] = await readdir(join(dir, 'blocks'))
  const file = join(dir, 'blocks', block!, 'meta.json')
  await writeFile(file, (await readFile(file, 'utf8')).replace('"format": 4', '"format": 5'))
  await using store = await open(dir)
  assert.deepEqual(store.stats().setAside, [`corrupt-${block}`])
})

test('damage to a block of late samples sets it aside alone', async () => {
  const dir = newDir()
  await fill(dir)
  {
    await using store = await open(dir, { outOfOrderWindowMs: Infinity })
    commitAll(store, [[series(0), 500, 1]])
    await store.flush()
  }
  const late = (await readdir(join(dir, 'blocks'))).find((name) => name.startsWith('late-'))!
  const path = join(dir, 'blocks', late, 'chunks.bin')
  const bytes = await readFile(path)
  bytes[12]! ^= 1
  await writeFile(path, bytes)
  await using store = await open(dir)
  assert.throws(() => dump(store, all), { code: 'ASSAY_TSDB_CORRUPT' })
  assert.deepEqual(store.stats().setAside, [`corrupt-${late}`])
  assert.equal((dump(store, all)[0] as unknown[]).length - 1, 10)
})

test('a log with late samples cut at any byte opens with whole commits only', async () => {
  const source = newDir()
  {
    await using store = await open(source, { outOfOrderWindowMs: Infinity })
    for (let at = 10; at < 20; at++) {
      commitAll(store, [
        [series(0), at, at],
        [series(0), at - 20, at],
      ])
    }
  }
  const [name] = await readdir(join(source, 'wal'))
  const size = (await readFile(join(source, 'wal', name!))).length
  for (let cut = 8; cut < size; cut += 7) {
    const dir = newDir()
    await copyDir(source, dir)
    await truncate(join(dir, 'wal', name!), cut)
    await using store = await open(dir)
    const { headSamples, lateSamples } = store.stats()
    assert.equal(headSamples, lateSamples, `cut at ${cut}`)
    assert.equal(((dump(store, all)[0] ?? [0]) as unknown[]).length - 1, headSamples * 2)
  }
})

test('a block of late samples that the disk refuses is written with the next upkeep, and until then nothing is missing', async () => {
  const dir = newDir()
  await using store = await open(dir, { outOfOrderWindowMs: Infinity, maxLateSamples: 1 })
  const blocks = join(dir, 'blocks')
  await rm(blocks, { recursive: true })
  await writeFile(blocks, 'in the way')
  commitAll(store, [[series(0), 1000, 1]])
  commitAll(store, [
    [series(0), 10, 1],
    [series(0), 20, 1],
  ])
  await store.upkeep()
  commitAll(store, [
    [series(0), 30, 1],
    [series(0), 40, 1],
  ])
  assert.deepEqual([store.stats().lateSamples, store.stats().blocks], [4, 0])
  assert.equal((dump(store, all)[0] as unknown[]).length - 1, 5)
  await rm(blocks)
  await mkdir(blocks)
  await store.upkeep()
  assert.deepEqual([store.stats().lateSamples, store.stats().lateBlocks], [0, 2])
  assert.equal((dump(store, all)[0] as unknown[]).length - 1, 5)
})

test('when the disk is full nothing of the batch is kept, reading goes on, and writing again when there is room', async () => {
  const dir = newDir()
  let room = 2000
  // Takes part of what is given before it refuses, as a real disk may.
  const write = (fd: number, bytes: Uint8Array): number => {
    if (room <= 0) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    const taken = writeSync(fd, bytes, 0, Math.min(room, bytes.length))
    room -= taken
    return taken
  }
  const acknowledged: number[] = []
  const refused: number[] = []
  {
    await using store = await open(dir, { write, walSegmentBytes: 600 })
    for (let at = 0; at < 60; at++) {
      if (at === 40) room = 1e9
      try {
        commitAll(store, [
          [series(at % 7), at, at],
          [series(100 + at), at, at],
        ])
        acknowledged.push(at)
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'ASSAY_STORE_WRITE')
        assert.match((error as Error).message, /ENOSPC/)
        refused.push(at)
      }
      assert.equal(store.stats().samples, acknowledged.length * 2, `after ${at}`)
    }
  }
  assert.ok(refused.length > 5 && acknowledged.length > 20, `${refused.length} refused, ${acknowledged.length} taken`)
  assert.ok(refused.every((at) => at < 40))
  await using again = await open(dir)
  assert.deepEqual(again.stats().replay, {
    segments: again.stats().replay.segments,
    tornBytes: 0,
    damagedBytes: 0,
    files: [],
  })
  using querier = again.querier(unixMs(0), unixMs(100))
  const found = querier.select(all).flatMap((one) => {
    const { values, count } = one.samples()
    return [...values.subarray(0, count)]
  })
  assert.deepEqual(
    found.toSorted((a, b) => a - b),
    acknowledged.flatMap((at) => [at, at]),
  )
})

test('a store that was closed refuses everything', async () => {
  const store = await open(newDir())
  await store[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
  assert.throws(() => store.appender(), { code: 'ASSAY_STORE_CLOSED' })
  assert.throws(() => store.querier(unixMs(0), unixMs(1)), { code: 'ASSAY_STORE_CLOSED' })
})

test('names alone do not end a segment: however many series there are, each is named once', async () => {
  const dir = newDir()
  await using store = await open(dir, { walSegmentBytes: 4000 })
  const round = (at: number) =>
    commitAll(
      store,
      Array.from({ length: 100 }, (_, i) => [Labels.of({ __name__: 'm', i: `${i}`, long: 'x'.repeat(100) }), at, i]),
    )
  round(1000)
  const named = store.stats().walBytes
  assert.ok(named > 10_000)
  round(2000)
  assert.ok(store.stats().walBytes - named < 3000, `${store.stats().walBytes - named} bytes`)
})
